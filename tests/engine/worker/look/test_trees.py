"""Collections and records become trees, without any code of what is in them."""

from __future__ import annotations

import datetime as dt
import enum
import json
import threading
from collections import OrderedDict, defaultdict, deque
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, NamedTuple, NoReturn

import pytest

from wfkit.engine.worker.look.form import MOST_BYTES, Fields
from wfkit.engine.worker.look.trees import scalar_look, tree_look


class Trap:
    """Any code of it is a failure of the test."""

    def __repr__(self) -> NoReturn:
        raise AssertionError("repr")

    __str__ = __hash__ = __eq__ = __len__ = __iter__ = __bool__ = __repr__  # type: ignore[assignment]

    def __getattr__(self, name: str) -> NoReturn:
        raise AssertionError(name)


@dataclass
class Point:
    x: int
    inner: Any = field(default=None, repr=False)

    @property
    def trap(self) -> NoReturn:
        raise AssertionError("a property")

    def __getattribute__(self, name: str) -> NoReturn:
        raise AssertionError(name)


@dataclass(slots=True)
class Slotted:
    name: str
    size: int


class Pair(NamedTuple):
    left: object
    right: object


class Color(enum.Enum):
    RED = "red"


def root(value: object) -> Any:
    look = tree_look(value)
    assert look is not None
    return look.fields["root"]


def shown(node: Fields) -> object:
    """A tree as nested pairs."""
    items: Any = node.get("items")
    return node["text"] if items is None else {item["key"]: shown(item) for item in items}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": 1, "b": [True, None]}, {"a": "1", "b": {"0": "True", "1": "None"}}),
        (OrderedDict(x=1), {"x": "1"}),
        (defaultdict(list, x=[1]), {"x": {"0": "1"}}),
        (deque([1, 2]), {"0": "1", "1": "2"}),
        ({(1, 2): "t"}, {"(1, 2)": "t"}),
        (frozenset({3}), {"0": "3"}),
        (Slotted("n", 2), {"name": "n", "size": "2"}),
        (Pair(1, (2,)), {"left": "1", "right": {"0": "2"}}),
        (SimpleNamespace(a=1), {"a": "1"}),
        ({"password": ["hunter2"], "user": "me"}, {"password": "***", "user": "me"}),
    ],
)
def test_what_it_is_made_of_is_shown(value: object, expected: object) -> None:
    assert shown(root(value)) == expected


def test_what_has_code_of_its_own_is_named_by_its_type() -> None:
    assert shown(root([Trap(), Color.RED])) == {"0": "<Trap>", "1": "<Color>"}


def test_what_is_no_collection_is_no_tree() -> None:
    for value in (1, "text", b"", Trap(), Trap, None):
        assert tree_look(value) is None


def test_a_record_is_read_without_its_properties_and_without_its_own_way_to_be_read() -> None:
    assert shown(root(Point(1, {"k": 2}))) == {"x": "1", "inner": {"k": "2"}}


def test_classes_made_of_collections_are_not_taken_apart() -> None:
    class Mine(dict[str, int]):
        def items(self) -> NoReturn:
            raise AssertionError("items")

    assert tree_look(Mine(a=1)) is None


def test_large_trees_tell_how_much_they_leave_out_and_stay_small() -> None:
    value = {f"key {number}": ["深" * 500] * 1_000 for number in range(10_000)}
    look = tree_look(value)
    assert look is not None
    tree = root(value)
    assert tree["length"] == 10_000
    assert tree["items"][0]["length"] == 1_000
    assert 0 < len(tree["items"][0]["items"]) < 100
    assert len(json.dumps(look.fields, ensure_ascii=False).encode()) < MOST_BYTES


def test_what_contains_itself_ends_somewhere() -> None:
    endless: list[object] = []
    endless.append(endless)
    json.dumps(root(endless))


def test_a_tree_that_changes_meanwhile_raises_at_most() -> None:
    value: dict[int, int] = dict.fromkeys(range(1_000), 0)
    stop = threading.Event()

    def change() -> None:
        number = 1_000
        while not stop.is_set():
            value[number] = value.pop(number - 1_000)
            number += 1

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(50):
            try:
                root(value)
            except RuntimeError as error:
                assert "changed" in str(error)  # noqa: PT017 - it need not raise
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3, "3"),
        (2.5, "2.5"),
        (None, "None"),
        (dt.date(2024, 1, 2), "datetime.date(2024, 1, 2)"),
        (Color.RED, "Color.RED"),
    ],
)
def test_a_scalar_is_one_line(value: object, text: str) -> None:
    look = scalar_look(value)
    assert look is not None
    assert look.fields["head"] == text


def test_what_has_code_of_its_own_is_no_scalar() -> None:
    assert scalar_look(Trap()) is None
    assert scalar_look(object()) is None
