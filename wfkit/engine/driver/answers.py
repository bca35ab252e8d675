"""Answers: what a run says to the handles it gave out."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Final, cast

from wfkit.authoring.context import FlowBody, place
from wfkit.authoring.handle import Handle, Ref
from wfkit.core.events import LogLine
from wfkit.core.ids import GroupId
from wfkit.core.states import END_CODES, STATES, TaskState
from wfkit.core.view import GroupView
from wfkit.engine.driver import looking, values
from wfkit.engine.driver.cancelling import cancel_nodes
from wfkit.engine.driver.flattening import items_meant
from wfkit.engine.driver.reading import Looked, described, name_in
from wfkit.engine.driver.wiring import run_of
from wfkit.engine.worker.ended import map_failed
from wfkit.errors import HandleMisuse, WaitTimeout

if TYPE_CHECKING:
    from distributed import Future

    from wfkit.engine.driver.growing import GrowingRun
    from wfkit.engine.driver.run import Run

#: A value of a node that has ended is given so long to arrive, however short a time its caller waits.
_FETCH_S: Final = 1.0


class Answers:
    """The source of a run's handles."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def waiting(self) -> AbstractContextManager[None]:
        """Nothing is held that a waiting thread could give back."""
        return nullcontext()

    def state(self, ref: Ref) -> TaskState:
        """Where a node stands; for a mapped group the state that describes it as a whole."""
        if (flattened := self.run.flattened.get(ref.group)) is not None:
            there = TaskState.COMPLETED if flattened.error is None else TaskState.FAILED
            return there if flattened.complete else TaskState.PENDING
        return described(self._group(ref), ref.index, self.length(ref.group))

    def name(self, ref: Ref) -> str:
        """The name for people."""
        return name_in(self._group(ref), ref)

    def length(self, group: GroupId) -> int | None:
        """How many elements a mapped group has; None while that is not known."""
        return self.run.groups[group].length

    def element(self, group: GroupId, k: int) -> Ref:
        """What the element at place `k` of a mapped group's list is.

        Raises
        ------
        HandleMisuse : it is an item within an item of a value
        """
        if group not in self.run.flattened:
            final = self.run.groups[group].final
            return Ref(group, k if final is None else final[k])
        element = self.run.flattened[group].elements[self.run.flattened[group].final[k]]
        part, items = element[0], items_meant(element)
        if len(items) > 1 or part._source is not self or part._mapped:
            raise HandleMisuse(f"`{self.name(Ref(group, None))}[{k}]` is no value of one task.", "Call `.result()[k]`.")
        return Ref(part._ref.group, part._ref.index, next(iter(items), None))

    def has_ended(self, ref: Ref) -> bool:
        """Whether all nodes behind a handle have ended."""
        if ref.group in self.run.flattened:
            return self.run.flattened[ref.group].complete and all(
                run_of(part).answers.has_ended(part._ref) for part, _ in self.run.flattened[ref.group].elements
            )
        group = self._group(ref)
        if ref.index is not None:
            return ref.index < len(group) and group.states[ref.index] in END_CODES
        length = self.length(ref.group)
        return length is not None and sum(group.counts[code] for code in END_CODES) >= length

    def wait(self, ref: Ref, timeout: float | None) -> bool:
        """Wait for an end state; False if the time passed first."""
        self.run.flush()
        return self.run.until(lambda: self.has_ended(ref), timeout)

    def result(self, ref: Ref, timeout: float | None) -> object:
        """The value, or the error that stands for it."""
        until_s = math.inf if timeout is None else time.monotonic() + timeout
        self._await(ref, timeout)
        until_s = max(until_s, time.monotonic() + _FETCH_S)
        if ref.index is not None:
            return values.value_of(self.run, ref, until_s)
        if (flattened := self.run.flattened.get(ref.group)) is not None:
            if flattened.error is not None:
                raise flattened.error
            elements = flattened.in_order()
            there = [one for one in elements if one[0]._source.state(one[0]._ref) is not TaskState.SKIPPED]
            return [self._item(part, items, until_s) for part, items in there]
        ended = {index: values.ended(self.run, (ref.group, index)) for index in self.elements(ref)}
        failed = [one for one in ended.values() if not one.has_value and one.state is not TaskState.SKIPPED]
        if failed:
            raise map_failed(self._group(ref).spec.name, len(ended), failed)
        return values.values_of(self.run, ref.group, [index for index, one in ended.items() if one.has_value], until_s)

    def _item(self, part: Handle, items: tuple[int, ...], until_s: float) -> object:
        left_s = None if until_s == math.inf else max(0.0, until_s - time.monotonic())
        value: Any = part._source.result(part._ref, left_s)
        for item in items:
            value = value[item]
        return value

    def value(self, ref: Ref) -> object:
        """The value of a node that has ended; not asked by a body, so its failure does not count as handled."""
        return values.value_of(self.run, ref)

    def exception(self, ref: Ref, timeout: float | None) -> object:
        """The error or None; for a mapped group a list aligned with its elements."""
        self._await(ref, timeout)
        if ref.index is not None:
            return values.exception_of(self.run, ref.group, ref.index)
        if (flattened := self.run.flattened.get(ref.group)) is not None:
            if flattened.error is not None:
                return [flattened.error]
            return [part._source.exception(part._ref, None) for part, _ in flattened.in_order()]
        return [values.exception_of(self.run, ref.group, index) for index in self.elements(ref)]

    def logs(self, ref: Ref | None) -> list[LogLine]:
        """What the nodes behind a handle, or all nodes, wrote so far; by node, attempt and time."""
        with self.run.lock:
            groups = self.run.view_model.ordered() if ref is None else [self._group(ref)]
            parts = [
                part
                for group in groups
                for index, of_node in sorted(group.logs.items())
                if ref is None or ref.index in (None, index)
                for _, part in sorted(of_node.items())
            ]
        return [line for part in parts for line in part.lines]

    def cancel(self, ref: Ref) -> None:
        """Cancel a node or group."""
        cancel_nodes(self.run, ref)

    def future(self, ref: Ref) -> Future[Any]:
        """A Dask future of the value."""
        return values.future_of(self.run, ref)

    def preview(self, ref: Ref) -> str:
        """The state, and a short picture of the value or the error."""
        with self.run.lock:
            state, group = self.state(ref), self._group(ref)
            if ref.index is None:
                counts = [f"{count} {STATES[code]}" for code, count in enumerate(group.counts) if count]
                return ", ".join(counts) or ("0 items" if self.length(ref.group) == 0 else "length not known yet")
            text = group.previews.get(ref.index) or group.reasons.get(ref.index, "")
            return f"{state} {text}".rstrip()

    def look(self, ref: Ref) -> Looked:
        """What is to be seen of the value of a node."""
        return looking.look_live(self.run, ref)

    def current(self, handle: Handle) -> Handle:
        """Another handle of the same node: the graph keeps it, whatever becomes of the one that the body holds."""
        return Handle(self, handle._ref, mapped=handle._mapped, n_outputs=handle._n_outputs)

    def rerun(self, handle: Handle) -> object:
        """Repeat the run, and execute the node in any case."""
        return self.run.rerun(handle)

    def when_done(self, ref: Ref, callback: Callable[[], None]) -> None:
        """Call back once, from any thread, when the node has ended."""
        node = None if ref.group in self.run.flattened else (ref.group, ref.index)
        self.run.when_done(lambda: self.has_ended(ref), callback, node)

    def _await(self, ref: Ref, timeout: float | None) -> None:
        self._look_at(ref)
        start_s = time.monotonic()
        if not self.wait(ref, timeout):
            waited_s = time.monotonic() - start_s
            raise WaitTimeout(
                f"`{self.name(ref)}` is still {self.state(ref)} after {waited_s:.1f} s.", "Give it more time."
            )

    def _look_at(self, ref: Ref) -> None:
        """Remember that the body itself asked for a node, so that its failure counts as handled."""
        here = place()
        if isinstance(here, FlowBody) and here.recorder is cast("object", self.run):
            self.run.look_at(ref)

    def _group(self, ref: Ref) -> GroupView:
        return self.run.view_model.groups[ref.group]

    def elements(self, ref: Ref) -> Sequence[int]:
        """The nodes of a mapped group, in the order of its list."""
        return self.run.groups[ref.group].final or range(cast("int", self.length(ref.group)))


def looked_at_nodes(run: GrowingRun) -> Iterator[tuple[GroupId, int]]:
    """The nodes that the body of a run asked for."""
    for group, index in run.looked_at:
        if group in run.flattened:
            for part, _ in run.flattened[group].elements:
                if part._source is run.answers:
                    yield from _nodes(run, part._ref.group, part._ref.index)
        else:
            yield from _nodes(run, group, index)


def _nodes(run: GrowingRun, group: GroupId, index: int | None) -> Iterator[tuple[GroupId, int]]:
    indices = range(run.groups[group].length or 0) if index is None else (index,)
    yield from ((group, each) for each in indices)
