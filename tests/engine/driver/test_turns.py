"""Turns: who makes a call first, where a run is repeated while its body goes on. The test itself is that body."""

from __future__ import annotations

import _thread
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.engine.driver import gates
from tests.engine.driver.repeating import Repeater, load, states
from wfkit.authoring.context import FlowBody, inside
from wfkit.authoring.flattening import flatten
from wfkit.authoring.flow import flow
from wfkit.core.states import RunState
from wfkit.engine.driver import turns
from wfkit.engine.driver.run import Run

NewRun = Callable[..., Run]


class Repeated:
    """A run whose body goes on as the test says, and runs that repeat it, in threads of their own."""

    def __init__(self, live: Run, again: Repeater, waiting: threading.Semaphore) -> None:
        self.live, self._again, self._waiting = live, again, waiting
        self._threads: list[threading.Thread] = []

    def does(self, body: Callable[[], object]) -> Any:
        """The body of the live run goes on."""
        with inside(FlowBody(self.live, "flow")):
            return body()

    def rerun(self, body: Callable[[], object], before: Run | None = None) -> Run:
        """A run that goes on from it, or from another one, and whose body waits for its turn."""
        new = self._again.open(before or self.live)

        def work() -> None:
            with inside(FlowBody(new, "flow")):
                value = body()
            new.close_body(value, {})

        self._threads.append(threading.Thread(target=work, daemon=True))
        self._threads[-1].start()
        self.waits()
        return new

    def waits(self) -> None:
        """A body has come to a call before it is its turn."""
        assert self._waiting.acquire(timeout=gates.PATIENCE_S)

    def end(self) -> None:
        """All bodies have come to their ends."""
        for thread in self._threads:
            thread.join(gates.PATIENCE_S)
            assert not thread.is_alive()


@pytest.fixture
def repeated(new_run: NewRun, again: Repeater, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repeated]:
    waiting, wait = threading.Semaphore(0), turns._wait_for_more

    def counted(*what: Any) -> None:
        waiting.release()
        wait(*what)

    monkeypatch.setattr(turns, "_wait_for_more", counted)
    found = Repeated(new_run(), again, waiting)
    yield found
    found.end()


def reasons(run: Run) -> dict[str, str]:
    return {row.name: row.reason for row in run.nodes}


def two() -> int:
    """A body that waits for a value, and calls something with it."""
    return load(load(1).result() + 1).result()


def test_a_call_that_the_live_body_has_not_made_yet_is_awaited(repeated: Repeated) -> None:
    repeated.does(lambda: load(1).result())
    new = repeated.rerun(two)
    handle = repeated.does(lambda: load(2))
    repeated.live.close_body(handle, {})
    assert new.result(gates.PATIENCE_S) == repeated.live.result(gates.PATIENCE_S) == 2
    assert gates.came() == ["load 1", "load 2"]
    assert states(new) == {"load": "REUSED", "load#2": "REUSED"}


def test_so_is_one_that_a_rerun_of_a_rerun_makes(repeated: Repeated) -> None:
    repeated.does(lambda: load(1).result())
    new = repeated.rerun(two)
    newest = repeated.rerun(two, new)
    handle = repeated.does(lambda: load(2))
    repeated.live.close_body(handle, {})
    assert [run.result(gates.PATIENCE_S) for run in (new, newest)] == [2, 2]
    assert gates.came() == ["load 1", "load 2"]
    assert set(states(newest).values()) == {"REUSED"}


def test_behind_a_rerun_that_was_cut_short_the_live_body_is_waited_for_and_what_it_makes_is_kept(
    repeated: Repeated, again: Repeater
) -> None:
    repeated.does(lambda: load(1).result())
    cut = again.cut_short(repeated.live, lambda: None)
    newest = repeated.rerun(two, cut)
    handle = repeated.does(lambda: load(2))
    repeated.live.close_body(handle, {})
    assert newest.result(gates.PATIENCE_S) == 2
    assert gates.came() == ["load 1", "load 2"]
    assert states(newest) == {"load": "REUSED", "load#2": "REUSED"}


def test_flows_inside_the_flow_and_flattens_have_turns_as_well(repeated: Repeated) -> None:
    @flow
    def part(x: int) -> Any:
        return load.map(flatten(load([[x]])))

    def after(x: int) -> Any:
        return part(x)

    repeated.does(lambda: load(1).result())
    new = repeated.rerun(lambda: after(load(1).result()))
    value = repeated.does(lambda: after(1))
    repeated.live.close_body(value, {})
    assert new.result(gates.PATIENCE_S) == repeated.live.result(gates.PATIENCE_S) == [1]
    assert gates.came() == ["load 1", "load [[1]]", "load 1"]
    assert set(states(new).values()) == {"REUSED"}


def test_where_the_live_body_makes_another_call_instead_it_is_decided(repeated: Repeated) -> None:
    repeated.does(lambda: load(1).result())
    new = repeated.rerun(two)
    repeated.does(lambda: load(7))
    assert new.result(gates.PATIENCE_S) == 2
    assert reasons(new)["load#2"] == "input `x` changed"
    assert not repeated.live.body_ended
    repeated.live.close_body(None, {})


def test_where_the_live_body_ends_by_an_error_it_is_decided(repeated: Repeated) -> None:
    repeated.does(lambda: load(1).result())
    new = repeated.rerun(two)
    repeated.live.fail_body(RunState.FAILED, "an error", {})
    assert new.result(gates.PATIENCE_S) == 2
    assert gates.came() == ["load 1", "load 2"]
    assert reasons(new)["load#2"] == "new"


def test_a_run_that_is_cancelled_is_not_waited_for(repeated: Repeated) -> None:
    repeated.does(lambda: load(1).result())
    new = repeated.rerun(two)
    repeated.live.cancel()
    assert new.result(gates.PATIENCE_S) == 2
    assert not repeated.live.body_ended
    assert gates.came() == ["load 1", "load 2"]


def test_one_that_is_paused_is(repeated: Repeated) -> None:
    repeated.does(lambda: load(1).result())
    repeated.live.pause()
    new = repeated.rerun(two)
    handle = repeated.does(lambda: load(2))
    repeated.live.close_body(handle, {})
    gates.until(lambda: len(states(new)) == 2)
    assert gates.came() == ["load 1"]
    repeated.live.resume()
    assert new.result(gates.PATIENCE_S) == 2
    assert gates.came() == ["load 1", "load 2"]


def test_a_rerun_that_is_cancelled_waits_no_longer(repeated: Repeated) -> None:
    def body() -> None:
        load(1).result()
        load(2)

    repeated.does(lambda: load(1).result())
    new = repeated.rerun(body)
    new.cancel()
    assert new.wait(gates.PATIENCE_S).state is RunState.CANCELLED
    assert repeated.live.state is RunState.RUNNING
    handle = repeated.does(lambda: load(2))
    repeated.live.close_body(handle, {})
    assert repeated.live.result(gates.PATIENCE_S) == 2
    assert gates.came() == ["load 1", "load 2"]


def test_a_rerun_in_the_main_thread_can_be_interrupted_while_it_waits(repeated: Repeated, again: Repeater) -> None:
    def interrupt() -> None:
        repeated.waits()
        _thread.interrupt_main()

    repeated.does(lambda: load(1).result())
    new = again.open(repeated.live)
    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt), inside(FlowBody(new, "flow")):
        two()
    new.fail_body(RunState.INTERRUPTED, "interrupted", {})
    assert new.wait(gates.PATIENCE_S).state is RunState.INTERRUPTED
    assert len(states(new)) == 1
    repeated.live.close_body(None, {})


def test_nobody_waits_for_a_body_that_only_this_thread_can_go_on_with(repeated: Repeated, again: Repeater) -> None:
    repeated.does(lambda: load(1).result())
    repeated.live.body_thread = threading.get_ident()
    new = again(repeated.live, two)
    assert new.result() == 2
    assert not repeated.live.body_ended
    repeated.live.close_body(None, {})
