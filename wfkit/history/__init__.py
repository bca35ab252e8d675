"""History: what lasts of runs: their record, and their results on disk."""
