"""Preflight: versions that cannot work are refused, others are mentioned, and a silent cluster holds up nobody."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import sysconfig
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from distributed import Client, LocalCluster

from tests.clusters.foreign import frozen, one_worker
from wfkit.clusters import preflight
from wfkit.clusters.preflight import OLDEST_DASK, Packages, check_versions, compare
from wfkit.errors import ClusterUnusable

UNPROFILED = "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED"
HERE: dict[str, str | None] = {
    "python": "3.11.2.final.0",
    "cloudpickle": "3.1.2",
    "wfkit": "0.1.0",
    "distributed": "2026.8.0",
    "numpy": "2.4.6",
}


@pytest.mark.parametrize(
    ("package", "version"),
    [
        ("python", "3.12.1.final.0"),
        ("python", "4.11.2.final.0"),
        ("cloudpickle", "4.0.0"),
        ("wfkit", "0.2.0"),
        ("wfkit", "1.1.0"),
        ("wfkit", None),
        ("distributed", "2025.12.0"),
        ("distributed", "2026.1"),
    ],
)
def test_a_difference_that_cannot_work_is_told_from_others(package: str, version: str | None) -> None:
    fatal, other = compare(HERE, {"worker a": {**HERE, package: version}})
    assert len(fatal) == 1
    assert other == []


@pytest.mark.parametrize(
    ("package", "version"),
    [
        ("python", "3.11.9.final.0"),
        ("cloudpickle", "3.0.0"),
        ("wfkit", "0.1.1"),
        ("wfkit", "0.1.0+7.gabc"),
        ("distributed", "2026.1.1"),
        ("distributed", "2027.1.0"),
        ("numpy", "1.26.0"),
    ],
)
def test_other_differences_are_only_mentioned(package: str, version: str) -> None:
    fatal, other = compare(HERE, {"worker a": {**HERE, package: version}})
    assert fatal == []
    assert len(other) == 1


def test_what_is_the_same_or_is_not_there_on_one_side_is_not_mentioned() -> None:
    there: dict[str, Packages] = {
        "the scheduler": {**HERE, "numpy": None},
        "worker a": {"wfkit": "0.1.0", "pandas": "3.0"},
    }
    assert compare({**HERE, "pandas": None}, there) == ([], [])


def test_a_line_says_who_has_what() -> None:
    there: dict[str, Packages] = {f"worker {name}": {**HERE, "python": "3.12.1.final.0"} for name in "abcde"}
    there["the scheduler"] = {**HERE, "wfkit": None}
    there["worker f"] = {**HERE, "wfkit": "0.3.0", "numpy": "2.0", "distributed": "2025.3.0"}
    fatal, other = compare(HERE, there)
    assert fatal == [
        "Python is 3.11.2 here, 3.12.1 on worker a, worker b, worker c and 2 more",
        "wfkit is 0.1.0 here, 0.3.0 on worker f and not installed on the scheduler",
        "distributed is 2026.8.0 here, 2025.3.0 on worker f, and must be 2026.1.1 or newer",
    ]
    assert other == ["numpy is 2.4.6 here, 2.0 on worker f"]


def test_the_oldest_dask_is_the_one_that_wfkit_declares() -> None:
    pyproject = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    floors = [line for line in pyproject["project"]["dependencies"] if re.match("(dask|distributed)>=", line)]
    assert floors == [f"{name}>={'.'.join(map(str, OLDEST_DASK))}" for name in ("dask", "distributed")]


def environment(folder: Path, *, wfkit: str | None, metadata: bool = True) -> Path:
    """A folder with the packages of this environment, and another wfkit in their midst, or none."""
    folder.mkdir()
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if "wfkit" not in path.name:
            (folder / path.name).symlink_to(path)
    if wfkit is not None:
        (folder / "wfkit").mkdir()
        (folder / "wfkit" / "__init__.py").write_text(f'__version__ = "{wfkit}"\n')
    if wfkit is not None and metadata:
        (folder / f"wfkit-{wfkit}.dist-info").mkdir()
        (folder / f"wfkit-{wfkit}.dist-info" / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: wfkit\nVersion: {wfkit}\n"
        )
    return folder


@contextlib.contextmanager
def process(packages: Path, role: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A scheduler or a worker that sees these packages only (-S: not those of the environment)."""
    child = subprocess.Popen(
        [
            sys.executable,
            "-S",
            "-m",
            f"distributed.cli.dask_{role}",
            "--host",
            "127.0.0.1",
            "--no-dashboard",
            *arguments,
        ],
        cwd=packages,
        env={"PYTHONPATH": str(packages), **{name: os.environ[name] for name in ("PATH", UNPROFILED)}},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stderr is not None
    with child, child.stderr:
        yield child
        child.kill()


def said(child: subprocess.Popen[str], pattern: str) -> str:
    """What the process logs, up to a line that fits; the part in parentheses."""
    assert child.stderr is not None
    for line in child.stderr:
        if found := re.search(pattern, line):
            return found[1]
    raise AssertionError("it ended before it said so")


@pytest.mark.system
@pytest.mark.timeout(60)
def test_processes_without_wfkit_or_with_another_are_refused(tmp_path: Path) -> None:
    bare = environment(tmp_path / "bare", wfkit=None)
    newer = environment(tmp_path / "newer", wfkit="7.1.0")
    copied = environment(tmp_path / "copied", wfkit="7.2.0", metadata=False)
    with contextlib.ExitStack() as stack:
        scheduler = stack.enter_context(process(bare, "scheduler", "--port", "0"))
        address = said(scheduler, r"Scheduler at: +(\S+)")
        workers = [
            stack.enter_context(process(packages, "worker", address, "--no-nanny", "--nthreads", "1"))
            for packages in (bare, newer, copied)
        ]
        places = [said(worker, r"Start worker at: +(\S+)") for worker in workers]
        client = stack.enter_context(Client(address, set_as_default=False))
        client.wait_for_workers(3, timeout=20)
        with pytest.raises(ClusterUnusable, match="does not fit this notebook") as refused:
            check_versions(client)
        assert "wfkit is 0.1.0 here" in refused.value.what
        assert f"7.1.0 on worker {places[1]}" in refused.value.what
        assert f"7.2.0 on worker {places[2]}" in refused.value.what
        missing = refused.value.what.partition("not installed on ")[0]
        assert "not installed on the scheduler, worker " in refused.value.what.replace(missing, "")
        assert places[0] in refused.value.what
        assert "pip install 'wfkit==0.1.0' 'dask==" in refused.value.fix
        assert "WFKIT_CLUSTER_PREFLIGHT=warn" in refused.value.fix
        told = check_versions(client, refuse=False)
        assert [line for line in told if line.startswith("wfkit is")] == told


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    with one_worker() as cluster:
        yield cluster


@pytest.fixture
def client(cluster: LocalCluster) -> Iterator[Client]:
    with Client(cluster, set_as_default=False) as client:
        yield client


@pytest.mark.system
@pytest.mark.timeout(60)
def test_a_cluster_of_the_same_environment_passes_in_no_time(client: Client) -> None:
    assert check_versions(client) == []
    seconds = []
    for _ in range(5):
        began = time.perf_counter()
        check_versions(client)
        seconds.append(time.perf_counter() - began)
    assert min(seconds) < 0.05


@pytest.mark.system
@pytest.mark.timeout(60)
def test_with_a_worker_that_does_not_answer_the_scheduler_is_compared_alone(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "VERSIONS_TIMEOUT_S", 0.3)
    with frozen(client):
        told = check_versions(client)
    assert told == ["the workers' versions were not compared: a worker gave no answer within 0.3 s"]


@pytest.mark.system
@pytest.mark.timeout(60)
@pytest.mark.filterwarnings("ignore:.*:ResourceWarning")
def test_a_scheduler_that_is_gone_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "VERSIONS_TIMEOUT_S", 0.3)
    with one_worker() as cluster, Client(cluster.scheduler_address, set_as_default=False) as client:
        cluster.close()
        with pytest.raises(ClusterUnusable, match=r"scheduler does not answer: .+"):
            check_versions(client)
