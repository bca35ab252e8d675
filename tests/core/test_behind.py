"""Behind: calls in the order in which one can decide about them."""

from __future__ import annotations

from tests.core.repeats import call, over, recorded, whole
from wfkit.core.behind import behind_inputs, earlier_calls


def test_a_map_over_what_a_task_has_called_later_comes_behind_that_and_all_else_as_its_body_made_it() -> None:
    past = recorded(
        call("g1", "spread"),
        call("g2", "use", length=2, uses=[over("g1.0/2")]),
        call("g3", "total", uses=[whole("g2")]),
        call("g1.0/1", "probe"),
        call("g1.0/2", "part", length=2, looks=[("g1.0/1", 0)]),
    )
    earlier = earlier_calls(past)
    assert earlier == {"g1": set(), "g2": {"g1"}, "g3": {"g2"}, "g1.0/1": {"g1"}, "g1.0/2": {"g1", "g1.0/1"}}
    assert [*behind_inputs(past, earlier)] == ["g1", "g1.0/1", "g1.0/2", "g2", "g3"]
