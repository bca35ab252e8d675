"""The story that wfkit is made for, in a real JupyterLab: see a failure, read it, fix its cell, rerun its branch."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.system.lab_server import Lab, jupyterlab

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

#: What ran, a line each; only ever appended to.
_LOG: Final = "executed.txt"
_SETUP: Final = f"""\
import os
os.environ["WFKIT_CLUSTER_N_WORKERS"] = "1"
os.environ["WFKIT_HOME"] = os.path.abspath("wfkit-home")
%load_ext wfkit
from wfkit import task

def note(line):
    with open({_LOG!r}, "a") as file:
        file.write(line + "\\n")"""
_LOAD: Final = """\
@task
def load(month):
    note(f"load {month}")
    return ["12", "7", "n/a", "31"][month]"""
_BROKEN: Final = """\
@task
def clean(text):
    note(f"clean {text}")
    return int(text)"""
_FIXED: Final = """\
@task
def clean(text):
    note(f"clean {text}")
    return 0 if text == "n/a" else int(text)"""
_FLOW: Final = """\
%%flow monthly
raw = load.map(range(4))
tidy = clean.map(raw)
@task
def total(parts):
    note("total")
    return sum(parts)
summary = total(tidy)"""
_READ: Final = 'print("the sum is", summary.result())'


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    root = tmp_path_factory.mktemp("lab")
    cells = [_SETUP, _LOAD, _BROKEN, _FLOW, _READ]
    (root / "story.ipynb").write_text(json.dumps(notebook(cells)))
    with jupyterlab(root) as lab:
        yield lab


def notebook(cells: list[str]) -> dict[str, object]:
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        "cells": [
            {
                "id": f"cell{number}",
                "cell_type": "code",
                "metadata": {},
                "source": source,
                "outputs": [],
                "execution_count": None,
            }
            for number, source in enumerate(cells)
        ],
    }


def cell_of(page: Page, number: int) -> Locator:
    return page.locator(".jp-CodeCell").nth(number)


def execute(page: Page, number: int) -> None:
    """Execute a cell as a reader does, and wait for its end."""
    cell = cell_of(page, number)
    cell.locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
    expect(cell.locator(".jp-InputPrompt")).to_have_text(re.compile(r"^\[\d+\]:$"), timeout=90_000)


def rewrite(page: Page, number: int, source: str) -> None:
    """Type another text into a cell."""
    editor = cell_of(page, number).locator(".cm-content")
    editor.click()
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    page.keyboard.insert_text(source)
    expect(editor).to_contain_text(source.splitlines()[-1].strip())


def executed(lab: Lab) -> Counter[str]:
    return Counter((lab.root / _LOG).read_text().splitlines())


def picture(page: Page, name: str) -> None:
    if folder := os.environ.get("WFKIT_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png")


def test_a_failure_is_seen_read_fixed_and_only_its_branch_runs_again(page: Page, lab: Lab) -> None:
    page.set_viewport_size({"width": 1400, "height": 1000})
    lab.open(page, "story.ipynb")
    for number in range(4):
        execute(page, number)

    # See the failure, open it, read its traceback.
    view = cell_of(page, 3).locator(".wfkit")
    expect(view).to_have_attribute("data-state", "FAILED", timeout=60_000)
    first = executed(lab)
    assert first == Counter([f"load {n}" for n in range(4)] + [f"clean {text}" for text in ("12", "7", "n/a", "31")])
    view.locator(".wf-card", has_text="clean").click()
    view.locator(".wf-element").first.click()
    node = view.locator('[data-wfkit-detail="clean[2]"]')
    expect(node.locator(".wf-traceback")).to_contain_text("return int(text)", timeout=10_000)
    expect(node.locator(".wf-error-message")).to_have_text("invalid literal for int() with base 10: 'n/a'")
    picture(page, "story-failed")

    # Fix the cell; the view says that the code is newer than the run.
    rewrite(page, 2, _FIXED)
    execute(page, 2)
    expect(view.locator(".wf-changed")).to_contain_text("body of clean changed", timeout=10_000)

    # Ask for a rerun: the plan comes first.
    view.get_by_role("button", name="Rerun failed").click()
    dialog = view.get_by_role("dialog", name="Rerun what failed")
    expect(dialog.locator(".wf-plan-headline")).to_have_text("2 run, 7 reused, of these 3 stale")
    expect(dialog.locator(".wf-plan-why li")).to_have_text(["1 failed before", "1 depends on them"])
    expect(dialog.locator(".wf-plan-changes")).to_have_text("With the code as it is now: body of clean changed.")
    expect(dialog.locator(".wf-plan-rows .wf-element-name")).to_have_text(["clean[2]", "total"])
    assert executed(lab) == first, "a plan executes nothing"
    picture(page, "story-plan")
    dialog.get_by_role("button", name="Confirm").click()

    # The same view shows the new run; what it executed is that branch alone.
    expect(view.locator(".wf-switch")).to_contain_text("run 2 of 2", timeout=10_000)
    expect(view).to_have_attribute("data-state", "COMPLETED", timeout=30_000)
    expect(view.locator(".wf-lineage")).to_contain_text("rerun of r-")
    tasks = view.locator('[role="treegrid"]')
    expect(tasks.locator('[data-wfkit-node="load"]')).to_have_attribute("data-counts", "REUSED=4")
    expect(tasks.locator('[data-wfkit-node="clean"]')).to_have_attribute("data-counts", "COMPLETED=1 REUSED=3")
    expect(view.locator('[data-wfkit-detail="clean[2]"][data-state="COMPLETED"]')).to_be_visible(timeout=10_000)
    assert executed(lab) - first == Counter(["clean n/a", "total"])
    picture(page, "story-repaired")

    # The handle of the cell is of the repaired run.
    execute(page, 4)
    expect(cell_of(page, 4).locator(".jp-OutputArea-output")).to_have_text("the sum is 50")

    # The run before can still be looked at.
    view.locator(".wf-switch").select_option(index=0)
    expect(view).to_have_attribute("data-state", "FAILED", timeout=10_000)
    expect(view.get_by_text("Run 2 went on from here: completed.")).to_be_visible()
    view.get_by_role("button", name="Show the rerun").click()
    expect(view).to_have_attribute("data-state", "COMPLETED", timeout=10_000)
