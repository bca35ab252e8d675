"""Clusters: the safe local cluster that wfkit starts, and the clusters it adopts."""
