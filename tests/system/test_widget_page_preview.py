"""What is to be seen of values, in a real browser: each kind as itself, and hostile HTML as nothing that acts."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page as Tab
from playwright.sync_api import expect

from tests.notebook.telling import StoryRun, ended, run_finished, run_started, spec
from tests.system.widget_page import opened, served
from wfkit.core.events import NodesAdded
from wfkit.core.states import RunState
from wfkit.engine.driver.reading import Looked
from wfkit.engine.worker.look.form import Look, nothing
from wfkit.engine.worker.look.kinds import known_look

pytestmark = [pytest.mark.browser, pytest.mark.timeout(60)]

WORKER = "tcp://127.0.0.1:40001"


def showing(value: object, **story: object) -> StoryRun:
    """A run of one node that has ended with a value."""
    look = value if isinstance(value, Look) else known_look(value)
    assert look is not None
    run = StoryRun(
        run_started(),
        NodesAdded(groups=(spec(0, "load"),)),
        ended(0, preview="in short"),
        run_finished(RunState.COMPLETED),
    )
    run.looks["g0", 0] = Looked(look, WORKER)
    return run


def looked_at(tab: Tab) -> None:
    tab.locator(".wf-card").first.click()
    expect(tab.locator("[data-wfkit-value]")).not_to_have_attribute("data-wfkit-value", "waiting")


def test_text_is_shown(tab: Tab) -> None:
    with served(showing("hello\nworld")) as host:
        opened(tab, host)
        looked_at(tab)
        expect(tab.locator(".wf-value-text")).to_have_text("hello\nworld")
        expect(tab.locator(".wf-value-head")).to_have_text(f"strfrom {WORKER}")


def test_nothing_to_be_seen_has_a_reason_and_can_be_asked_again(tab: Tab) -> None:
    run = showing(nothing("timeout: it took longer than 250 ms"))
    with served(run) as host:
        opened(tab, host)
        looked_at(tab)
        expect(tab.locator(".wf-value-status")).to_have_text("Preview unavailable: timeout: it took longer than 250 ms.")
        expect(tab.locator(".wf-value pre")).to_have_text("in short")
        run.looks["g0", 0] = Looked(nothing("gone"), "")
        tab.get_by_role("button", name="Look again").click()
        expect(tab.locator(".wf-value-status")).to_have_text("Preview unavailable: gone.")
        assert run.looked_at == [("g0", 0), ("g0", 0)]
