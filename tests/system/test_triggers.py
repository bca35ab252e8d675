"""Failure as data, on real workers: triggers over maps and reduces, `Missing`, skips, and how a run then ends."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.system.running import ran, reason, states
from wfkit import Missing, Skip, allow_failure, present, task, unmapped
from wfkit.core.states import RunState, TaskState
from wfkit.errors import MapFailed, TaskSkipped, UpstreamFailed

pytestmark = pytest.mark.usefixtures("cluster")

RULES = [
    "all_success",
    "all_done",
    "all_failed",
    "any_success",
    "any_failed",
    "none_failed",
    "none_failed_min_one_success",
]
RUN, SKIP, FAIL = "COMPLETED", "SKIPPED", "UPSTREAM_FAILED"


@task
def end(how: str) -> str:
    """Succeed (s), fail (f) or be skipped (k)."""
    if how == "f":
        raise ValueError(how)
    if how == "k":
        raise Skip("not today")
    return how


@task
def tell(inputs: object) -> str:
    """What arrived: s, or the state of a `Missing`."""
    values = inputs if isinstance(inputs, list) else [inputs]
    return " ".join(value.state if isinstance(value, Missing) else str(value) for value in values)


@task
def pass_on(value: Any) -> Any:
    return value


#: How the elements of a map end -> what each rule makes of a reduce over it, in the order of RULES.
REDUCES = {
    "sss": [RUN, RUN, SKIP, RUN, SKIP, RUN, RUN],
    "ssf": [FAIL, RUN, SKIP, RUN, RUN, FAIL, FAIL],
    "ssk": [RUN, RUN, SKIP, RUN, SKIP, RUN, RUN],
    "fff": [FAIL, RUN, RUN, FAIL, RUN, FAIL, FAIL],
    "ffk": [FAIL, RUN, RUN, FAIL, RUN, FAIL, FAIL],
    "sfk": [FAIL, RUN, SKIP, RUN, RUN, FAIL, FAIL],
    "kkk": [SKIP, RUN, SKIP, SKIP, SKIP, RUN, SKIP],
    "": [RUN, RUN, SKIP, SKIP, SKIP, RUN, SKIP],
}


@pytest.mark.parametrize("ends", REDUCES, ids=lambda ends: ends or "empty")
def test_rules_over_the_elements_of_a_map(ends: str) -> None:
    def body() -> object:
        mapped = end.map(list(ends))
        return [tell.with_options(trigger=rule, name=rule)(mapped) for rule in RULES]

    run = ran(body)
    found = states(run)
    assert [found[rule] for rule in RULES] == REDUCES[ends]
    kept = [f"{'FAILED' if how == 'f' else how}" for how in ends if how != "k"]
    assert run.node("all_done").result() == " ".join(kept)


#: Two single inputs -> what each rule makes of a task that takes both.
PAIRS = {
    "ss": [RUN, RUN, SKIP, RUN, SKIP, RUN, RUN],
    "sf": [FAIL, RUN, SKIP, RUN, RUN, FAIL, FAIL],
    "sk": [SKIP, RUN, SKIP, RUN, SKIP, RUN, RUN],
    "ff": [FAIL, RUN, RUN, FAIL, RUN, FAIL, FAIL],
    "fk": [FAIL, RUN, SKIP, FAIL, RUN, FAIL, FAIL],
    "kk": [SKIP, RUN, SKIP, SKIP, SKIP, RUN, SKIP],
}


@pytest.mark.parametrize("ends", PAIRS)
def test_rules_over_single_inputs(ends: str) -> None:
    def body() -> object:
        pair = [end(how) for how in ends]
        return [tell.with_options(trigger=rule, name=rule)(pair) for rule in RULES]

    run = ran(body)
    found = states(run)
    assert [found[rule] for rule in RULES] == PAIRS[ends]
    told = {"s": "s", "f": "FAILED", "k": "SKIPPED"}
    assert run.node("all_done").result() == " ".join(told[how] for how in ends)


def test_elements_are_judged_one_by_one_and_failures_reach_only_their_own() -> None:
    run = ran(lambda: pass_on.map(pass_on.map(end.map(list("sfks")))))
    found = states(run)
    assert [found[f"pass_on#2[{index}]"] for index in range(4)] == [RUN, FAIL, SKIP, RUN]
    assert reason(run, "pass_on[1]") == "`end[1]` FAILED"
    assert reason(run, "pass_on#2[1]") == "`pass_on[1]` UPSTREAM_FAILED"
    assert reason(run, "pass_on[2]") == "`end[2]` SKIPPED"
    assert run.state is RunState.FAILED
    assert run.view_model.reason == "`end[1]` FAILED"


def test_a_large_value_passed_whole_is_no_input_that_a_rule_counts() -> None:
    whole = "x" * 10_000

    @task
    def both(one: object, two: str) -> str:
        return f"{type(one).__name__} {len(two)}"

    def body() -> object:
        mapped = end.map(list("sf"))
        rules = ["all_failed", "any_success", "any_failed"]
        return [both.with_options(trigger=rule, name=rule).map(mapped, unmapped(whole)) for rule in rules]

    found = states(ran(body))
    assert [found[f"{rule}[0]"] for rule in ("all_failed", "any_success", "any_failed")] == [SKIP, RUN, SKIP]
    assert [found[f"{rule}[1]"] for rule in ("all_failed", "any_success", "any_failed")] == [RUN, FAIL, RUN]


def test_inputs_allowed_to_fail_arrive_as_missing_with_their_exception() -> None:
    @task
    def look(value: Any) -> list[object]:
        first = value[1]
        return [bool(first), first.state, first.reason, type(first.exception).__name__, present(value)]

    def body() -> object:
        mapped = end.map(list("sfs"))
        return [look(allow_failure(mapped)), tell.map(allow_failure(mapped))]

    run = ran(body)
    assert run.node("look").result() == [False, TaskState.FAILED, "ValueError: f", "ValueError", ["s", "s"]]
    assert run.node("tell").result() == ["s", "FAILED", "s"]
    assert run.state is RunState.COMPLETED


def test_one_input_allowed_to_fail_does_not_excuse_the_other() -> None:
    run = ran(lambda: tell([allow_failure(end("f")), end("f")]))
    assert states(run)["tell"] == FAIL
    assert reason(run, "tell") == "`end#2` FAILED"


def test_skips_go_on_unless_told_otherwise() -> None:
    def body() -> object:
        skipped = end("k")
        return [pass_on(pass_on(skipped)), tell.with_options(skip_on_upstream_skip=False)(skipped)]

    run = ran(body)
    assert states(run) == {"end": SKIP, "pass_on": SKIP, "pass_on#2": SKIP, "tell": RUN}
    assert run.node("tell").result() == "SKIPPED"
    assert run.state is RunState.COMPLETED
    with pytest.raises(TaskSkipped, match="not today"):
        run.node("end").result()


def test_waiting_for_a_task_is_an_input_to_the_rule_and_to_nothing_else() -> None:
    def body() -> object:
        failed = end.submit("f")
        return [
            tell.submit("value", wait_for=[failed]),
            tell.with_options(trigger="all_done").submit("value", wait_for=[failed]),
        ]

    run = ran(body)
    assert states(run) == {"end": "FAILED", "tell": FAIL, "tell#2": RUN}
    assert run.node("tell#2").result() == "value"


def test_reasons_name_three_inputs_and_count_the_rest() -> None:
    run = ran(lambda: tell(end.map(["f"] * 5)))
    assert reason(run, "tell") == "`end[0]` FAILED, `end[1]` FAILED, `end[2]` FAILED and 2 more"


# --- how a run ends ---


@pytest.mark.parametrize(
    ("handled", "state"),
    [("never", RunState.FAILED), ("by a node", RunState.COMPLETED), ("by the body", RunState.COMPLETED)],
)
def test_a_failure_fails_the_run_unless_it_is_handled(handled: str, state: RunState) -> None:
    def body() -> None:
        failed = end("f")
        carried = pass_on(failed)
        if handled == "by a node":
            tell.with_options(trigger="all_done")(carried)
        elif handled == "by the body":
            carried.exception()

    run = ran(body)
    assert run.state is state
    assert Counter(states(run).values())[TaskState.UPSTREAM_FAILED] == 1


def test_a_failure_that_one_consumer_handles_and_another_carries_on_still_fails_the_run() -> None:
    def body() -> None:
        failed = end("f")
        tell(allow_failure(failed))
        pass_on(failed)

    run = ran(body)
    assert (run.state, run.view_model.reason) == (RunState.FAILED, "`pass_on` UPSTREAM_FAILED")


def test_a_rule_that_did_not_run_handles_nothing() -> None:
    run = ran(lambda: tell.with_options(trigger="all_failed")(end.map(list("sf"))))
    assert states(run)["tell"] == SKIP
    assert (run.state, run.view_model.reason) == (RunState.FAILED, "`end[1]` FAILED")


def test_results_of_what_did_not_run_raise_and_say_why() -> None:
    run = ran(lambda: pass_on.map(end.map(list("sff"))))
    with pytest.raises(UpstreamFailed, match=r"`pass_on\[1\]` ended UPSTREAM_FAILED: `end\[1\]` FAILED"):
        run.node("pass_on[1]").result()
    with pytest.raises(MapFailed) as caught:
        run.node("end").result()
    assert caught.value.count == 2
    assert caught.value.first == ("end[1]: ValueError: f", "end[2]: ValueError: f")
    errors = run.node("end").exception()
    assert isinstance(errors, list)
    assert [type(error).__name__ for error in errors] == ["NoneType", "ValueError", "ValueError"]
