"""Spawn: a task's body makes tasks. Its calls are frozen here and told to the driver, which adds them to the graph."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from typing import Final

from wfkit.authoring.handle import Handle
from wfkit.authoring.options import TaskOptions
from wfkit.authoring.task import Call
from wfkit.core.events import NodeResumed, NodeWaiting
from wfkit.core.ids import GroupId
from wfkit.core.wire import Packable
from wfkit.engine.worker.calls import code_of, frozen_call, given_of, pack, pack_call
from wfkit.engine.worker.children import Children
from wfkit.engine.worker.seat import Seat
from wfkit.engine.worker.side import WorkerSide
from wfkit.engine.worker.spec import Spec
from wfkit.engine.worker.stop import Shield, Stopped
from wfkit.errors import TooDeep, TooManyTasks

#: Below so many nodes that the run may still have, the driver is asked before a call returns.
_NEAR: Final = 10_000
#: A worker asks again after it has used so many.
_TRUSTED: Final = 1_000
#: A thread that waits for named slots looks up so often, to be stopped.
_LOOK_S: Final = 0.5
#: The group of the flow inside this task whose body makes the calls here.
_INSIDE: Final[ContextVar[tuple[object, GroupId] | None]] = ContextVar("wfkit_inside_task", default=None)


class Spawner:
    """Takes the calls in the body of one attempt of a node.

    Groups are numbered in the order of the calls, so a body that is executed again names its children alike and finds
    those it has.
    """

    def __init__(self, side: WorkerSide, spec: Spec, node: tuple[int, int], options: TaskOptions, seat: Seat) -> None:
        self.side, self.spec, self.seat = side, spec, seat
        self.index, self.attempt = node
        self.options = options
        self._lock = threading.Lock()
        self._turns = threading.Lock()
        self._count = 0
        self._waiting = 0

    @cached_property
    def children(self) -> Children:
        """The source of the handles; most tasks make none."""
        return Children(self)

    @property
    def id(self) -> str:
        """The id of the run."""
        return self.spec.run_id

    # What the body does (authoring.context.Recorder)

    @property
    def room(self) -> int:
        """How many nodes the run may have at all; how many it has, the driver knows."""
        return self.spec.bounds.max_tasks

    def record(self, call: Call) -> Handle:
        """Tell the driver of a call, and return its handle at once."""
        self._refuse_too_deep(call.task.name)
        frozen = frozen_call(call, self.side.codes(self.id))
        known = (self.id, frozen.code_id)
        code = b"" if known in self.side.told_codes else pack((frozen.code_id, code_of(frozen)))
        group = self._new_group(frozen.length or 1, ["call", pack_call(frozen), code])
        self.side.told_codes.add(known)  # not before it was told: what is stopped in between has told nothing
        self.children.named(group, frozen.task, frozen.length if frozen.mapped else None, mapped=frozen.mapped)
        return self.children.handle(group, mapped=frozen.mapped, n_outputs=frozen.options.n_outputs)

    def flatten(self, handle: Handle) -> Handle:
        """Chain the lists of a handle."""
        group = self._new_group(0, ["flatten", pack(handle)])
        self.children.named(group, "flatten", None, mapped=True)
        return self.children.handle(group, mapped=True)

    def subflow(self, name: str, given: Mapping[str, object], branch: int | None = None) -> Callable[[], None]:
        """Put the calls that follow into a group of their own; calling the result closes it."""
        group = self._new_group(0, ["subflow", name, pack(given_of(given)), branch])
        before = _INSIDE.get()
        _INSIDE.set((self, group))

        def close() -> None:
            _INSIDE.set(before)

        return close

    def _new_group(self, nodes: int, told: list[Packable]) -> GroupId:
        inside = _INSIDE.get()
        parent = inside[1] if inside is not None and inside[0] is self else GroupId(self.spec.group)
        with self._lock:  # numbers reach the driver in order
            self._count += 1
            group = GroupId(f"{self.spec.group}.{self.index}/{self._count}")
            left = self.side.allowances.get(self.id, 0) - nodes
            self.side.allowances[self.id] = left
            news: list[Packable] = ["spawn", group, parent, self.attempt, *told]
            if left > 0:
                self.side.tell(self.id, news)
                return group
        self._ask_leave(news)
        return group

    def _ask_leave(self, news: list[Packable]) -> None:
        """Tell the driver of a call, and wait for its leave.

        Raises
        ------
        TooManyTasks : the run has as many nodes as it may have
        """
        (left,) = self.side.ask_and_wait(self.id, news)
        if left < 0:
            raise TooManyTasks(
                f"`{self.spec.name}` spawned a task beyond the {self.spec.bounds.max_tasks} that a run may have.",
                "Look for a loop without an end, or raise `max_tasks_per_run` in the section [engine] of wfkit.toml.",
            )
        self.side.allowances[self.id] = _TRUSTED if left > _NEAR else 0

    def _refuse_too_deep(self, task: str) -> None:
        if self.spec.depth >= self.spec.bounds.max_depth:
            raise TooDeep(
                f"`{task}` would be spawned {self.spec.depth + 1} levels deep, and {self.spec.bounds.max_depth} is the "
                f"limit (by `{self.spec.name}`).",
                "Look for a recursion that does not end, or raise `max_depth` in the section [engine] of wfkit.toml.",
            )

    # While it waits

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Hold neither the worker's slot nor named ones while the block waits for other tasks."""
        waiter = (self.id, self.spec.group, self.index)
        last = False
        try:
            with self.seat.slot.given_back(waiter, name=self.spec.name, resources=self.options.resources):
                with self._turn():
                    self._waiting += 1
                    if self._waiting == 1:
                        self._rest()
                try:
                    yield
                finally:
                    with self._turn():
                        self._waiting -= 1
                        last = self._waiting == 0
                        if last and self.options.limits:
                            self.take_slots()
        finally:
            if last:
                self._go_on()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Be the only thread of the task that begins to wait or comes back: who has asked for named slots gets them.

        Only then may another one give them back.
        """
        with Shield() as shield:
            while not self._turns.acquire(timeout=_LOOK_S):
                self._stop_if_over(shield)
            try:
                yield
            finally:
                self._turns.release()

    def _stop_if_over(self, shield: Shield) -> None:
        """Let go a thread that waits: it is told to stop, or it outlives its task, and nobody tells it anything."""
        shield.raise_if_wanted()
        if self.seat.closed:
            raise Stopped("its task has ended")

    def _rest(self) -> None:
        group = GroupId(self.spec.group)
        self.side.emit(self.id, NodeWaiting(group=group, index=self.index, attempt=self.attempt, children=()))
        self.seat.rest()
        if self.options.limits:
            self.side.request("give-back", self.id, node=[self.spec.group, self.index])

    def take_slots(self) -> None:
        """Wait for the named slots that the task needs."""
        granted = threading.Event()
        self.side.ask_for_slots(self.id, (self.spec.group, self.index), self.options.limits, granted.set)
        with Shield() as shield:
            while not granted.wait(_LOOK_S):
                self._stop_if_over(shield)

    def _go_on(self) -> None:
        group = GroupId(self.spec.group)
        self.side.emit(self.id, NodeResumed(group=group, index=self.index, attempt=self.attempt))
        self.seat.execute()
