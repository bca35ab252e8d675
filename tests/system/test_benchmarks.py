"""The benchmarks: they run at a tiny size, and docs/benchmarks.md is a page that they made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.measure import OURS, Budget, Result, take_turns
from benchmarks.page import HEAD, amount, page
from benchmarks.suite import NAMES, PAGE, RESULTS, main


def result(ours: list[float], other: list[float], budget: Budget | None = None) -> Result:
    return Result("map", "A map", "s", {OURS: ours, "slow Dask": [9.0], "plain Dask": other}, budget, tasks=10)


def test_the_ratio_is_of_medians_to_the_fastest_other() -> None:
    measured = result([1.0, 3.0, 2.0], [1.0, 1.0, 4.0])
    assert measured.best_other == "plain Dask"
    assert measured.ratio == 2.0
    assert measured.pair_ratios == [1.0, 3.0, 0.5]


@pytest.mark.parametrize(
    ("budget", "met"),
    [
        (None, None),
        (Budget(2.0), True),
        (Budget(1.9), False),
        (Budget(2.0, of="value"), True),
        (Budget(1.0, of="value"), False),
    ],
)
def test_a_budget_is_met_or_not(budget: Budget | None, met: bool | None) -> None:
    assert result([2.0], [1.0], budget).met is met


def test_another_variant_of_ours_is_no_opponent() -> None:
    measured = Result("depth", "Depth", "%", {OURS: [2.0], f"{OURS}, another way": [1.0], "plain Dask": [4.0]})
    assert measured.best_other == "plain Dask"


def test_contestants_take_turns_in_changing_order() -> None:
    order: list[str] = []

    def contestant(name: str) -> float:
        order.append(name)
        return float(len(order))

    samples = take_turns({"a": lambda _: contestant("a"), "b": lambda _: contestant("b")}, 3)
    assert order == ["a", "b", "b", "a", "a", "b"]
    assert samples == {"a": [1.0, 4.0, 5.0], "b": [2.0, 3.0, 6.0]}


def test_the_page_tells_what_was_not_met() -> None:
    text = page(
        [result([2.0], [1.0], Budget(1.25))],
        {"cores": "2"},
        [{"system": "Other 1", "tasks": 100, "tasks_per_s": 9.2, "date": "2026-01-31"}],
    )
    assert "| A map | 2 s | 1 s, plain Dask | 2.00 | ≤ 1.25 | **not met** |" in text
    assert "| Other 1 | 100 | 9 | 2026-01-31 |" in text
    assert "| plain Dask | 1 s | 1 s | 1 s | 10 |" in text


@pytest.mark.parametrize(
    ("value", "unit", "shown"), [(0.01234, "s", "0.0123 s"), (1_234.0, "B", "1.23 kB"), (2.345, "%", "2.3 %")]
)
def test_numbers_are_shown_with_three_figures(value: float, unit: str, shown: str) -> None:
    assert amount(value, unit) == shown


@pytest.mark.timeout(120)
def test_everything_is_measured_at_a_tiny_size(tmp_path: Path) -> None:
    main(
        ["--quick", "--out", str(tmp_path), *(part for name in NAMES if name != "memory" for part in ("--only", name))]
    )
    text = (tmp_path / PAGE.name).read_text()
    found = json.loads((tmp_path / RESULTS.name).read_text())
    assert text.startswith(HEAD)
    assert {"map-20", "map-40", "two-stages", "unknown-length", "call", "flow", "depth", "first-task"} <= {
        one["name"] for one in found["results"]
    }
    for one in found["results"]:
        assert all(value > 0 for values in one["samples"].values() for value in values)


def test_the_page_in_docs_is_the_one_that_was_measured() -> None:
    found = json.loads(RESULTS.read_text())
    results = [
        Result(
            **{key: value for key, value in one.items() if key not in {"ratio", "met", "budget"}},
            budget=None if one["budget"] is None else Budget(**one["budget"]),
        )
        for one in found["results"]
    ]
    assert PAGE.read_text() == page(results, found["machine"], found["peers"])
