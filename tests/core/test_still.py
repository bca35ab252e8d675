"""A still view is the view of its moment, whatever is told afterwards."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.core.histories import any_record, folded_as_is
from wfkit.core.reducer import fold
from wfkit.core.snapshot import snapshot
from wfkit.core.still import still
from wfkit.core.view import RunView


def told(view: RunView) -> str:
    """All that a view tells, without logs."""
    plain: Any = snapshot(view)
    del plain["body_log"]
    for group in plain["groups"]:
        for node in group["nodes"]:
            node.pop("logs", None)
    return json.dumps([plain, view.workers, view.counts(), sorted(view.names.items())])


@given(any_record, st.integers(0, 40))
def test_what_is_told_later_does_not_change_it(record: Any, at: int) -> None:
    view = folded_as_is(record[:at])
    taken = still(view)
    before = told(taken)
    assert before == told(view)
    fold(view, record[at:])
    assert told(taken) == before


@given(any_record)
def test_it_has_no_logs(record: Any) -> None:
    taken = still(folded_as_is(record))
    assert (taken.logged, taken.body_logs) == ([], {})
    assert not any(group.logs for group in taken.groups.values())
