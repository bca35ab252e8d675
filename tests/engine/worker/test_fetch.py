"""Fetching: values that were told, that are here, and that other workers hold."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from distributed import Worker

from tests.engine.worker.driving import WAIT_S, Driver, frozen
from wfkit.core.states import TaskState
from wfkit.engine.worker import fetch
from wfkit.engine.worker.ended import Ended
from wfkit.errors import ResultLost

pytestmark = pytest.mark.timeout(60)
DONE = TaskState.COMPLETED


def test_values_come_from_wherever_they_are(driver: Driver, workers: list[Worker]) -> None:
    function = driver.spec(lambda x: [x] * 3)
    single = driver.submit(function, 1, frozen((1,)), key=f"one-{driver.run}")
    carrier = driver.submit(function, (2, 3), [frozen((2,)), frozen((3,))], key=f"two-{driver.run}")
    for each in (single, carrier):
        each.result(WAIT_S)
    wanted = [
        Ended("load[0]", DONE, inline=pickle.dumps("told")),
        Ended("load[1]", DONE, key=str(single.key)),
        Ended("load[3]", DONE, key=str(carrier.key), offset=1),
        Ended("load[2]", DONE, key=str(carrier.key), offset=0),
    ]
    for worker in workers:  # the first one has them, the other one has not
        assert fetch.values_of(worker, wanted) == ["told", [1] * 3, [3] * 3, [2] * 3]


def test_what_nobody_holds_is_told_after_a_while(
    driver: Driver, workers: list[Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "_PATIENCE_S", 0.2)
    with pytest.raises(ResultLost, match="1 results are not on the cluster any more"):
        fetch.values_of(workers[1], [Ended("load", DONE, key=f"none-{driver.run}")])


def test_a_node_that_was_sent_again_has_no_value_under_its_old_key(driver: Driver, workers: list[Worker]) -> None:
    from wfkit.engine.worker.outcome import Bounced

    found: Any = driver.submit(driver.spec(lambda x: x), 1, deps=[Bounced("a")], key=f"old-{driver.run}")
    found.result(WAIT_S)
    with pytest.raises(ResultLost, match=r"The result of `load\[1\]`"):
        fetch.values_of(workers[0], [Ended("load[1]", DONE, key=str(found.key))])
