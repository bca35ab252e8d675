"""What runs where: told by workers, corrected by Dask."""

from __future__ import annotations

from tests.engine.scheduler.lab import GATE, Lab, in_lab, wait
from wfkit.engine.scheduler.plugin import NAME


def test_a_task_runs_from_its_first_news_until_it_rests_or_ends() -> None:
    async def story(lab: Lab) -> None:
        executing = lab.side.executing
        future = lab.client.submit(wait, "done", key="wait-1")
        await lab.until(lambda: lab.worker.state.executing_count)
        assert not executing.runs("wait-1")
        assert not executing.rests("wait-1")
        lab.ear.tell("news", news=[], began=["wait-1"], rested=[])
        await lab.until(lambda: executing.runs("wait-1"))
        assert executing
        lab.ear.tell("news", news=[], began=["wait-1"], rested=["wait-1"])
        await lab.until(lambda: executing.rests("wait-1"))
        assert not executing
        GATE.set()
        await future
        assert not executing.rests("wait-1")

    in_lab(story)


def test_news_of_a_task_that_is_not_there_are_ignored() -> None:
    async def story(lab: Lab) -> None:
        lab.side.executing.take(lab.worker.address, ["nobody-1"], [])
        assert not lab.side.executing

    in_lab(story)


def test_what_was_told_of_a_task_before_it_was_assigned_anew_counts_no_more_though_dask_did_not_tell() -> None:
    async def story(lab: Lab) -> None:
        executing = lab.side.executing
        futures = await lab.submit("a-1", "b-1", began=["a-1", "b-1"])
        lab.scheduler.remove_plugin(NAME)
        lab.scheduler._reschedule("a-1", stimulus_id="test")
        assert lab.scheduler.tasks["a-1"].processing_on.address == lab.worker.address
        assert not executing.runs("a-1")
        assert not executing.rests("a-1")
        assert executing.runs("b-1")
        lab.tell("lease", keys=[])
        await lab.until(lambda: NAME in lab.scheduler.plugins)
        assert list(executing._told) == ["b-1"]
        del futures

    in_lab(story)
