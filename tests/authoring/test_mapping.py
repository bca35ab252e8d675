"""Mapping: what a `.map()` goes over, and mistakes that are told at the call."""

from __future__ import annotations

import array
import inspect
import itertools
from collections import ChainMap, OrderedDict
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from tests.authoring.conftest import Recording
from wfkit import allow_failure, flow, task, unmapped
from wfkit.authoring.context import FlowBody, inside
from wfkit.authoring.mapping import Items, Mapped, Over, in_order, mapped_arguments, positional_names
from wfkit.errors import MapLengthMismatch, NotMappable, TooManyTasks


def mapped(*args: object, **kwargs: object) -> Mapped:
    def load(x: object, y: object = 0, *rest: object, key: object = 0, **more: object) -> None: ...

    return mapped_arguments("load", inspect.signature(load), args, kwargs, most=100)


@pytest.mark.parametrize(
    "items",
    [
        [1, 2],
        (1, 2),
        range(1, 3),
        iter([1, 2]),
        (x for x in (1, 2)),
        {"a": 1, "b": 2}.values(),
        np.array([1, 2]),
        pd.Series([1, 2], index=["a", "b"]),
        array.array("i", [1, 2]),
    ],
    ids=lambda items: type(items).__name__,
)
def test_whatever_has_items_in_order_is_mapped_over(items: object) -> None:
    found = mapped(items)
    assert found.length == 2
    assert [found.element(index) for index in range(2)] == [((1,), {}), ((2,), {})]
    assert not found.shared


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("abc", r"the characters of x='abc'\. Pass it whole with x=unmapped\(\.\.\.\), or give a list"),
        (b"abc", r"the bytes of x=b'abc'"),
        ({"a": 1}, r"the keys of the dict `x`.*map over list\(d\.items\(\)\)"),
        (OrderedDict(a=1), "the keys of the OrderedDict `x`"),
        (ChainMap({"a": 1}), "the keys of the ChainMap `x`"),
        ({1, 2}, r"the set `x` has no order\. Use sorted"),
        (frozenset({1}), "the frozenset `x` has no order"),
        (pd.DataFrame({"a": [1]}), r"the columns of the table `x` \(DataFrame\).*a list of its parts"),
        (3, r"got x=3, which has no items\. Pass it whole with x=unmapped"),
        (None, "got x=None, which has no items"),
        (np.array(3), "which has no items"),
        (print, "which has no items"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_mapping_over_one_value_by_mistake_is_refused(value: object, told: str) -> None:
    with pytest.raises(NotMappable, match=rf"`load\.map\(\)`.*{told}"):
        mapped(value)


@pytest.mark.parametrize("call", [mapped, lambda: mapped(unmapped([1])), lambda: mapped(key=unmapped(1))])
def test_mapping_over_nothing_is_refused(call: Callable[[], object]) -> None:
    with pytest.raises(NotMappable, match=r"`load\.map\(\)` got nothing to map over\. Give it a list, or call"):
        call()


@pytest.mark.timeout(5)
@pytest.mark.parametrize(
    "items",
    [
        itertools.count(),
        zip(itertools.count(), itertools.count(), strict=True),
        ([number] for number in itertools.count()),
        itertools.repeat([1, 2]),
        allow_failure(itertools.count()),
        range(10**15),
        [0] * 101,
    ],
    ids=["count", "zip", "lists", "repeat", "allow_failure", "range", "list"],
)
def test_more_items_than_a_run_may_have_tasks_are_refused_before_memory_goes(items: object) -> None:
    with pytest.raises(TooManyTasks, match=r"`load\.map\(\)` goes over more items than .*: 100\. Look for an iter"):
        mapped([1], items)


@pytest.mark.timeout(5)
def test_in_a_body_the_run_says_how_many_items_it_takes(recording: Recording) -> None:
    @task
    def one(x: object) -> object:
        return x

    @flow
    def branch(x: object) -> object:
        return one(x)

    @flow
    def etl() -> None:
        for endless in (
            lambda: one.map(itertools.count()),
            lambda: one.map([1], key=itertools.count()),  # type: ignore[arg-type]  # the point
            lambda: branch.map(itertools.count()),
        ):
            with pytest.raises(TooManyTasks, match="the run may still have tasks: 3"):
                endless()
        one.map(iter(range(3)))

    recording.room = 3
    with inside(FlowBody(recording, "etl")):
        etl()
    assert [call.mapped.length for call in recording.calls if call.mapped] == [3]


def test_an_empty_map_has_no_elements() -> None:
    assert mapped([]).length == 0


def test_lengths_that_differ_are_refused_with_each_argument_and_its_length() -> None:
    with pytest.raises(
        MapLengthMismatch,
        match=r"`load\.map\(\)` needs iterables of one length: `x` has 3, `y` has 3, `rest\[0\]` has 1, "
        r"`rest\[1\]` has 2, `key` has 4, `other` has 3\. Pass a value whole with unmapped",
    ):
        mapped(range(3), [1, 2, 3], [1], [1, 2], key=["ab", "cd"] * 2, other=(1, 2, 3))


def test_lengths_of_handles_count_where_they_are_known(recording: Recording) -> None:
    known, unknown, single = recording.mapped_handle("a", 2), recording.mapped_handle("b"), recording.handle("c")
    with pytest.raises(MapLengthMismatch, match="`x` has 2, `key` has 3"):
        mapped(known, unknown, key=[1, 2, 3])
    found = mapped(unknown, known, single)
    assert (found.length, found.overs) == (2, (unknown, known, single))
    assert found.shared
    assert mapped(unknown).length is None
    assert mapped(single).length is None
    assert mapped(recording.handle("d", n_outputs=3)).length == 3


def test_wrappers_decide_how_a_value_is_passed(recording: Recording) -> None:
    single, whole = recording.mapped_handle("a", 2), recording.handle("b")
    found = mapped(
        single,
        unmapped([1, 2, 3]),
        allow_failure(single),
        allow_failure([whole, whole]),
        unmapped(whole),
        allow_failure(unmapped(whole)),
        unmapped(allow_failure(whole)),
    )
    assert found.args == (
        Over(single),
        [1, 2, 3],
        Over(single, failure_allowed=True),
        Items([allow_failure(whole), allow_failure(whole)]),
        whole,
        allow_failure(whole),
        allow_failure(whole),
    )


def test_a_string_stays_refused_inside_allow_failure() -> None:
    with pytest.raises(NotMappable, match="characters of x='ab'"):
        mapped(allow_failure("ab"))


def test_keyword_arguments_come_in_the_order_of_the_parameters() -> None:
    def join(left: int, right: int, **rest: int) -> None: ...

    given = in_order(inspect.signature(join), {"z": 1, "right": 2, "a": 3, "left": 4})
    assert list(given.items()) == [("left", 4), ("right", 2), ("z", 1), ("a", 3)]


def test_positional_arguments_have_the_names_of_their_parameters() -> None:
    def rest(a: int, /, b: int, *more: int, c: int) -> None: ...

    def none(c: int) -> None: ...

    assert positional_names(inspect.signature(rest), 4) == ["a", "b", "more[0]", "more[1]"]
    assert positional_names(inspect.signature(none), 1) == ["c"]
    assert positional_names(inspect.signature(lambda *, k: k), 0) == []


@task
def pair(x: object, y: object = 0) -> tuple[object, object]:
    return x, y


@pytest.mark.usefixtures("cluster")
def test_maps_go_over_lists_handles_and_lists_of_handles() -> None:
    @task
    def numbers(n: int) -> list[int]:
        return list(range(n))

    @flow
    def etl() -> dict[str, object]:
        three = numbers(3)
        mapped_over_handle = pair.map(three, unmapped("z"))
        return {
            "empty": pair.map([]),
            "unknown length": mapped_over_handle,
            "of a map": pair.map(mapped_over_handle, y=range(3)),
            "of handles": pair.map([three, numbers(1)]),
        }

    assert etl() == {
        "empty": [],
        "unknown length": [(0, "z"), (1, "z"), (2, "z")],
        "of a map": [((0, "z"), 0), ((1, "z"), 1), ((2, "z"), 2)],
        "of handles": [([0, 1, 2], 0), ([0], 0)],
    }
