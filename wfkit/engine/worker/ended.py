"""Ended: what is known of a node that has ended, and the error that stands for it where it has no value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from wfkit.core.events import ErrorInfo
from wfkit.core.states import WITH_VALUE, TaskState
from wfkit.engine.worker.failure import note_remote, revive
from wfkit.errors import (
    MapFailed,
    TaskCancelled,
    TaskCrashed,
    TaskFailed,
    TaskSkipped,
    Unsuccessful,
    UpstreamFailed,
)

_ERRORS: Final[dict[TaskState, type[Unsuccessful]]] = {
    TaskState.FAILED: TaskFailed,
    TaskState.UPSTREAM_FAILED: UpstreamFailed,
    TaskState.SKIPPED: TaskSkipped,
    TaskState.CANCELLED: TaskCancelled,
    TaskState.CRASHED: TaskCrashed,
}
_NAMED: Final = 3


class Ended(NamedTuple):
    """How one node ended."""

    name: str
    state: TaskState
    reason: str = ""
    error: ErrorInfo | None = None  #: of the last attempt, where it FAILED
    inline: bytes | None = None  #: the pickled value, where it is small
    key: str = ""  #: the Dask key that holds the value
    offset: int = -1  #: which element of a carrier; -1: the key is no carrier's
    items: tuple[int, ...] = ()  #: what is meant is this item of the value, of that item this one, …

    @property
    def has_value(self) -> bool:
        """Whether it left a value behind."""
        return self.state in WITH_VALUE

    def exception(self) -> BaseException | None:
        """The error that stands for the node; None where it has a value."""
        if self.has_value:
            return None
        if self.error is not None:
            if (error := revive(self.error)) is not None:
                return error
            failed = TaskFailed(f"`{self.name}` failed: {self.error.type_name}: {self.error.message}")
            note_remote(failed, self.error)
            return failed
        if self.state not in _ERRORS:
            return TaskCancelled(f"`{self.name}` was {self.state} when its run was given up.")
        return _ERRORS[self.state](f"`{self.name}` ended {self.state}: {self.reason or 'no reason known'}.")


def error_info(told: Sequence[Any] | None) -> ErrorInfo | None:
    """The error that the driver tells of as type, message, traceback and pickle."""
    if told is None:
        return None
    type_name, message, traceback, pickled = told
    return ErrorInfo(type_name=type_name, message=message, traceback=traceback, pickled=pickled)


def map_failed(name: str, length: int, failed: Sequence[Ended]) -> MapFailed:
    """The error of a map some elements of which have no value, though they were not skipped."""
    first = tuple(f"{one.name}: {one.reason or one.state}".rstrip(".") for one in failed[:_NAMED])
    return MapFailed(
        f"{len(failed)} of {length} elements of `{name}` have no result: {'; '.join(first)}.",
        "handle.exception() lists them all; handle[k].result() raises the error of one.",
        len(failed),
        first,
    )
