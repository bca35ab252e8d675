"""Runs of one lineage in the built widget: which one is shown, in which tab, and what is kept from one to the next."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page as Tab
from playwright.sync_api import expect

from tests.notebook.stories import monthly, monthly_graph
from tests.notebook.telling import StoryRun, rerun_of, run_finished, run_started, started
from tests.system.widget_acts import dialog_of, repaired
from tests.system.widget_page import opened, row, served
from wfkit.core.states import RunState

pytestmark = [pytest.mark.browser, pytest.mark.timeout(60)]


def test_a_dialog_about_a_run_that_is_no_longer_shown_closes_and_starts_nothing(tab: Tab) -> None:
    run = monthly()
    with served(run) as host:
        opened(tab, host)
        tab.get_by_role("button", name="Rerun failed").click()
        expect(dialog_of(tab).get_by_role("button", name="Confirm")).to_be_enabled()
        host.view.turn_to(rerun_of(run))
        expect(tab.locator(".wfkit")).to_have_attribute("data-state", "RUNNING")
        expect(dialog_of(tab)).to_have_count(0)
        expect(tab.locator(".wf-status")).to_contain_text("Another run is shown now: no rerun was started.")
        assert tab.evaluate("window.sent.filter(message => message.op === 'rerun').length") == 0


def test_a_run_that_cannot_be_shown_is_not_named_as_the_shown_one(tab: Tab) -> None:
    run = monthly()
    with served(run) as host:
        opened(tab, host)
        rerun_of(run)
        switch = tab.get_by_label("Run of this lineage")
        expect(switch).to_be_visible()
        tab.evaluate("() => { window.broken = true; }")
        switch.select_option("run 2 of 2: Running")
        expect(tab.locator(".wf-status")).to_contain_text("cannot be reached")
        expect(switch.locator("option:checked")).to_have_text("run 1 of 2: Failed")


def test_a_rerun_started_elsewhere_is_offered_and_earlier_runs_stay_at_hand(tab: Tab) -> None:
    run = monthly()
    with served(run) as host:
        opened(tab, host)
        expect(tab.locator(".wf-switch")).to_be_hidden()
        new = rerun_of(run)
        expect(tab.locator(".wf-newer")).to_have_text("Run 2 went on from here: running.Show the rerun")
        expect(tab.locator(".wfkit")).to_have_attribute("data-state", "FAILED")
        tab.get_by_role("button", name="Show the rerun").click()
        expect(tab.locator(".wfkit")).to_have_attribute("data-state", "RUNNING")
        expect(tab.locator(".wf-newer")).to_have_count(0)
        repaired(new)
        expect(tab.locator(".wfkit")).to_have_attribute("data-state", "COMPLETED")
        tab.get_by_label("Run of this lineage").select_option("run 1 of 2: Failed")
        expect(tab.locator(".wfkit")).to_have_attribute("data-state", "FAILED")
        expect(row(tab, "clean")).to_have_attribute("data-counts", "COMPLETED=11 FAILED=1")


def test_a_second_tab_follows_and_one_that_missed_it_catches_up(tab: Tab) -> None:
    run = monthly()
    with served(run) as host:
        opened(tab, host)
        second = opened(tab.context.new_page(), host)
        second.evaluate("() => { window.drop = (content) => content.op === 'snapshot'; }")
        tab.get_by_role("button", name="Rerun failed").click()
        dialog_of(tab).get_by_role("button", name="Confirm").click()
        expect(tab.locator(".wfkit")).to_have_attribute("data-state", "RUNNING")
        second.evaluate("() => { window.drop = undefined; }")
        run.reruns[0].tell(started(1, 6))
        expect(second.locator(".wfkit")).to_have_attribute("data-state", "RUNNING")
        expect(row(second, "clean")).to_have_attribute("data-counts", "PENDING=11 RUNNING=1")


@pytest.mark.parametrize("drawn_again", [False, True])
def test_what_is_selected_waits_until_the_rerun_comes_to_it(tab: Tab, drawn_again: bool) -> None:
    run = monthly()
    with served(run) as host:
        opened(tab, host)
        row(tab, "load").focus()
        tab.keyboard.press("f")
        new = StoryRun(run_started(at_s=1_700_000_100.0))
        new.view_model.run_id = rerun_of(run).id
        host.view.turn_to(new)
        expect(tab.locator(".wfkit")).to_have_attribute("data-state", "RUNNING")
        if drawn_again:
            tab.evaluate("window.again()")
        new.tell(monthly_graph(), started(1, 6))
        expect(tab.locator('[data-wfkit-detail="clean[6]"]')).to_have_attribute("data-state", "RUNNING")
        bare = StoryRun(run_started(), run_finished(RunState.COMPLETED))
        bare.view_model.run_id = rerun_of(run, 3).id
        host.view.turn_to(bare)
        expect(tab.locator(".wf-panel")).to_be_hidden()
