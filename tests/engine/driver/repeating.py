"""Repeating: runs that go on from others, opened without a session, and tasks that leave notes at the gates."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import pytest

from tests.engine.driver import gates
from wfkit.authoring.context import FlowBody, inside
from wfkit.authoring.task import task
from wfkit.core.edges import Node
from wfkit.core.ids import GroupId
from wfkit.core.rerun import Rerun, Wishes
from wfkit.core.states import RunState
from wfkit.engine.driver.byhand import ByHand
from wfkit.engine.driver.origin import Origin
from wfkit.engine.driver.reuse import Record, Reuse
from wfkit.engine.driver.run import Run


@task
def load(x: Any) -> Any:
    gates.come(f"load {x}")
    return x


@task
def picky(x: Any) -> Any:
    """Fails for what is not allowed yet."""
    gates.come(f"picky {x}")
    if str(x) in ("1", "3") and "allowed" not in gates.came():
        raise ValueError(x)
    return 10 * x


@task
def total(xs: Any) -> Any:
    gates.come("total")
    return sum(xs)


@task
def large(n: Any) -> Any:
    gates.come(f"large {n}")
    return "x" * n


@task
def size(x: Any) -> Any:
    gates.come("size")
    return len(x)


@task
def held(x: Any) -> Any:
    gates.wait_at(f"held {x}")
    return x


def allow() -> None:
    """From now on `picky` takes everything; what came by before is forgotten."""
    gates.reset()
    gates.come("allowed")


def executed() -> list[str]:
    """What came by since `allow`, sorted."""
    return sorted(name for name in gates.came() if name != "allowed")


def pipeline() -> dict[str, Any]:
    """A map, a map over it of which two elements fail, and a reduce."""
    raw = load.map(range(4))
    tidy = picky.map(raw)
    return {"raw": raw, "tidy": tidy, "summary": total(tidy)}


Body = Callable[[], object]


class Repeater:
    """Opens runs that go on from others."""

    def __init__(self, new_run: Callable[..., Run]) -> None:
        self._new_run = new_run

    def open(
        self,
        before: Run,
        *,
        changed: bool = False,
        forced: Collection[tuple[str, int | None]] = (),
        by_hand: Mapping[tuple[str, int], object] | None = None,
    ) -> Run:
        """A run that goes on from another one; its body is the caller's."""
        run = self._new_run(parent_id=before.id)
        given = {(GroupId(group), index): ByHand.of(value, group) for (group, index), value in (by_hand or {}).items()}
        wishes = Wishes(changed, frozenset((GroupId(group), index) for group, index in forced), frozenset(given))
        run.reuse = Reuse(run, [*_records(before, wishes, given)])
        run.parent = before
        before.reruns.append(run)
        return run

    def cut_short(self, before: Run, body: Body, **what: Any) -> Run:
        """The same, with a body that raises behind what it calls."""
        run = self.open(before, **what)
        with inside(FlowBody(run, "flow")):
            body()
        run.fail_body(RunState.FAILED, "cut short", {})
        return run.wait(gates.PATIENCE_S)

    def start(self, before: Run, body: Body, **what: Any) -> Run:
        """The same, with its body executed."""
        run = self.open(before, **what)
        with inside(FlowBody(run, "flow")):
            value = body()
        run.close_body(value, value if isinstance(value, dict) else {})
        return run

    def __call__(self, before: Run, body: Body, **what: Any) -> Run:
        """The same, ended."""
        return self.start(before, body, **what).wait(gates.PATIENCE_S)


def _records(run: Run | None, wishes: Wishes, by_hand: Mapping[Node, ByHand]) -> Iterator[Record]:
    while run is not None:
        origin = Origin(run.view_model, None, run, by_hand)
        yield Record(Rerun(run.view_model, wishes, origin.lost, lambda *_: "it changed"), origin)
        run, wishes, by_hand = run.parent if run.view_model.is_cut_short else None, Wishes(), {}


def states(run: Run) -> dict[str, str]:
    """How the nodes stand."""
    return {row.name: row.state.value for row in run.nodes}


def refused(call: Callable[[], object], error: type[Exception], text: str) -> None:
    """A call raises, and says this."""
    with pytest.raises(error, match=text):
        call()
