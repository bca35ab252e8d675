"""Looking for what Dask's calls would tell, on a real scheduler."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.engine.scheduler.lab import GATE, Lab, in_lab, inc
from wfkit.engine.scheduler import polling


@pytest.fixture(autouse=True)
def _often() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(polling, "LOOK_S", 0.01)
        patch.setattr(polling, "_PAUSE_S", 0.001)
        yield


def fail(why: str) -> None:
    raise ValueError(why)


def failing(lab: Lab, *keys: str) -> list[Any]:
    """Tasks of the run that Dask gives up, as no envelope is around them."""
    futures = [lab.client.submit(fail, key, key=key) for key in keys]
    lab.tell("lease", keys=list(keys))
    return futures


def test_tasks_that_dask_gave_up_are_told_once_with_who_is_to_blame() -> None:
    async def story(lab: Lab) -> None:
        lab.side.polling.begin()
        (first,) = failing(lab, "fail-1")
        second = lab.client.submit(inc, first, key="inc-1")
        lab.tell("lease", keys=["inc-1"])
        await lab.until(lambda: len(lab.news) == 2)
        assert {item[1]: item[2] for item in lab.of("crashed")} == {"fail-1": "fail-1", "inc-1": "fail-1"}
        third = failing(lab, "fail-2")
        await lab.until(lambda: len(lab.news) == 3)
        assert lab.news[2][:3] == ["crashed", "fail-2", "fail-2"]
        del second, third

    in_lab(story)


def test_what_ran_and_has_ended_is_forgotten() -> None:
    async def story(lab: Lab) -> None:
        lab.side.polling.begin()
        futures = await lab.submit("a-1", "b-1", began=["a-1"])
        GATE.set()
        assert await lab.client.gather(futures) == ["a-1", "b-1"]
        await lab.until(lambda: not lab.side.executing._told)

    in_lab(story)


def test_many_tasks_are_looked_at_in_several_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "_GO_S", 0)

    async def story(lab: Lab) -> None:
        keys = [f"fail-{number}" for number in range(30)]
        goes: list[bool] = []
        looks = lab.side.polling
        saw_all = looks._saw_all

        def look() -> bool:
            goes.append(saw_all())
            return goes[-1]

        monkeypatch.setattr(looks, "_saw_all", look)
        futures = failing(lab, *keys)
        looks.begin()
        await lab.until(lambda: {item[1] for item in lab.of("crashed")} == set(keys) and goes.count(False) >= 30)
        del futures

    in_lab(story)


def test_it_ends_with_the_last_run_and_then_dask_is_listened_to_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(lab: Lab) -> None:
        lab.side.polling.begin()
        await lab.submit("a-1", began=["a-1"])
        lab.tell("release")
        await lab.until(lambda: not lab.side.polling.is_on)
        assert not lab.side.executing._told
        GATE.set()
        monkeypatch.setattr(lab.side.polling, "_tell", None)
        futures = failing(lab, "fail-1")
        await lab.until(lambda: lab.kinds() == ["crashed"])
        del futures

    in_lab(story)


def test_a_look_that_fails_is_not_the_last_one(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(lab: Lab) -> None:
        tell = lab.side.polling._tell
        calls: list[str] = []

        def fail_at_first(run: str, ts: Any) -> None:
            calls.append(ts.key)
            assert len(calls) > 1
            tell(run, ts)

        monkeypatch.setattr(lab.side.polling, "_tell", fail_at_first)
        lab.side.polling.begin()
        futures = failing(lab, "fail-1")
        await lab.until(lambda: lab.kinds() == ["crashed"])
        assert calls == ["fail-1", "fail-1"]
        del futures

    in_lab(story)
