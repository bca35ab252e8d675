"""Who listens to a recorded run hears of what is new, from a thread that nobody has to end."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from wfkit.core.states import RunState
from wfkit.core.view import RunView
from wfkit.engine.driver import following
from wfkit.engine.driver.following import Follower
from wfkit.errors import HistoryUnusable, NoSuchRun, WfkitError

WAIT_S = 10


class Told:
    """A run whose record a test writes: each look finds the next state, or an error."""

    def __init__(self, *news: RunState | WfkitError) -> None:
        self.view_model = RunView()
        self.view_model.state = RunState.RUNNING
        self.news: Iterator[RunState | WfkitError] = iter(news)
        self.looks = 0
        self.may_look = threading.Event()
        self.may_look.set()

    @property
    def state(self) -> RunState:
        return self.view_model.state

    def refresh(self) -> None:
        assert self.may_look.wait(WAIT_S)
        self.looks += 1
        found = next(self.news, None)
        if isinstance(found, WfkitError):
            raise found
        if found is not None:
            self.view_model.state = found
            self.view_model.version += 1


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "_EVERY_S", 0.001)


def _joined(follower: Follower) -> None:
    thread = follower._thread
    if thread is not None:
        thread.join(WAIT_S)
    assert follower._thread is None


def test_changes_and_the_end_are_told_and_trouble_of_the_database_or_of_a_listener_is_survived() -> None:
    run = Told(RunState.PAUSED, HistoryUnusable("busy"), RunState.COMPLETED)
    run.may_look.clear()
    follower, heard, has_ended = Follower(run), list[RunState](), threading.Event()
    follower.subscribe(lambda: 1 / 0)  # type: ignore[arg-type]  # it fails
    follower.subscribe(lambda: heard.append(run.state))
    follower.when_ended(has_ended.set)
    run.may_look.set()
    assert has_ended.wait(WAIT_S)
    assert heard == [RunState.PAUSED, RunState.COMPLETED]
    _joined(follower)


def test_nobody_looks_once_nobody_listens() -> None:
    run, heard = Told(), threading.Event()
    follower = Follower(run)
    unsubscribe = follower.subscribe(heard.set)
    assert heard.wait(WAIT_S)
    unsubscribe()
    _joined(follower)
    looks = run.looks
    follower.tell()
    assert run.looks == looks


def test_a_run_that_was_deleted_is_given_up() -> None:
    run, has_ended = Told(NoSuchRun("gone")), threading.Event()
    follower = Follower(run)
    follower.when_ended(has_ended.set)
    assert has_ended.wait(WAIT_S)
    _joined(follower)


def test_of_a_run_that_has_ended_only_pins_are_told() -> None:
    run, heard = Told(), list[str]()
    run.view_model.state = RunState.FAILED
    follower = Follower(run)
    follower.subscribe(lambda: heard.append("told"))
    follower.when_ended(lambda: heard.append("ended"))
    follower.tell()
    assert (heard, run.looks, follower._thread) == (["ended", "told"], 0, None)
