"""Workers that cannot import what a task needs are named, with the remedy, before the task is sent."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import cloudpickle
import pytest
from distributed import Client, LocalCluster

from tests.clusters.foreign import frozen, in_notebook, one_worker, packages_here_only
from wfkit.authoring.freeze import freeze_code
from wfkit.clusters import imports
from wfkit.clusters.imports import ImportProbe
from wfkit.clusters.references import modules_of
from wfkit.errors import ClusterUnusable


@pytest.fixture
def here_only(tmp_path: Path) -> Iterator[None]:
    with packages_here_only(tmp_path):
        yield


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
@pytest.mark.usefixtures("here_only")
def test_a_package_that_only_this_process_has_is_named_with_the_worker_and_the_remedy(client: Client) -> None:
    function = in_notebook("import shapes_here, numpy\ndef f(x): return shapes_here.area(numpy.sin(x))")
    (worker,) = client.run(os.getpid)
    probe = ImportProbe(client)
    with pytest.raises(ClusterUnusable) as refused:
        probe.refuse_missing("clean", modules_of(freeze_code(function, None, "`f`")))
    assert refused.value.what == f"`clean` cannot be loaded: `shapes_here` is not on worker {worker}."
    assert "Define in the notebook what you use of `shapes_here`" in refused.value.fix
    assert "cloudpickle.register_pickle_by_value(shapes_here)" in refused.value.fix


@pytest.mark.system
@pytest.mark.timeout(60)
@pytest.mark.usefixtures("here_only")
def test_what_the_remedies_advise_does_help(client: Client, tmp_path: Path) -> None:
    function = in_notebook("import shapes_here\ndef f(x): return shapes_here.area(x)")
    module = sys.modules["shapes_here"]
    probe = ImportProbe(client)
    cloudpickle.register_pickle_by_value(module)
    try:
        probe.refuse_missing("clean", modules_of(freeze_code(function, None, "`f`")))
        assert client.submit(function, 3, pure=False).result() == 9
    finally:
        cloudpickle.unregister_pickle_by_value(module)
    assert list(probe.missing({"shapes_here"}).values()) == [["shapes_here"]]
    client.run(lambda: sys.path.append(str(tmp_path / "site-packages")))  # it is installed
    assert probe.missing({"shapes_here"}) == {}
    client.run(lambda: sys.path.remove(str(tmp_path / "site-packages")))
    assert probe.missing({"shapes_here"}) == {}  # what was found is not asked again


@pytest.mark.system
@pytest.mark.timeout(60)
@pytest.mark.usefixtures("here_only")
def test_each_worker_is_asked_those_that_come_later_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with one_worker() as cluster, Client(cluster, set_as_default=False) as client:
        (first,) = client.run(os.getpid)
        client.run(lambda: sys.path.append(str(tmp_path / "site-packages")))
        probe = ImportProbe(client)
        assert probe.missing({"shapes_here", "numpy"}) == {}
        monkeypatch.setattr(
            sys, "path", [path for path in sys.path if path != str(tmp_path / "site-packages")]
        )  # Dask hands it on
        cluster.scale(2)
        client.wait_for_workers(2, timeout=30)
        second = next(worker for worker in client.run(os.getpid) if worker != first)
        assert probe.missing({"shapes_here", "numpy"}) == {second: ["shapes_here"]}
        assert probe.missing({"shapes_here"}, workers=[first]) == {}
        assert probe.missing({"shapes_here"}, workers=[second]) == {second: ["shapes_here"]}
        assert probe.missing({"shapes_here"}, resources={"GPU": 1}) == {}
        nowhere, one = "`no_such_package` is not on workers .*", f"`shapes_here` is not on worker {second}"
        with pytest.raises(ClusterUnusable, match=f"{nowhere}; {one}"):
            probe.refuse_missing("clean", {"shapes_here", "no_such_package"})


FACTS = {"name": 0, "host": "10.0.0.3", "resources": {"GPU": 2.0}}


@pytest.mark.parametrize(
    ("workers", "resources", "expected"),
    [
        ((), {}, True),
        (("tcp://10.0.0.3:99",), {}, True),
        (("10.0.0.3:99",), {}, True),
        (("10.0.0.3",), {}, True),
        (("0",), {}, True),
        (("other", "0"), {}, True),
        (("other",), {}, False),
        ((), {"GPU": 2}, True),
        ((), {"GPU": 3}, False),
        ((), {"TPU": 1}, False),
        (("other",), {"GPU": 1}, False),
    ],
)
def test_only_workers_that_may_run_the_task_count(
    workers: tuple[str, ...], resources: dict[str, float], expected: bool
) -> None:
    assert imports._may_run("tcp://10.0.0.3:99", FACTS, workers, resources) is expected


def test_without_packages_nobody_is_asked() -> None:
    ImportProbe(None).refuse_missing("clean", set())  # type: ignore[arg-type]  # it would be used


def test_a_finder_that_fails_is_no_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def find_spec(self, name: str, path: object = None, target: object = None) -> None:
            raise RuntimeError(name)

    assert imports.absent(["no_such_package", "json"]) == ["no_such_package"]
    monkeypatch.setattr(sys, "meta_path", [Broken()])
    assert imports.absent(["no_such_package"]) == []


def test_a_package_that_pip_knows_is_told_by_the_name_that_pip_knows() -> None:
    assert imports._remedy(["dateutil"]) == (
        'Install it on the workers, e.g. `client.register_plugin(distributed.PipInstall(["python-dateutil"]))`.'
    )


@pytest.mark.system
@pytest.mark.timeout(60)
def test_a_worker_that_does_not_answer_holds_up_nobody(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "IMPORTS_TIMEOUT_S", 0.3)
    probe = ImportProbe(client)
    with frozen(client):
        assert probe.missing({"no_such_package"}) == {}
        began = time.perf_counter()
        assert probe.missing({"no_such_package"}) == {}
        assert time.perf_counter() - began < 0.2  # it is not asked again for a while
    monkeypatch.undo()
    monkeypatch.setattr(probe, "_paused_until_s", 0.0)
    assert list(probe.missing({"no_such_package"}).values()) == [["no_such_package"]]


@pytest.mark.system
@pytest.mark.timeout(60)
@pytest.mark.filterwarnings("ignore:.*:ResourceWarning")
def test_a_cluster_that_is_gone_is_not_ours_to_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "IMPORTS_TIMEOUT_S", 0.3)
    with one_worker() as cluster, Client(cluster.scheduler_address, set_as_default=False) as client:
        cluster.close()
        assert ImportProbe(client).missing({"numpy"}) == {}
