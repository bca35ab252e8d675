"""What a process of our cluster does before its first task."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from wfkit.clusters.connect import Connection
from wfkit.clusters.worker_setup import NOISY, be_quiet


@pytest.fixture
def loggers_as_they_were() -> Iterator[None]:
    before = {name: list(logging.getLogger(name).handlers) for name in ("", *NOISY)}
    logging.getLogger().handlers.clear()
    yield
    for name, handlers in before.items():
        logging.getLogger(name).handlers[:] = handlers


@pytest.mark.usefixtures("loggers_as_they_were")
def test_dasks_warnings_do_not_reach_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("distributed")
    logger.addHandler(logging.StreamHandler())
    be_quiet()
    logger.getChild("worker").error("Compute Failed")
    assert capfd.readouterr().err == ""


@pytest.mark.system
@pytest.mark.timeout(60)
def test_a_task_may_use_processes_and_its_own_log_lines_are_left_alone(connection: Connection) -> None:
    def look() -> tuple[bool, int]:
        import multiprocessing

        return multiprocessing.current_process().daemon, len(logging.getLogger().handlers)

    assert connection.client.submit(look).result() == (False, 0)


@pytest.mark.system
@pytest.mark.timeout(60)
def test_collections_pass_over_what_was_loaded_before_the_first_task_and_full_ones_are_rare(
    connection: Connection,
) -> None:
    def looked_at() -> tuple[bool, int]:
        import gc

        return gc.get_freeze_count() > len(gc.get_objects()), gc.get_threshold()[2]

    assert set(connection.client.run(looked_at).values()) == {(True, 100)}
    assert connection.client.run_on_scheduler(looked_at) == (True, 100)


@pytest.mark.system
@pytest.mark.timeout(60)
def test_only_our_own_workers_let_tasks_stand_ready(connection: Connection) -> None:
    def may() -> bool:
        import dask.config

        return bool(dask.config.get("wfkit.prefetch", default=False))

    assert all(connection.client.run(may).values())
    assert not may()
