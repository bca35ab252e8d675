"""What people see of the arguments of a call: values in a few words, without secrets, and where handles are."""

from __future__ import annotations

from typing import Any

from tests.engine.worker.test_calls import frozen, handle
from wfkit.authoring.inputs import allow_failure, unmapped
from wfkit.authoring.secrets import Secret
from wfkit.authoring.task import task
from wfkit.engine.worker.arguments import PREVIEW_CHARACTERS
from wfkit.engine.worker.calls import pack


@task
def join(*parts: Any, password: str = "", how: Any = None) -> Any:
    return parts, password, how


def told(call: Any) -> list[tuple[str, str, int]]:
    return [(one.name, one.preview, one.uses) for one in frozen(call).arguments]


def test_a_plain_value_is_told_and_a_handle_is_counted() -> None:
    assert told(lambda: join(3, handle("g1"), how=[1, "a"])) == [
        ("parts[0]", "3", 0),
        ("parts[1]", "", 1),
        ("how", "[1, 'a']", 0),
    ]


def test_handles_are_counted_wherever_they_are() -> None:
    call = lambda: join([handle("g1"), handle("g2")], {"a": handle("g3"), "b": 4}, allow_failure(handle("g4")))  # noqa: E731
    assert told(call) == [("parts[0]", "", 2), ("parts[1]", "{'a': <Handle>, 'b': 4}", 1), ("parts[2]", "", 1)]
    assert len(frozen(call).slots) == 4


def test_what_a_map_gives_each_node_is_not_told_of_all() -> None:
    call = lambda: join.map([1, 2, 3], unmapped("days"), handle("g1", None, mapped=True))  # noqa: E731
    assert told(call) == [("parts[0]", "", 0), ("parts[1]", "'days'", 0), ("parts[2]", "", 1)]
    assert told(lambda: join.map([handle("g1"), handle("g2")])) == [("parts[0]", "", 1)]


def test_secrets_are_not_told() -> None:
    value = "correct horse battery"
    call = lambda: join(Secret(value), f"with {value} inside", password="hunter2")  # noqa: E731
    previews = [preview for _, preview, _ in told(call)]
    assert previews[2] == "***"
    assert value not in repr(previews)
    assert value.encode() not in pack(frozen(call).arguments)


def test_a_call_with_large_arguments_is_told_in_few_bytes() -> None:
    call = lambda: join(*["x" * 10_000] * 200)  # noqa: E731
    arguments = frozen(call).arguments
    assert len(arguments) == 20
    assert all(len(one.preview) <= PREVIEW_CHARACTERS for one in arguments)
