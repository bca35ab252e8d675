"""Endings: what a body of the serial interpreter raises, other than an error of its own."""

from __future__ import annotations


class Signal(Exception):
    """What a task raises to say how it ends."""

    def __init__(self, reason: str = "", delay_seconds: float = 0) -> None:
        super().__init__(reason)


class Skip(Signal): ...


class Fail(Signal): ...


class Retry(Signal): ...


class NoValue(Exception):
    """What `.result()` raises where there is no value."""


class Senseless(BaseException):
    """The program makes no sense: it maps over what is no list, or names what is not there."""
