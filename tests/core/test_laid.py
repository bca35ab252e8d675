"""Laid: several records as one view; calls that only the older ones have come last, under names of their own."""

from __future__ import annotations

from tests.core.repeats import call, each, one, over, plain, recorded, whole
from tests.core.test_layers import layers
from wfkit.core.ids import GroupId
from wfkit.core.laid import laid_over


def test_one_record_is_looked_at_as_it_is() -> None:
    view = recorded(call("g1", "load"))
    assert laid_over(layers(view)) is view


def test_calls_that_only_the_older_record_has_come_behind_and_go_on_from_those_of_the_newer() -> None:
    extra, load = call("g1", "extra"), call("g2", "load", each("x", range(2)), length=2)
    older = recorded(
        call("g1", "load", each("x", range(2)), length=2),
        call("g2", "clean", length=2, uses=[over("g1")]),
        call("g3", "report", uses=[whole("g2")], looks=[("g1", -1)]),
    )
    groups = laid_over(layers(recorded(extra, load), older)).ordered()
    assert [(group.spec.id, group.spec.task) for group in groups] == [
        ("g1", "extra"),
        ("g2", "load"),
        ("1~g2", "clean"),
        ("1~g3", "report"),
    ]
    assert groups[2].spec.edges == (over("g2"),)
    assert (groups[3].spec.uses, groups[3].spec.looks) == ((whole("1~g2"),), (("g2", -1),))
    assert [len(group) for group in groups] == [1, 2, 2, 1]
    assert [group.spec.id for group in older.ordered()] == ["g1", "g2", "g3"]


def test_children_of_the_older_record_stand_below_the_node_that_is_their_parent_now() -> None:
    older = recorded(
        call("g1", "spawn", each("x", "ab"), length=2),
        call("g1.1/1", "part", plain("x", 1)),
        call("g1.1/1.0/1", "deep"),
        call("g2", "lone"),
        call("g2.0/1", "part", uses=[one("g1")]),
    )
    newer = recorded(call("g3", "spawn", each("x", "b"), length=1))
    view = laid_over(layers(newer, older))
    assert [*view.groups] == ["g3", "g3.0/1~1", "g3.0/1~1.0/1~1", "1~g2", "1~g2.0/1~1"]


def test_calls_of_three_records_are_each_there_once() -> None:
    calls = [call("g1", "load"), call("g2", "clean", uses=[whole("g1")]), call("g3", "report", uses=[whole("g2")])]
    view = laid_over(layers(recorded(calls[0]), recorded(*calls[:2]), recorded(*calls)))
    assert [*view.groups] == ["g1", "1~g2", "2~g3"]
    assert view.groups[next(reversed(view.groups))].spec.uses == (whole("1~g2"),)


def test_a_map_goes_over_what_a_task_has_called_later_also_where_only_the_older_record_has_both() -> None:
    older = recorded(
        call("g1", "spread"),
        call("g2", "use", length=2, uses=[over("g1.0/1")]),
        call("g3", "total", uses=[whole("g2")]),
        call("g1.0/1", "part", length=2),
    )
    groups = laid_over(layers(recorded(), older)).groups
    assert groups[GroupId("1~g2")].spec.edges == (over("1~g1.0/1~1"),)
    assert [*groups] == ["1~g1", "1~g2", "1~g3", "1~g1.0/1~1"]
