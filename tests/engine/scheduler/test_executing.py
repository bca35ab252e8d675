"""What runs where: told by workers, corrected by Dask."""

from __future__ import annotations

from tests.engine.scheduler.lab import GATE, Lab, in_lab, wait


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
