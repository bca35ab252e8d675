"""Which run a text means."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from wfkit.errors import NoSuchRun
from wfkit.session.naming import is_id, run_by_id, run_by_name


@pytest.fixture
def runs() -> list[Any]:
    """Two runs of one flow, made in the same second, and one of another."""
    made = [("r-01k7aa", "etl"), ("r-01k7ab", "etl"), ("r-02", "r")]
    return [SimpleNamespace(id=name, flow_name=flow) for name, flow in made]


def test_an_id_or_a_start_that_only_one_has_means_that_run(runs: list[Any]) -> None:
    assert run_by_id(runs, "r-01k7ab") is run_by_name(runs, "r-01k7ab") is runs[1]
    assert run_by_id(runs, "r-02") is runs[2]
    assert run_by_id(runs, "r-03") is None
    assert (is_id("r-01"), is_id("r"), is_id("etl")) == (True, False, False)


def test_a_start_that_several_have_is_refused_with_their_names(runs: list[Any]) -> None:
    for which in (run_by_id, run_by_name):
        with pytest.raises(NoSuchRun, match=r"2 runs of this session begin with 'r-01k': r-01k7aa, r-01k7ab\. Write"):
            which(runs, "r-01k")


def test_what_every_id_begins_with_means_none(runs: list[Any]) -> None:
    assert run_by_id(runs[:1], "r-") is run_by_id(runs[:1], "r") is run_by_id(runs[:1], "") is None


def test_a_flow_means_its_newest_run(runs: list[Any]) -> None:
    assert run_by_name(runs, "etl") is runs[1]
    assert run_by_name(runs, "r") is runs[2]
    with pytest.raises(NoSuchRun, match=r"no run 'x' in this session\. Flows that ran: r, etl\."):
        run_by_name(runs, "x")
