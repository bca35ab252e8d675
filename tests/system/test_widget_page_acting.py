"""Acting in the built widget, by keys alone where a reader may: plans, reruns, values, cancels, pins."""

from __future__ import annotations

import threading

import pytest
from playwright.sync_api import Page as Tab
from playwright.sync_api import Route, expect

from tests.notebook.stories import monthly, monthly_graph
from tests.notebook.telling import HOSTILE, StoryRun, ended, run_finished, run_started, spec, started
from tests.system.widget_acts import dialog_of, repaired
from tests.system.widget_page import opened, row, served
from wfkit.core.events import NodesAdded
from wfkit.core.states import RunState, TaskState
from wfkit.notebook.noticing import NOTICING

pytestmark = [pytest.mark.browser, pytest.mark.timeout(60)]

FOCUSED = "document.activeElement.textContent"


# --- the story, by keys alone ---


def test_the_story_is_told_by_keys_alone(tab: Tab) -> None:
    run = monthly()
    with served(run) as host:
        opened(tab, host)
        keys = tab.keyboard
        for _ in range(30):  # the list of tasks is a stop of the tab key
            keys.press("Tab")
            if tab.evaluate("document.activeElement.getAttribute('role')") == "row":
                break
        keys.press("ArrowDown")
        expect(row(tab, "clean")).to_be_focused()
        keys.press("Enter")
        expect(tab.locator(".wf-panel-title")).to_be_focused()
        keys.press("f")
        expect(tab.locator('[data-wfkit-detail="clean[6]"] .wf-traceback').first).to_contain_text("ValueError")

        run.changes = {"clean": "body of `clean` changed"}
        NOTICING.look()
        expect(tab.locator(".wf-changed")).to_have_text("The code is newer than this run: body of clean changed.")

        keys.press("r")
        dialog = dialog_of(tab)
        expect(dialog.locator(".wf-plan-headline")).to_have_text("5 run, 35 reused")
        expect(dialog.locator(".wf-plan-why li")).to_have_text(["1 failed before", "4 depend on them"])
        expect(dialog.locator(".wf-plan-changes")).to_have_text("With the code as it is now: body of clean changed.")
        expect(dialog.get_by_role("button", name="Confirm")).to_be_focused()
        assert run.reruns == []
        keys.press("Enter")

        expect(tab.locator(".wf-switch")).to_contain_text("run 2 of 2")
        expect(dialog).to_have_count(0)
        expect(tab.locator(".wf-lineage")).to_contain_text(f"rerun of {run.id[:14]}")
        (new,) = run.reruns
        repaired(new)
        expect(tab.locator(".wfkit")).to_have_attribute("data-state", "COMPLETED")
        expect(tab.locator('[data-wfkit-detail="clean[6]"]')).to_have_attribute("data-state", "COMPLETED")
        expect(row(tab, "clean")).to_have_attribute("data-counts", "COMPLETED=1 REUSED=11")
        assert tab.evaluate("document.activeElement !== document.body"), "the focus was not lost"
        keys.press("Escape")
        expect(tab.locator(".wf-panel")).to_be_hidden()


def test_a_view_that_is_drawn_again_while_a_rerun_starts_does_not_say_that_none_was_started(tab: Tab) -> None:
    """JupyterLab draws it again when the kernel puts the outcome into the output, as of a rerun that fails at once."""
    run = monthly()
    with served(run) as host:
        opened(tab, host)
        row(tab, "load").focus()
        tab.keyboard.press("r")
        expect(dialog_of(tab).get_by_role("button", name="Confirm")).to_be_focused()
        tab.evaluate("""async () => {
          document.activeElement.click();
          await window.again();
        }""")
        expect(tab.locator(".wf-switch")).to_contain_text("run 2 of 2")
        (new,) = run.reruns
        new.tell(run_finished(RunState.FAILED, reason="BadArguments"))
        expect(tab.locator(".wf-reason")).to_have_text("BadArguments")
        expect(dialog_of(tab)).to_have_count(0)
        expect(tab.locator(".wf-status")).to_have_text("")


def test_a_dialog_keeps_the_focus_closes_by_escape_and_gives_it_back(tab: Tab) -> None:
    with served(monthly()) as host:
        opened(tab, host)
        button = tab.get_by_role("button", name="Rerun failed")
        button.focus()
        tab.keyboard.press("Enter")
        dialog = dialog_of(tab)
        expect(dialog).to_have_attribute("aria-modal", "true")
        expect(dialog.get_by_role("button", name="Confirm")).to_be_focused()
        for _ in range(7):
            tab.keyboard.press("Tab")
            assert tab.evaluate("document.activeElement.closest('[role=dialog]') !== null")
            tab.keyboard.press("Shift+Tab")
            tab.keyboard.press("Shift+Tab")
            assert tab.evaluate("document.activeElement.closest('[role=dialog]') !== null")
        assert tab.locator(".wf-header").evaluate("header => header.inert")
        tab.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        expect(button).to_be_focused()
        assert not tab.locator(".wf-header").evaluate("header => header.inert")


def test_keys_are_listed_and_do_nothing_while_somebody_types(tab: Tab) -> None:
    run = monthly()
    with served(run) as host:
        opened(tab, host)
        row(tab, "load").focus()
        tab.keyboard.press("?")
        expect(dialog_of(tab)).to_contain_text("Go to the next failure")
        tab.keyboard.press("Escape")
        tab.keyboard.press("f")
        expect(tab.locator(".wf-panel-title")).to_have_text("clean[6]")
        tab.get_by_role("button", name="With value…").focus()
        tab.keyboard.press("Enter")
        tab.keyboard.type("'rf?'")
        expect(dialog_of(tab).get_by_role("textbox")).to_have_value("'rf?'")
        expect(dialog_of(tab)).to_have_attribute("aria-label", "Rerun with a value for clean[6]")
        tab.keyboard.press("Escape")
        assert run.reruns == []


# --- wishes ---


def test_a_value_is_checked_planned_and_set_by_keys_alone(tab: Tab) -> None:
    run = monthly()
    with served(run) as host:
        opened(tab, host)
        row(tab, "load").focus()
        tab.keyboard.press("f")
        tab.get_by_role("button", name="With value…").focus()
        tab.keyboard.press("Enter")
        field, confirm = dialog_of(tab).get_by_role("textbox"), dialog_of(tab).get_by_role("button", name="Confirm")
        expect(field).to_be_focused()
        expect(confirm).to_be_disabled()
        tab.keyboard.type("[1, 2")
        tab.keyboard.press("Enter")
        expect(dialog_of(tab).get_by_role("alert")).to_contain_text("This is no Python literal: '[' was never closed")
        expect(confirm).to_be_disabled()
        tab.keyboard.type("]")
        expect(dialog_of(tab).get_by_role("alert")).to_be_hidden()
        tab.keyboard.press("Enter")
        expect(dialog_of(tab).locator(".wf-plan-why li")).to_have_text(["1 is set by hand", "4 depend on them"])
        expect(confirm).to_be_focused()
        field.focus()
        tab.keyboard.press("End")
        tab.keyboard.type(" ")
        expect(confirm).to_be_disabled()  # the plan was of another value
        tab.keyboard.press("Enter")
        expect(confirm).to_be_focused()
        tab.keyboard.press("Enter")
        expect(tab.locator(".wf-switch")).to_contain_text("run 2 of 2")
        assert run.ordered == ["rerun {'clean[6]': [1, 2]}"]


def test_a_group_and_one_element_are_rerun_from(tab: Tab) -> None:
    run = monthly()
    with served(run) as host:
        opened(tab, host)
        tab.locator(".wf-card", has_text="load").click()
        expect(tab.get_by_role("button", name="With value…")).to_be_hidden()
        tab.get_by_role("button", name="Rerun from here…").click()
        expect(dialog_of(tab)).to_have_attribute("aria-label", "Rerun from load")
        expect(dialog_of(tab).locator(".wf-plan-why li").first).to_have_text("12 are asked for")
        tab.keyboard.press("Escape")
        tab.locator(".wf-element").nth(3).click()
        tab.get_by_role("button", name="Rerun from here…").click()
        dialog_of(tab).get_by_role("button", name="Confirm").click()
        expect(tab.locator(".wf-switch")).to_contain_text("run 2 of 2")
        assert run.ordered == ["rerun load[3]"]


def test_a_plan_of_ten_thousand_lists_the_first_and_counts_the_rest(tab: Tab) -> None:
    run = StoryRun(run_started(), NodesAdded(groups=(spec(0, "load", 10_000, mapped=True),)))
    run.tell(*(ended(0, index, TaskState.FAILED) for index in range(10_000)), run_finished(RunState.FAILED))
    with served(run) as host:
        opened(tab, host)
        tab.get_by_role("button", name="Rerun failed").click()
        expect(dialog_of(tab).locator(".wf-plan-headline")).to_have_text("10,000 run, 0 reused")
        rows = dialog_of(tab).locator(".wf-plan-rows li")
        expect(rows).to_have_count(201)
        expect(rows.last).to_have_text("… and 9,800 more")


def test_an_error_is_told_in_the_dialog_and_nothing_is_lost(tab: Tab) -> None:
    run = monthly()

    def broken(*_: str, **__: object) -> StoryRun:
        raise ConnectionError(f"scheduler gone {HOSTILE}")

    start, run.rerun = run.rerun, broken  # type: ignore[method-assign]
    with served(run) as host:
        opened(tab, host)
        tab.get_by_role("button", name="Rerun failed").click()
        confirm = dialog_of(tab).get_by_role("button", name="Confirm")
        confirm.click()
        expect(dialog_of(tab).get_by_role("alert")).to_contain_text(
            "Could not rerun: ConnectionError: scheduler gone <img"
        )
        expect(confirm).to_be_enabled()
        run.rerun = start  # type: ignore[method-assign]
        confirm.click()
        expect(tab.locator(".wf-switch")).to_contain_text("run 2 of 2")
        assert tab.evaluate("window.canary") is None


def test_what_is_typed_outlives_another_drawing_of_the_output(tab: Tab) -> None:
    with served(monthly()) as host:
        opened(tab, host)
        row(tab, "load").focus()
        tab.keyboard.press("f")
        tab.get_by_role("button", name="With value…").click()
        tab.keyboard.type("[1, 2, 3]")
        tab.evaluate("window.again()")
        expect(dialog_of(tab).get_by_role("textbox")).to_have_value("[1, 2, 3]")
        tab.keyboard.press("Escape")
        tab.evaluate("window.again()")
        expect(dialog_of(tab)).to_have_count(0)


def test_the_focus_stays_where_the_reader_went_while_the_plan_was_made(tab: Tab) -> None:
    with served(monthly()) as host:
        opened(tab, host)
        row(tab, "load").focus()
        tab.keyboard.press("f")
        tab.get_by_role("button", name="With value…").click()
        tab.keyboard.type("1")
        dialog_of(tab).evaluate(
            """dialog => { const [look, back] = dialog.querySelectorAll(".wf-dialog-buttons button");
            look.focus(); look.click(); back.focus(); }"""
        )
        expect(dialog_of(tab).get_by_role("button", name="Confirm")).to_be_enabled()
        expect(dialog_of(tab).get_by_role("button", name="Cancel")).to_be_focused()


def test_a_rerun_that_fails_is_told_also_when_its_dialog_is_gone(tab: Tab) -> None:
    run = monthly()
    go = threading.Event()

    def broken(*_: str, **__: object) -> StoryRun:
        go.wait(10)
        raise ConnectionError("scheduler gone")

    run.rerun = broken  # type: ignore[method-assign]
    with served(run) as host:
        opened(tab, host)
        tab.get_by_role("button", name="Rerun failed").click()
        dialog_of(tab).get_by_role("button", name="Confirm").click()
        expect(dialog_of(tab)).to_contain_text("Starting…")
        tab.keyboard.press("Escape")
        go.set()
        expect(tab.locator(".wf-status")).to_contain_text("Could not rerun: ConnectionError: scheduler gone")


# --- other runs of the lineage ---


def test_a_part_is_cancelled_from_the_inspector_and_says_so_until_it_ends(tab: Tab) -> None:
    run = StoryRun(run_started(), monthly_graph(), started(0, 2))
    with served(run) as host:
        opened(tab, host)
        tab.locator(".wf-card", has_text="load").click()
        tab.locator(".wf-element").first.click()
        button = tab.locator(".wf-action-bar").get_by_role("button", name="Cancel")
        button.click()
        expect(button).to_be_disabled()
        expect(button).to_have_text("Cancelling…")
        expect(tab.locator(".wf-status")).to_contain_text("Cancelling load[2]: what waits will not start")
        assert run.cancelled == ["g0[2]"]
        run.tell(ended(0, 2, TaskState.CANCELLED))
        expect(tab.locator(".wf-action-bar button", has_text="Cancel")).to_be_hidden()


def test_a_refused_cancel_of_a_part_can_be_tried_again(tab: Tab) -> None:
    run = StoryRun(run_started(), monthly_graph())

    def broken(ref: object) -> None:
        raise ConnectionError("scheduler gone")

    run.answers.cancel = broken  # type: ignore[method-assign]
    with served(run) as host:
        opened(tab, host)
        tab.locator(".wf-card", has_text="load").click()
        button = tab.locator(".wf-action-bar button", has_text="Cancel")
        button.click()
        expect(tab.locator(".wf-status")).to_have_text("Could not cancel the run: ConnectionError: scheduler gone")
        expect(button).to_be_enabled()
        expect(button).to_have_text("Cancel")


def test_the_menu_works_by_keys_and_a_pin_is_shown(tab: Tab) -> None:
    run = monthly()
    with served(run) as host:
        opened(tab, host)
        more = tab.get_by_role("button", name="More")
        more.focus()
        tab.keyboard.press("ArrowDown")
        assert tab.evaluate(FOCUSED) == "Rerun what failed…"
        tab.keyboard.press("ArrowUp")
        assert tab.evaluate(FOCUSED) == "Keys"
        tab.keyboard.press("Escape")
        expect(tab.get_by_role("menu")).to_be_hidden()
        expect(more).to_be_focused()
        tab.keyboard.press("Enter")
        for _ in range(2):
            tab.keyboard.press("ArrowDown")
        assert tab.evaluate(FOCUSED) == "Pin"
        tab.keyboard.press("Enter")
        expect(tab.locator(".wf-pinned")).to_be_visible()
        assert run.pinned
        tab.keyboard.press("Enter")
        tab.get_by_role("menuitem", name="Unpin").click()
        expect(tab.locator(".wf-pinned")).to_be_hidden()
        assert not run.pinned


def test_a_click_that_a_busy_kernel_does_not_take_is_told_and_counts_once(tab: Tab) -> None:
    run = StoryRun(run_started(), monthly_graph(), started(0, 0))
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    with served(run) as host:
        opened(tab, host)
        tab.route("**/send", hold)
        tab.locator(".wf-pause").click()
        busy = "The kernel is busy with a cell: this front end delivers clicks when it has ended."
        expect(tab.locator(".wf-status")).to_contain_text(busy, timeout=6_000)
        expect(tab.locator(".wf-pause")).to_be_disabled()
        run.tell(started(0, 1))  # news still come
        expect(row(tab, "load")).to_have_attribute("data-counts", "PENDING=10 RUNNING=2")
        for route in held:
            route.continue_()
        tab.unroute("**/send")
        expect(tab.locator(".wf-pause")).to_have_text("Resume")
        expect(tab.locator(".wf-status")).not_to_contain_text("busy")
        assert run.ordered == ["pause"]
