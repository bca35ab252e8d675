"""Slots: tasks that wait hold no place of their worker, and come back to exactly the places there are."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from distributed import Client, LocalCluster

from wfkit.engine.worker.attempt import Stop, Stopped, call
from wfkit.engine.worker.slot import Slot, may_start, waiting_count
from wfkit.errors import WaitingHoldsResources

pytestmark = pytest.mark.timeout(60)
WAIT_S = 20


@pytest.fixture(scope="module", params=[(False, 1), (False, 2), (True, 1)], ids=["one", "two", "process"])
def client(request: pytest.FixtureRequest) -> Iterator[Client]:
    """One worker: one or two threads in this process, or one in its own."""
    processes, threads = request.param
    with (
        LocalCluster(
            n_workers=1,
            threads_per_worker=threads,
            processes=processes,
            dashboard_address="127.0.0.1:0",
            worker_dashboard_address="127.0.0.1:0",
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client


@pytest.fixture(autouse=True)
def all_places_are_there_afterwards(client: Client) -> Iterator[None]:
    client.run(_forget)
    yield
    until = time.monotonic() + WAIT_S
    while not (found := next(iter(client.run(_threads).values())))[1]:
        assert time.monotonic() < until, f"{found[0]} threads in the pool"
        time.sleep(0.05)
    assert list(client.run(waiting_count).values()) == [0]


#: What the tasks of one test tell each other; in the worker's process.
_told: dict[object, threading.Event] = {}


def _forget() -> None:
    _told.clear()


def told(what: object) -> threading.Event:
    return _told.setdefault(what, threading.Event())


def hear(what: object) -> None:
    assert told(what).wait(WAIT_S), f"nobody said {what}"


def _threads(dask_worker: Any) -> tuple[int, bool]:
    """How many threads of its pool live, and whether they are those that the pool counts."""
    executor = dask_worker.executors["default"]
    executor.submit(lambda: None)  # as Dask does for each task; fills the pool up
    threads = [thread for thread in threading.enumerate() if getattr(thread, "_args", ())[:1] == (executor,)]
    alive = {thread for thread in threads if thread.is_alive()}
    return len(alive), alive == executor._threads and len(alive) == dask_worker.state.nthreads


def here(slot: Slot, wait: Callable[[], None]) -> None:
    with slot.given_back():
        wait()


def in_a_thread(slot: Slot, wait: Callable[[], None]) -> None:
    thread = threading.Thread(target=here, args=(slot, wait))
    thread.start()
    thread.join()


def in_two_threads(slot: Slot, wait: Callable[[], None]) -> None:
    threads = [threading.Thread(target=here, args=(slot, wait)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def within_a_limit(slot: Slot, wait: Callable[[], None]) -> None:
    call(here, (slot, wait), {}, WAIT_S, Stop())


def nested(slot: Slot, wait: Callable[[], None]) -> None:
    with slot.given_back():
        here(slot, wait)
        wait()


def link(number: int, way: Callable[[Slot, Callable[[], None]], None]) -> int:
    """A task that waits for the next one."""
    slot = Slot.of_this_thread()
    try:
        way(slot, lambda: hear(number + 1))
        told(number).set()
        return number
    finally:
        slot.close()


@pytest.mark.parametrize("way", [here, in_a_thread, in_two_threads, within_a_limit, nested])
def test_a_chain_of_waiting_tasks_needs_one_thread(
    client: Client, way: Callable[[Slot, Callable[[], None]], None]
) -> None:
    links = [client.submit(link, number, way, pure=False) for number in range(30)]
    last = client.submit(lambda: told(30).set(), pure=False)
    assert client.gather([last, *links]) == [None, *range(30)]


def come_and_go(number: int, rounds: int) -> int:
    slot = Slot.of_this_thread()
    for turn in range(rounds):
        [here, in_a_thread][(number + turn) % 2](slot, lambda: None)
    slot.close()
    return rounds


def test_a_thousand_returns_leave_the_threads_that_were_there(client: Client) -> None:
    assert sum(client.gather(client.map(come_and_go, range(100), rounds=10, pure=False))) == 1_000


def end_while_away(how: int) -> None:
    """A task that ends in the middle of waiting, or while another thread of it waits or comes back."""
    slot = Slot.of_this_thread()
    try:
        if how == 0:
            waiting = slot.given_back()
            waiting.__enter__()
        else:
            begun = threading.Event()
            gate = threading.Event()

            def wait() -> None:
                begun.set()
                gate.wait(WAIT_S)

            threading.Thread(target=here, args=(slot, wait), daemon=True).start()
            begun.wait(WAIT_S)
            if how == 1:
                gate.set()
            threading.Timer(0.01, gate.set).start()
    finally:
        slot.close()


@pytest.mark.parametrize("how", [0, 1, 2])
def test_a_task_that_ends_while_it_is_away_leaves_no_thread_behind(client: Client, how: int) -> None:
    client.gather([client.submit(end_while_away, how, pure=False) for _ in range(50)])


def stopped_while_away(number: int) -> str:
    slot = Slot.of_this_thread()
    stop = Stop()
    timer = threading.Timer(0.0005 * (number % 10), stop.request, args=("now",))
    timer.start()
    try:
        call(come_and_go_with, (slot,), {}, None, stop)
    except Stopped as stopped:
        return stopped.reason
    finally:
        slot.close()
        timer.join()
    return "ended"


def come_and_go_with(slot: Slot) -> None:
    for _ in range(100_000):
        here(slot, lambda: None)


def test_a_task_that_is_stopped_on_its_way_costs_no_thread(client: Client) -> None:
    assert set(client.gather(client.map(stopped_while_away, range(100), pure=False))) == {"now"}


def wait_while_another_works(key: str) -> None:
    """One thread waits for what only another task says, and the task's own thread waits for it."""
    slot = Slot.of_this_thread()
    try:
        thread = threading.Thread(target=here, args=(slot, lambda: hear(key)))
        here(slot, lambda: None)
        thread.start()
        here(slot, lambda: None)
        thread.join()
    finally:
        slot.close()


def test_the_slot_stays_away_while_one_thread_still_waits(client: Client) -> None:
    waiting = [client.submit(wait_while_another_works, "go", pure=False) for _ in range(3)]
    said = client.submit(lambda: told("go").set(), pure=False)
    client.gather([said, *waiting])


def refused() -> str:
    slot = Slot.of_this_thread()
    try:
        with slot.given_back(name="load[3]", resources={"GPU": 1}):
            return ""
    except WaitingHoldsResources as error:
        return str(error)
    finally:
        slot.close()


def test_a_task_that_holds_resources_may_not_wait(client: Client) -> None:
    text = client.submit(refused, pure=False).result()
    assert text.startswith("`load[3]` waits for other tasks while it holds resources (1 GPU)")


def count_while_waiting() -> tuple[int, list[bool]]:
    slot = Slot.of_this_thread()
    with slot.given_back(("r1", "g4", 7)):
        found = (
            waiting_count(),
            [
                may_start("r1", "g5", 2),
                may_start("r1", "g5", 1),
                may_start("r1", "g4.7/1", 1),
                may_start("r1", "g4.7/1.0/3", 1),
                may_start("r1", "g4.6/1", 1),
                may_start("r2", "g4.7/1", 1),
            ],
        )
    slot.close()
    return found


def test_at_the_cap_only_descendants_of_a_waiting_node_may_start(client: Client) -> None:
    found = client.submit(count_while_waiting, pure=False).result()
    assert found == (1, [True, False, True, True, False, False])


def test_outside_a_pool_there_is_nothing_to_give_back() -> None:
    slot = Slot.of_this_thread()
    with slot.given_back():
        assert waiting_count() == 1
    slot.close()
    assert waiting_count() == 0
