"""Recipes applied to many frames, on one machine or a Dask cluster."""
