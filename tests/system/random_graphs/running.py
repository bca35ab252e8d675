"""Running: one program on the engine and by the rules; what differs is told with the least of it that differs."""

from __future__ import annotations

import os
import random
import re
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count

from distributed import Client, LocalCluster

from tests.system.random_graphs.comparing import as_executed, body_of, differences, engine_came, serially
from tests.system.random_graphs.endings import Senseless
from tests.system.random_graphs.programs import script
from tests.system.random_graphs.reducing import reduced
from wfkit.authoring.context import FlowBody, inside
from wfkit.core.ids import run_id
from wfkit.engine.driver.engine import Engine
from wfkit.engine.driver.run import Run
from wfkit.errors import WaitTimeout

TIMEOUT_S = 40.0
SMALL_TIMEOUT_S = 5.0
_NUMBERS = count(1)


@contextmanager
def engine_on(*, processes: bool) -> Iterator[tuple[Engine, Client]]:
    """An engine on two workers of two threads."""
    with (
        LocalCluster(
            n_workers=2,
            threads_per_worker=2,
            processes=processes,
            dashboard_address="127.0.0.1:0",
            worker_dashboard_address="127.0.0.1:0",
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        engine = Engine(client)
        yield engine, client
        engine.close()


def troubles(engine: Engine, program: str, timeout_s: float = TIMEOUT_S) -> list[str]:
    """Run a program both ways; what is not as it should be."""
    expected = serially(program)
    run = Run(engine, run_id(next(_NUMBERS), bytes(10)), "flow")
    with inside(FlowBody(run, "flow")):
        body_of(program)()
    run.close_body(None, {})
    try:
        run.wait(timeout_s)
    except WaitTimeout:
        stuck = [f"{row.name} is {row.state}" for row in run.nodes if row.state not in {"COMPLETED", "SKIPPED"}]
        run.cancel()
        return [f"the run did not end: {'; '.join(stuck)}"]
    state, nodes = engine_came(run)
    found = differences(expected, (state, as_executed(nodes)))  # of an earlier attempt a body has what is done
    why = [f"({row.name} FAILED: {row.reason})" for row in run.nodes if row.state == "FAILED"]
    run.release()
    return [*found, f"(the run ended {run.state}: {run.view_model.reason})", *why] if found else []


def refuse_troubles(engine: Engine, program: str) -> None:
    """Fail where a program does not end as the rules say, and print the least of it that does not, as a script."""
    found = troubles(engine, program)
    if not found:
        return

    def fails(smaller: str) -> bool:
        try:
            return bool(troubles(engine, smaller, SMALL_TIMEOUT_S))
        except (Senseless, Exception):
            return False

    least = reduced(program, fails)
    raise AssertionError("\n".join([*found, "", "The program:", script(program), "", "Reduced:", script(least)]))


def _pids(client: Client) -> set[int]:
    """The worker processes that answer."""
    answers: dict[str, object] = client.run(os.getpid, on_error="ignore")
    return {pid for pid in answers.values() if isinstance(pid, int)}


@contextmanager
def one_worker_killed(client: Client, after_s: float, choose: random.Random) -> Iterator[None]:
    """Kill a worker process in the block, or right behind it; its nanny starts another one."""
    deadline = time.monotonic() + TIMEOUT_S
    while not (pids := _pids(client)):  # those of the last block may be on their way
        assert time.monotonic() < deadline, "there is no worker"
        time.sleep(0.05)

    def kill() -> None:
        with suppress(ProcessLookupError):
            os.kill(choose.choice(sorted(pids)), signal.SIGKILL)

    timer = threading.Timer(after_s, kill)
    timer.start()
    try:
        yield
    finally:
        timer.join()
        deadline = time.monotonic() + TIMEOUT_S
        while len(_pids(client) - pids) < 1 or len(_pids(client)) < len(pids):
            assert time.monotonic() < deadline, "the nanny started no other worker"
            time.sleep(0.05)


def lasting(program: str) -> str:
    """The program, whose tasks are executed again as often as their worker is lost.

    An execution that was lost with its worker has a number of its own, so that tasks may not go by that number here.
    """
    program = program.replace("current.attempt > 1", "True").replace("current.attempt > 2", "False")
    program = re.sub(r"end\('(\w+)', seed\)", lambda found: found[0].replace("R", "s"), program)
    return program.replace("@task(", "@task(crash_retries=50, ")
