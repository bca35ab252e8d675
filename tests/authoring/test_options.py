"""Options: each is checked where it is given, and a wrong one is told with what it takes."""

from __future__ import annotations

import dataclasses
import typing
from datetime import timedelta
from typing import Any

import pytest

from wfkit import INPUTS, NO_CACHE, exponential_backoff, flow, task
from wfkit.authoring.flow import FlowOptions, FlowWords
from wfkit.authoring.options import FLOW_RULES, TaskOptions, TaskWords, task_options
from wfkit.core.trigger import Trigger
from wfkit.errors import BadFlow, BadTask


def names(cls: Any) -> set[str]:
    return {entry.name for entry in dataclasses.fields(cls)}


def test_options_are_the_same_to_people_to_static_checkers_and_to_the_rules() -> None:
    assert set(typing.get_type_hints(TaskWords)) == names(TaskOptions)
    assert set(typing.get_type_hints(FlowWords)) == names(FlowOptions) == set(FLOW_RULES)
    for name in names(TaskOptions):
        task_options({name: getattr(TaskOptions(), name)})  # each has a rule, and its default is allowed
        assert name in (task.__doc__ or "")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"tags": "db"}, frozenset({"db"})),
        ({"tags": ["db", "slow"]}, frozenset({"db", "slow"})),
        ({"retry_delay_seconds": [1, 10]}, (1, 10)),
        ({"retry_delay_seconds": 0.5}, 0.5),
        ({"retry_on": ValueError}, (ValueError,)),
        ({"retry_on": [ValueError, OSError]}, (ValueError, OSError)),
        ({"trigger": "all_done"}, Trigger.ALL_DONE),
        ({"trigger": Trigger.ANY_FAILED}, Trigger.ANY_FAILED),
        ({"workers": "tcp://a:1"}, ("tcp://a:1",)),
        ({"workers": ["a", "b"]}, ("a", "b")),
        ({"timeout_seconds": 0.1}, 0.1),
        ({"n_outputs": 2}, 2),
        ({"priority": -5}, -5),
        ({"resources": {"GPU": 1}}, {"GPU": 1}),
        ({"crash_retries": 0}, 0),
        ({"limits": {"db": 2, "api": 1}}, {"db": 2, "api": 1}),
        ({"isolate": "process"}, "process"),
        ({"on_parent_failure": "keep"}, "keep"),
        ({"task_run_name": "load {month:02d} {{x}}"}, "load {month:02d} {{x}}"),
        ({"persist_result": False}, False),
        ({"identity_ignore": "engine"}, ("engine",)),
        ({"cache_policy": INPUTS}, INPUTS),
        ({"cache_policy": None}, NO_CACHE),
        ({"cache_expiration": timedelta(minutes=2)}, 120.0),
        ({"identity_ignore": ["engine", "log"]}, ("engine", "log")),
    ],
)
def test_good_values_are_kept_in_one_form(given: dict[str, Any], kept: object) -> None:
    (name,) = given
    assert getattr(task_options(given), name) == kept


def test_a_callable_delay_is_kept() -> None:
    delay = exponential_backoff(2)
    assert task_options({"retry_delay_seconds": delay}).retry_delay_seconds is delay


def test_a_dict_is_copied() -> None:
    given = {"GPU": 1}
    options = task_options({"resources": given, "limits": given})
    given["GPU"] = 5
    assert options.resources == options.limits == {"GPU": 1}


def test_without_options_a_lost_worker_is_survived_twice_and_children_go_with_their_parent() -> None:
    options = TaskOptions()
    assert (options.crash_retries, options.isolate, options.on_parent_failure) == (2, "thread", "cancel")
    assert options.limits == {}


BAD: dict[str, list[object]] = {
    "persist_result": [3, None, "no"],
    "identity_ignore": [3, None, [1]],
    "name": [3, None, b"x"],
    "description": [3, None],
    "tags": [3, None, [1], {"a": 1}.values()],
    "version": [1.0, None],
    "retries": [-1, 1.5, "3", True, None, float("inf")],
    "retry_delay_seconds": [-1, "1", [], [1, -1], [1, "2"], None, float("inf"), float("nan"), True],
    "retry_jitter_factor": [-0.1, "1", None, float("nan"), True],
    "retry_on": [3, "ValueError", [int], [ValueError, 3], None, ValueError()],
    "retry_condition_fn": [3, "x", ValueError()],
    "crash_retries": [-1, 1.5, "3", True, None],
    "timeout_seconds": [0, -1, "60", True, float("inf"), float("nan")],
    "trigger": ["all_succes", 3, None, ["all_done"]],
    "skip_on_upstream_skip": [1, None, "yes"],
    "log_prints": [1, None, "yes"],
    "n_outputs": [0, -1, 1.0, "2", True],
    "task_run_name": [3, None, "{", "{x"],
    "resources": ["GPU", 3, None, {"GPU": "1"}, {"GPU": -1}, {1: 1}],
    "priority": ["high", 1.5, True, None],
    "workers": [3, None, [1]],
    "limits": ["db", ["db"], {"db"}, 3, None, {"db": 0}, {"db": -1}, {"db": 1.0}, {"db": True}, {"db": "2"}, {1: 1}],
    "isolate": ["proces", True, None, 1, ["process"]],
    "on_parent_failure": ["kill", True, None, {"keep"}],
    "cache_policy": ["input", 3, True],
    "cache_key_fn": [3, "x"],
    "cache_expiration": [0, -1, "60", True, float("inf"), timedelta(0), timedelta(seconds=-1)],
    "refresh_cache": [1, None, "yes"],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD.items() for value in values])
def test_a_bad_value_is_refused_with_the_option_the_value_and_what_it_takes(name: str, value: Any) -> None:
    with pytest.raises(BadTask) as caught:
        task(**{name: value})
    assert caught.value.what.startswith(f"{name}={value!r:.60} is not allowed")
    assert caught.value.fix.startswith("It takes ")


def test_every_option_has_its_bad_values_here() -> None:
    assert set(BAD) == names(TaskOptions)


def test_a_rule_that_does_not_exist_is_told_with_those_that_do() -> None:
    with pytest.raises(BadTask, match=r"trigger='all_succes' is not allowed. It takes one of all_success, all_done"):
        task(trigger="all_succes")


def test_an_unknown_option_close_to_one_is_told() -> None:
    with pytest.raises(BadTask, match=r"@task has no option `retrys`\. Did you mean `retries`\?"):
        task(retrys=3)  # type: ignore[call-overload]
    with pytest.raises(BadTask, match="Did you mean `retries`"):
        task(retry=3)  # type: ignore[call-overload]
    with pytest.raises(BadTask, match="Did you mean `retry_on`"):
        task(retry_onn=3)  # type: ignore[call-overload]
    with pytest.raises(BadTask, match="Did you mean `timeout_seconds`"):
        task(lambda: 1).with_options(timeout_second=3)  # type: ignore[call-arg]


def test_an_unknown_option_is_told_with_all_there_are() -> None:
    with pytest.raises(
        BadTask, match=r"no option `colour`\. There are: cache_expiration, cache_key_fn, cache_policy, crash_retries"
    ):
        task(colour="red")  # type: ignore[call-overload]


def test_a_template_may_name_parameters_only() -> None:
    def load(month: int, year: int) -> None: ...

    def anything(**kwargs: object) -> None: ...

    task(task_run_name="{month}-{year.real:04d}")(load)
    task(task_run_name="{whatever}")(anything)
    with pytest.raises(BadTask, match=r"names \{day\}, which is no parameter of `load`\. .* are: month, year"):
        task(task_run_name="load {day}")(load)
    with pytest.raises(BadTask, match=r"names \{\}"):
        task(load).with_options(task_run_name="load {}")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            {"retries": 3},
            "@flow has no option `retries`. There are: description, name, tags, timeout_seconds",
        ),
        ({"tag": "x"}, "Did you mean `tags`"),
        ({"name": 3}, "name=3 is not allowed. It takes a string"),
        ({"description": 3}, "description=3"),
        ({"tags": 3}, "tags=3"),
        ({"timeout_seconds": 0}, "timeout_seconds=0 is not allowed. It takes seconds above 0"),
        ({"validate_parameters": "no"}, "validate_parameters='no' is not allowed. It takes True or False"),
    ],
)
def test_options_of_flows_are_checked_too(options: dict[str, Any], told: str) -> None:
    with pytest.raises(BadFlow, match=told):
        flow(**options)


def test_a_flow_may_have_a_time_limit() -> None:
    assert flow(timeout_seconds=2.5)(lambda: None).options.timeout_seconds == 2.5
    assert flow(lambda: None).options.timeout_seconds is None
