"""Again: runs are repeated by what the package's wiring provides."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from tests.engine.driver.repeating import load
from wfkit.authoring.handle import Handle
from wfkit.core.plan import Plan
from wfkit.engine.driver import again
from wfkit.engine.driver.reading import ReadableRun
from wfkit.engine.driver.run import Run
from wfkit.session.reruns import SessionRerunner


class Asked:
    """Keeps what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    def rerun(self, run: ReadableRun, what: Sequence[str | Handle], replace: Mapping[str, object]) -> Run:
        self.asked.append(("rerun", run, what, replace))
        return run  # type: ignore[return-value]  # any run

    def plan(self, run: ReadableRun, what: Sequence[str | Handle], replace: Mapping[str, object]) -> Plan:
        self.asked.append(("plan", run, what, replace))
        return Plan([])

    def changes(self, run: ReadableRun) -> Mapping[str, str]:
        return dict.fromkeys(run.view_model.codes, "it changed")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    rerunner = Asked()
    monkeypatch.setattr(again, "_RERUNNER", [lambda: rerunner])
    return rerunner


def test_the_package_provides_the_session() -> None:
    assert isinstance(again.rerunner(), SessionRerunner)


def test_a_run_passes_on_what_it_is_asked_for(run_of: Callable[..., Run], asked: Asked) -> None:
    run = run_of(lambda: {"x": load(1)})
    assert run.rerun("changed", run["x"], replace={"load": 2}) is run
    run.rerun(dry_run=True)
    run.plan("load")
    assert asked.asked == [
        ("rerun", run, ("changed", run["x"]), {"load": 2}),
        ("plan", run, (), {}),
        ("plan", run, ("load",), {}),
    ]


def test_a_handle_asks_for_itself(run_of: Callable[..., Run], asked: Asked) -> None:
    run = run_of(lambda: {"x": load(1)})
    run["x"].rerun()
    assert asked.asked == [("rerun", run, (run["x"],), {})]


@pytest.mark.usefixtures("asked")
def test_what_has_changed_since_is_shown_in_the_table(run_of: Callable[..., Run]) -> None:
    assert [row.stale for row in run_of(lambda: {"x": load(1)}).nodes] == ["it changed"]
