"""Checks of frames and results, and hints about causes other than cosmic rays."""
