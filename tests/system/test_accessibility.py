"""No serious violation that axe-core finds: the view in both themes, each pane, with the inspector, and the report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page as Tab
from playwright.sync_api import expect

from tests.notebook.stories import crawl, monthly, stalled
from tests.notebook.telling import StoryRun
from tests.system.widget_page import opened, served
from wfkit.notebook.report import write_report

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[2] / "labextension" / "node_modules" / "axe-core" / "axe.min.js"
_CHECK = """async (within) => {
  const { violations } = await axe.run(within);
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, help, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${help}\\n  ${html.slice(0, 300)}\\n  ${failureSummary}`));
}"""


def violations(tab: Tab, within: str) -> list[str]:
    """What axe-core holds against a part of the page, without motion: colours on their way are those of no state."""
    if not tab.evaluate("() => 'axe' in window"):
        tab.evaluate(AXE.read_text(encoding="utf-8"))
    found: Any = tab.evaluate(_CHECK, within)
    return list(found)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("story", [monthly, stalled, crawl], ids=["ended", "live", "spawning"])
def test_each_pane_with_and_without_the_inspector(tab: Tab, story: Any, theme: str) -> None:
    run: StoryRun = story()
    tab.emulate_media(reduced_motion="reduce")
    with served(run) as host:
        opened(tab, host)
        tab.evaluate("theme => document.body.className = theme", theme)
        expect(tab.locator(".wfkit")).to_have_attribute("data-theme", theme)
        modes = tab.locator(".wf-header .wf-segment")
        for inspecting in (False, True):
            if inspecting:
                modes.first.click()
                tab.locator(".wf-card").first.click()
                expect(tab.locator(".wf-panel")).to_be_visible()
            for mode in range(modes.count()):
                modes.nth(mode).click()
                assert violations(tab, ".wfkit") == [], f"{modes.nth(mode).inner_text()}, inspecting: {inspecting}"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_failed_node_in_the_inspector(tab: Tab, theme: str) -> None:
    with served(monthly()) as host:
        opened(tab, host)
        tab.evaluate("theme => document.body.className = theme", theme)
        tab.locator(".wf-card", has_text="clean").click()
        tab.locator(".wf-element").first.click()
        expect(tab.locator(".wf-error-message").first).to_be_visible()
        assert violations(tab, ".wfkit") == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_report(tab: Tab, tmp_path: Path, theme: str) -> None:
    tab.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]  # a literal each
    tab.goto(write_report(monthly(), tmp_path / "x.html").as_uri())
    expect(tab.locator(".wfkit")).to_have_attribute("data-theme", theme)
    assert violations(tab, "body") == []
