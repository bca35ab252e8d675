"""What runs in Dask's worker processes; imports stay light."""
