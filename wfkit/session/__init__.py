"""Session: the one place that joins a cluster, the engine and the runs of this process."""
