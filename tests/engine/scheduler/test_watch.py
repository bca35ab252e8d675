"""A run that cannot go on says why, once in a while, and when it is over."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.scheduler.lab import GATE, Lab, in_lab, inc, new_worker
from wfkit.engine.scheduler import watch


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "LOOK_S", 0.02)
    monkeypatch.setattr(watch, "STUCK_S", 0.1)
    monkeypatch.setattr(watch, "AGAIN_S", 0.2)


def reasons(lab: Lab) -> list[tuple[Any, Any]]:
    return [(what, count) for _, what, _, count in lab.of("stuck")]


def test_no_workers() -> None:
    async def story(lab: Lab) -> None:
        await lab.worker.close()
        futures = lab.client.map(inc, range(3), key=["a-1", "b-1", "c-1"])
        lab.tell("lease", keys=["a-1", "b-1", "c-1"])
        await lab.until(lambda: len(lab.news) >= 2)
        assert reasons(lab)[:2] == [("no workers", 3)] * 2
        first, again = (item[2] for item in lab.news[:2])
        assert 0.1 <= first < again
        async with new_worker(lab.scheduler):
            assert await lab.client.gather(futures) == [1, 2, 3]
            await lab.until(lambda: lab.news[-1] == ["stuck", "", 0, 0])

    in_lab(story)


def test_all_workers_paused_unless_something_still_runs_there() -> None:
    async def story(lab: Lab) -> None:
        futures = await lab.submit("a-1", "b-1", began=["a-1"])
        lab.scheduler.handle_worker_status_change("paused", lab.worker.address, "test")
        side: Any = lab.side.watch
        assert side._reasons() == {}
        lab.ear.tell("news", news=[], began=[], rested=["a-1"])
        await lab.until(lambda: reasons(lab) == [("all workers paused", 2)])
        lab.scheduler.handle_worker_status_change("running", lab.worker.address, "test")
        GATE.set()
        assert await lab.client.gather(futures) == ["a-1", "b-1"]
        await lab.until(lambda: lab.news[-1] == ["stuck", "", 0, 0])

    in_lab(story)


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"resources": {"GPU": 1, "RAM": 0.5}}, "no worker offers {'GPU': 1, 'RAM': 0.5}"),
        ({"workers": ["tcp://10.0.0.1:1"]}, "no worker is tcp://10.0.0.1:1"),
        (
            {"workers": [f"tcp://10.0.0.{n}:1" for n in range(5)], "resources": {"GPU": 2}},
            "no worker offers {'GPU': 2} and is tcp://10.0.0.0:1 or tcp://10.0.0.1:1 or tcp://10.0.0.2:1 or 2 others",
        ),
    ],
)
def test_what_no_worker_has(options: dict[str, Any], what: str) -> None:
    async def story(lab: Lab) -> None:
        good = lab.client.submit(inc, 1, key="good-1")
        bad = lab.client.map(inc, range(2), key=["bad-1", "bad-2"], **options)
        theirs = lab.client.submit(inc, 1, key="theirs-1", resources={"other": 1})
        lab.tell("lease", keys=["good-1", "bad-1", "bad-2"])
        assert await good == 2
        await lab.until(lambda: reasons(lab) == [(what, 2)])
        lab.tell("drop", keys=["bad-1", "bad-2"])
        await lab.until(lambda: lab.news[-1] == ["stuck", "", 0, 0])
        del bad, theirs

    in_lab(story)


def test_a_run_that_has_nothing_to_do_is_not_stuck_and_without_runs_nobody_looks() -> None:
    async def story(lab: Lab) -> None:
        side: Any = lab.side.watch
        await lab.worker.close()
        assert side._reasons() == {}
        assert side._awake
        lab.tell("release")
        await lab.until(lambda: not side._awake)
        lab.tell("lease", keys=[])
        await lab.until(lambda: side._awake)
        assert lab.news == []

    in_lab(story)


def test_who_runs_on_a_worker_that_is_not_heard_of_is_told_until_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "SILENT_S", 0.1)

    async def story(lab: Lab) -> None:
        futures = await lab.submit("a-1", "b-1", began=["a-1"])
        async with new_worker(lab.scheduler) as idle:
            heartbeats = [worker.periodic_callbacks["heartbeat"] for worker in (lab.worker, idle)]
            for heartbeat in heartbeats:
                heartbeat.stop()
            await lab.until(lambda: lab.of("silent") == [["silent", [lab.worker.address]]])
            for heartbeat in heartbeats:
                heartbeat.start()
            await lab.until(lambda: lab.of("silent")[1:] == [["silent", []]])
        GATE.set()
        assert await lab.client.gather(futures) == ["a-1", "b-1"]

    in_lab(story)


def test_a_scheduler_that_was_held_up_itself_says_nothing_of_its_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(lab: Lab) -> None:
        futures = await lab.submit("a-1", began=["a-1"])
        side: Any = lab.side.watch
        lab.scheduler.workers[lab.worker.address].last_seen -= 60
        side._looked_s -= 600
        side._listen()
        assert side._silent == {}
        lab.scheduler.workers[lab.worker.address].last_seen -= 60
        side._listen()
        assert side._silent == {"r1": [lab.worker.address]}
        GATE.set()
        assert await lab.client.gather(futures) == ["a-1"]

    monkeypatch.setattr(watch, "LOOK_S", 60.0)
    in_lab(story)
