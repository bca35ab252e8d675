"""The plugin on a real scheduler, with a real worker and client in this process."""

from __future__ import annotations

import logging
import time
from typing import Any

import pytest
from distributed import Client

from tests.engine.scheduler.lab import Lab, in_lab, inc, new_worker
from wfkit.engine.scheduler import plugin
from wfkit.engine.scheduler.plugin import SchedulerSide


def test_a_lease_keeps_results_when_nobody_else_wants_them_and_release_frees_them() -> None:
    async def story(lab: Lab) -> None:
        future = lab.client.submit(inc, 1, key="inc-1")
        lab.tell("lease", keys=["inc-1"])
        await future
        future.release()
        await lab.until(lambda: {c.client_key for c in lab.scheduler.tasks["inc-1"].who_wants} == {"wfkit-lease-r1"})
        assert lab.scheduler.tasks["inc-1"].state == "memory"
        lab.tell("release")
        await lab.until(lambda: "inc-1" not in lab.scheduler.tasks and "r1" not in lab.side.runs)
        assert "wfkit-lease-r1" not in lab.scheduler.clients

    in_lab(story)


def test_many_results_are_released_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugin, "_RELEASE_SLICE", 7)

    async def story(lab: Lab) -> None:
        futures = lab.client.map(inc, range(30), key=[f"inc-{n}" for n in range(30)])
        lab.tell("lease", keys=[f"inc-{n}" for n in range(30)])
        await lab.client.gather(futures)
        await lab.until(lambda: len(lab.wanted()) == 30)
        for future in futures:
            future.release()
        lab.tell("release")
        await lab.until(lambda: not lab.scheduler.tasks)

    in_lab(story)


def test_keys_that_dask_does_not_know_are_refused() -> None:
    async def story(lab: Lab) -> None:
        lab.tell("lease", keys=["nobody-1"])
        await lab.until(lambda: lab.news)
        assert lab.news == [["refused", ["nobody-1"]]]

    in_lab(story)


def test_dropped_tasks_are_forgotten_and_those_of_another_run_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugin, "_RELEASE_SLICE", 3)

    async def story(lab: Lab) -> None:
        keys = [f"inc-{n}" for n in range(10)]
        lab.client.map(inc, range(10), key=keys, resources={"never": 1})
        lab.tell("lease", keys=keys)
        lab.tell("lease", run="r2", keys=keys[:1])
        await lab.until(lambda: "r2" in lab.side.runs and len(lab.wanted()) == 10)
        lab.tell("drop", keys=keys)
        await lab.until(lambda: set(lab.scheduler.tasks) == {"inc-0"})

    in_lab(story)


def test_tasks_that_dask_gave_up_are_news_with_who_is_to_blame() -> None:
    async def story(lab: Lab) -> None:
        def fail() -> None:
            raise ValueError("no")

        first = lab.client.submit(fail, key="fail-1", pure=False)
        second = lab.client.submit(inc, first, key="inc-1")
        lab.tell("lease", keys=["fail-1", "inc-1"])
        await lab.until(lambda: len(lab.news) == 2)
        by_key = {item[1]: item for item in lab.news}
        assert lab.kinds() == ["crashed", "crashed"]
        assert [by_key[key][2] for key in ("fail-1", "inc-1")] == ["fail-1", "fail-1"]
        assert "no" in by_key["fail-1"][3]
        assert list(by_key["fail-1"][4]) == [lab.worker.address]
        del first, second

    in_lab(story)


def test_results_of_an_owner_that_is_gone_are_kept_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugin, "ORPHAN_LEASE_S", 1.5)

    async def story(lab: Lab) -> None:
        async with Client(lab.scheduler.address, asynchronous=True, set_as_default=False) as owner:
            dask: Any = owner
            future = dask.submit(inc, 1, key="inc-9")
            dask._send_to_scheduler({"op": "wfkit-lease", "client": owner.id, "run": "r9", "keys": ["inc-9"]})
            await future
        assert lab.scheduler.tasks["inc-9"].state == "memory"
        await lab.until(lambda: "inc-9" not in lab.scheduler.tasks)
        await lab.until(lambda: "r9" not in lab.side.runs)
        assert "r1" in lab.side.runs

    in_lab(story)


def test_a_restart_of_the_cluster_is_news_of_every_run() -> None:
    async def story(lab: Lab) -> None:
        lab.side.restart(lab.scheduler)
        await lab.until(lambda: lab.kinds() == ["restarted"])

    in_lab(story)


def test_an_answer_goes_to_the_worker_that_asked_and_to_nobody_when_it_is_gone() -> None:
    async def story(lab: Lab) -> None:
        lab.tell("answer", worker="tcp://127.0.0.1:1", answer=["gone"])
        lab.tell("answer", worker=lab.worker.address, answer=["value", 1])
        await lab.until(lambda: lab.ear.heard)
        assert [list(message["answer"]) for message in lab.ear.of("answer")] == [["value", 1]]

    in_lab(story)


def test_a_worker_that_is_gone_is_news_of_every_run_and_what_others_have_of_its_values_is_found() -> None:
    async def story(lab: Lab) -> None:
        async with new_worker(lab.scheduler) as other:
            futures = [lab.client.submit(inc, n, key=f"inc-{n}", workers=[lab.worker.address]) for n in range(2)]
            lab.tell("lease", keys=["inc-0", "inc-1"])
            assert await lab.client.gather(futures) == [1, 2]
            await lab.client.replicate(futures[:1], workers=[other.address])
            gone = lab.worker.address
            await lab.scheduler.remove_worker(gone, stimulus_id="test")
            await lab.until(lambda: lab.gone == [["gone", gone]])
            lab.tell("find", worker=gone, keys=["inc-0", "inc-1", "inc-2"])
            await lab.until(lambda: lab.of("found") == [["found", gone, ["inc-0"]]])

    in_lab(story)


def test_a_worker_that_was_closed_hands_nothing_back_and_its_events_are_told_as_late() -> None:
    async def story(lab: Lab) -> None:
        news: list[list[object]] = [
            ["parked", "g1"],
            ["event", "e1"],
            ["promise", "g1"],
            ["bounced", "g1"],
            ["writing", "g1"],
        ]
        lab.side.take_news(lab.worker.address, "r1", news)
        await lab.until(lambda: lab.news == news)
        lab.side.take_news(await lab.lose(expected=True), "r1", news)
        await lab.until(lambda: lab.news[len(news) :] == [["late", "e1"], ["writing", "g1"]])

    in_lab(story)


def test_a_worker_that_has_left_neither_takes_slots_nor_gives_those_back_that_others_hold_by_now() -> None:
    async def story(lab: Lab) -> None:
        limits = {"db": 1}
        lost = await lab.lose()
        lab.side.ask_for_slots("r1", ("g1", 0), limits, worker=lab.worker.address)
        lab.side.give_slots_back("r1", ("g1", 0), worker=lost)
        lab.side.ask_for_slots("r1", ("g2", 0), limits, worker=lost)
        lab.side.ask_for_slots("r1", ("g3", 0), limits, worker=lab.worker.address)
        await lab.until(lambda: lab.ear.of("answer"))
        lab.side.give_slots_back("r1", ("g1", 0), worker=lab.worker.address)
        await lab.until(lambda: len(lab.ear.of("answer")) == 2)
        assert [list(message["answer"][1]) for message in lab.ear.of("answer")] == [["g1", 0], ["g3", 0]]

    in_lab(story)


def test_a_message_that_makes_no_sense_costs_no_connection(caplog: pytest.LogCaptureFixture) -> None:
    async def story(lab: Lab) -> None:
        lab.tell("cancel", surprise=1)
        lab.ear.tell("news")
        lab.tell("lease", keys=["nobody-1"])
        await lab.until(lambda: lab.kinds() == ["refused"])
        assert await lab.client.submit(inc, 1) == 2
        assert list(lab.scheduler.workers) == [lab.worker.address]

    with caplog.at_level(logging.CRITICAL, "distributed.wfkit"):
        in_lab(story)


def test_a_plugin_that_fails_at_every_call_of_dask_costs_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(lab: Lab) -> None:
        for part in ("orders", "executing", "losses", "slots"):
            monkeypatch.setattr(lab.side, part, None)
        futures = lab.client.map(inc, range(5), key=[f"inc-{n}" for n in range(5)])
        lab.tell("lease", keys=["inc-0"])
        assert await lab.client.gather(futures) == [1, 2, 3, 4, 5]
        await lab.lose()
        assert await lab.client.gather(futures) == [1, 2, 3, 4, 5]

    in_lab(story)


def test_a_plugin_that_somebody_unregistered_comes_back_with_all_it_knew() -> None:
    async def story(lab: Lab) -> None:
        plugins = lab.scheduler.plugins
        futures = await lab.submit("a-1", began=["a-1"])
        lab.scheduler.remove_plugin(plugin.NAME)
        lab.tell("lease", keys=[])
        await lab.until(lambda: plugins.get(plugin.NAME) is lab.side)

        lab.scheduler.remove_plugin(plugin.NAME)
        await lab.client.register_plugin(SchedulerSide())
        assert plugins[plugin.NAME] is not lab.side
        lost = await lab.lose()
        await lab.until(lambda: lab.news)
        assert lab.news[0][:2] == ["lost", lost]
        assert lab.news[0][3] == [["a-1", 1, ""]]
        del futures

    in_lab(story)


def test_a_plugin_that_takes_too_long_at_transitions_is_not_called_at_them_any_more_and_looks_instead(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(lab: Lab) -> None:
        calls: list[object] = []

        def slow(key: object) -> None:
            calls.append(key)
            time.sleep(0.03)

        monkeypatch.setattr(lab.side.executing, "left", slow)
        futures = lab.client.map(inc, range(100), key=[f"inc-{n}" for n in range(100)])
        assert await lab.client.gather(futures) == list(range(1, 101))
        assert lab.side.polling.is_on
        count = len(calls)
        assert count <= 17

        lab.scheduler.remove_plugin(plugin.NAME)
        await lab.client.register_plugin(SchedulerSide())
        failing = lab.client.submit(inc, None, key="fail-1")
        lab.tell("lease", keys=["fail-1"])
        await lab.until(lambda: lab.kinds() == ["crashed"])
        assert len(calls) == count
        del failing

    with caplog.at_level(logging.WARNING, "distributed.wfkit"):
        in_lab(story)
    assert [record.message for record in caplog.records if record.name == "distributed.wfkit"] == [
        "wfkit's call at each transition took too long; while runs are open it looks instead"
    ]


def test_a_transition_costs_next_to_nothing() -> None:
    async def story(lab: Lab) -> None:
        for number in range(100):
            lab.side.take_news(lab.worker.address, "r1", [], began=[f"k{number}"])
        start_s = time.perf_counter()
        for number in range(10_000):
            lab.side.transition(f"k{number}", "waiting", "processing")
            lab.side.transition(f"k{number}", "processing", "memory")
        assert (time.perf_counter() - start_s) / 20_000 < 20e-6

    in_lab(story)
