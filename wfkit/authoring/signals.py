"""Signals: exceptions that a task raises to say how it ends."""

from __future__ import annotations


class Skip(Exception):
    """End this task as SKIPPED.

    Parameters
    ----------
    reason : str
        Shown in the graph, the outcome and the logs.
    """

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason)
        self.reason = reason


class Fail(Exception):
    """End this task as FAILED at once, whatever retries it has left.

    Parameters
    ----------
    reason : str
        Shown in the graph, the outcome and the logs.
    """

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason)
        self.reason = reason


class Retry(Exception):
    """Ask for another attempt of this task; it spends one of its retries.

    Parameters
    ----------
    reason : str
        Shown with the attempt.
    delay_seconds : float, optional
        Seconds until the next attempt; the task's own delay where it is None.
    """

    def __init__(self, reason: str = "", *, delay_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.delay_seconds = delay_seconds

    def __reduce__(self) -> tuple[object, ...]:
        return (_retry, (self.reason, self.delay_seconds))


def _retry(reason: str, delay_seconds: float | None) -> Retry:
    return Retry(reason, delay_seconds=delay_seconds)
