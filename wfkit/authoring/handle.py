"""Handle: stands for a result that a task will have, and knows how to ask for it."""

from __future__ import annotations

import asyncio
import contextlib
import operator
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, Protocol, SupportsIndex

from wfkit.authoring.context import in_async_body, in_branch
from wfkit.authoring.patience import check_timeout
from wfkit.core.events import LogLine
from wfkit.core.ids import GroupId
from wfkit.core.states import TaskState
from wfkit.errors import BlockingInAsync, BlockingInBranch, HandleCaptured, HandleMisuse, UnknownLength, WaitTimeout

if TYPE_CHECKING:
    from distributed import Future


@dataclass(frozen=True, slots=True)
class Ref:
    """What a handle stands for: a node, all elements of a mapped group, or one item of a node's value."""

    group: GroupId
    index: int | None  #: None: all elements of a mapped group
    item: int | None = None  #: position in the node's value, for tasks with `n_outputs`


class Source(Protocol):
    """What answers for handles: the run that made them."""

    @property
    def run(self) -> object:
        """That run, for the engine."""

    def state(self, ref: Ref) -> TaskState:
        """Where the node stands; for a mapped group the state that describes it as a whole."""

    def name(self, ref: Ref) -> str:
        """The name for people."""

    def length(self, group: GroupId) -> int | None:
        """How many elements a mapped group has; None while that is not known."""

    def element(self, group: GroupId, k: int) -> Ref:
        """What the element at place `k` of a mapped group's list is; the group's length is known."""

    def wait(self, ref: Ref, timeout: float | None) -> bool:
        """Wait for an end state; False if the time passed first."""

    def result(self, ref: Ref, timeout: float | None) -> object:
        """The value, or the error that stands for it."""

    def exception(self, ref: Ref, timeout: float | None) -> object:
        """The error or None; for a mapped group a list aligned with its elements."""

    def logs(self, ref: Ref) -> list[LogLine]:
        """What the node wrote so far."""

    def cancel(self, ref: Ref) -> None:
        """Cancel the node or group."""

    def future(self, ref: Ref) -> Future[object]:
        """A Dask future of the value."""

    def preview(self, ref: Ref) -> str:
        """A short picture of the value, or why there is none yet."""

    def when_done(self, ref: Ref, callback: Callable[[], None]) -> None:
        """Call back once, from any thread, when the node has ended."""

    def current(self, handle: Handle) -> Handle:
        """The handle as it stands in the graph now: of a rerun, where the handle follows those."""

    def rerun(self, handle: Handle) -> object:
        """Start a run that goes on from this source's, and executes the node again."""

    def waiting(self) -> AbstractContextManager[None]:
        """The block in which code waits for handles of this source: in a task its slot is given back meanwhile.

        An async task may be in several such blocks at once, all in the thread of its event loop.
        """


def refuse_to_block(what: str, instead: str) -> None:
    """Refuse to wait for handles where that would stop something else.

    Raises
    ------
    BlockingInAsync : here is the body of an async flow; `instead` says what to write there
    BlockingInBranch : here is the body of a branch
    """
    refuse_in_branch(what)
    if in_async_body():
        raise BlockingInAsync(f"{what} would block the event loop of this async flow.", instead)


def refuse_in_branch(what: str) -> None:
    """Refuse to wait for handles in the body of a branch of a `Flow.map`.

    Raises
    ------
    BlockingInBranch
    """
    if in_branch():
        raise BlockingInBranch(
            f"{what} would hold up the other branches.",
            "Make what needs the value a task: `@task def decide(value): ...`, and pass the handle to it.",
        )


class HandleAttribute(HandleMisuse, AttributeError):
    """A public attribute that handles do not have."""


class Handle:
    """Stands for the result of a task.

    It may be passed to other tasks, alone or anywhere inside lists, dicts, tuples and dataclasses. In plain code its
    value is `handle.result()`.
    """

    __slots__ = ("__weakref__", "_mapped", "_n_outputs", "_ref", "_source")

    def __init__(self, source: Source, ref: Ref, *, mapped: bool = False, n_outputs: int | None = None) -> None:
        self._source = source
        self._ref = ref
        self._mapped = mapped
        self._n_outputs = n_outputs

    @property
    def name(self) -> str:
        """The name of the node for people, as in `run.node(name)`."""
        return self._source.name(self._ref)

    @property
    def state(self) -> TaskState:
        """Where the task stands; for a mapped handle the state that describes all elements."""
        return self._source.state(self._ref)

    @property
    def future(self) -> Future[object]:
        """A Dask future of the value, for code that works with Dask itself."""
        return self._source.future(self._ref)

    def wait(self, timeout: float | None = None) -> Handle:
        """Wait until the task has ended, however it ended.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait at most.

        Raises
        ------
        WaitTimeout : the time passed first
        """
        self._refuse_to_block("wait")
        check_timeout(timeout)
        if not self._source.wait(self._ref, timeout):
            raise WaitTimeout(f"`{self.name}` is still {self.state} after {timeout:g} s.", "Give it more time.")
        return self

    def result(self, timeout: float | None = None) -> object:
        """The value of the task; waits for it.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait at most.

        Returns
        -------
        object : the value; for a mapped handle the list of all values

        Raises
        ------
        Exception : the task's own, where it failed
        TaskFailed, UpstreamFailed, TaskSkipped, TaskCancelled, TaskCrashed, MapFailed : there is no value
        WaitTimeout : the time passed first
        """
        self._refuse_to_block("result")
        check_timeout(timeout)
        return self._source.result(self._ref, timeout)

    def exception(self, timeout: float | None = None) -> object:
        """The error that stands in place of the value, or None; for a mapped handle a list, one per element."""
        self._refuse_to_block("exception")
        check_timeout(timeout)
        return self._source.exception(self._ref, timeout)

    def logs(self) -> list[LogLine]:
        """What the task logged, printed and warned so far."""
        return self._source.logs(self._ref)

    def cancel(self) -> None:
        """Cancel the task: if it has not started it never will."""
        self._source.cancel(self._ref)

    def rerun(self) -> object:
        """Start a run that goes on from the handle's, and executes the node again, with all that is made from it.

        Returns
        -------
        Run : it goes on while this returns
        """
        return self._source.rerun(self)

    def pin(self) -> Handle:
        """Keep asking the run that the handle stands for now; without it a handle that a cell bound follows reruns."""
        now = self._now()
        self._source, self._ref = now._source, now._ref
        return self

    def _now(self) -> Handle:
        return self._source.current(self)

    def __await__(self) -> Generator[object, None, object]:
        refuse_in_branch(f"`await {self.name}`")
        return self._result_soon().__await__()

    async def _result_soon(self) -> object:
        loop = asyncio.get_running_loop()
        done = asyncio.Event()

        def finish() -> None:
            # The loop may have been closed while the task still ran; then nobody waits any more.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(done.set)

        self._source.when_done(self._ref, finish)
        with self._source.waiting():
            await done.wait()
        return await asyncio.to_thread(self._source.result, self._ref, None)

    def _refuse_to_block(self, method: str) -> None:
        refuse_to_block(f"`{self.name}.{method}()`", "Write `await handle` instead.")

    def __len__(self) -> int:
        length = self._known_length()
        if length is None:
            raise UnknownLength(f"len(): the length of `{self.name}` is not known yet.", self._instead())
        return length

    def __iter__(self) -> Iterator[Handle]:
        length = self._known_length()
        if length is None:
            raise UnknownLength(
                f"`{self.name}` cannot be iterated: how many items it has is not known yet.",
                "Map over it with `task.map(handle)`, or iterate `handle.result()`.",
            )
        return (self[k] for k in range(length))

    def __getitem__(self, k: SupportsIndex) -> Handle:
        if not hasattr(type(k), "__index__"):
            raise HandleMisuse(f"`{self.name}[{k!r:.40}]`: `{self.name}` is a handle, not its value.", self._instead())
        at = operator.index(k)
        if not self._mapped and self._n_outputs is None:
            raise HandleMisuse(
                f"[{at}] needs the value: `{self.name}` is a handle, not its value.",
                f"{self._instead()} A task with `n_outputs=` gives handles that can be indexed.",
            )
        length = self._known_length()
        if length is not None and not -length <= at < length:
            raise IndexError(f"`{self.name}` has {length} elements; there is no element {at}")
        if length is None:
            raise UnknownLength(
                f"`{self.name}[{at}]`: how many elements `{self.name}` has is not known yet.",
                f"Write `handle.wait()[{at}]`, or map over the handle.",
            )
        at %= length
        if self._mapped:
            return Handle(self._source, self._source.element(self._ref.group, at), n_outputs=self._n_outputs)
        return Handle(self._source, Ref(self._ref.group, self._ref.index, at))

    def _known_length(self) -> int | None:
        if self._mapped:
            return self._source.length(self._ref.group)
        return self._n_outputs

    def _instead(self) -> str:
        return "Call `.result()` for the value, or do this inside a task."

    def _misused(self, how: str) -> NoReturn:
        raise HandleMisuse(f"{how}: `{self.name}` is a handle, not its value.", self._instead())

    def __bool__(self) -> bool:
        self._misused("A handle has no truth value")

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Handle):
            return self._source is other._source and self._ref == other._ref
        value = f" {other!r:.40}" if isinstance(other, int | float | str | None) else ""
        self._misused(f"A handle cannot be compared with {type(other).__name__}{value}")

    def __hash__(self) -> int:
        return hash(self._ref)

    def __format__(self, spec: str) -> str:
        self._misused("A handle cannot be formatted into a string")

    def __fspath__(self) -> str:
        self._misused("A handle is not a path")

    def __array__(self, *_: object, **__: object) -> NoReturn:
        self._misused("A handle is not an array")

    def __array_ufunc__(self, ufunc: object, *_: object, **__: object) -> NoReturn:
        self._misused(f"numpy.{getattr(ufunc, '__name__', ufunc)} needs the value")

    def __call__(self, *_: object, **__: object) -> NoReturn:
        """Refuse: the value may be callable, the handle is not."""
        self._misused("A handle cannot be called")

    def __contains__(self, _: object) -> bool:
        self._misused("`in` needs the value")

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):
            raise AttributeError(name)
        raise HandleAttribute(f"`{self.name}.{name}`: `{self.name}` is a handle, not its value.", self._instead())

    def __reduce__(self) -> NoReturn:
        raise HandleCaptured(
            f"The handle `{self.name}` cannot be pickled: it would travel without its value.",
            "Pass it to a task as an argument; what it gets is the value.",
        )

    def __copy__(self) -> Handle:
        return self

    def __deepcopy__(self, _: object) -> Handle:
        return self

    def __repr__(self) -> str:
        return f"<Handle {self.name}: {self._source.preview(self._ref)}>"


def _forbid_operators() -> None:
    def forbidden(symbol: str) -> Callable[..., NoReturn]:
        def operate(self: Handle, *_: object) -> NoReturn:
            self._misused(f"`{symbol}` needs the value")

        return operate

    binary = {"add": "+", "sub": "-", "mul": "*", "truediv": "/", "floordiv": "//", "mod": "%", "pow": "**"}
    binary |= {"matmul": "@", "and": "&", "or": "|", "xor": "^", "lshift": "<<", "rshift": ">>", "divmod": "divmod()"}
    names = {f"__{side}{name}__": symbol for name, symbol in binary.items() for side in ("", "r")}
    names |= {"__lt__": "<", "__le__": "<=", "__gt__": ">", "__ge__": ">=", "__neg__": "-", "__pos__": "+"}
    names |= {"__abs__": "abs()", "__invert__": "~", "__int__": "int()", "__float__": "float()", "__index__": "index"}
    names |= {"__complex__": "complex()", "__round__": "round()", "__bytes__": "bytes()", "__trunc__": "math.trunc()"}
    names |= {"__floor__": "math.floor()", "__ceil__": "math.ceil()", "__setitem__": "[] =", "__delitem__": "del []"}
    for name, symbol in names.items():
        setattr(Handle, name, forbidden(symbol))


_forbid_operators()
