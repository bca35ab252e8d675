"""Children: what answers for the handles that a task's body made. It asks the driver, once for each handle."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Final, NoReturn

from wfkit.authoring.handle import Handle, Ref
from wfkit.core.events import LogLine
from wfkit.core.ids import GroupId, node_name
from wfkit.core.states import TaskState
from wfkit.engine.worker.ended import Ended, error_info, map_failed
from wfkit.engine.worker.fetch import values_of
from wfkit.engine.worker.stop import Shield
from wfkit.errors import HandleMisuse, WaitTimeout

if TYPE_CHECKING:
    from distributed import Future

    from wfkit.engine.worker.spawn import Spawner

#: Waiting is done in slices, so that a thread that is told to stop notices.
_SLICE_S: Final = 0.2
#: So many calls behind one that is waited for are asked about with it.
_AHEAD: Final = 16


class Children:
    """The source of the handles in one attempt of a node."""

    def __init__(self, spawner: Spawner) -> None:
        self.spawner = spawner
        self._names: dict[GroupId, tuple[str, bool]] = {}
        self._lengths: dict[GroupId, int] = {}
        self._ended: dict[tuple[GroupId, int | None], list[Ended]] = {}
        self._waiters: dict[tuple[GroupId, int | None], list[Callable[[], None]]] = {}
        self._lock = threading.Lock()

    def named(self, group: GroupId, name: str, length: int | None, *, mapped: bool) -> None:
        """Remember what a call is called, and its length where that is known."""
        self._names[group] = name, mapped
        if length is not None:
            self._lengths[group] = length

    def handle(self, group: GroupId, *, mapped: bool, n_outputs: int | None = None) -> Handle:
        """A handle of a call."""
        return Handle(self, Ref(group, None if mapped else 0), mapped=mapped, n_outputs=n_outputs)

    # What handles ask (authoring.handle.Source)

    @property
    def run(self) -> object:
        """Not this process's."""
        return None

    def waiting(self) -> AbstractContextManager[None]:
        """Hold no slot of the worker while a thread waits."""
        return self.spawner.waiting()

    def name(self, ref: Ref) -> str:
        """The task's name and the element."""
        name, mapped = self._names[ref.group]
        return name if ref.index is None else node_name(name, ref.index, mapped=mapped)

    def length(self, group: GroupId) -> int | None:
        """How many elements a mapped group has; None while that is not known here."""
        return self._lengths.get(group)

    def element(self, group: GroupId, k: int) -> Ref:
        """Element `k` of a map, whose length is known.

        Raises
        ------
        HandleMisuse : it is an item within an item of a value
        """
        known = self._ended.get((group, None))
        if known is not None and len(known[k].items) > 1:
            raise HandleMisuse(f"`{self.name(Ref(group, None))}[{k}]` is no value of one task.", "Call `.result()[k]`.")
        return Ref(group, k)

    def state(self, ref: Ref) -> TaskState:
        """Where the node stands, as the driver says."""
        known = self._ended.get((ref.group, ref.index))
        if known is not None and ref.index is not None:
            return known[0].state
        (state,) = self.spawner.side.ask_and_wait(self.spawner.id, ["state", ref.group, _sent(ref.index)])
        return TaskState(state)

    def wait(self, ref: Ref, timeout: float | None) -> bool:
        """Wait for an end state; False if the time passed first."""
        done = threading.Event()
        self.when_done(ref, done.set)
        if done.is_set():
            return True
        self._ask_ahead(ref.group)
        deadline = None if timeout is None else time.monotonic() + timeout
        with Shield() as shield, self.waiting():
            while not done.is_set():
                shield.raise_if_wanted()
                left = _SLICE_S if deadline is None else min(_SLICE_S, deadline - time.monotonic())
                if left <= 0:
                    return False
                done.wait(left)
        return True

    def result(self, ref: Ref, timeout: float | None) -> object:
        """The value, or the error that stands for it."""
        ended = self._await(ref, timeout)
        worker = self.spawner.side.worker
        if ref.index is not None:
            if (error := ended[0].exception()) is not None:
                raise error
            (value,) = values_of(worker, ended)
            return value if ref.item is None else _item(value, ref.item, self.name(ref))
        failed = [one for one in ended if not one.has_value and one.state is not TaskState.SKIPPED]
        if failed:
            raise map_failed(self.name(ref), len(ended), failed)
        return values_of(worker, [one for one in ended if one.has_value])

    def exception(self, ref: Ref, timeout: float | None) -> object:
        """The error or None; for a mapped group a list aligned with its elements."""
        errors = [one.exception() for one in self._await(ref, timeout)]
        return errors if ref.index is None else errors[0]

    def when_done(self, ref: Ref, callback: Callable[[], None]) -> None:
        """Call back once, from any thread, when the node has ended."""
        key = (ref.group, ref.index)
        with self._lock:
            known = key in self._ended
            if not known:
                self._waiters.setdefault(key, []).append(callback)
                if len(self._waiters[key]) > 1:
                    return
        if known:
            callback()
        else:
            self._ask(["ended", ref.group, _sent(ref.index)], lambda answer: self._take(key, answer))

    def _ask_ahead(self, group: GroupId) -> None:
        """Ask about the next calls, too: who waits for one usually wants those then, and has them without a wait."""
        stem, _, number = group.rpartition("/")
        for following in range(int(number) + 1, int(number) + 1 + _AHEAD):
            key = GroupId(f"{stem}/{following}"), 0
            _, mapped = self._names.get(key[0], ("", True))
            if not mapped and key not in self._ended and key not in self._waiters:
                self.when_done(Ref(*key), _nothing)

    def cancel(self, ref: Ref) -> None:
        """Cancel the node or group."""
        self._ask(["cancel", ref.group, _sent(ref.index)], lambda _: None)

    def current(self, handle: Handle) -> Handle:
        """The handle itself: it stands for a task that this one spawned."""
        return handle

    def rerun(self, handle: Handle) -> object:
        """Not done on a worker."""
        self._only_in_the_notebook(handle._ref, "rerun()")

    def logs(self, ref: Ref) -> list[LogLine]:
        """Not known on a worker."""
        self._only_in_the_notebook(ref, "logs()")

    def future(self, ref: Ref) -> Future[object]:
        """Not given on a worker."""
        self._only_in_the_notebook(ref, "future")

    def preview(self, ref: Ref) -> str:
        """Whether it has ended."""
        known = self._ended.get((ref.group, ref.index))
        return "spawned" if known is None else ", ".join(sorted({str(one.state) for one in known})) or "0 items"

    def _ask(self, question: list[Any], take: Callable[[list[Any]], None]) -> None:
        self.spawner.side.ask(self.spawner.id, question, take)

    def _take(self, key: tuple[GroupId, int | None], answer: list[Any]) -> None:
        with self._lock:
            self._ended[key] = [_ended(*one) for one in answer[0]]
            if key[1] is None:
                self._lengths[key[0]] = len(answer[0])
            callbacks = self._waiters.pop(key, [])
        for callback in callbacks:
            callback()

    def _await(self, ref: Ref, timeout: float | None) -> list[Ended]:
        if not self.wait(ref, timeout):
            raise WaitTimeout(f"`{self.name(ref)}` has not ended after {timeout:g} s.", "Give it more time.")
        if (ref.group, ref.index) not in self._ended:
            raise WaitTimeout(f"`{self.name(ref)}` has not ended.", "Give it more time.")
        self.spawner.side.tell(self.spawner.id, ["looked", ref.group, _sent(ref.index)])
        return self._ended[ref.group, ref.index]

    def _only_in_the_notebook(self, ref: Ref, what: str) -> NoReturn:
        raise HandleMisuse(f"`{self.name(ref)}.{what}` was asked for in a task.", "Ask for it in the notebook.")


def _nothing() -> None:
    """What is done when a node has ended that nobody waits for yet."""


def _sent(index: int | None) -> int:
    return -1 if index is None else index


def _ended(name: str, state: str, reason: str, error: Any, *where: Any) -> Ended:
    inline, key, offset, items = where
    return Ended(name, TaskState(state), reason, error_info(error), inline, key, offset, tuple(items))


def _item(value: object, item: int, name: str) -> object:
    try:
        return value[item]  # type: ignore[index]  # what cannot be indexed raises here
    except (TypeError, LookupError) as problem:
        raise HandleMisuse(f"The value of `{name}` has no item {item}: {problem}.") from None
