"""Random flows fail, are edited and repeated: values are as the rules say, reasons are true, and plans are kept."""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.system.random_graphs.planning import broken_promises
from tests.system.random_graphs.programs import MAX_CALLS, Writer, script
from tests.system.random_graphs.rerunning import BLOCKS, edited, troubles_of_reruns
from tests.system.random_graphs.running import engine_on
from tests.system.test_random_graphs import SAME
from wfkit.core.rerun import Wishes
from wfkit.engine.driver.engine import Engine

EXAMPLES, MANY = 40, 2_000
FAILED, CHANGED = Wishes(), Wishes(changed=True)
WAYS = ([CHANGED], [FAILED], [FAILED, CHANGED], [FAILED, FAILED, CHANGED])


@pytest.fixture(scope="module")
def threads() -> Iterator[Engine]:
    """A cluster in this process."""
    with engine_on(processes=False) as (engine, _):
        yield engine


def refuse_troubles(engine: Engine, seed: int, *all_wishes: Wishes, cut: bool = False, on_record: bool = False) -> None:
    """Fail where the reruns of an edited program do not end as they should, and print both versions."""
    choose = random.Random(seed)
    program = Writer(choose.randrange(2**40), choose.randint(4, MAX_CALLS)).program()
    again = edited(program, choose)
    found = troubles_of_reruns(engine, program, again, *all_wishes, cuts=choose if cut else None, on_record=on_record)
    if found:
        changed = [wishes.changed for wishes in all_wishes]
        text = [*found, f"seed {seed}, {changed}, {cut=}, {on_record=}", script(program), "Edited:", again]
        raise AssertionError("\n".join(text))


@pytest.mark.timeout(300)
@settings(SAME, max_examples=EXAMPLES)
@given(st.integers(0, 2**40))
def test_a_rerun_with_what_changed_has_the_values_of_a_run_from_zero(threads: Engine, seed: int) -> None:
    refuse_troubles(threads, seed, CHANGED)


@pytest.mark.timeout(300)
@settings(SAME, max_examples=EXAMPLES)
@given(st.integers(0, 2**40))
def test_a_rerun_of_what_failed_keeps_recorded_values_and_makes_the_others_from_them(
    threads: Engine, seed: int
) -> None:
    refuse_troubles(threads, seed, FAILED)


@pytest.mark.timeout(300)
@settings(SAME, max_examples=EXAMPLES)
@given(st.integers(0, 2**40))
def test_what_changed_is_made_up_for_in_a_later_generation(threads: Engine, seed: int) -> None:
    refuse_troubles(threads, seed, FAILED, CHANGED)


@pytest.mark.timeout(300)
@settings(SAME, max_examples=EXAMPLES)
@given(st.integers(0, 2**40), st.sampled_from(WAYS), st.booleans())
def test_behind_a_rerun_the_body_of_which_was_cut_short_all_is_as_without_it(
    threads: Engine, seed: int, wishes: list[Wishes], on_record: bool
) -> None:
    refuse_troubles(threads, seed, *wishes, cut=True, on_record=on_record)


def refuse_broken_promises(engine: Engine, seed: int) -> None:
    """Fail where a rerun does something else than was planned, and print both versions of the program."""
    choose = random.Random(seed)
    program = Writer(choose.randrange(2**40), choose.randint(4, MAX_CALLS)).program()
    *tasks, _ = edited(program, choose).split(BLOCKS)
    again = BLOCKS.join([*tasks, program.split(BLOCKS)[-1]])  # a plan knows nothing of another body
    found = broken_promises(engine, program, again)
    if found:
        raise AssertionError("\n".join([*found, f"seed {seed}", script(program), "Edited:", again]))


@pytest.mark.timeout(300)
@settings(SAME, max_examples=EXAMPLES)
@given(st.integers(0, 2**40))
def test_what_was_planned_is_what_is_done_where_no_body_decides_anew(threads: Engine, seed: int) -> None:
    refuse_broken_promises(threads, seed)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_many_plans_are_kept(threads: Engine) -> None:
    choose = random.Random(secrets.randbelow(2**32))
    for _ in range(MANY):
        refuse_broken_promises(threads, choose.randrange(2**40))


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_many_reruns_end_as_the_rules_say(threads: Engine) -> None:
    choose = random.Random(secrets.randbelow(2**32))
    for number in range(MANY):
        refuse_troubles(
            threads, choose.randrange(2**40), *WAYS[number % 4], cut=number % 8 > 3, on_record=number % 16 > 7
        )
