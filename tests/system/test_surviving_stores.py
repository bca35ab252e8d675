"""Runs survive a record that cannot be written, and results that find no room, are damaged, or are gone."""

from __future__ import annotations

import os
import resource
import sqlite3
from contextlib import closing
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # no types shipped
import pytest

import wfkit
from tests.system.half_way import TOTAL, N, Story, begun, load, report
from tests.system.kernels import gone
from tests.system.running import notes, own_cluster, reason, started, until
from tests.system.surviving import history
from wfkit.errors import ResultLost

pytestmark = pytest.mark.timeout(60)


def test_a_run_goes_on_while_another_process_holds_the_database_and_is_on_record_then(story: Story, home: Path) -> None:
    with own_cluster():
        story.go_on()
        begun(story).wait(20)
        with closing(sqlite3.connect(home / "history.db", isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            run = started(lambda: [load.map([story.log] * N, range(N))]).wait(20)
            assert (run.state, run.view_model.reason) == ("COMPLETED", "")
            other.execute("COMMIT")
        assert history().flush(20)
        assert history().trouble == ""
        assert list(history().view(run.id).counts()) == list(run.view_model.counts())


def limit_files(size_bytes: int) -> None:
    """What a full disk does: no file grows beyond this."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


def test_results_that_find_no_room_cost_the_store_and_not_the_run(story: Story) -> None:
    with own_cluster() as workers:
        story.go_on()
        workers.client.run(limit_files, 1_000)
        run = started(lambda: [report(load.map([story.log] * N, range(N)))]).wait(20)
        workers.client.run(limit_files, resource.RLIM_INFINITY)
        assert (run.state, run.node("report").result()) == ("COMPLETED", sum(range(N)))
        assert run.plan().counts["run"] == 0
        scheduler = psutil.Process(workers.client.run_on_scheduler(os.getpid))
        scheduler.kill()
        assert gone({scheduler})
        until(lambda: run.engine.cluster.status != "running")
        assert {row.reason for row in run.plan() if row.name.startswith("load")} == {
            "its result is lost: it was in cluster memory only"
        }
        again = run.rerun().wait(20)
        assert (again.state, str(again.node("load[3]").result())[:3]) == ("COMPLETED", "(3,")
        assert len(notes(story.log)) == 2 * N


def test_results_that_are_damaged_missing_or_swapped_are_made_again_and_no_others(story: Story, home: Path) -> None:
    with own_cluster():
        story.go_on()
        run = begun(story).wait(20)
        stored = run.view_model.groups[run.node("load")._ref.group].stored
        files = [home / "results" / stored[index] for index in range(4)]
    files[0].write_bytes(files[0].read_bytes()[:-10])
    files[1].unlink()
    damaged = bytearray(files[2].read_bytes())
    damaged[-1] ^= 1
    files[2].write_bytes(damaged)
    files[3].write_bytes((home / "results" / stored[4]).read_bytes())
    with own_cluster():
        story.log.unlink()
        known = wfkit.attach(run.id)
        for index in range(4):
            with pytest.raises(ResultLost):
                known.node(f"load[{index}]").result()
        seen_at_once = {f"load[{index}]" for index in (0, 1, 3)}  # what head and size of a file tell
        assert {row.name for row in known.plan() if row.reason.startswith("its result is lost")} == seen_at_once
        failed = known.rerun("clean[2]").wait(20)
        assert reason(failed, "clean[2]").endswith("CRASHED")
        again = known.rerun("load[2]").wait(20)
        assert (again.state, again.result()) == ("COMPLETED", TOTAL)
        executed = notes(story.log)
        assert {line for line in executed if line.startswith("load")} == {f"load {x}" for x in range(4)}
