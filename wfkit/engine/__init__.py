"""Engine: turns nodes into Dask tasks and Dask's news into events."""
