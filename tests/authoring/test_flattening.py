"""Flattening: handles become one mapped handle, plain lists one list, and all else is told."""

from __future__ import annotations

from typing import Any

import pytest

from tests.authoring.conftest import Recording
from wfkit import allow_failure, flatten, unmapped
from wfkit.errors import HandleMisuse, NotInFlow, NotMappable


def test_a_handle_gives_a_mapped_handle_at_once(body: Recording) -> None:
    for handle in (body.handle("lists"), body.mapped_handle("load", 3), body.mapped_handle("far")):
        flat = flatten(handle)
        assert (flat.name, flat._mapped, flat._known_length()) == (f"flat {handle.name}", True, None)
        assert body.flattened[-1] is handle


def test_what_is_flat_can_be_flattened_again(body: Recording) -> None:
    assert flatten(flatten(body.handle("deep"))).name == "flat flat deep"


def test_a_task_body_flattens_too(in_task: Recording) -> None:
    assert flatten(in_task.handle()).name == "flat load"


def test_plain_lists_are_chained_anywhere() -> None:
    assert flatten([[1, 2], [], [3]]) == [1, 2, 3]
    assert flatten([]) == []
    mixed: Any = ((1,), range(2))
    assert flatten(mixed) == [1, 0, 1]


def test_a_handle_outside_of_flows_is_refused(recording: Recording) -> None:
    with pytest.raises(NotInFlow, match=r"`flatten\(\)` was used outside any flow.*or flatten the lists themselves"):
        flatten(recording.handle())


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("ab", "the str 'ab'"),
        (3, "the int 3"),
        (None, "the NoneType None"),
        ({"a": [1]}, "the dict {'a': .1.}"),
        ([1], "item 0 is the int 1"),
        ([[1], "ab"], "item 1 is the str 'ab'"),
        ([{1}], "item 0 is the set {1}"),
    ],
)
def test_what_is_no_list_of_lists_is_refused(given: Any, told: str) -> None:
    with pytest.raises(NotMappable, match=rf"flatten\(\) got .*{told}.*It takes a list of lists"):
        flatten(given)


def test_handles_in_a_list_and_wrappers_around_one_are_refused(recording: Recording) -> None:
    handle: Any = recording.handle()
    with pytest.raises(HandleMisuse, match=r"a list with the handle `load` in it\. Flatten one handle"):
        flatten([[1], handle])
    wrapped: Any
    for wrapped in (unmapped(handle), allow_failure(handle)):
        with pytest.raises(HandleMisuse, match=rf"flatten\(\) got {type(wrapped).__name__}\(\.\.\.\)"):
            flatten(wrapped)
