"""What is to be seen of values, in a real browser: each kind as itself, and hostile HTML as nothing that acts."""

from __future__ import annotations

from dataclasses import dataclass

import matplotlib.figure
import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page as Tab
from playwright.sync_api import expect

from tests.notebook.telling import StoryRun, ended, run_finished, run_started, spec
from tests.system.hostile_html import HOSTILE_HTML, witness
from tests.system.widget_page import opened, row, served
from wfkit.core.events import NodesAdded
from wfkit.core.ids import GroupId
from wfkit.core.states import RunState
from wfkit.engine.driver.reading import Looked
from wfkit.engine.worker.look.form import Look, nothing
from wfkit.engine.worker.look.order import look_at_value

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

WORKER = "tcp://127.0.0.1:40001"


@dataclass
class Point:
    x: int
    tags: list[str]


def showing(*looks: Look) -> StoryRun:
    """A run of a node for each look, named v0, v1, …; all have ended."""
    run = StoryRun(
        run_started(),
        NodesAdded(groups=tuple(spec(number, f"v{number}") for number in range(len(looks)))),
        *(ended(number, preview="in short") for number in range(len(looks))),
        run_finished(RunState.COMPLETED),
    )
    for number, look in enumerate(looks):
        run.looks[f"g{number}", 0] = Looked(look, WORKER)
    return run


def look_at(tab: Tab, number: int = 0) -> None:
    row(tab, f"v{number}").click()
    expect(tab.locator(f'[data-wfkit-detail="v{number}"] [data-wfkit-value]')).to_be_visible()
    expect(tab.locator("[data-wfkit-value]")).not_to_have_attribute("data-wfkit-value", "waiting")


def opened_as_table(tab: Tab, host: object) -> None:
    opened(tab, host)  # type: ignore[arg-type]  # a page
    tab.get_by_role("button", name="Table", exact=True).click()


def html(text: str) -> Look:
    return Look("html", {"type": "Report", "html": text, "left_out": 0, "text": "in words"})


def test_text_is_shown_with_its_head_and_tail(tab: Tab) -> None:
    long = "first line\n" + "middle of it\n" * 100_000 + "last line"
    with served(
        showing(look_at_value("hello\nworld"), look_at_value(long), look_at_value(bytes(range(64)) * 100))
    ) as host:
        opened_as_table(tab, host)
        look_at(tab)
        expect(tab.locator(".wf-value-text")).to_have_text("hello\nworld")
        expect(tab.locator(".wf-value-head")).to_have_text(f"strfrom {WORKER}")
        look_at(tab, 1)
        expect(tab.locator(".wf-value-text")).to_contain_text("first line")
        expect(tab.locator(".wf-value-text")).to_contain_text("characters are not shown")
        expect(tab.locator(".wf-value-text")).to_contain_text("last line")
        look_at(tab, 2)
        expect(tab.locator(".wf-value pre")).to_contain_text("0030  30 31 32 33 34 35 36 37  01234567")
        expect(tab.locator(".wf-value > .wf-note").first).to_have_text("6,400 bytes, the first 512 of them.")


def test_a_tree_folds(tab: Tab) -> None:
    value = {"name": "a", "points": [Point(1, ["x", "y"]), Point(2, [])], "many": list(range(500))}
    with served(showing(look_at_value(value))) as host:
        opened_as_table(tab, host)
        look_at(tab)
        tree = tab.locator(".wf-tree")
        expect(tree.locator("> details > summary")).to_have_text("dict, 3 items")
        expect(tree.get_by_text('"a"')).to_be_visible()
        points = tree.locator("summary", has_text="points")
        expect(tree.get_by_text('"y"')).to_be_hidden()
        points.focus()
        tab.keyboard.press("Enter")
        tree.locator("summary", has_text="Point,").first.click()
        tree.locator("summary", has_text="tags").first.click()
        expect(tree.get_by_text('"y"')).to_be_visible()
        tree.locator("summary", has_text="many").click()
        expect(tree.get_by_text("… 475 more")).to_be_visible()


def test_tables_and_arrays_have_their_shape_and_their_head(tab: Tab) -> None:
    frame = pd.DataFrame({f"c{n}": np.arange(1000) * n for n in range(30)})
    array = np.full((3, 200, 100), 2.5)
    array[0, 0, 0] = np.nan
    with served(showing(look_at_value(frame), look_at_value(array))) as host:
        opened_as_table(tab, host)
        look_at(tab)
        expect(tab.locator(".wf-value > .wf-note").first).to_have_text("1,000 rows \u00d7 30 columns.")
        expect(tab.locator(".wf-look tbody tr")).to_have_count(30)
        expect(tab.locator(".wf-look thead th").nth(2)).to_have_text("c1int64")
        expect(tab.locator(".wf-look tbody tr").nth(5).locator("td").nth(2)).to_have_text("10")
        expect(tab.locator(".wf-value > .wf-note").last).to_have_text("… 970 more rows, 10 more columns")
        look_at(tab, 1)
        expect(tab.locator(".wf-value .wf-facts")).to_contain_text("3 \u00d7 200 \u00d7 100")
        expect(tab.locator(".wf-value .wf-facts")).to_contain_text("NaN1")
        expect(tab.locator(".wf-look td").nth(1)).to_have_text("2.5")


def test_a_picture_is_a_picture(tab: Tab) -> None:
    figure = matplotlib.figure.Figure(figsize=(4, 3))
    figure.add_subplot().plot([1, 3, 2])
    with served(showing(look_at_value(figure))) as host:
        opened_as_table(tab, host)
        look_at(tab)
        image = tab.get_by_role("img", name="Picture of v0, 4 x 3 inches")
        expect(image).to_be_visible()
        assert image.evaluate("image => image.complete && image.naturalWidth") == 400


def test_html_is_shown_in_a_frame_that_can_do_nothing(tab: Tab) -> None:
    with served(showing(html("<h3>Totals</h3><b style='color: red'>7</b>"), html("<script>1</script>"))) as host:
        opened_as_table(tab, host)
        look_at(tab)
        frame = tab.locator("iframe")
        expect(frame.content_frame.locator("h3")).to_have_text("Totals")
        assert (frame.get_attribute("sandbox"), frame.get_attribute("title")) == ("", "Value of v0")
        assert frame.content_frame.locator("b").evaluate("b => getComputedStyle(b).color") == "rgb(255, 0, 0)"
        look_at(tab, 1)
        expect(tab.locator(".wf-value-text")).to_have_text("in words")
        expect(tab.locator(".wf-value > .wf-note")).to_have_text("Its HTML cannot be shown without scripts.")


def test_nothing_to_be_seen_has_a_reason_and_can_be_asked_again(tab: Tab) -> None:
    run = showing(nothing("timeout: it took longer than 250 ms"))
    with served(run) as host:
        opened_as_table(tab, host)
        look_at(tab)
        expect(tab.locator(".wf-value-status")).to_have_text(
            "Preview unavailable: timeout: it took longer than 250 ms."
        )
        expect(tab.locator(".wf-value pre")).to_have_text("in short")
        run.looks["g0", 0] = Looked(nothing("gone"), "")
        tab.get_by_role("button", name="Look again").click()
        expect(tab.locator(".wf-value-status")).to_have_text("Preview unavailable: gone.")
        assert run.looked_at == [(GroupId("g0"), 0)] * 2


def test_who_walks_by_asks_for_nothing(tab: Tab) -> None:
    run = showing(*(look_at_value(number) for number in range(8)))
    with served(run) as host:
        opened_as_table(tab, host)
        tab.evaluate(
            """() => { for (let n = 0; n < 8; n += 1)
                document.querySelector(`[role="treegrid"] [data-wfkit-node="v${n}"]`).click(); }"""
        )
        expect(tab.locator(".wf-value-text")).to_have_text("7")
        assert run.looked_at == [(GroupId("g7"), 0)]


@pytest.mark.parametrize("clean", [True, False], ids=["as it is shown", "if nothing had cleaned it"])
def test_hostile_html_runs_nothing_and_tells_nobody(page: Tab, monkeypatch: pytest.MonkeyPatch, clean: bool) -> None:
    with witness() as seen:
        texts = {name: seen.armed(text) for name, text in HOSTILE_HTML.items()}
        if not clean:
            monkeypatch.setattr("wfkit.notebook.previews.cleaned", lambda text: text)
        seen.watch(page)
        page.add_init_script("const later = setTimeout; window.setTimeout = (f, ms) => later(f, ms === 250 ? 0 : ms);")
        page.set_viewport_size({"width": 1180, "height": 760})
        with served(showing(*map(html, texts.values()))) as host:
            opened_as_table(page, host)
            before = page.evaluate("[location.href, document.title, document.body.children.length]")
            for number, name in enumerate(texts):
                look_at(page, number)
                frames = page.locator("iframe.wf-value-frame")
                assert frames.count() == (1 if page.locator("[data-wfkit-value=html]").count() else 0)
                if frames.count():
                    body = frames.content_frame.locator("body")
                    body.wait_for(state="attached")
                    if clean:  # what has not been cleaned has links that lead away, if somebody clicks on them
                        body.click(position={"x": 12, "y": 12}, force=True)
                        assert (
                            body.locator("script, iframe, object, embed, form, a, link, meta, base, svg").count() == 0
                        )
                seen.nothing_happened(page, name)
            page.wait_for_timeout(1_000)  # for what comes late: a refresh, an animation
            seen.nothing_happened(page)
            assert page.evaluate("[location.href, document.title, document.body.children.length]") == before


def test_the_witness_sees_what_is_obeyed(page: Tab) -> None:
    with witness() as seen:
        seen.watch(page)
        with served(showing(html("x"))) as host:
            opened(page, host)
            show = "html => { document.getElementById('out').innerHTML = html; }"
            page.evaluate(show, "<img src=x onerror=top.canary()>")
            page.wait_for_function("window.called === 1")
            with page.expect_response(f"{seen.origin}/here"):
                page.evaluate(show, f'<img src="{seen.origin}/here">')
            assert any("here" in one for one in seen.asked_for)
