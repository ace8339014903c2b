"""Checks of frames and results, and hints to causes other than cosmic rays."""
