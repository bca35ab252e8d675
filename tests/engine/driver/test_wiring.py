"""Which nodes a node waits for, and which wait for it."""

from __future__ import annotations

from tests.engine.driver.groups import SOURCE, each, every, group_of, one, single, whole
from wfkit.core.ids import GroupId
from wfkit.engine.driver.group import ENDED, SENT, Group
from wfkit.engine.driver.wiring import Wiring

A, B = GroupId("a"), GroupId("b")


def _wired(*groups: Group) -> Wiring:
    known = {group.spec.id: group for group in groups}
    wiring = Wiring(known, SOURCE)
    for group in groups:
        group.grow(group.length or 0)
        if isinstance(group.slots, tuple):
            wiring.connect(group)
        else:
            wiring.connect_waits(group)
            for index in range(len(group.status)):
                wiring.connect_node(group, index)
    return wiring


def _users(wiring: Wiring, name: str, index: int) -> list[tuple[str, int]]:
    return sorted((str(group.spec.id), at) for group, at in wiring.users((GroupId(name), index)))


def test_users_are_found_by_how_they_use_a_node() -> None:
    wiring = _wired(
        group_of("a", 3, mapped=True),
        group_of("b", 3, mapped=True, slots=(each("a"),)),
        group_of("all", slots=(every("a"),)),
        group_of("one", slots=(single("a", 1),)),
        group_of("later", wait_for=(whole("a"),)),
        group_of("own", 2, mapped=True, slots=[(single("a", 2),), (single("a", 1), every("b"))]),
    )
    assert _users(wiring, "a", 0) == [("all", 0), ("b", 0), ("later", 0)]
    assert _users(wiring, "a", 1) == [("all", 0), ("b", 1), ("later", 0), ("one", 0), ("own", 1)]
    assert _users(wiring, "b", 2) == [("own", 1)]
    assert _users(wiring, "own", 0) == []


def test_every_element_of_a_map_uses_what_is_passed_whole() -> None:
    wiring = _wired(group_of("a"), group_of("b", 2, mapped=True, slots=(single("a"),)))
    assert _users(wiring, "a", 0) == [("b", 0), ("b", 1)]


def test_an_element_that_does_not_exist_yet_is_no_user() -> None:
    wiring = _wired(group_of("a", 3, mapped=True), group_of("b", 1, mapped=True, slots=(each("a"),)))
    assert _users(wiring, "a", 2) == []


def test_the_first_input_that_lags_behind_is_told() -> None:
    first, user = group_of("a", 3, mapped=True), group_of("b", 3, mapped=True, slots=(each("a"),))
    reduce = group_of("c", slots=(every("a"),), wait_for=(one("b", 1),))
    wiring = _wired(first, user, reduce)
    assert wiring.first_open(user, 1, SENT) == (A, 1)
    first.status[1] = SENT
    assert wiring.first_open(user, 1, SENT) is None
    assert wiring.first_open(user, 1, ENDED) == (A, 1)
    assert wiring.first_open(reduce, 0, SENT) == (A, 0)
    first.status[:] = bytes([SENT, ENDED, SENT])
    assert wiring.first_open(reduce, 0, SENT) == (B, 1)
    user.status[1] = SENT
    assert wiring.first_open(reduce, 0, SENT) is None
    assert wiring.first_open(reduce, 0, ENDED) == (A, 0)
