"""Nodes get their numbers from what they depend on, and from who made them."""

from __future__ import annotations

from tests.engine.driver.groups import SOURCE, each, every, group_of, one, single, whole
from wfkit.authoring.freeze import OWN_INDEX, Constant, Frozen, Slot, Use
from wfkit.authoring.handle import Handle, Ref
from wfkit.authoring.options import TaskOptions
from wfkit.core.events import How
from wfkit.core.ids import GroupId
from wfkit.engine.driver.group import Group
from wfkit.engine.driver.numbering import Numbering
from wfkit.engine.driver.order import position


class _Run:
    """Numbers groups as a run does."""

    def __init__(self) -> None:
        self.groups: dict[GroupId, Group] = {}
        self.numbering = Numbering(self.groups, SOURCE)

    def add(self, group: Group, length: int | None = None) -> list[int]:
        """Number a group; gives the places of its nodes."""
        self.groups[group.spec.id] = group
        if group.spec.parent is not None:
            self.numbering.inside(group.spec.id, group.spec.parent)
        self.numbering.number(group, (group.length or 0) if length is None else length)
        return [position(number)[0] for number in group.numbers]


def test_single_calls_of_a_body_stand_one_behind_the_other() -> None:
    run = _Run()
    assert [run.add(group_of(name)) for name in ("a", "b", "c")] == [[0], [1], [2]]


def test_stages_of_a_map_stay_at_the_places_of_its_elements() -> None:
    run = _Run()
    run.add(group_of("a", 4, mapped=True))
    assert run.add(group_of("b", 4, mapped=True, slots=(each("a"),))) == [0, 1, 2, 3]
    assert run.add(group_of("c", slots=(every("b"),))) == [3]
    assert run.add(group_of("d", slots=(single("b", 1),))) == [1]
    assert run.groups[GroupId("d")].numbers[0] < run.groups[GroupId("b")].numbers[1]


def test_what_is_only_waited_for_counts_like_an_input() -> None:
    run = _Run()
    run.add(group_of("a", 4, mapped=True))
    assert run.add(group_of("b", wait_for=(whole("a"),))) == [3]
    assert run.add(group_of("c", wait_for=(one("a", 2),))) == [2]


def test_elements_with_inputs_of_their_own_stand_where_these_do() -> None:
    run = _Run()
    run.add(group_of("a", 5, mapped=True))
    assert run.add(group_of("b", 2, mapped=True, slots=[(single("a", 4),), (single("a", 1),)])) == [4, 1]


def test_items_of_one_value_share_its_place_in_their_order() -> None:
    run = _Run()
    run.add(group_of("a"))
    run.add(group_of("lists", 3, mapped=True))
    slots = [(single("lists", 1, items=(item,)),) for item in (0, 1, 2)]
    assert run.add(group_of("b", 3, mapped=True, slots=slots)) == [1, 1, 1]
    found = run.groups[GroupId("b")].numbers
    assert list(found) == sorted(set(found))
    shared = Slot(one("a"), How.ONE, Use((OWN_INDEX,)))
    assert run.add(group_of("c", 3, mapped=True, slots=(shared,))) == [0, 0, 0]


def test_a_map_that_grows_keeps_the_numbers_that_it_has() -> None:
    run = _Run()
    run.add(group_of("lists", 3, mapped=True))
    group = group_of("b", 2, mapped=True, slots=[(single("lists", 2),), (single("lists", 2),)])
    run.add(group)
    before = list(group.numbers)
    group.slots = [*group.slots, (single("lists", 0),)]
    assert run.add(group, 3) == [2, 2, 0]
    assert list(group.numbers)[:2] == before


def test_spawned_children_stay_at_the_place_of_their_parent_and_go_first() -> None:
    run = _Run()
    run.add(group_of("g1", 4, mapped=True))
    assert run.add(group_of("g1.2/1", 3, mapped=True, parent="g1")) == [2, 2, 2]
    assert run.add(group_of("g1.2/1.0/1", parent="g1.2/1")) == [2]
    parent, child, grandchild = (run.groups[GroupId(name)].numbers for name in ("g1", "g1.2/1", "g1.2/1.0/1"))
    assert grandchild[0] < child[0] < parent[2]


def test_each_branch_of_a_mapped_flow_is_a_place() -> None:
    run = _Run()
    for branch in range(3):
        run.numbering.branch(GroupId(f"f{branch}"), branch, None)
    assert run.add(group_of("a", parent="f1")) == [1]
    assert run.add(group_of("b", 2, mapped=True, parent="f2")) == [2, 2]
    run.numbering.branch(GroupId("inner"), 5, GroupId("f1"))
    assert run.add(group_of("c", parent="inner")) == [1], "a branch within a branch is part of it"


def test_calls_without_any_input_in_the_same_branch_do_not_push_it_back() -> None:
    run = _Run()
    run.numbering.branch(GroupId("f0"), 0, None)
    assert [run.add(group_of(name, parent="f0")) for name in ("a", "b")] == [[0], [0]]


def test_consumers_inherit_the_priority_of_what_they_use() -> None:
    run = _Run()
    run.add(group_of("a", options=TaskOptions(priority=5)))
    run.add(group_of("b", slots=(single("a"),)))
    run.add(group_of("c", slots=(single("b"),), options=TaskOptions(priority=9)))
    run.add(group_of("d", options=TaskOptions(priority=-2)))
    assert [run.groups[GroupId(name)].priority for name in "abcd"] == [5, 5, 9, -2]


def test_handles_of_other_runs_and_constants_give_no_place() -> None:
    run = _Run()
    foreign = Handle(object(), Ref(GroupId("a"), None), mapped=True)  # type: ignore[arg-type]
    run.add(group_of("a", 9, mapped=True))
    slots = (Slot(foreign, How.EACH, Use()), Slot(Constant("k", Frozen(b"", ())), How.ONE, Use()))
    assert run.add(group_of("b", 2, mapped=True, slots=slots)) == [0, 1]
