"""Simulated frames, and the score of a detection on them."""
