"""Authoring: what people write. Decorators, handles, parameters, signals, and what a call freezes."""
