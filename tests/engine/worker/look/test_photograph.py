"""A page that scripts draw is photographed by a browser that reaches nobody."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from tests.system.hostile_html import witness
from wfkit.engine.worker.look.photograph import Page, browser, photographs

needs_browser = pytest.mark.skipif(browser() is None, reason="no browser here")
RED = "<body style='margin:0'><script>document.body.style.background = 'rgb(200, 0, 0)'</script>"


def taken(page: Page, count: int = 1) -> list[Image.Image]:
    program = browser()
    assert program is not None
    pictures = photographs(page, program)
    return [Image.open(io.BytesIO(next(pictures))).convert("RGB") for _ in range(count)]


@needs_browser
def test_scripts_draw_and_each_picture_has_fewer_dots_than_the_one_before() -> None:
    whole, smaller = taken(Page(RED, 300, 200), 2)
    assert whole.size == (300, 200)
    assert whole.getpixel((150, 190)) == (200, 0, 0)
    assert smaller.size == (180, 120)
    assert smaller.getpixel((90, 110)) == (200, 0, 0)


@needs_browser
def test_nothing_is_asked_of_anybody() -> None:
    with witness() as seen:
        page = f"<img src='{seen.origin}/a'><script>fetch('{seen.origin}/b'); location = '{seen.origin}/c'</script>"
        taken(Page(page, 50, 50))
        assert seen.asked_for == []


@needs_browser
def test_a_page_without_measure_makes_a_picture_within_measure() -> None:
    (picture,) = taken(Page(RED, 90_000, 10))
    assert picture.size == (1_200, 10)


def test_a_browser_that_takes_no_picture_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        next(photographs(Page(RED, 10, 10), "/bin/false"))
    with pytest.raises(FileNotFoundError):
        next(photographs(Page(RED, 10, 10), str(tmp_path / "none")))


def test_the_browser_is_the_one_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROWSER_PATH", "/bin/true")
    assert browser() == "/bin/true"
    monkeypatch.setenv("BROWSER_PATH", "/nowhere/chromium")
    assert browser() is None
    monkeypatch.delenv("BROWSER_PATH")
    monkeypatch.setenv("PATH", "/nowhere")
    assert browser() is None
