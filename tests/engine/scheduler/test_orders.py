"""Orders reach all workers, those that come later too, and are answered when all have confirmed."""

from __future__ import annotations

from tests.engine.scheduler.lab import Lab, ear_of, in_lab, new_worker


def test_a_cancellation_is_answered_when_all_workers_have_confirmed() -> None:
    async def story(lab: Lab) -> None:
        lab.tell("cancel", request="q1")
        lab.tell("cancel", request="q2", nodes=[["g1", 0]])
        await lab.until(lambda: len(lab.news) == 2)
        assert lab.news == [["cancelled", request, [lab.worker.address]] for request in ("q1", "q2")]
        assert [message["request"] for message in lab.ear.of("cancel")] == ["q1", "q2"]

    in_lab(story)


def test_without_workers_an_order_is_answered_at_once() -> None:
    async def story(lab: Lab) -> None:
        await lab.worker.close()
        await lab.until(lambda: not lab.scheduler.workers)
        lab.tell("cancel", request="q1")
        lab.tell("hold", request="q2", paused=True)
        await lab.until(lambda: len(lab.news) == 2)
        assert lab.news == [["cancelled", "q1", []], ["held", "q2", []]]

    in_lab(story)


def test_a_worker_that_goes_is_not_waited_for_and_one_that_comes_learns_what_was_ordered() -> None:
    async def story(lab: Lab) -> None:
        lab.ear.confirms = False
        lab.tell("cancel", request="q1", nodes=[["g1", 0]])
        lab.tell("hold", request="q2", paused=True)
        await lab.until(lambda: len(lab.ear.heard) == 2)
        assert lab.news == []
        async with new_worker(lab.scheduler) as late:
            await lab.until(lambda: [name for name, _ in ear_of(late).heard] == ["cancel", "hold"])
            await lab.worker.close()
            await lab.until(lambda: len(lab.news) == 2)
            assert lab.news == [["cancelled", "q1", [late.address]], ["held", "q2", [late.address]]]

    in_lab(story)


def test_only_the_last_of_many_pauses_is_remembered_for_later_workers() -> None:
    async def story(lab: Lab) -> None:
        async def hold(request: str, paused: bool) -> None:
            lab.tell("hold", request=request, paused=paused)
            await lab.until(lambda: lab.news and lab.news[-1][1] == request)

        for number in range(5):
            await hold(f"q{number}", number % 2 == 0)
        async with new_worker(lab.scheduler) as late:
            await lab.until(lambda: ear_of(late).heard)
            assert [(m["request"], m["paused"]) for m in ear_of(late).of("hold")] == [("q4", True)]

    in_lab(story)


def test_orders_of_a_released_run_are_forgotten() -> None:
    async def story(lab: Lab) -> None:
        lab.tell("cancel", request="q1")
        lab.tell("release")
        await lab.until(lambda: "r1" not in lab.side.runs)
        async with new_worker(lab.scheduler) as late:
            assert ear_of(late).heard == []

    in_lab(story)
