"""Apply recipes to many frames, on one machine or on a Dask cluster."""
