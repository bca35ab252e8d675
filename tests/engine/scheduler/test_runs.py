"""News of a run reach its driver in order, and unread."""

from __future__ import annotations

from tests.engine.scheduler.lab import Lab, in_lab
from wfkit.engine.scheduler.runs import topic


def test_news_pass_in_order_and_those_of_unknown_runs_are_dropped() -> None:
    async def story(lab: Lab) -> None:
        lab.side.take_news("w", "nobody", [["x"]])
        for number in range(50):
            lab.ear.tell("news", news=[["event", ["what", number]], ["other", {"number": number}]])
        await lab.until(lambda: len(lab.news) == 100)
        assert lab.news == [
            item for number in range(50) for item in (["event", ["what", number]], ["other", {"number": number}])
        ]

    in_lab(story)


def test_news_that_come_in_numbers_are_gathered() -> None:
    async def story(lab: Lab) -> None:
        runs = lab.side.runs
        runs.publish("r1", *(["news", number] for number in range(30)))
        await lab.until(lambda: len(lab.news) == 30)
        messages: list[int] = []
        lab.client.unsubscribe_topic("wfkit-r1")
        lab.client.subscribe_topic("wfkit-r1", lambda event: messages.append(len(event[1])))
        runs.publish("r1", ["a"])
        runs.publish("r1", ["b"])
        await lab.until(lambda: messages)
        assert messages == [2]

    in_lab(story)


def test_what_was_sent_is_not_kept() -> None:
    async def story(lab: Lab) -> None:
        lab.side.runs.publish("r1", ["news"])
        await lab.until(lambda: lab.news)
        assert not lab.scheduler.get_events(topic("r1"))

    in_lab(story)


def test_a_closed_run_is_forgotten() -> None:
    async def story(lab: Lab) -> None:
        runs = lab.side.runs
        runs.open("r2", "somebody")
        assert list(runs) == ["r1", "r2"]
        assert runs.owned_by("somebody") == ["r2"]
        runs.close("r2")
        runs.close("r2")
        runs.publish("r2", ["late"])
        assert len(runs) == 1
        assert list(runs.tasks("r2")) == []

    in_lab(story)
