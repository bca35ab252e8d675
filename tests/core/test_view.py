"""The view: columns, names and counts."""

from __future__ import annotations

from dataclasses import replace
from math import isnan

import pytest

from tests.core.histories import G0, added, finished, folded, group
from wfkit.core.states import CODES, STATES, RunState, TaskState
from wfkit.core.view import GroupView, RunView


def test_a_new_view_is_pending_and_empty() -> None:
    view = RunView()
    assert view.state is RunState.PENDING
    assert view.counts() == [0] * len(STATES)
    assert view.ordered() == []


def test_a_new_group_holds_pending_nodes_that_nothing_is_known_of() -> None:
    columns = GroupView(group(0, 3))
    assert len(columns) == 3
    assert [columns.state(index) for index in range(3)] == [TaskState.PENDING] * 3
    assert columns.counts[CODES[TaskState.PENDING]] == 3
    assert list(columns.worker_of) == [-1] * 3
    assert all(isnan(seconds) for seconds in (*columns.started_s, *columns.ended_s, *columns.wall_s))


def test_a_group_grows_and_never_shrinks() -> None:
    columns = GroupView(group(0, None))
    assert len(columns) == 0
    columns.grow(4)
    columns.grow(2)
    assert len(columns) == 4
    assert columns.counts == [4, *[0] * (len(STATES) - 1)]
    assert {len(columns.progress), len(columns.end_seqs), len(columns.attempts), len(columns.result_bytes)} == {4}


def test_groups_come_in_order_of_creation() -> None:
    view = folded(added(group(2)), added(group(0), group(1)))
    assert [columns.spec.id for columns in view.ordered()] == ["g0", "g1", "g2"]


def test_counts_are_of_tasks_alone() -> None:
    view = folded(added(group(0, 2), group(1, 5, kind="flow"), group(2, 7, kind="flatten")), finished(G0))
    counts = view.counts()
    assert sum(counts) == 2
    assert counts[CODES[TaskState.COMPLETED]] == 1


@pytest.fixture
def named() -> RunView:
    return folded(
        added(
            group(0, 1, name="load", mapped=False),
            group(1, 3, name="clean"),
            group(2, 12, name="clean#2"),
            group(3, 1, name="odd[1]", mapped=False),
            replace(group(4, 7, name="word"), parts=((3, 2), (0, 0), (1, 4))),
        )
    )


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("load", ("g0", 0)),
        ("clean", ("g1", None)),
        ("clean[2]", ("g1", 2)),
        ("clean#2", ("g2", None)),
        ("clean#2[11]", ("g2", 11)),
        ("odd[1]", ("g3", 0)),
        ("word[3.1]", ("g4", 1)),
        ("word[1.0]", ("g4", 2)),
        ("word[1.3]", ("g4", 5)),
        ("word[6]", ("g4", 6)),
    ],
)
def test_a_name_finds_its_node_or_map(named: RunView, name: str, found: tuple[str, int | None]) -> None:
    columns, index = named.by_name(name)
    assert (columns.spec.id, index) == found
    assert index is None or columns.name(index) == name


@pytest.mark.parametrize(
    "name",
    [
        *("", "Clean", "clean[3]", "clean[-1]", "clean[02]", "clean[]", "clean[2", "load[0]", "["),
        *("clean[0.1]", "clean[.1]", "clean[1.]", "clean[\u00b2]"),
        *("word[0]", "word[7]", "word[0.0]", "word[1.4]", "word[1.03]", "word[2.0]", "word[1.-1]", "word[3.1.0]"),
    ],
)
def test_a_name_that_is_nobodys_is_a_key_error(named: RunView, name: str) -> None:
    with pytest.raises(KeyError):
        named.by_name(name)
