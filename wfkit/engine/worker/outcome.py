"""Outcome: how the value or the failure of a task travels through Dask, so that Dask never sees an error."""

from __future__ import annotations

import copyreg
import io
import operator
import pickle
from collections import ChainMap
from collections.abc import Sequence
from typing import Any, ClassVar, Final, NoReturn, SupportsIndex
from weakref import WeakValueDictionary

import cloudpickle
import dask.sizeof
from typing_extensions import override

from wfkit.authoring.pickler import Pickler
from wfkit.authoring.secrets import labelled
from wfkit.core.events import ErrorInfo
from wfkit.core.states import TaskState
from wfkit.engine.worker.failure import safe_text
from wfkit.errors import ResultUnreadable

_UNREAD: Final = object()
_MOST_BYTES: Final = 2**62

#: A pickle and its buffers.
Held = tuple[bytes, Sequence[Any]]


#: The first pickle protocol that keeps large buffers apart.
_WITH_BUFFERS: Final = 5


class Ok:
    """The value of a task that completed.

    Inside a process the value is handed on as it is. Between processes it travels pickled, and is unpickled at its
    first use: a value that cannot be unpickled then fails the task that wants it, and nothing else.

    Parameters
    ----------
    value : object
    maker : str
        The node whose value it is; empty for an argument that no node made.
    """

    __slots__ = ("__weakref__", "_held", "_value", "maker")

    def __init__(self, value: object, maker: str) -> None:
        self._value = value
        #: The pickle that arrived. Read before `_value`: a value that another thread has just loaded drops it.
        self._held: Held | None = None
        self.maker = maker

    @property
    def state(self) -> TaskState:
        """COMPLETED, always."""
        return TaskState.COMPLETED

    @property
    def held(self) -> Held | None:
        """The pickle that arrived, as long as nobody has wanted the value here."""
        held = self._held
        return held if self._value is _UNREAD else None

    def value(self) -> object:
        """The value itself.

        Raises
        ------
        ResultUnreadable : it cannot be unpickled in this process
        """
        held = self._held
        if held is not None and self._value is _UNREAD:
            self._value = load_value(*held, self.maker)
            self._held = None
        return self._value

    def common_value(self, run_id: str) -> object:
        """The value, for one who takes an item of it: unpickled once for all tasks of a run that are here with it.

        A small list travels whole with each element of a map over it: a copy each would be as many as its items.

        Raises
        ------
        ResultUnreadable : it cannot be unpickled in this process
        """
        held = self.held
        return (self if held is None else _common.setdefault((run_id, self.maker, held[0]), self)).value()

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[object, ...]:
        held = self._held
        if held is None or self._value is not _UNREAD:
            payload, apart = dump_value(self._value)
        else:
            payload, apart = held[0], [pickle.PickleBuffer(buffer) for buffer in held[1]]
        # Dask's scheduler asks workers for pickles of protocol 4, which has no buffers kept apart.
        buffers = apart if operator.index(protocol) >= _WITH_BUFFERS else [bytearray(buffer.raw()) for buffer in apart]
        return (arrived, (payload, self.maker, *buffers))

    def __sizeof__(self) -> int:
        held = self._held
        if held is None or self._value is not _UNREAD:
            return size_of(self._value)
        return len(held[0]) + sum(memoryview(buffer).nbytes for buffer in held[1])

    def __repr__(self) -> str:
        return f"<Ok of {self.maker}>"


#: By run, maker and pickle: the one whose value serves for the others that came with the same.
_common: Final[WeakValueDictionary[tuple[str, str, bytes], Ok]] = WeakValueDictionary()


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


class Bounced:
    """Not an end: the node was not executed here, or is not done; the driver sends it again under another key.

    A node that is given one as an input bounces too.
    """

    __slots__ = ("maker",)

    def __init__(self, maker: str) -> None:
        self.maker = maker

    @property
    def state(self) -> TaskState:
        """PENDING, always."""
        return TaskState.PENDING

    def __reduce__(self) -> tuple[object, ...]:
        return (Bounced, (self.maker,))

    def __repr__(self) -> str:
        return f"<Bounced {self.maker}>"


#: How a node ended, or that it did not.
Outcome = Ok | Err | Bounced


class Outcomes:
    """What a carrier gives: the outcomes of its elements, in order."""

    __slots__ = ("outcomes",)

    def __init__(self, outcomes: list[Outcome]) -> None:
        self.outcomes = outcomes

    def __reduce__(self) -> tuple[object, ...]:
        return (Outcomes, (self.outcomes,))

    def __sizeof__(self) -> int:
        return sum(size_of(outcome) for outcome in self.outcomes)


def arrived(payload: bytes, maker: str, *buffers: object) -> Ok:
    """A value that comes from another process, not unpickled yet."""
    outcome = Ok(_UNREAD, maker)
    outcome._held = (payload, buffers)
    return outcome


def _refuse_file(_: object) -> NoReturn:
    raise TypeError("an open file belongs to the process that opened it")


class _ByValue(Pickler):
    """Pickles what a notebook defines by value; unlike its parent it never takes a file's content for the file."""

    dispatch_table: ClassVar[Any] = ChainMap(
        {io.TextIOWrapper: _refuse_file}, Pickler._dispatch_table, copyreg.dispatch_table
    )


#: What a pickle names that Python itself could make, but nobody elsewhere read.
_BETTER_BY_US: Final = (b"__main__", b"bokeh.")


def dump_value(value: object) -> tuple[bytes, list[pickle.PickleBuffer]]:
    """Pickle a value with its large buffers kept apart, by value where it comes from a notebook.

    Distributed does the same, but logs what it cannot pickle with its repr, which is user code.

    Raises
    ------
    Exception : whatever pickling raises
    """
    buffers: list[pickle.PickleBuffer] = []
    if not cloudpickle.list_registry_pickle_by_value():
        try:
            payload = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
        except Exception:  # noqa: BLE001 - cloudpickle may do better, or says why not
            payload = b"__main__"
        if not any(name in payload for name in _BETTER_BY_US):
            return labelled(payload, buffers), buffers
    buffers.clear()
    file = io.BytesIO()
    _ByValue(file, protocol=5, buffer_callback=buffers.append).dump(value)
    return labelled(file.getvalue(), buffers), buffers


class TooLarge(Exception):
    """A pickle would take more bytes than it may."""


class _Bounded(io.BytesIO):
    """A pickle and its buffers, which may take so many bytes."""

    def __init__(self, most_bytes: int) -> None:
        super().__init__()
        self.buffers: list[pickle.PickleBuffer] = []
        self._left = most_bytes

    @override
    def write(self, data: Any, /) -> int:
        self._take(memoryview(data).nbytes)
        return super().write(data)

    def add(self, buffer: pickle.PickleBuffer) -> None:
        self._take(buffer.raw().nbytes)
        self.buffers.append(buffer)

    def _take(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise TooLarge


def dump_at_most(value: object, most_bytes: int) -> Held:
    """Pickle a value as `dump_value` does, but no more of it than so many bytes. Slower.

    Raises
    ------
    TooLarge
    Exception : whatever pickling raises
    """
    file = _Bounded(most_bytes)
    _ByValue(file, protocol=5, buffer_callback=file.add).dump(value)
    return labelled(file.getvalue(), file.buffers), file.buffers


def load_value(payload: bytes, buffers: Sequence[Any], maker: str) -> object:
    """Unpickle a value.

    Raises
    ------
    ResultUnreadable : whatever unpickling raised, named
    """
    try:
        return pickle.loads(payload, buffers=buffers)  # noqa: S301 - from our own worker
    except BaseException as error:
        raise ResultUnreadable(
            f"The result of `{maker}` cannot be loaded here: {type(error).__name__}: {safe_text(error):.500}.",
            "Return something whose pickle can be read in another process.",
        ) from error


def size_of(value: object) -> int:
    """Bytes in memory, as Dask measures them; 0 where the value's own code breaks the measuring."""
    try:
        return min(max(int(dask.sizeof.sizeof(value)), 0), _MOST_BYTES)
    except BaseException:  # noqa: BLE001 - user code
        return 0


_register: Any = dask.sizeof.sizeof.register
_register(Ok, Ok.__sizeof__)
_register(Outcomes, Outcomes.__sizeof__)
