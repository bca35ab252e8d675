"""Nodes on a worker that is not heard of: they are stalled until it is heard of, or they run there no more."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from tests.core.histories import G0, G1, added, finished, folded, folded_as_is, group, retrying, started
from wfkit.core.events import AnyEvent, NodesDecided, NodeStopping, NodeWaiting, Verdict, WorkersSilent
from wfkit.core.reducer import fold
from wfkit.core.snapshot import snapshot
from wfkit.core.stalls import reason_now, stall_reason, stalled_count, stalled_in, why_stalled
from wfkit.core.view import RunView

RUNNING: list[AnyEvent] = [
    added(group(0, 4), group(1, 2)),
    started(G0, 0, worker="w1"),
    started(G0, 1, worker="w2"),
    started(G0, 2, worker="w1"),
]


def silent(*workers: str, seq: int = 0) -> WorkersSilent:
    return WorkersSilent(seq=seq, workers=workers)


def stalled(view: RunView) -> list[int]:
    return list(stalled_in(view, view.groups[G0]))


def test_what_runs_on_a_worker_that_is_not_heard_of_is_stalled_until_it_is_heard_of() -> None:
    view = folded(*RUNNING, silent("w1"))
    assert (stalled(view), stalled_count(view)) == ([0, 2], 2)
    assert why_stalled(view, view.groups[G0], 0).startswith("nothing is heard of its worker w1. It is frozen")
    assert why_stalled(view, view.groups[G0], 1) == "", "its worker is heard of"
    assert why_stalled(view, view.groups[G0], 3) == "", "it has not begun"
    fold(view, [silent(seq=9)])
    assert (stalled(view), stalled_count(view), why_stalled(view, view.groups[G0], 0)) == ([], 0, "")


@pytest.mark.parametrize(
    "event",
    [
        finished(G0, index=0, seq=9),
        retrying(G0, 0, seq=9),
        NodeWaiting(seq=9, group=G0, index=0, attempt=1, children=()),
        started(G0, 0, attempt=2, seq=9, worker="w2"),
    ],
    ids=lambda event: event.tag,
)
def test_what_runs_there_no_more_is_not_stalled(event: AnyEvent) -> None:
    view = folded(*RUNNING, silent("w1"))
    fold(view, [event])
    assert stalled(view) == [2]


def test_only_groups_with_nodes_that_run_change_and_only_by_news() -> None:
    view = folded(*RUNNING)
    before, idle = view.version, view.groups[G1].changed
    fold(view, [silent("w1", seq=9)])
    assert view.groups[G0].changed == view.version == before + 1
    assert view.groups[G1].changed == idle
    fold(view, [silent("w1", seq=10)])
    assert view.version == before + 1


def test_the_last_word_on_who_is_not_heard_of_holds_in_any_order() -> None:
    events = [silent("w1", seq=7), silent("w1", "w2", seq=8), silent("w2", seq=9)]
    for order in itertools.permutations(events):
        numbered = [replace(event, seq=seq) for seq, event in enumerate(RUNNING, start=1)]
        view = folded_as_is([*numbered[:2], *order, *numbered[2:]])
        assert stalled(view) == [1]
        assert snapshot(view)["silent"] == ["w2"]


def test_a_stall_is_the_reason_unless_the_node_is_told_to_stop_and_before_what_a_rerun_decided() -> None:
    verdict = NodesDecided(group=G0, verdicts=(Verdict((0, 4), reused=False, reason="failed before"),))
    stopping = NodeStopping(group=G0, index=2, attempt=1, worker="w1")
    view = folded(*RUNNING, verdict, stopping, silent("w1"))
    reasons = [reason_now(view, view.groups[G0], index) for index in range(3)]
    assert reasons[0] == stall_reason(view, view.groups[G0], 0)
    assert reasons[0].startswith("stalled: nothing is heard of its worker w1")
    assert reasons[1:] == ["failed before", "cancelling, still running on w1"]
