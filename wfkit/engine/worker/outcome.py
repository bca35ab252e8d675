"""Outcome: how the value or the failure of a task travels through Dask, so that Dask never sees an error."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Final

import dask.sizeof
from distributed.protocol.pickle import dumps as distributed_dumps

from wfkit.core.events import ErrorInfo
from wfkit.core.states import TaskState
from wfkit.errors import ResultUnreadable

_UNREAD: Final = object()


class Ok:
    """The value of a task that completed.

    Inside a process the value is handed on as it is. Between processes it travels pickled, and is unpickled at its first
    use: a value that cannot be unpickled then fails the task that wants it, and nothing else.
    """

    __slots__ = ("_buffers", "_payload", "_value", "maker")

    def __init__(self, value: object, maker: str) -> None:
        self._value = value
        self._payload: bytes | None = None
        self._buffers: Sequence[object] = ()
        self.maker = maker

    @property
    def state(self) -> TaskState:
        """COMPLETED, always."""
        return TaskState.COMPLETED

    def value(self) -> object:
        """The value itself.

        Raises
        ------
        ResultUnreadable : it cannot be unpickled in this process
        """
        if self._value is _UNREAD:
            assert self._payload is not None
            self._value = load_value(self._payload, self._buffers, self.maker)
            self._payload, self._buffers = None, ()
        return self._value

    def __reduce_ex__(self, protocol: object) -> tuple[object, ...]:
        if self._value is _UNREAD:
            return (_arrived, (self._payload, self.maker, *map(pickle.PickleBuffer, self._buffers)))  # type: ignore[arg-type]
        payload, buffers = dump_value(self._value)
        return (_arrived, (payload, self.maker, *buffers))

    def __sizeof__(self) -> int:
        if self._value is _UNREAD:
            return len(self._payload or b"") + sum(memoryview(buffer).nbytes for buffer in self._buffers)  # type: ignore[arg-type]
        return dask.sizeof.sizeof(self._value)

    def __repr__(self) -> str:
        return f"<Ok of {self.maker}>"


class Err:
    """The end of a task without a value: FAILED, UPSTREAM_FAILED, SKIPPED, CANCELLED or CRASHED."""

    __slots__ = ("error", "maker", "reason", "state")

    def __init__(self, state: TaskState, reason: str, error: ErrorInfo | None, maker: str) -> None:
        self.state = state
        self.reason = reason
        self.error = error
        self.maker = maker

    def __reduce__(self) -> tuple[object, ...]:
        return (Err, (self.state, self.reason, self.error, self.maker))

    def __repr__(self) -> str:
        return f"<Err {self.state} of {self.maker}>"


Outcome = Ok | Err


def _arrived(payload: bytes, maker: str, *buffers: object) -> Ok:
    outcome = Ok(_UNREAD, maker)
    outcome._payload = payload
    outcome._buffers = buffers
    return outcome


def dump_value(value: object) -> tuple[bytes, list[pickle.PickleBuffer]]:
    """Pickle a value with its large buffers kept apart, by value where it comes from a notebook."""
    buffers: list[pickle.PickleBuffer] = []
    return distributed_dumps(value, buffer_callback=buffers.append, protocol=5), buffers


def load_value(payload: bytes, buffers: Sequence[object], maker: str) -> object:
    """Unpickle a value.

    Raises
    ------
    ResultUnreadable : whatever unpickling raised, named
    """
    try:
        return pickle.loads(payload, buffers=buffers)  # type: ignore[arg-type]  # noqa: S301 - from our own worker
    except BaseException as error:
        raise ResultUnreadable(
            f"The result of `{maker}` cannot be loaded here: {type(error).__name__}: {error}.",
            "Return something whose pickle can be read in another process.",
        ) from None


@dask.sizeof.sizeof.register(Ok)
def _size_of_ok(outcome: Ok) -> int:
    return outcome.__sizeof__()
