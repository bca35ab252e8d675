"""The page: docs/benchmarks.md from results."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from benchmarks.measure import Result

HEAD: Final = "# Benchmarks\n\nMade by `make bench` (`benchmarks/run.py`); do not edit by hand.\n"

TEXT: Final = """\
What wfkit costs, compared with doing the same work on plain Dask, and whether it does what it promises about order and
waiting. Tasks of the first table do nothing, so that only overhead is seen: with real work the ratios come closer to 1.

How it is measured:

- wfkit runs on its own local cluster. Plain Dask runs on the same cluster (with wfkit's plugins in it), and on twins of
  it that know nothing of wfkit, one at `worker-saturation: inf` and one at Dask's default of 1.1, where that is not
  hopelessly slow. All have the same workers; only one cluster works at a time.
- Contestants take turns: each repetition runs all of them once, in another order each time. Before each turn every
  scheduler has forgotten its tasks. Shown is the median of the repetitions; below, the least and the greatest too.
- The ratio is our median by that of the best other contestant. Beside it stands the range of the ratios of single
  repetitions: where it is wide, the machine was not quiet.
- A run of wfkit is measured with everything on: each call frozen, two events a task folded into the view, a consumer
  that takes the live view's messages as often as a browser gets them, and all values in the hands of the caller. Plain
  Dask is `client.map` and `client.gather`.
- An ideal time is the sum of what the tasks sleep, by the number of threads: no gap anywhere, no start, no end.
- Depth first is measured by what the tasks note themselves, each when it is done, whatever wfkit says about them.

What is not claimed: nothing about other machines, networks or many workers (scheduler, workers and driver share the
cores here), nothing about tasks that move much data, nothing about the browser's own work. The largest map, memory,
waiting and depth-first numbers are of few repetitions.
"""


def page(results: Sequence[Result], peers: Sequence[Mapping[str, Any]]) -> str:
    """The whole page."""
    return "\n".join(
        [HEAD, TEXT, *_machines(results), *_overview(results), *_peers(peers, results), *_details(results)]
    )


def _machines(results: Sequence[Result]) -> Iterator[str]:
    """Where and when, in a line for each time that something was measured."""
    yield "## Machine\n"
    sections: dict[str, dict[str, None]] = {}
    for result in results:
        facts = "; ".join(f"{name} {value}" for name, value in result.machine.items())
        sections.setdefault(facts, {})[result.section] = None
    for facts, names in sections.items():
        yield f"- {', '.join(names)}: {facts}."
    yield ""


def _overview(results: Sequence[Result]) -> Iterator[str]:
    yield "## Results\n"
    for section in dict.fromkeys(result.section for result in results):
        here = [result for result in results if result.section == section]
        yield f"### {section}\n"
        yield from _rows([result for result in here if result.cell is None])
        yield from _cases([result for result in here if result.cell is not None])


def _rows(results: Sequence[Result]) -> Iterator[str]:
    """A result a line, beside the best other contestant."""
    if not results:
        return
    yield "| what | wfkit | best other | ratio | budget | |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for result in results:
        best = result.best_other
        other = "" if best is None else f"{amount(statistics.median(result.samples[best]), result.unit)}, {best}"
        verdict = {None: "", True: "met", False: "**not met**"}[result.met]
        cells = [result.title, amount(result.ours, result.unit), other, _ratio(result), budget(result), verdict]
        yield f"| {' | '.join(cells)} |"
    yield ""


def _cases(results: Sequence[Result]) -> Iterator[str]:
    """A case a line and a measure a column, each number with its budget."""
    if not results:
        return
    cells = {tuple(result.cell or ()): result for result in results}
    rows, columns = (list(dict.fromkeys(cell[place] for cell in cells)) for place in (0, 1))
    yield f"| case | {' | '.join(columns)} | |"
    yield f"| --- | {'--- | ' * len(columns)}--- |"
    for row in rows:
        found = [cells.get((row, column)) for column in columns]
        missed = any(one is not None and one.met is False for one in found)
        verdict = "**not met**" if missed else "met"
        yield f"| {row} | {' | '.join(map(_cell, found))} | {verdict} |"
    yield ""


def _cell(result: Result | None) -> str:
    if result is None:
        return ""
    beside = [budget(result)] if result.budget is not None else []
    if (other := result.best_other) is not None:
        beside.append(f"{other}: {amount(statistics.median(result.samples[other]), result.unit)}")
    promised = f" ({'; '.join(beside)})" if beside else ""
    number = amount(result.ours, result.unit)
    return f"**{number}**{promised}" if result.met is False else f"{number}{promised}"


def _ratio(result: Result) -> str:
    if result.ratio is None:
        return ""
    pairs = result.pair_ratios
    spread = f" ({min(pairs):.2f} to {max(pairs):.2f})" if len(pairs) > 1 else ""
    return f"{result.ratio:.2f}{spread}"


def budget(result: Result) -> str:
    """What was promised."""
    if result.budget is None:
        return ""
    limit = result.budget.limit
    return f"≤ {limit:g}" if result.budget.of == "ratio" else f"≤ {amount(limit, result.unit)}"


def _peers(peers: Sequence[Mapping[str, Any]], results: Sequence[Result]) -> Iterator[str]:
    if not peers:
        return
    yield "## Other workflow systems\n"
    yield "The same no-op map, as `benchmarks/peers/README.md` tells. Measured apart from the table above, on the day"
    yield "that is told, and perhaps on another machine.\n"
    yield "| system | tasks | tasks/s | date | |"
    yield "| --- | --- | --- | --- | --- |"
    ours = next((result for result in results if result.name.startswith("map-")), None)
    if ours is not None:
        yield f"| wfkit | {ours.tasks:,} | {ours.tasks / ours.ours:,.0f} | | from the table above |"
    for peer in peers:
        rate = f"{peer['tasks_per_s']:,.0f}"
        yield f"| {peer['system']} | {peer['tasks']:,} | {rate} | {peer['date']} | {peer.get('note', '')} |"
    yield ""


def _details(results: Sequence[Result]) -> Iterator[str]:
    yield "## Every contestant\n"
    for result in results:
        if result.cell is not None:
            continue
        repetitions = max(map(len, result.samples.values()))
        rate = "| tasks/s " if result.tasks else ""
        yield f"### {result.title}\n"
        yield f"{repetitions} {'repetition' if repetitions == 1 else 'repetitions'}" + (
            f"; {result.note}.\n" if result.note else ".\n"
        )
        yield f"| contestant | median | from | to {rate}|"
        yield f"| --- | --- | --- | --- {'| --- ' if rate else ''}|"
        for name, values in result.samples.items():
            shown = (statistics.median(values), min(values), max(values))
            cells = [name, *(amount(value, result.unit) for value in shown)]
            if result.tasks:
                cells.append(f"{result.tasks / statistics.median(values):,.0f}")
            yield f"| {' | '.join(cells)} |"
        yield ""


def amount(value: float, unit: str) -> str:
    """A number with its unit, in three figures."""
    match unit:
        case "B":
            return f"{value / 1_000:.2f} kB"
        case "%":
            return f"{value:.1f} %"
        case "x":
            return f"{value:.2f} x"
        case "items":
            return f"{value:.0f}"
        case _:
            return f"{value:.3g} {unit}"
