"""Lineage: handles that a flow cell bound answer from the newest run that went on from theirs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING, Any

from wfkit.authoring import context
from wfkit.authoring.handle import Handle, Ref, Source
from wfkit.core.events import LogLine
from wfkit.core.ids import GroupId
from wfkit.core.states import RUN_ENDS, TaskState
from wfkit.errors import NodeGone, WaitTimeout

if TYPE_CHECKING:
    from distributed import Future

    from wfkit.engine.driver.run import Run


def newest(run: Run) -> list[Run]:
    """The runs from this one to the newest that went on from it, each from the one before."""
    last = max(_all(run), key=lambda one: one.id)
    path = [last]
    while path[0] is not run and path[0].parent is not None:
        path.insert(0, path[0].parent)
    return path


def _all(run: Run) -> Iterator[Run]:
    yield run
    for one in run.reruns:
        yield from _all(one)


def follow(value: object, run: Run) -> None:
    """Make the handles in a value that a cell has bound follow the lineage of their run."""
    if isinstance(value, Handle):
        if value._source is run.answers:
            value._source = Following(run)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            follow(item, run)
    elif isinstance(value, dict):
        for item in value.values():
            follow(item, run)


class Following:
    """The source of a handle that follows: it finds the node in the newest run, and asks there (handle.Source)."""

    def __init__(self, origin: Run) -> None:
        self._origin = origin

    @property
    def run(self) -> object:
        """The newest run."""
        return newest(self._origin)[-1]

    def current(self, handle: Handle) -> Handle:
        """The handle of the newest run; waits until its body has made the call, or has ended."""
        source, ref = self._place(handle._ref, None)
        return Handle(source, ref, mapped=handle._mapped, n_outputs=handle._n_outputs)

    def _path(self) -> list[Run]:
        """The runs from the handle's own to the newest; in the body of one of them, to the one that it goes on from.

        A body that uses a handle of the run before cannot wait for itself to make the call.
        """
        path, here = newest(self._origin), context.place()
        inside = here.recorder if isinstance(here, context.FlowBody) else None
        return path[: next((at for at, run in enumerate(path) if at and run is inside), None)]

    def _place(self, ref: Ref, timeout: float | None) -> tuple[Source, Ref]:
        """Where the node is now.

        Raises
        ------
        NodeGone : the body of the newest run came to its end without the call
        WaitTimeout : the time passed first
        """
        path = self._path()
        known = [(path[0], ref)]
        begin_s = time.monotonic()
        for run in path[1:]:
            left = None if timeout is None else max(0.0, timeout - (time.monotonic() - begin_s))
            if not run.until(partial(_is_settled, run, known), left):
                raise WaitTimeout(f"The run {run.id} has not come to the node yet.", "Give it more time.")
            if (found := _found(run, known)) is not None:
                known.append((run, found))
            elif not run.view_model.is_cut_short:
                name = known[-1][0].answers.name(known[-1][1])
                raise NodeGone(
                    f"`{name}` is not in the run {run.id}: its body does not make the call any more.",
                    "Pin a handle (`handle.pin()`) to keep asking its own run.",
                )
        run, at = known[-1]
        return run.answers, at

    def _now(self, ref: Ref) -> tuple[Source, Ref] | None:
        """Where the node is, without waiting; None while that is not known."""
        known = [(self._origin, ref)]
        for run in self._path()[1:]:
            if (found := _found(run, known)) is not None:
                known.append((run, found))
            elif _may_come(run):
                return None
            elif not run.view_model.is_cut_short:
                break
        run, at = known[-1]
        return run.answers, at

    def state(self, ref: Ref) -> TaskState:
        """Where the node stands in the newest run; PENDING while its body has not come to it."""
        place = self._now(ref)
        return TaskState.PENDING if place is None else place[0].state(place[1])

    def name(self, ref: Ref) -> str:
        """The name for people."""
        source, at = self._now(ref) or (self._origin.answers, ref)
        return source.name(at)

    def length(self, group: GroupId) -> int | None:
        """How many elements a mapped group has; None while that is not known."""
        place = self._now(Ref(group, None))
        return None if place is None else place[0].length(place[1].group)

    def element(self, group: GroupId, k: int) -> Ref:
        """What the element at place `k` of the list is, in terms of the handle's own run."""
        return self._origin.answers.element(group, k)

    def wait(self, ref: Ref, timeout: float | None) -> bool:
        """Wait for an end state; False if the time passed first."""
        begin_s = time.monotonic()
        try:
            source, at = self._place(ref, timeout)
        except WaitTimeout:
            return False
        return source.wait(at, None if timeout is None else max(0.0, timeout - (time.monotonic() - begin_s)))

    def result(self, ref: Ref, timeout: float | None) -> object:
        """The value, or the error that stands for it."""
        source, at = self._place(ref, timeout)
        return source.result(at, timeout)

    def exception(self, ref: Ref, timeout: float | None) -> object:
        """The error or None; for a mapped group a list aligned with its elements."""
        source, at = self._place(ref, timeout)
        return source.exception(at, timeout)

    def logs(self, ref: Ref) -> list[LogLine]:
        """What the node wrote so far."""
        place = self._now(ref)
        return [] if place is None else place[0].logs(place[1])

    def cancel(self, ref: Ref) -> None:
        """Cancel the node or group."""
        source, at = self._place(ref, None)
        source.cancel(at)

    def future(self, ref: Ref) -> Future[Any]:
        """A Dask future of the value."""
        source, at = self._place(ref, None)
        return source.future(at)

    def preview(self, ref: Ref) -> str:
        """A short picture of the value, or why there is none yet."""
        place = self._now(ref)
        return "PENDING in a rerun" if place is None else place[0].preview(place[1])

    def when_done(self, ref: Ref, callback: Callable[[], None]) -> None:
        """Call back once, from any thread, when the node has ended."""
        source, at = self._place(ref, None)
        source.when_done(at, callback)

    def waiting(self) -> AbstractContextManager[None]:
        """Nothing is held that a waiting thread could give back."""
        return self._origin.answers.waiting()

    def rerun(self, handle: Handle) -> object:
        """Repeat the newest run, and execute the node in any case."""
        now = self.current(handle)
        return newest(self._origin)[-1].rerun(now)


def _found(run: Run, known: Sequence[tuple[Run, Ref]]) -> Ref | None:
    """A node, known in runs before, in a run that goes on from them; None where it is not, or not yet."""
    with run.lock:
        if (reuse := run.reuse) is None:
            return None
        found = (reuse.forward(before.id, ref) for before, ref in reversed(known))
        return next((one for one in found if one is not None), None)


def _may_come(run: Run) -> bool:
    """Whether nodes may still come to be."""
    return not run.body_ended or run.state not in RUN_ENDS


def _is_settled(run: Run, known: Sequence[tuple[Run, Ref]]) -> bool:
    """Whether it is known what a node of the runs before is in a run."""
    return _found(run, known) is not None or not _may_come(run)
