"""Drawing: what happened when, item by item, as one SVG that is readable on light and on dark pages."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

# Colours that people tell apart however they see colours (Okabe and Ito); dark, light, middle in grey as well.
STYLE: Final = """\
text{font:13px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;fill:#57606a}
.title{font-size:16px;font-weight:600;fill:#1f2328}
.strong{fill:#1f2328;font-weight:600}
.right{text-anchor:end}.middle{text-anchor:middle}
.card{fill:#fff;stroke:#d0d7de}
.grid{stroke:#e6eaef}
.row{fill:#f4f6f8}
.mark{stroke:#1f2328;stroke-width:1.5;stroke-dasharray:4 3}
.s0{fill:#0072b2}.s1{fill:#e69f00}.s2{fill:#009e73}
.body{fill:#8c959f}.waits{fill:none;stroke:#8c959f;stroke-dasharray:3 3}
@media (prefers-color-scheme:dark){
text{fill:#9da7b3}.title,.strong{fill:#e6edf3}.card{fill:#161b22;stroke:#30363d}.grid{stroke:#272e37}.row{fill:#1c222a}
.mark{stroke:#e6edf3}.s0{fill:#3d9fdc}.s1{fill:#f0b429}.s2{fill:#1fc493}
}"""

_MARGIN: Final = 24
_LABELS: Final = 64
_PLOT: Final = 400
_GAP: Final = 40
_ROW: Final = 15
_BAR: Final = 11
_TOP: Final = 122
_BOTTOM: Final = 64
_TICKS_S: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Bar:
    """One execution: seconds since the epoch, and the number of the worker."""

    start_s: float
    end_s: float
    worker: int


@dataclass(frozen=True, slots=True)
class Panel:
    """One run: the task that maps, and for each stage a bar per item."""

    title: str
    parent: Bar
    stages: tuple[tuple[Bar, ...], ...]

    @property
    def begin_s(self) -> float:
        """When it all began."""
        return min(self.parent.start_s, *(bar.start_s for stage in self.stages for bar in stage))

    @property
    def first_s(self) -> float:
        """Seconds until the first item was through all stages."""
        return min(bar.end_s for bar in self.stages[-1]) - self.begin_s

    @property
    def total_s(self) -> float:
        """Seconds until all were."""
        return max(bar.end_s for bar in self.stages[-1]) - self.begin_s


def drawn(panels: Sequence[Panel], names: Sequence[str]) -> str:
    """Panels beside each other, on one scale of time; a row an item, a colour a stage.

    Parameters
    ----------
    panels : sequence of Panel
    names : sequence of str
        Of the stages.
    """
    longest_s = max(panel.total_s for panel in panels)
    tick_s = next((step for step in _TICKS_S if longest_s / step <= 8), _TICKS_S[-1])  # noqa: PLR2004 - labels that fit
    scale = _PLOT / (math.ceil(longest_s / tick_s) * tick_s)
    rows = len(panels[0].stages[0])
    width = 2 * _MARGIN + len(panels) * (_LABELS + _PLOT) + (len(panels) - 1) * _GAP
    height = _TOP + (rows + 2) * _ROW + _BOTTOM
    lines = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
            'role="img" aria-labelledby="about">'
        ),
        f'<title id="about">{_about(panels, rows)}</title>',
        f"<style>{STYLE}</style>",
        f'<rect class="card" x=".5" y=".5" width="{width - 1}" height="{height - 1}" rx="8"/>',
        *_legend(names, width),
    ]
    for place, panel in enumerate(panels):
        left = _MARGIN + place * (_LABELS + _PLOT + _GAP)
        lines += _panel(panel, left, scale, tick_s)
    return "\n".join([*lines, "</svg>", ""])


def _about(panels: Sequence[Panel], rows: int) -> str:
    told = "; ".join(
        f"{panel.title.lower()}: first final result after {panel.first_s:.2f} s, all after {panel.total_s:.2f} s"
        for panel in panels
    )
    return f"{rows} items through three stages on four threads. {told}."


def _legend(names: Sequence[str], width: int) -> Iterator[str]:
    x = _MARGIN
    for number, name in enumerate(names):
        yield f'<rect class="s{number}" x="{x}" y="22" width="14" height="{_BAR}" rx="2"/>'
        yield f'<text class="strong" x="{x + 20}" y="32">{name}</text>'
        x += 72
    yield f'<rect class="body" x="{x}" y="22" width="14" height="{_BAR}" rx="2"/>'
    yield f'<text x="{x + 20}" y="32">the task that maps runs</text>'
    x += 190
    yield f'<rect class="waits" x="{x + 0.5}" y="22.5" width="14" height="{_BAR - 1}" rx="2"/>'
    yield f'<text x="{x + 20}" y="32">it waits</text>'
    yield f'<text class="right" x="{width - _MARGIN}" y="32">four threads, one row for each x</text>'


def _panel(panel: Panel, left: int, scale: float, tick_s: float) -> Iterator[str]:
    rows = len(panel.stages[0])
    plot, bottom = left + _LABELS, _TOP + (rows + 2) * _ROW
    first = plot + panel.first_s * scale
    yield f'<text class="title" x="{left}" y="68">{panel.title}</text>'
    for tick in range(round(_PLOT / scale / tick_s) + 1):
        x = plot + tick * tick_s * scale
        yield f'<path class="grid" d="M{x:.1f} {_TOP - 4}V{bottom}"/>'
        yield f'<text class="middle" x="{x:.1f}" y="{bottom + 18}">{tick * tick_s:g}</text>'
    yield f'<text class="middle" x="{plot + _PLOT / 2:.0f}" y="{bottom + 40}">seconds</text>'
    yield f'<text class="right" x="{plot - 8}" y="{_TOP + _BAR - 1}">map</text>'
    yield from _parent(panel, plot, scale)
    for row in range(rows):
        y = _TOP + (row + 2) * _ROW
        if row % 2 == 0:
            yield f'<rect class="row" x="{plot}" y="{y - 2}" width="{_PLOT}" height="{_ROW}"/>'
        if row % 5 == 0 or row == rows - 1:
            yield f'<text class="right" x="{plot - 8}" y="{y + _BAR - 1}">x = {row}</text>'
        for number, stage in enumerate(panel.stages):
            yield _rect(f"s{number}", stage[row].start_s, stage[row].end_s, panel.begin_s, plot, scale, y)
    yield f'<path class="mark" d="M{first:.1f} {_TOP - 16}V{bottom}"/>'
    yield (
        f'<text x="{left}" y="90">first final result after <tspan class="strong">{panel.first_s:.2f} s</tspan>, '
        f'all after <tspan class="strong">{panel.total_s:.2f} s</tspan></text>'
    )


def _parent(panel: Panel, plot: int, scale: float) -> Iterator[str]:
    began_s = min(bar.start_s for bar in panel.stages[0])
    body_s = min(max(began_s, panel.parent.start_s), panel.parent.end_s)
    yield _rect("body", panel.parent.start_s, body_s, panel.begin_s, plot, scale, _TOP)
    yield _rect("waits", body_s, panel.parent.end_s, panel.begin_s, plot, scale, _TOP)


def _rect(kind: str, start_s: float, end_s: float, begin_s: float, plot: int, scale: float, y: int) -> str:
    x, width = plot + (start_s - begin_s) * scale, max(1.0, (end_s - start_s) * scale - 1)
    return f'<rect class="{kind}" x="{x:.1f}" y="{y}" width="{width:.1f}" height="{_BAR}" rx="2"/>'
