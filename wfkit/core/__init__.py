"""Core: the pure rules of wfkit. Standard library only; no clock, no I/O, no logging."""
