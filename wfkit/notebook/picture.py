"""The graph of a run as a still picture: an SVG that needs no style sheet, no script and no network."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from wfkit.core.states import CODES, TaskState
from wfkit.notebook.plain import one_line

MOST_TILES: Final = 40  #: more are hard to read, and the picture is part of a notebook

_WIDTH, _HEIGHT, _GAP_X, _GAP_Y, _MARGIN = 172, 50, 46, 16, 6
_BAR = 4
_NAME_CHARS: Final = 20
_SWEEPS: Final = 4

_HOURGLASS: Final = (
    "M4.5 2.5h7M4.5 13.5h7M5.2 2.8c0 3 2.8 3.6 2.8 5.2S5.2 10.2 5.2 13.2M10.8 2.8c0 3-2.8 3.6-2.8 5.2s2.8 2.2 2.8 5.2"
)
#: Glyph and colour of each state, as in the live view (`labextension/src/core/states.ts`).
LOOKS: Final[Mapping[TaskState, tuple[str, str]]] = {
    TaskState.PENDING: ("M8 3.25a4.75 4.75 0 1 0 0 9.5a4.75 4.75 0 1 0 0-9.5z", "#8c95a3"),
    TaskState.RUNNING: ("M5 3.2 12.6 8 5 12.8z", "#2468d8"),
    TaskState.RETRYING: ("M12.6 8a4.6 4.6 0 1 1-1.5-3.4M11.4 1.9v2.9H8.5", "#b96f00"),
    TaskState.WAITING: (_HOURGLASS, "#7a5bd0"),
    TaskState.COMPLETED: ("M3.2 8.6 6.5 11.9 12.8 4.6", "#178765"),
    TaskState.REUSED: ("M3 5.6h10M3 10.4h10M10.4 3 13 5.6 10.4 8.2", "#58a89b"),
    TaskState.SKIPPED: ("M3.2 4.2 7 8 3.2 11.8M8.6 4.2 12.4 8 8.6 11.8", "#8c95a3"),
    TaskState.FAILED: ("M4 4 12 12M12 4 4 12", "#c6301d"),
    TaskState.UPSTREAM_FAILED: ("M8 2.6 14 13H2zM8 6.6v3M8 11.2v.2", "#d5735f"),
    TaskState.CRASHED: ("M9.2 1.6 3.4 9.2H7L6.3 14.4 12.6 6.6H8.7z", "#a0267c"),
    TaskState.CANCELLED: ("M4 4h8v8H4z", "#646c78"),
}
_FILLED: Final = frozenset({TaskState.RUNNING, TaskState.CRASHED, TaskState.CANCELLED})
#: From left to right in a bar.
_BAR_ORDER: Final = (
    TaskState.COMPLETED,
    TaskState.REUSED,
    TaskState.SKIPPED,
    TaskState.RUNNING,
    TaskState.WAITING,
    TaskState.RETRYING,
    TaskState.PENDING,
    TaskState.UPSTREAM_FAILED,
    TaskState.CANCELLED,
    TaskState.CRASHED,
    TaskState.FAILED,
)

Places = dict[str, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Tile:
    """A card in the picture."""

    id: str
    name: str
    state: TaskState  #: the one that stands for all its nodes
    counts: Sequence[int]  #: of its nodes by state code
    told: str  #: on its lower line, right of the bar
    inputs: Sequence[str]  #: ids of the tiles that it uses
    many: bool = False


def picture(tiles: Sequence[Tile], label: str) -> str:
    """The graph as an image for HTML; within one, nothing of an SVG is ever executed.

    Parameters
    ----------
    tiles : sequence of Tile
        At most `MOST_TILES` of them, each after those that it uses.
    label : str
        What the picture shows, for who cannot see it.
    """
    svg = graph_svg(tiles)
    data = b64encode(svg.encode()).decode()
    return f'<img alt="{escape(label)}" src="data:image/svg+xml;base64,{data}" style="max-width:100%"/>'


def graph_svg(tiles: Sequence[Tile]) -> str:
    """Draw the tiles in columns from left to right, each right of all that it uses."""
    places = _placed(tiles)
    width = max(x for x, _ in places.values()) + _WIDTH + 2 * _MARGIN
    height = max(y for _, y in places.values()) + _HEIGHT + 2 * _MARGIN
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="{-_MARGIN} {-_MARGIN} {width:.0f} {height:.0f}"'
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="system-ui,sans-serif" font-size="12">']
    for tile in tiles:
        parts.extend(_edge(places, tile, source) for source in tile.inputs)
    for tile in tiles:
        parts.extend(_card(tile, *places[tile.id]))
    parts.append("</svg>")
    return "".join(parts)


def _placed(tiles: Sequence[Tile]) -> Places:
    """Columns by longest path; within a column by the mean height of what is used, then of what uses it."""
    column: dict[str, int] = {}
    for tile in tiles:
        column[tile.id] = max((column[source] + 1 for source in tile.inputs if source in column), default=0)
    columns: list[list[str]] = [[] for _ in range(max(column.values()) + 1)]
    for tile in tiles:
        columns[column[tile.id]].append(tile.id)
    inputs = {tile.id: [source for source in tile.inputs if source in column] for tile in tiles}
    users: dict[str, list[str]] = {tile.id: [] for tile in tiles}
    for name, sources in inputs.items():
        for source in sources:
            users[source].append(name)
    tops = {name: float(at) for members in columns for at, name in enumerate(members)}
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        for members in columns if forward else reversed(columns):
            _settle(members, inputs if forward else users, tops)
    for members in columns:
        _settle(members, inputs, tops)
    least = min(tops.values())
    return {
        name: (at * (_WIDTH + _GAP_X), (tops[name] - least) * (_HEIGHT + _GAP_Y))
        for at, members in enumerate(columns)
        for name in members
    }


def _settle(members: list[str], others: dict[str, list[str]], tops: dict[str, float]) -> None:
    """Put each as high as its neighbours are on average, in that order and without overlaps."""
    wanted = {
        name: sum(tops[other] for other in others[name]) / len(others[name]) if others[name] else tops[name]
        for name in members
    }
    members.sort(key=lambda name: wanted[name])
    below = -float("inf")
    for name in members:
        tops[name] = max(wanted[name], below)
        below = tops[name] + 1
    shift = sum(wanted[name] - tops[name] for name in members) / len(members)
    for name in members:
        tops[name] += shift


def _edge(places: Places, tile: Tile, source: str) -> str:
    x1, y1 = places[source]
    x2, y2 = places[tile.id]
    x1, y1, y2 = x1 + _WIDTH, y1 + _HEIGHT / 2, y2 + _HEIGHT / 2
    half = max(_GAP_X / 2, (x2 - x1) / 2)
    return (
        f'<path d="M{x1:.0f} {y1:.1f}C{x1 + half:.0f} {y1:.1f} {x2 - half:.0f} {y2:.1f} {x2:.0f} {y2:.1f}"'
        ' fill="none" stroke="#8a93a0" stroke-width="1.4"/>'
    )


def _card(tile: Tile, x: float, y: float) -> Iterator[str]:
    path, colour = LOOKS[tile.state]
    bad = tile.state in {TaskState.FAILED, TaskState.CRASHED, TaskState.UPSTREAM_FAILED, TaskState.CANCELLED}
    outline = colour if bad else "#b9c0ca"
    yield f'<g transform="translate({x:.0f} {y:.1f})">'
    if tile.many:
        yield f'<rect x="4" y="4" width="{_WIDTH}" height="{_HEIGHT}" rx="6" fill="#fff" stroke="#c9ced6"/>'
    yield f'<rect width="{_WIDTH}" height="{_HEIGHT}" rx="6" fill="#fff" stroke="{outline}"/>'
    paint = f'fill="{colour}"' if tile.state in _FILLED else f'fill="none" stroke="{colour}" stroke-width="2"'
    yield f'<path transform="translate(9 7)" d="{path}" {paint}/>'
    yield f'<text x="32" y="20" fill="#1f2430">{escape(one_line(tile.name, _NAME_CHARS), quote=False)}</text>'
    told = escape(tile.told, quote=False)
    yield f'<text x="{_WIDTH - 10}" y="39" fill="#5a6270" font-size="11" text-anchor="end">{told}</text>'
    yield from _bar(tile.counts, _WIDTH - 30 - 6.2 * len(tile.told))
    yield "</g>"


def _bar(counts: Sequence[int], width: float) -> Iterator[str]:
    """Shares of states; what is there at all can be seen."""
    present = [(state, counts[CODES[state]]) for state in _BAR_ORDER if counts[CODES[state]]]
    total = sum(count for _, count in present)
    if width < _HEIGHT / 2 or not total:
        return
    sizes = [max(3.0, width * count / total) for _, count in present]
    scale = width / sum(sizes)
    x = 10.0
    for (state, _), size in zip(present, [scale * size for size in sizes], strict=True):
        yield f'<rect x="{x:.1f}" y="33" width="{size:.1f}" height="{_BAR}" fill="{LOOKS[state][1]}"/>'
        x += size
