"""The benchmarks: they run at a tiny size, and docs/benchmarks.md is a page that they made."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from benchmarks.chunks import mixed
from benchmarks.contest import SAME, contest
from benchmarks.depth import most_between, share_of_first_stage
from benchmarks.drawing import STYLE
from benchmarks.measure import OURS, Budget, Result, take_turns
from benchmarks.page import HEAD, amount, page
from benchmarks.replay import ReplayedRun, recorded
from benchmarks.screen import Said
from benchmarks.suite import NAMES, PAGE, RESULTS, main, on_record
from benchmarks.throughput import SINGLE, Match, one_stage, one_stage_single, plain_one_stage
from benchmarks.timeline import ITEMS, PICTURE, timeline
from benchmarks.viewing import busiest
from wfkit.core.states import RunState, TaskState

APART = ("memory", "view")  #: no tiny size says anything of the first; the other has a test of its own
PAIRS = 5  #: of runs, ours and plain Dask's, at most
CHUNKED, UNCHUNKED = 0.3, 1.25  #: what 10,000 tasks that do nothing may take, by the time of `client.map`
CASES = ("handle", "list", "resources", "priority", "retries", "spawned", "blocked", "killed", "added")


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
        [{"system": "Other 1", "tasks": 100, "tasks_per_s": 9.2, "date": "2026-01-31"}],
    )
    assert "| A map | 2 s | 1 s, plain Dask | 2.00 | ≤ 1.25 | **not met** |" in text
    assert "| Other 1 | 100 | 9 | 2026-01-31 |" in text
    assert "| plain Dask | 1 s | 1 s | 1 s | 10 |" in text


def test_a_table_of_cases_has_each_number_with_its_budget() -> None:
    def measured(row: str, column: str, value: float) -> Result:
        return Result("x", "", "%", {OURS: [value]}, Budget(10.0, of="value"), section="Deep", cell=(row, column))

    text = page([measured("plain", "share", 3.0), measured("plain", "rest", 11.0), measured("lost", "share", 4.0)], [])
    assert "### Deep\n\n| case | share | rest | |\n| --- | --- | --- | --- |\n" in text
    assert "| plain | 3.0 % (≤ 10.0 %) | **11.0 %** (≤ 10.0 %) | **not met** |" in text
    assert "| lost | 4.0 % (≤ 10.0 %) |  | met |" in text


def test_depth_is_told_by_the_ends_of_the_stages() -> None:
    ends_s = [[1.0, 2.0, 3.0], [2.5, 3.5, 6.0], [3.2, 4.0, 5.0], [7.0, 8.0, 9.0]]
    assert share_of_first_stage(ends_s) == 50.0
    assert most_between(ends_s) == 2


def test_one_in_twenty_of_the_mixed_tasks_is_long() -> None:
    durations_s = mixed(100, 0.001, 0.5)
    assert (len(durations_s), durations_s.count(0.5)) == (100, 5)
    assert durations_s == mixed(100, 0.001, 0.5)


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (0.01234, "s", "0.0123 s"),
        (1_234.0, "B", "1.23 kB"),
        (2.345, "%", "2.3 %"),
        (1.147, "x", "1.15 x"),
        (50.0, "items", "50"),
    ],
)
def test_numbers_are_shown_with_three_figures(value: float, unit: str, shown: str) -> None:
    assert amount(value, unit) == shown


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_everything_is_measured_at_a_tiny_size(tmp_path: Path) -> None:
    main(
        ["--quick", "--out", str(tmp_path), *(part for name in NAMES if name not in APART for part in ("--only", name))]
    )
    text = (tmp_path / PAGE.name).read_text()
    found = json.loads((tmp_path / RESULTS.name).read_text())
    assert text.startswith(HEAD)
    assert {
        *["map-20", "map-40", "map-60-single", "per-task", "first-of-many", "two-stages", "unknown-length"],
        *["call", "flow", "chunks-1-ms", "parents-block", "parents-return", "retries", "depth", "first-task"],
        *["rerun-plan", "rerun-submitted", "rerun-total", "history-cost-auto", "history-cost-1", "history-disk"],
        *[f"depth-{case}-{measure}" for case in CASES for measure in ("share", "between", "total")],
    } <= {one["name"] for one in found["results"]}
    for one in found["results"]:
        assert all(value > 0 for values in one["samples"].values() for value in values)


@pytest.mark.browser
@pytest.mark.timeout(120)
def test_the_live_view_is_measured_in_a_browser(tmp_path: Path) -> None:
    main(["--quick", "--out", str(tmp_path), "--only", "view"])
    found = {one["name"]: one for one in json.loads((tmp_path / RESULTS.name).read_text())["results"]}
    frames = [f"view-frame-{cells}" for cells in ("pixels", "glyphs", "numbers")]
    rest = [f"view-{name}" for name in ("picture", "heap", "feed", "messages", "bytes", "age")]
    assert list(found) == [rest[0], *frames, *rest[1:]]
    assert all(one["budget"] is not None for one in found.values())
    assert 0 < found["view-messages"]["samples"][OURS][0] <= 10
    assert 0 < found["view-bytes"]["samples"][OURS][0] <= 200
    assert 0 < found["view-feed"]["samples"][OURS][0] < 50
    assert found["view-age"]["samples"][OURS][0] > 0


def test_a_replay_is_the_same_each_time_and_ends_every_task() -> None:
    first, again = (recorded(3_000, 0.0, 2_000.0) for _ in range(2))
    assert first == again
    run = ReplayedRun()
    run.tell(first)
    assert run.state is RunState.FAILED
    ended = {TaskState.COMPLETED, TaskState.FAILED, TaskState.UPSTREAM_FAILED}
    for group in run.view_model.groups.values():
        assert {group.state(index) for index in range(len(group))} <= ended
        assert len(group) == 1_000
    assert [event.at_s for event in first] == sorted(event.at_s for event in first)


def test_the_rate_is_that_of_the_busiest_stretch() -> None:
    slow = [Said(at_s, "delta", 10) for at_s in range(100)]
    fast = [Said(200 + at / 10, "delta", 100) for at in range(60)]
    assert busiest([*slow, *fast], lambda _: 1) == pytest.approx(10)
    assert busiest([*slow, *fast], lambda said: said.size) == pytest.approx(1_000)
    assert busiest(slow[:3], lambda _: 1) == pytest.approx(1)


@pytest.mark.timeout(300)
def test_ten_thousand_tasks_that_do_nothing_cost_little_more_than_plain_dask_and_in_chunks_far_less() -> None:
    # Other work on the machine makes a pair look bad now and then; a cost that has grown shows in all of them.
    chunked: list[float] = []
    single: list[float] = []
    with contest(twins=False) as clusters:
        clusters.warm_up()
        match = Match(clusters, 10_000)
        contestants = {
            OURS: match.ours(one_stage),
            SINGLE: match.ours(one_stage_single),
            **match.plain(plain_one_stage),
        }
        for _ in range(PAIRS):
            seconds = {name: times[0] for name, times in take_turns(contestants, 1, clusters.rest).items()}
            chunked.append(seconds[OURS] / seconds[SAME])
            single.append(seconds[SINGLE] / seconds[SAME])
            if min(chunked) <= CHUNKED and min(single) <= UNCHUNKED:
                break
    assert min(chunked) <= CHUNKED
    assert min(single) <= UNCHUNKED


def bars(picture: str) -> dict[str, list[tuple[float, float]]]:
    """Where the bars of each colour begin and end, from left to right as they stand in the file."""
    found: dict[str, list[tuple[float, float]]] = {}
    for rect in ET.fromstring(picture).iter("{http://www.w3.org/2000/svg}rect"):
        if float(rect.attrib["y"]) > 50:  # not of the legend
            begin, width = float(rect.attrib["x"]), float(rect.attrib["width"])
            found.setdefault(rect.attrib["class"], []).append((begin, begin + width))
    return found


def test_the_timeline_is_drawn_from_two_runs() -> None:
    picture = timeline(length=24, shortest_s=0.04, longest_s=0.08)
    found = bars(picture)
    assert [len(found[stage]) for stage in ("s0", "s1", "s2")] == [48, 48, 48]
    assert len(found["body"]) == len(found["waits"]) == 2
    barred = [[found[stage][item] for item in range(24, 48)] for stage in ("s0", "s1", "s2")]
    for stage, following in itertools.pairwise(barred):
        assert max(end for _, end in stage) <= min(begin for begin, _ in following) + 1
    free = [[found[stage][item] for item in range(24)] for stage in ("s0", "s1", "s2")]
    assert min(end for _, end in free[2]) < max(begin for begin, _ in free[0]), "a result before the last one begins"


def test_the_picture_in_docs_is_a_small_drawing_of_the_same_kind() -> None:
    picture = PICTURE.read_text()
    assert len(picture) < 100_000
    assert [len(bars(picture)[stage]) for stage in ("s0", "s1", "s2")] == [2 * ITEMS] * 3
    assert f"<style>{STYLE}</style>" in picture


def test_the_page_in_docs_is_the_one_that_was_measured() -> None:
    assert PAGE.read_text() == page(on_record(), json.loads(RESULTS.read_text())["peers"])


def test_a_part_is_measured_anew_and_the_rest_stays_as_it_is_on_record(tmp_path: Path) -> None:
    main(["--quick", "--only", "history", "--keep", "--out", str(tmp_path)])
    before = {one.name: one for one in on_record()}
    after = {one["name"]: one for one in json.loads((tmp_path / RESULTS.name).read_text())["results"]}
    anew = {name for name, one in after.items() if one["samples"] != before[name].samples}
    assert list(after) == list(before)
    assert {after[name]["section"] for name in anew} == {"History"}
    lines = (tmp_path / PAGE.name).read_text().splitlines()
    assert any(line.startswith("- History: date ") for line in lines)
    assert any(line.startswith("- Cost, ") for line in lines)
