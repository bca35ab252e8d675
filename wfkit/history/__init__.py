"""The record of all runs in a database, and how it survives whoever writes it."""
