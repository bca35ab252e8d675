"""Look: what a reader sees of a value, by its type, made on request and off the way of results."""
