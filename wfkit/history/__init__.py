"""History: what lasts of runs: the record of their events, and their results."""
