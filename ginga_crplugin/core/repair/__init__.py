"""Repair: the values that replace cosmic rays in the cleaned image."""
