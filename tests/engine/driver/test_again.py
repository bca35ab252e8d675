"""Runs are repeated by whoever was provided for that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from wfkit import task
from wfkit.engine.driver import again
from wfkit.engine.driver.run import Run


class Noting:
    """Notes what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def rerun(self, run: Run, what: Any, replace: Any) -> str:
        self.asked.append(("rerun", run, [*what], dict(replace)))
        return "another run"

    def plan(self, run: Run, what: Any, replace: Any) -> str:
        self.asked.append(("plan", run, [*what], dict(replace)))
        return "a plan"

    def changes(self, run: Run) -> dict[str, str]:
        return {run.view_model.groups[group].spec.code: "body changed" for group in run.view_model.groups}


@task
def one() -> int:
    return 1


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Noting:
    noting = Noting()
    monkeypatch.setattr(again, "_RERUNNER", [])
    again.provide_rerunner(lambda: noting)  # type: ignore[arg-type, return-value]
    return noting


def test_rerun_plan_and_dry_run_are_handed_on(asked: Noting, run_of: Callable[..., Run]) -> None:
    run: Any = run_of(one)
    assert run.rerun("changed", replace={"one": 2}) == "another run"
    assert run.plan("one") == run.rerun("one", dry_run=True) == "a plan"
    assert asked.asked == [
        ("rerun", run, ["changed"], {"one": 2}),
        ("plan", run, ["one"], {}),
        ("plan", run, ["one"], {}),
    ]


def test_a_handle_asks_for_itself(asked: Noting, run_of: Callable[..., Run]) -> None:
    run: Any = run_of(one)
    handle = run.node("one")
    assert handle.rerun() == "another run"
    assert asked.asked == [("rerun", run, [handle], {})]


def test_what_has_changed_since_is_seen_in_the_table(asked: Noting, run_of: Callable[..., Run]) -> None:
    (row,) = run_of(one).nodes
    assert (row.state.value, row.stale) == ("COMPLETED", "body changed")
