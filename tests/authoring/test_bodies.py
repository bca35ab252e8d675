"""Bodies: what tells two of them apart, and what a task body says of itself."""

from __future__ import annotations

from tests.authoring.conftest import Recording, task_body
from wfkit.authoring.bodies import FlowBody


def test_what_takes_the_calls_of_a_task_is_no_part_of_what_it_says() -> None:
    assert task_body(Recording()) == task_body()
    assert "Recording" not in repr(task_body(Recording()))
    assert not task_body().is_replay


def test_a_flow_body_is_plain_and_of_no_task_where_nothing_else_is_said() -> None:
    body = FlowBody(Recording(), "etl")
    assert (body.asynchronous, body.branch, body.task) == (False, False, None)
