"""The panel in Ginga."""
