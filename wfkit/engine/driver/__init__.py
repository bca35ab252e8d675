"""What runs in the process that owns a run: the notebook's kernel."""
