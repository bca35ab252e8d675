"""Who is to blame for the loss of a worker, and what the other workers are told before they take over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.engine.scheduler.lab import GATE, Lab, ear_of, in_lab, inc, new_worker
from wfkit.engine.blackbox import BlackBox
from wfkit.engine.scheduler import losses

UNKNOWN = "its process ended, or its connection broke"


def ended(lab: Lab, worker: str, exitcode: int) -> None:
    lab.scheduler.log_event("wfkit-worker-ended", {"worker": worker, "exitcode": exitcode})


def over_limit(lab: Lab, worker: str) -> None:
    lab.scheduler.log_event("worker-restart-memory", {"worker": worker, "pid": 1, "rss": 2 * 2**30})


def test_what_ran_is_blamed_what_was_queued_is_not_and_the_next_worker_knows_before_it_gets_the_task() -> None:
    async def story(lab: Lab) -> None:
        futures = await lab.submit("a-1", "b-1", "c-1", "d-1", began=["a-1", "b-1"])
        lost = await lab.lose()
        await lab.until(lambda: lab.of("lost"))
        assert lab.news == [["lost", lost, UNKNOWN, [["a-1", 1, ""], ["b-1", 1, ""]]]]
        await lab.until(lambda: lab.ear.notes)
        assert lab.ear.notes == {key: {"crashes": 1, "alone": True} for key in ("a-1", "b-1")}
        assert lab.ear.knew == set()
        GATE.set()
        assert await lab.client.gather(futures) == ["a-1", "b-1", "c-1", "d-1"]

    in_lab(story, nthreads=2)


def test_where_no_start_was_told_as_many_are_blamed_as_there_were_free_threads_first_things_first() -> None:
    async def story(lab: Lab) -> None:
        await lab.submit("a-1", "b-1", "c-1", "d-1", began=["c-1"])
        await lab.lose()
        await lab.until(lambda: lab.of("lost"))
        assert lab.news[0][3] == [["c-1", 1, ""], ["a-1", 1, ""]]

    in_lab(story, nthreads=2)


def test_of_tasks_that_must_run_alone_only_one_can_have_begun_unseen() -> None:
    async def story(lab: Lab) -> None:
        await lab.submit("a-1", "b-1", "c-1", "d-1", "e-1")
        await lab.lose()
        await lab.until(lambda: all(lab.scheduler.tasks[f"{name}-1"].processing_on for name in "abcde"))
        await lab.lose()
        await lab.until(lambda: len(lab.of("lost")) == 2)
        assert [item[3] for item in lab.news] == [
            [["a-1", 1, ""], ["b-1", 1, ""]],
            [["a-1", 2, ""]],  # b-1 had the other thread, and waited there for a-1
        ]

    in_lab(story, nthreads=2)


def test_what_the_black_box_of_the_worker_tells_is_taken_for_what_ran(tmp_path: Path) -> None:
    """News of ends and beginnings come through the event loop, and the last of them die with the worker."""

    async def story(lab: Lab) -> None:
        box = BlackBox(tmp_path)
        await lab.submit("a-1", "b-1", "c-1", "d-1", began=["a-1", "b-1"])
        lab.ear.tell("news", news=[], box=[*box.where])
        await lab.until(lambda: lab.side.losses._boxes)
        box.note("b-1")
        box.note("d-1")
        await lab.lose()
        await lab.until(lambda: lab.of("lost"))
        assert lab.news[0][3] == [["b-1", 1, ""], ["d-1", 1, ""]]
        assert not lab.side.losses._boxes

    in_lab(story, nthreads=2)


def test_what_had_ended_there_is_noted_but_neither_blamed_nor_told(tmp_path: Path) -> None:
    """Its driver knows that it has ended, and tells so whoever gets it from Dask."""

    async def story(lab: Lab) -> None:
        box = BlackBox(tmp_path)
        await lab.submit("a-1", "b-1", "c-1", began=["a-1", "b-1"])
        lab.ear.tell("news", news=[], box=[*box.where])
        await lab.until(lambda: lab.side.losses._boxes)
        box.note("b-1")
        await lab.lose()
        await lab.until(lambda: lab.ear.notes)
        assert lab.ear.notes == {"b-1": {"crashes": 1, "alone": True}, "a-1": {}}
        assert lab.ear.knew == set()
        await lab.until(lambda: lab.of("lost"))
        assert lab.news[0][3] == [["b-1", 1, ""]]

    in_lab(story, nthreads=2)


def test_if_nothing_was_executed_the_beginning_of_something_did_it(tmp_path: Path) -> None:
    async def story(lab: Lab) -> None:
        box = BlackBox(tmp_path)
        await lab.submit("a-1", "b-1", "c-1")
        lab.ear.tell("news", news=[], box=[*box.where])
        await lab.until(lambda: lab.side.losses._boxes)
        await lab.lose()
        await lab.until(lambda: lab.of("lost"))
        assert lab.news[0][3] == [["a-1", 1, ""]]

    in_lab(story)


def test_what_waited_without_a_slot_is_told_but_not_blamed() -> None:
    async def story(lab: Lab) -> None:
        await lab.submit("a-1", "b-1", "c-1", began=["a-1", "b-1"])
        lab.ear.tell("news", news=[], began=[], rested=["a-1"])
        ts = lab.scheduler.tasks["a-1"]
        lab.scheduler.handle_long_running(
            key="a-1", worker=lab.worker.address, run_id=ts.run_id, compute_duration=None, stimulus_id="test"
        )
        await lab.until(lambda: lab.side.executing.rests("a-1"))
        await lab.lose()
        await lab.until(lambda: lab.of("lost"))
        assert lab.news[0][3] == [["b-1", 1, ""], ["a-1", 0, ""]]
        await lab.until(lambda: lab.ear.notes)
        assert lab.ear.notes == {"b-1": {"crashes": 1, "alone": True}, "a-1": {}}  # that it was executed before

    in_lab(story)


def test_a_task_that_crashes_too_often_is_condemned_each_by_its_own_allowance() -> None:
    async def story(lab: Lab) -> None:
        await lab.submit("a-1", "b-1", "c-1", crash_retries={"a-1": 0, "c-1": 5})
        for _ in range(3):
            await lab.until(lambda: all(lab.scheduler.tasks[f"{name}-1"].processing_on for name in "abc"))
            await lab.begin("a-1", "b-1", "c-1")
            await lab.lose()
        await lab.until(lambda: any(["b-1", 3, "worker lost"] in item[3] for item in lab.of("lost")))
        entries = [entry for item in lab.of("lost") for entry in item[3]]
        assert next(entry for entry in entries if entry[0] == "a-1") == ["a-1", 1, "worker lost"]
        assert [entry[1:] for entry in entries if entry[0] == "b-1"] == [[1, ""], [2, ""], [3, "worker lost"]]
        assert [entry[1:] for entry in entries if entry[0] == "c-1"] == [[1, ""], [2, ""], [3, ""]]
        assert lab.ear.notes["b-1"] == {"crashes": 3, "alone": True, "condemned": "worker lost"}

    in_lab(story, nthreads=3)


def test_dask_never_condemns_our_tasks_by_its_own_count() -> None:
    async def story(lab: Lab) -> None:
        [future] = await lab.submit("a-1")
        for _ in range(lab.scheduler.allowed_failures + 2):
            await lab.until(lambda: lab.scheduler.tasks["a-1"].processing_on)
            await lab.lose()
        GATE.set()
        assert await future == "a-1"
        assert lab.of("crashed") == []

    in_lab(story)


@pytest.mark.parametrize("how", ["retired", "closing", "signal 15"])
def test_nobody_is_blamed_when_a_worker_was_closed_by_somebody(how: str) -> None:
    async def story(lab: Lab) -> None:
        await lab.submit("a-1", began=["a-1"])
        if how == "closing":
            lab.scheduler.handle_worker_status_change("closing", lab.worker.address, "test")
        if how == "signal 15":
            ended(lab, lab.worker.address, -15)
        await lab.lose(expected=how == "retired")
        await lab.until(lambda: lab.scheduler.tasks["a-1"].processing_on)
        lab.tell("lease", keys=["nobody-1"])
        await lab.until(lambda: lab.news)
        assert lab.kinds() == ["refused"]

    in_lab(story)


def test_a_task_that_closes_its_workers_does_not_do_so_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(losses, "CLOSED_RETRIES", 1)

    async def story(lab: Lab) -> None:
        await lab.submit("a-1", began=["a-1"])
        await lab.lose(expected=True)
        await lab.until(lambda: lab.scheduler.tasks["a-1"].processing_on)
        await lab.begin("a-1")
        lost = await lab.lose(expected=True)
        await lab.until(lambda: lab.news)
        assert lab.news == [["lost", lost, "was closed", [["a-1", 0, "worker lost"]]]]

    in_lab(story)


def test_what_fills_the_memory_is_condemned_at_once_when_it_is_clear_who_did() -> None:
    async def story(lab: Lab) -> None:
        await lab.submit("a-1", "b-1", began=["a-1"])
        over_limit(lab, lab.worker.address)
        lost = await lab.lose()
        await lab.until(lambda: lab.news)
        assert lab.news == [["lost", lost, "out of memory: 2.0 GiB of no limit", [["a-1", 1, "memory"]]]]
        await lab.until(lambda: lab.ear.notes)
        assert lab.ear.notes == {"a-1": {"crashes": 1, "alone": True, "condemned": "memory"}}

    in_lab(story, nthreads=2)


def test_of_several_that_may_have_filled_the_memory_each_gets_another_chance() -> None:
    async def story(lab: Lab) -> None:
        await lab.submit("a-1", "b-1", crash_retries={"b-1": 0})
        await lab.begin("a-1", "b-1")
        over_limit(lab, lab.worker.address)
        await lab.lose()
        await lab.until(lambda: lab.news)
        assert lab.news[0][3] == [["a-1", 1, ""], ["b-1", 1, "memory"]]

    in_lab(story, nthreads=2)


def test_a_cause_that_becomes_known_later_gives_better_words() -> None:
    async def story(lab: Lab) -> None:
        await lab.submit("a-1", began=["a-1"])
        lost = await lab.lose()
        ended(lab, lost, -11)
        ended(lab, lost, -11)
        await lab.until(lambda: len(lab.news) == 2)
        assert lab.news == [
            ["lost", lost, UNKNOWN, [["a-1", 1, ""]]],
            ["lost", lost, "killed by signal 11 (SIGSEGV)", []],
        ]

    in_lab(story)


def test_the_end_of_a_condemned_task_is_told_with_the_words_that_come_a_moment_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(losses, "_LAST_WORDS_S", 60.0)

    async def story(lab: Lab) -> None:
        await lab.submit("a-1", began=["a-1"], crash_retries={"a-1": 0})
        lost = await lab.lose()
        await lab.until(lambda: lab.of("lost"))
        ended(lab, lost, 7)
        await lab.until(lambda: len(lab.of("lost")) == 2)
        assert [item[2:] for item in lab.of("lost")] == [
            [UNKNOWN, []],
            ["its process exited with status 7", [["a-1", 1, "worker lost"]]],
        ]

    in_lab(story)


def test_a_cause_that_becomes_known_later_changes_the_judgement() -> None:
    async def story(lab: Lab) -> None:
        await lab.submit("a-1", began=["a-1"])
        lost = await lab.lose()
        over_limit(lab, lost)
        await lab.until(lambda: len(lab.news) == 2)
        assert lab.news[1][3] == [["a-1", 1, "memory"]]
        await lab.until(lambda: lab.ear.notes["a-1"].get("condemned"))

        await lab.submit("b-1", began=["b-1"])
        lost = await lab.lose()
        ended(lab, lost, -15)
        await lab.until(lambda: len(lab.news) == 4)
        assert [item[3] for item in lab.news[2:]] == [[["b-1", 1, ""]], [["b-1", 0, ""]]]
        await lab.until(lambda: lab.ear.notes.get("b-1") == {})

    in_lab(story)


def test_a_judgement_that_another_one_followed_is_not_changed() -> None:
    async def story(lab: Lab) -> None:
        await lab.submit("a-1", began=["a-1"])
        first = await lab.lose()
        await lab.until(lambda: lab.scheduler.tasks["a-1"].processing_on)
        await lab.begin("a-1")
        await lab.lose()
        over_limit(lab, first)
        await lab.until(lambda: len(lab.news) == 3)
        assert [item[3] for item in lab.news] == [[["a-1", 1, ""]], [["a-1", 2, ""]], []]

    in_lab(story)


def test_lost_results_are_noted_and_later_workers_know_too() -> None:
    async def story(lab: Lab) -> None:
        future = lab.client.submit(inc, 1, key="inc-1")
        lab.tell("lease", keys=["inc-1"])
        assert await future == 2
        await lab.until(lab.wanted)
        await lab.lose()
        await lab.until(lambda: lab.ear.notes == {"inc-1": {"lost": True}})
        assert lab.ear.knew == set()
        assert await future == 2
        async with new_worker(lab.scheduler) as late:
            await lab.until(lambda: ear_of(late).notes == {"inc-1": {"lost": True}})
        assert lab.of("lost") == []

    in_lab(story)


def test_tasks_of_others_are_none_of_our_business() -> None:
    async def story(lab: Lab) -> None:
        theirs = lab.client.submit(inc, 1, key="theirs-1")
        assert await theirs == 2
        await lab.submit("a-1", run="r2")
        await lab.lose()
        await lab.until(lambda: lab.ear.notes)
        assert set(lab.ear.notes) == {"a-1"}
        assert lab.news == []
        assert lab.scheduler.tasks["theirs-1"].suspicious == 0

    in_lab(story)


def test_a_run_that_is_over_leaves_nothing_behind() -> None:
    async def story(lab: Lab) -> None:
        futures = await lab.submit("a-1", began=["a-1"], crash_retries={"a-1": 9})
        lost = await lab.lose()
        lab.tell("release")
        await lab.until(lambda: "r1" not in lab.side.runs)
        ended(lab, lost, -9)
        over_limit(lab, lost)
        side: Any = lab.side.losses
        assert (side._notes, side._retries) == ({}, {})
        async with new_worker(lab.scheduler) as late:
            assert ear_of(late).heard == []
            GATE.set()  # a worker in this process cannot close while another one waits for a task
        del futures

    in_lab(story)


def test_notes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(losses, "_KEPT_NOTES", 2)

    async def story(lab: Lab) -> None:
        await lab.submit("a-1", "b-1", "c-1", began=["a-1", "b-1", "c-1"])
        await lab.lose()
        async with new_worker(lab.scheduler) as late:
            await lab.until(lambda: set(ear_of(late).notes) == {"b-1", "c-1"})
            GATE.set()

    in_lab(story, nthreads=3)


def test_what_a_worker_tells_counts_no_more_when_it_is_given_up_but_does_when_it_is_closed() -> None:
    async def story(lab: Lab) -> None:
        for expected in (True, False):
            lost = await lab.lose(expected=expected)
            lab.side.take_news(lost, "r1", [["looked", f"{expected}"]])
        lab.side.take_news(lab.worker.address, "r1", [["looked", "here"]])
        await lab.until(lambda: ["looked", "here"] in lab.news)
        assert [news[1] for news in lab.of("looked")] == ["True", "here"]

    in_lab(story)
