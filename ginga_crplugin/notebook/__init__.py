"""The panel in Jupyter notebooks."""
