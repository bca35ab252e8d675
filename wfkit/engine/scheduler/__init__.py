"""What runs in the Dask scheduler; imports nothing but the standard library and distributed."""
