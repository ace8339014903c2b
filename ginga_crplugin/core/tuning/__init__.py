"""Measured advice on parameters: injection of simulated and real cosmic rays into a frame."""
