"""Workers that Dask's profiler may stop for good are named, and how to help them."""

from __future__ import annotations

import platform

import dask.config
import pytest
from distributed import Client

from tests.clusters.foreign import one_worker
from wfkit.clusters.preflight import check_versions
from wfkit.clusters.profiler import SETTING, hanging, may_hang


@pytest.mark.parametrize(
    ("python", "hangs"),
    [("3.11.0.final.0", True), ("3.11.8", True), ("3.11.9", False), ("3.12.0.final.0", False), ("3.14.0", False)],
)
def test_the_versions_of_python_that_may_hang_are_known(python: str, hangs: bool) -> None:
    assert may_hang(python) == hangs


@pytest.mark.system
@pytest.mark.timeout(60)
@pytest.mark.parametrize("profiled", [True, False])
def test_only_a_worker_that_is_profiled_is_told_of(profiled: bool) -> None:
    with dask.config.set({SETTING: profiled}), one_worker() as cluster, Client(cluster, set_as_default=False) as client:
        (worker,) = client.scheduler_info()["workers"]
        assert hanging(client, {worker: "3.11.7.final.0"}) == ([worker] if profiled else [])
        assert hanging(client, {worker: "3.12.1.final.0"}) == []
        told = check_versions(client)
    assert ["may hang" in line and SETTING in line for line in told] == [True] * (
        profiled and may_hang(platform.python_version())
    )
