"""The still picture: an SVG in columns, without overlaps, with every state by colour and shape, and only text in it."""

from __future__ import annotations

import re
from base64 import b64decode
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.notebook.stories import monthly
from tests.notebook.telling import BEGIN_S, HOSTILE
from wfkit.core.states import CODES, STATES, TaskState
from wfkit.notebook.display import run_html
from wfkit.notebook.picture import LOOKS, MOST_TILES, Tile, graph_svg, picture

LOOKS_OF_THE_BROWSER = Path(__file__).parents[2] / "labextension" / "src" / "core" / "states.ts"


def tile(name: str, *inputs: str, state: TaskState = TaskState.COMPLETED, count: int = 1, told: str = "1/1") -> Tile:
    counts = [0] * len(STATES)
    counts[CODES[state]] = count
    return Tile(name, name, state, counts, told, inputs)


def boxes(svg: str) -> dict[str, tuple[float, float]]:
    """Where the cards are, by name."""
    root = ET.fromstring(svg)
    found = {}
    for group in root.iter("{http://www.w3.org/2000/svg}g"):
        (x, y) = re.findall(r"-?[\d.]+", group.attrib["transform"])
        name = next(group.iter("{http://www.w3.org/2000/svg}text")).text or ""
        found[name] = (float(x), float(y))
    return found


def test_each_card_stands_right_of_all_that_it_uses() -> None:
    places = boxes(graph_svg([tile("a"), tile("b", "a"), tile("c"), tile("d", "b", "c")]))
    assert places["a"][0] == places["c"][0] < places["b"][0] < places["d"][0]


@given(st.lists(st.lists(st.integers(0, 30), max_size=4), min_size=1, max_size=MOST_TILES))
def test_no_card_lies_on_another_one(graph: list[list[int]]) -> None:
    tiles = [tile(f"t{at}", *{f"t{source}" for source in inputs if source < at}) for at, inputs in enumerate(graph)]
    places = boxes(graph_svg(tiles))
    assert len(places) == len(tiles)
    for (x1, y1), (x2, y2) in combinations(places.values(), 2):
        assert x1 != x2 or abs(y1 - y2) >= 60


def test_states_look_as_in_the_browser_each_with_a_shape_of_its_own() -> None:
    browser = LOOKS_OF_THE_BROWSER.read_text(encoding="utf-8")
    assert LOOKS.keys() == set(TaskState)
    assert len({path for path, _ in LOOKS.values()}) == len(LOOKS)
    assert all(path in browser for path, _ in LOOKS.values())


def test_a_few_failures_among_many_can_be_seen() -> None:
    counts = [0] * len(STATES)
    counts[CODES[TaskState.COMPLETED]], counts[CODES[TaskState.FAILED]] = 99_999, 1
    svg = graph_svg([Tile("a", "a", TaskState.FAILED, counts, "", ())])
    red = re.findall(rf'width="([\d.]+)" height="4" fill="{LOOKS[TaskState.FAILED][1]}"', svg)
    assert [float(width) > 2 for width in red] == [True]


@pytest.mark.parametrize("name", [HOSTILE, "]]>", '"><script>', "a & b", "\u202eabc"])
def test_names_are_only_text(name: str) -> None:
    root = ET.fromstring(graph_svg([tile(name, told=name)]))
    assert {element.tag.rpartition("}")[2] for element in root.iter()} <= {"svg", "g", "rect", "path", "text"}


def test_the_picture_is_an_image_with_words_for_who_cannot_see_it() -> None:
    html = picture([tile("a")], 'Graph of "1" task')
    assert 'alt="Graph of &quot;1&quot; task"' in html
    data = re.search(r"base64,([^\"]+)", html)
    assert data is not None
    assert b64decode(data[1]).decode() == graph_svg([tile("a")])


def test_the_static_page_of_a_run_has_the_picture_of_its_graph() -> None:
    html = run_html(monthly().view_model, BEGIN_S + 60)
    data = re.search(r"base64,([^\"]+)", html)
    assert data is not None
    assert list(boxes(b64decode(data[1]).decode())) == [
        "load",
        "clean",
        "delays",
        "carriers",
        "best",
        "worst",
        "report",
    ]
