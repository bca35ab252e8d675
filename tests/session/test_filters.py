"""Filters of runs, by what people may give; the same whether a history is kept or not."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from wfkit import runs, task
from wfkit.authoring.flow import flow
from wfkit.errors import BadParameter
from wfkit.session.filters import filters_of
from wfkit.session.session import Session

NOTHING: dict[str, Any] = dict.fromkeys(("flow", "state", "since", "until", "text", "before"))


@task
def inc(x: Any) -> Any:
    return x + 1


@flow(tags={"nightly", "big"})
def etl() -> Any:
    return inc(1)


@flow
def other(x: int) -> Any:
    return inc(x)


@pytest.fixture(params=[True, False], ids=["history", "no history"])
def made(current: Session, request: pytest.FixtureRequest) -> list[Any]:
    """Three runs, the newest first."""
    if not request.param:
        current.keeper.history = None
    return [etl.run(), other.run(700_700_700), other.run(2)][::-1]


def test_runs_are_filtered_by_tags_time_text_and_page(made: list[Any]) -> None:
    newest, middle, oldest = made
    assert runs() == made
    assert runs(tags="nightly") == runs(tags=["big", "nightly"]) == [oldest]
    assert runs(tags="night") == runs(tags={"nightly", "other"}) == []
    assert runs(text="X=700700700") == runs(text=middle.id) == [middle]
    assert runs(before=newest) == runs(before=newest.id) == [middle, oldest]
    assert runs(before=middle, flow="other") == []
    assert runs(flow="other", state="COMPLETED", limit=1) == [newest]


@pytest.mark.parametrize("zone", [None, UTC], ids=["local", "aware"])
def test_runs_are_filtered_by_moments(made: list[Any], zone: Any) -> None:
    begun = datetime.fromtimestamp(made[2].view_model.started_s, tz=zone)
    before, after = begun - timedelta(minutes=1), begun + timedelta(minutes=1)
    assert runs(since=before) == runs(until=after) == runs(since=before.timestamp()) == made
    assert runs(since=after) == runs(until=before) == runs(until=before.timestamp()) == []


@pytest.mark.parametrize(
    ("name", "value", "takes"),
    [
        ("since", "2026-01-01", "a datetime, such as"),
        ("until", date(2026, 1, 1), "seconds since the epoch"),
        ("since", timedelta(days=1), "a datetime, such as"),
        ("since", float("nan"), "a datetime, such as"),
        ("until", True, "a datetime, such as"),
        ("tags", 5, "a tag, or a collection of tags"),
        ("tags", [5], "a tag, or a collection of tags"),
        ("before", "etl", "a run, or its id"),
        ("before", 5, "a run, or its id"),
        ("flow", etl, "the name of a flow"),
        ("text", 5, "a text that the id"),
        ("state", "ENDED", "one of PENDING"),
        ("limit", "a", "whole numbers from 1 to 500"),
    ],
)
def test_what_is_no_filter_is_refused_by_its_name_with_what_is_taken(name: str, value: Any, takes: str) -> None:
    with pytest.raises(BadParameter, match=rf"{name}=.* is not allowed\. It takes {takes}|{takes}"):
        filters_of(**{**NOTHING, "tags": (), "limit": 50, name: value})
