"""Orders to a run in the built widget: cancel, pause, resume and release, and what the run says to them."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page as Tab
from playwright.sync_api import expect

from tests.notebook.stories import monthly_graph
from tests.notebook.telling import (
    StoryRun,
    ended,
    rerun_of,
    run_finished,
    run_started,
    started,
)
from tests.system.widget_page import opened, served
from wfkit.core.events import NodeStopping, RunStateChanged
from wfkit.core.ids import GroupId
from wfkit.core.states import RunState, TaskState

pytestmark = [pytest.mark.browser, pytest.mark.timeout(60)]


def test_cancel_sends_one_command_and_shows_the_answer(tab: Tab) -> None:
    run = StoryRun(run_started(), monthly_graph(), started(0, 0))
    with served(run) as host:
        opened(tab, host)
        button = tab.locator(".wf-cancel")
        expect(button).to_be_enabled()
        button.click()
        expect(button).to_be_disabled()
        expect(button).to_have_text("Cancelling…")
        expect(tab.locator(".wf-status")).to_contain_text("what waits will not start")
        assert tab.locator(".wf-status").get_attribute("aria-live") == "polite"
        commands = tab.evaluate("window.sent.filter(message => message.op === 'command')")
        assert [(each["v"], each["name"]) for each in commands] == [(1, "cancel")]
        assert run.cancelled == ["from the live view"]
        run.tell(ended(0, 1, TaskState.CANCELLED), run_finished(RunState.CANCELLED))
        expect(button).to_be_hidden()


def test_what_was_asked_of_one_run_is_not_asked_of_the_next(tab: Tab) -> None:
    run = StoryRun(run_started(), monthly_graph(), started(0, 0))
    with served(run) as host:
        opened(tab, host)
        tab.locator(".wf-cancel").click()
        expect(tab.locator(".wf-cancel")).to_have_text("Cancelling…")
        host.view.turn_to(rerun_of(run))
        expect(tab.locator(".wf-cancel")).to_have_text("Cancel")
        expect(tab.locator(".wf-cancel")).to_be_enabled()
        expect(tab.locator(".wf-pause")).to_be_visible()


def test_what_is_still_held_may_be_released_again(tab: Tab) -> None:
    run = StoryRun(run_started(), monthly_graph(), run_finished(RunState.COMPLETED))
    run.held_bytes = 1_000
    run.release = lambda: None  # type: ignore[method-assign]
    with served(run) as host:
        opened(tab, host)
        tab.locator(".wf-release").click()
        expect(tab.locator(".wf-status")).not_to_have_text("Asking the run: release…")
        expect(tab.locator(".wf-release")).to_be_enabled()
        expect(tab.locator(".wf-release")).to_have_text("Release")


def test_a_refused_cancel_can_be_tried_again(tab: Tab) -> None:
    run = StoryRun(run_started(), monthly_graph())

    def broken(reason: str = "") -> None:
        raise ConnectionError("scheduler gone")

    run.cancel = broken  # type: ignore[method-assign]
    with served(run) as host:
        opened(tab, host)
        tab.locator(".wf-cancel").click()
        expect(tab.locator(".wf-status")).to_have_text("Could not cancel the run: ConnectionError: scheduler gone")
        expect(tab.locator(".wf-cancel")).to_be_enabled()


def test_one_button_pauses_and_resumes_and_the_reason_is_shown(tab: Tab) -> None:
    run = StoryRun(run_started(), monthly_graph(), started(0, 0))
    with served(run) as host:
        opened(tab, host)
        button = tab.locator(".wf-pause")
        expect(button).to_have_text("Pause")
        button.click()
        expect(button).to_have_text("Resume")
        expect(tab.locator(".wfkit")).to_have_attribute("data-state", "PAUSED")
        expect(tab.locator(".wf-reason")).to_have_text("paused")
        expect(tab.locator(".wf-status")).to_contain_text("nothing new starts")
        button.click()
        expect(button).to_have_text("Pause")
        expect(tab.locator(".wf-reason")).to_be_hidden()
        assert run.ordered == ["pause", "resume"]
        tab.locator(".wf-cancel").click()
        expect(button).to_be_hidden()


def test_a_run_that_stands_still_tells_why_and_what_it_says_is_read_out(tab: Tab) -> None:
    run = StoryRun(run_started(), monthly_graph(), started(0, 0))
    with served(run) as host:
        opened(tab, host)
        reason = "no workers for 65 s, 120 tasks wait; see `%flow cluster`"
        run.tell(RunStateChanged(state=RunState.RUNNING, reason=reason))
        expect(tab.locator(".wf-reason")).to_have_text(reason.replace("`", ""))
        expect(tab.locator(".wf-reason code")).to_have_text("%flow cluster")
        expect(tab.get_by_role("status").last).to_contain_text("no workers for 65 s")
        run.tell(RunStateChanged(state=RunState.RUNNING))
        expect(tab.locator(".wf-reason")).to_be_hidden()


def test_what_a_run_holds_is_shown_and_can_be_released_when_it_has_ended(tab: Tab) -> None:
    run = StoryRun(run_started(), monthly_graph())
    run.held_bytes = 1_234_567
    with served(run) as host:
        opened(tab, host)
        expect(tab.locator(".wf-held")).to_have_text("holds 1.2 MB")
        expect(tab.locator(".wf-release")).to_be_hidden()
        run.tell(run_finished(RunState.COMPLETED))
        tab.locator(".wf-release").click()
        expect(tab.locator(".wf-held")).to_be_hidden()
        expect(tab.locator(".wf-release")).to_be_hidden()
        expect(tab.locator(".wf-status")).to_contain_text("Released 1.2 MB of cluster memory")
        assert run.ordered == ["release"]


def test_a_node_that_is_told_to_stop_says_where_it_still_runs(tab: Tab) -> None:
    run = StoryRun(run_started(), monthly_graph(), started(3), started(0, 0))
    run.tell(*(NodeStopping(group=GroupId(group), index=0, attempt=1, worker="tcp://w1") for group in ("g0", "g3")))
    with served(run) as host:
        opened(tab, host)
        told = "cancelling, still running on tcp://w1"
        single = tab.locator(".wf-card", has_text="carriers")
        expect(single.locator(".wf-card-word")).to_have_text(told)
        expect(single).to_have_attribute("title", f"carriers: 1 running\n{told}")
        many = tab.locator(".wf-card", has_text="load")
        expect(many).to_have_attribute("title", f"load: 1 running, 11 pending\n1 node: {told}")
        many.click()
        expect(tab.locator('.wf-element[data-state="RUNNING"] .wf-element-state')).to_have_text(told)
        tab.locator(".wf-element").first.click()
        expect(tab.locator(".wf-node-reason")).to_have_text(told)
        run.tell(ended(0, 0, TaskState.CANCELLED))
        expect(many).to_have_attribute("title", "load: 11 pending, 1 cancelled")
