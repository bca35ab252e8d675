"""Random flows end as the rules say though a worker is killed in the middle, and many more of them than in CI."""

from __future__ import annotations

import random
import secrets

import pytest

from tests.system.random_graphs.programs import MAX_CALLS, Writer, script
from tests.system.random_graphs.running import engine_on, lasting, one_worker_killed, refuse_troubles, troubles
from tests.system.running import Workers
from wfkit.session.session import session

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600)]

KILLED, QUIET = 100, 2_000


def test_random_flows_end_as_the_rules_say_though_a_worker_is_killed(cluster: Workers) -> None:
    seed = secrets.randbelow(2**32)
    choose = random.Random(seed)
    engine = session().engine()
    for number in range(KILLED):
        program = lasting(Writer(choose.randrange(2**40), MAX_CALLS).program())
        with one_worker_killed(cluster.client, choose.uniform(0.0, 0.3), choose):
            found = troubles(engine, program, 120.0)
        assert not found, "\n".join([f"seed {seed}, program {number}", *found, script(program)])


def test_many_random_flows_end_as_the_rules_say() -> None:
    seed = secrets.randbelow(2**32)
    choose = random.Random(seed)
    with engine_on(processes=False) as (engine, _):
        for _ in range(QUIET):
            refuse_troubles(engine, Writer(choose.randrange(2**40), choose.randint(4, MAX_CALLS)).program())
