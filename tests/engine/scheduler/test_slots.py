"""Named limits: all names or none, first come first served, nobody overtaken for ever."""

from __future__ import annotations

import time
from typing import Any

from distributed import Client
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.scheduler.lab import Lab, ear_of, in_lab, new_worker
from wfkit.engine.scheduler.runs import Runs
from wfkit.engine.scheduler.slots import Slots


class Heard(Runs):
    """Writes down what is granted."""

    def __init__(self) -> None:
        self.granted: list[str] = []
        self.sent: list[tuple[str, str]] = []

    def send(self, worker: str, operation: str, **fields: object) -> None:
        self.sent.append((worker, operation))

    def publish(self, run: str, *news: list[object]) -> None:
        for _, node in news:
            assert isinstance(node, list)
            self.granted.append(f"{node[0]}")


def ask(slots: Slots, node: str, run: str = "r1", **names: int) -> None:
    slots.ask((run, node, 0), names)


def give_back(slots: Slots, node: str, run: str = "r1") -> None:
    slots.give_back((run, node, 0))


def test_first_come_first_served_up_to_the_limit() -> None:
    slots = Slots(heard := Heard())
    for node in "abcd":
        ask(slots, node, db=2)
    assert heard.granted == ["a", "b"]
    give_back(slots, "b")
    give_back(slots, "c")
    give_back(slots, "nobody")
    assert heard.granted == ["a", "b", "c", "d"]


def test_who_waits_for_two_names_is_not_overtaken_for_ever_and_holds_up_no_more_than_it_needs() -> None:
    slots = Slots(heard := Heard())
    ask(slots, "a", db=1)
    ask(slots, "both", db=1, net=2)
    ask(slots, "b", net=2)  # one of the two slots is kept for `both`
    ask(slots, "c", net=2)
    ask(slots, "d", db=1)
    assert heard.granted == ["a", "b"]
    give_back(slots, "a")
    assert heard.granted == ["a", "b", "both"]
    give_back(slots, "both")
    assert heard.granted == ["a", "b", "both", "c", "d"]


def test_who_gives_up_waiting_lets_others_pass() -> None:
    slots = Slots(heard := Heard())
    ask(slots, "a", db=1)
    ask(slots, "both", db=1, net=1)
    ask(slots, "b", net=1)
    assert heard.granted == ["a"]
    give_back(slots, "both")
    assert heard.granted == ["a", "b"]


def test_a_later_capacity_holds_from_then_on() -> None:
    slots = Slots(heard := Heard())
    for node in "abc":
        ask(slots, node, db=1)
    ask(slots, "d", db=3)
    assert heard.granted == ["a", "b", "c"]
    ask(slots, "e", db=1)
    give_back(slots, "a")
    give_back(slots, "b")
    assert heard.granted == ["a", "b", "c"]
    give_back(slots, "c")
    assert heard.granted == ["a", "b", "c", "d"]


def test_who_asks_again_gets_one_answer_more_and_no_second_slot() -> None:
    slots = Slots(heard := Heard())
    for node in "aabbc":
        ask(slots, node, db=1)
    assert heard.granted == ["a", "a"]
    give_back(slots, "a")
    give_back(slots, "b")
    assert heard.granted == ["a", "a", "b", "c"]


def test_a_run_that_is_over_frees_its_slots_and_its_place_in_the_queue() -> None:
    slots = Slots(heard := Heard())
    ask(slots, "a", db=1)
    ask(slots, "b", run="r2", db=1)
    ask(slots, "c", db=1)
    ask(slots, "d", run="r2", db=1)
    slots.forget_run("r1")
    assert heard.granted == ["a", "b"]
    give_back(slots, "b", run="r2")
    assert heard.granted == ["a", "b", "d"]


def test_a_driver_that_is_gone_leaves_nothing_but_tasks_that_wait_on_workers() -> None:
    slots = Slots(heard := Heard())
    ask(slots, "a", db=1)
    ask(slots, "b", db=1)
    slots.ask(("r1", "c", 0), {"db": 1}, "tcp://worker")
    ask(slots, "d", run="r2", db=1)
    slots.forget_owner("r1")
    assert heard.sent == [("tcp://worker", "answer")]
    give_back(slots, "c")
    assert heard.granted == ["a", "d"]


def test_a_worker_that_is_gone_holds_no_cached_key_and_what_it_ran_its_named_slots() -> None:
    slots = Slots(heard := Heard())
    for name, index in (("db", 0), ("key", -1)):
        slots.ask(("r1", "a", index), {name: 1}, "tcp://gone")
        slots.ask(("r1", "b", index), {name: 1}, "tcp://lives")
    slots.forget_worker("tcp://gone")
    assert heard.sent == [(worker, "answer") for worker in ("tcp://gone", "tcp://gone", "tcp://lives")]
    assert heard.granted == []
    slots.forget_worker("tcp://elsewhere")
    give_back(slots, "a")
    assert heard.sent[3:] == [("tcp://lives", "answer")]


def test_who_is_executed_again_elsewhere_holds_its_key_there() -> None:
    slots = Slots(heard := Heard())
    for worker in ("tcp://first", "tcp://second"):
        slots.ask(("r1", "a", -1), {"key": 1}, worker)
    slots.ask(("r1", "b", -1), {"key": 1})
    slots.forget_worker("tcp://first")
    assert heard.granted == []
    slots.forget_worker("tcp://second")
    assert heard.granted == ["b"]


def test_ten_thousand_that_wait_hold_nobody_up() -> None:
    slots = Slots(heard := Heard())
    start_s = time.thread_time()
    for node in range(10_000):
        ask(slots, str(node), db=2, net=8)
    for node in range(10_000):
        give_back(slots, str(node))
    assert heard.granted == [str(node) for node in range(10_000)]
    assert time.thread_time() - start_s < 2


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 11), st.sets(st.sampled_from("xyz"), min_size=1)), max_size=80))
def test_no_limit_is_ever_exceeded_and_whoever_waits_is_served_in_the_end(
    steps: list[tuple[bool, int, set[str]]],
) -> None:
    capacities = {"x": 1, "y": 2, "z": 3}
    slots = Slots(heard := Heard())
    asked: dict[str, set[str]] = {}
    for asks, node, names in steps:
        if asks and str(node) not in asked:
            asked[str(node)] = names
            ask(slots, str(node), "r1", **{name: capacities[name] for name in names})
        elif not asks:
            asked.pop(str(node), None)
            heard.granted = [each for each in heard.granted if each != str(node)]
            give_back(slots, str(node))
        for name, capacity in capacities.items():
            assert sum(name in asked[each] for each in heard.granted) <= capacity
    for _ in list(asked):
        assert heard.granted
        done = heard.granted.pop(0)
        give_back(slots, done)
    internals: Any = slots
    assert (internals._held, internals._waiting) == ({}, {})
    assert not +internals._used
    assert not +internals._wanted


def test_drivers_and_workers_ask_through_the_scheduler_and_get_the_answer_themselves() -> None:
    async def story(lab: Lab) -> None:
        lab.tell("slots", node=["g1", 0], names={"db": 1})
        await lab.until(lambda: lab.news == [["granted", ["g1", 0]]])
        lab.ear.tell("slots", node=["g1", 1], names={"db": 1})
        lab.tell("give-back", node=["g1", 0])
        await lab.until(lambda: lab.ear.of("answer"))
        [message] = lab.ear.of("answer")
        assert [message["run"], message["answer"][0], list(message["answer"][1])] == ["r1", "granted", ["g1", 1]]
        lab.tell("slots", node=["g1", 2], names={"db": 1})
        lab.ear.tell("give-back", node=["g1", 1])
        await lab.until(lambda: lab.news[1:] == [["granted", ["g1", 2]]])
        lab.ear.tell("slots", node=["g1", 3], names={"db": 1})
        async with new_worker(lab.scheduler) as late:
            ear_of(late).tell("slots", node=["g1", 4], names={"db": 1})
            await lab.until(lambda: len(lab.side.slots._waiting) == 2)
        await lab.until(lambda: len(lab.side.slots._waiting) == 1)
        lab.tell("release")
        await lab.until(lambda: not lab.side.slots._waiting)

    in_lab(story)


def test_an_owner_that_is_gone_holds_no_slots() -> None:
    async def story(lab: Lab) -> None:
        async with Client(lab.scheduler.address, asynchronous=True, set_as_default=False) as owner:
            dask: Any = owner
            message = {"op": "wfkit-slots", "client": owner.id, "run": "r2", "node": ["g1", 0], "names": {"db": 1}}
            dask._send_to_scheduler(message)
            await lab.until(lambda: lab.side.slots._held)
            lab.tell("slots", node=["g1", 0], names={"db": 1})
        await lab.until(lambda: lab.news == [["granted", ["g1", 0]]])

    in_lab(story)
