"""Parameters: bound, checked and coerced by their annotations; each error names the parameter and the value."""

from __future__ import annotations

import dataclasses
import datetime as dt
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, Optional

import pandas as pd
import pydantic
import pytest

from tests.authoring.conftest import Recording
from wfkit import Flow, flow
from wfkit.authoring.parameters import preview_parameters, short
from wfkit.authoring.secrets import Secret
from wfkit.errors import BadParameter


class Config(pydantic.BaseModel):
    n: int
    tags: list[str] = []


@dataclasses.dataclass
class Window:
    start: dt.date
    days: int = 7


class Plain:
    """A class that pydantic does not know."""


class Colour(Enum):
    RED = "red"


def flow_of(hint: object, default: object = ...) -> Flow[..., Any]:
    def etl(x: Any) -> Any: ...

    etl.__annotations__ = {"x": hint}
    if default is not ...:
        etl.__defaults__ = (default,)
    return flow(etl)


@pytest.mark.parametrize(
    ("hint", "given", "taken"),
    [
        (int, "10", 10),
        ("int", "10", 10),
        (float, "1.5", 1.5),
        (bool, "yes", True),
        (str, "a", "a"),
        (dt.date, "2013-01-31", dt.date(2013, 1, 31)),
        (dt.datetime, "2013-01-31T12:00", dt.datetime(2013, 1, 31, 12)),  # noqa: DTZ001 - as it is given
        (Decimal, "1.10", Decimal("1.10")),
        (Path, "a/b", Path("a/b")),
        (Colour, "red", Colour.RED),
        (Literal["a", "b"], "a", "a"),
        (Optional[int], None, None),  # noqa: UP045 - people write it
        ("int | None", "3", 3),
        (list[int], ["1", 2], [1, 2]),
        (dict[str, int], {"a": "1"}, {"a": 1}),
        (Config, {"n": "3"}, Config(n=3)),
        (Config, Config(n=1), Config(n=1)),
        (Window, {"start": "2013-01-31"}, Window(dt.date(2013, 1, 31))),
        (Annotated[int, pydantic.Field(gt=0)], "5", 5),
        ("Annotated[int, pydantic.Field(gt=0)]", "5", 5),
        (Any, "x", "x"),
        (object, "x", "x"),
        ("NotDefinedAnywhere", "x", "x"),
        ("1 +", "x", "x"),
    ],
)
def test_a_value_is_coerced_by_its_annotation(hint: object, given: object, taken: object) -> None:
    assert flow_of(hint).parameters(given) == {"x": taken}


@pytest.mark.parametrize(
    ("hint", "given", "told"),
    [
        (int, "ten", r"`x` of the flow `etl` got 'ten': Input should be a valid integer.* It is declared as `int`\."),
        ("int", 1.5, r"`x` of the flow `etl` got 1\.5: .*integer"),
        (int, None, "got None"),
        (str, 3, "got 3: Input should be a valid string. It is declared as `str`"),
        (dt.date, "2013-13-01", r"got '2013-13-01': .*It is declared as `datetime\.date`"),
        (Literal["a", "b"], "c", "got 'c': Input should be 'a' or 'b'"),
        (Colour, "blue", "got 'blue': Input should be 'red'"),
        (Annotated[int, pydantic.Field(gt=0)], -1, "got -1: Input should be greater than 0"),
        (list[int], [1, "a", "b"], r"`x\[1\]` of the flow `etl` got 'a'.*declared as `list\[int\]`\. \(1 more like"),
        (dict[str, int], {"k": "v"}, r"`x\.k` of the flow `etl` got 'v'"),
        (Config, {"n": "many"}, r"`x\.n` of the flow `etl` got 'many'"),
        (Config, {}, r"`x\.n` of the flow `etl` got \{\}: Field required"),
        (Window, {"start": "soon"}, r"`x\.start`"),
        (Plain, 3, "got 3: Input should be an instance of Plain"),
        (pd.DataFrame, [1], r"got \[1\]: Input should be an instance of DataFrame"),
    ],
)
def test_a_value_that_does_not_validate_is_named_with_what_is_allowed(hint: object, given: object, told: str) -> None:
    with pytest.raises(BadParameter, match=told):
        flow_of(hint).parameters(given)


def test_defaults_are_filled_in_and_not_checked() -> None:
    assert flow_of(int, None).parameters() == {"x": None}
    assert flow_of(int, "7").parameters("8") == {"x": 8}


def test_an_instance_of_any_class_passes_as_it_is() -> None:
    plain, table = Plain(), pd.DataFrame({"a": [1]})
    assert flow_of(Plain).parameters(plain)["x"] is plain
    assert flow_of(pd.DataFrame).parameters(table)["x"] is table


def test_names_around_the_function_are_found_in_string_annotations() -> None:
    class Local(pydantic.BaseModel):
        n: int

    @flow
    def etl(x: Local, y: NotThere = 3, z: int = 1) -> Any:  # type: ignore[name-defined]  # noqa: F821 - on purpose
        return Local

    assert etl.parameters({"n": "1"}, "y", "2") == {"x": Local(n=1), "y": "y", "z": 2}


def test_many_arguments_are_checked_each() -> None:
    @flow
    def etl(a: int, /, *rest: int, key: str = "k", **more: float) -> Any: ...

    assert etl.parameters("1", "2", "3", other="1.5") == {"a": 1, "rest": (2, 3), "key": "k", "more": {"other": 1.5}}
    with pytest.raises(BadParameter, match=r"`rest\[1\]` of the flow `etl` got 'x'"):
        etl.parameters(1, 2, "x")
    with pytest.raises(BadParameter, match=r"`more\.other` of the flow `etl` got 'x'"):
        etl.parameters(1, other="x")


def test_checking_can_be_turned_off() -> None:
    @flow(validate_parameters=False)
    def etl(x: int) -> Any: ...

    assert etl.parameters("10") == {"x": "10"}
    with pytest.raises(BadParameter, match="missing a required argument"):
        etl.parameters()


def test_a_handle_passes_unchecked_since_its_value_is_not_known(recording: Recording) -> None:
    handle = recording.handle()
    assert flow_of(pd.DataFrame).parameters(handle) == {"x": handle}
    assert flow_of(list[int]).parameters([handle])["x"] == [handle]
    assert flow_of(Literal["a"]).parameters(handle) == {"x": handle}


class Broken:
    def __repr__(self) -> str:
        raise RuntimeError("no")


def test_previews_are_short_and_survive_anything() -> None:
    previews = dict(preview_parameters({"a": 1, "b": "x" * 500, "c": list(range(10**6)), "d": Broken()}))
    assert previews["a"] == "1"
    assert all(len(text) <= 60 for text in previews.values())
    assert previews["c"].startswith("[0, 1, 2")
    assert previews["d"].startswith("<Broken instance at")
    assert len(short(pd.DataFrame({"a": range(1000)}))) <= 60


CANARY = "canary-in-a-parameter/7f3a"


class Told:
    """Says what it holds, at length."""

    def __repr__(self) -> str:
        return f"Told({'.' * 20}{CANARY}{'.' * 100}{CANARY})"


def test_previews_show_no_secrets() -> None:
    secret = Secret(CANARY)
    given = {"s": secret, "text": CANARY, "many": [CANARY], "told": Told(), "password": "abc", "of": {"token": "abc"}}
    previews = dict(preview_parameters(given))
    assert (previews["s"], previews["text"], previews["many"]) == ("***", "'***'", "['***']")
    assert previews["told"] == f"Told({'.' * 20}***{'.' * 31}…"
    assert (previews["password"], previews["of"]) == ("***", "{'token': ***}")


@pytest.mark.parametrize("place", range(0, 90, 4))
def test_no_part_of_a_secret_is_left_where_a_preview_is_cut(place: int) -> None:
    Secret(CANARY)
    for after in (0, 10, 100):
        assert set(short("." * place + CANARY + "." * after)) <= set("'.*…")


def test_a_value_that_does_not_validate_is_not_shown_where_its_name_says_that_it_is_secret() -> None:
    @flow
    def etl(api_key: int) -> Any: ...

    with pytest.raises(BadParameter, match=r"`api_key` of the flow `etl` got \*\*\*: "):
        etl.parameters("abc")
