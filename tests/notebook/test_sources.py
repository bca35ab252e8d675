"""Code as it ran, and what changed since."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.notebook.telling import StoryRun, ended, run_started, spec
from wfkit.authoring.secrets import Secret
from wfkit.core.events import CodesAdded, CodeSpec, NodesAdded
from wfkit.core.ids import GroupId
from wfkit.core.states import TaskState
from wfkit.notebook.sources import source_of

BEFORE = "@task\ndef clean(x):\n    a = 1\n    b = 2\n    c = 3\n    d = 4\n    e = 5\n    return x\n"
AFTER = BEFORE.replace("return x", "return x + 1")


def code(source: str, mark: str = "1") -> CodeSpec:
    return CodeSpec(id=mark, task="clean", fingerprint=mark, parts=(("body of `clean`", f"#{mark}"),), source=source)


def run_with(*codes: CodeSpec) -> StoryRun:
    group = replace(spec(0, "clean"), code="1")
    return StoryRun(run_started(), CodesAdded(codes=codes), NodesAdded(groups=(group,)))


def told(run: StoryRun, now: CodeSpec | None, index: int | None = None) -> Any:
    view = run.view_model
    return source_of(view, view.groups[GroupId("g0")], index, {} if now is None else {"0": now, "1": now})


def test_code_that_did_not_change_is_shown_whole_with_numbers() -> None:
    shown = told(run_with(code(BEFORE)), code(BEFORE))
    assert shown["lines"][0] == (" ", 1, 1, "@task")
    assert len(shown["lines"]) == 8
    assert (shown["changes"], shown["note"]) == ([], "As it ran, and as it is now.")


def test_a_change_is_shown_line_by_line_and_in_words() -> None:
    shown = told(run_with(code(BEFORE)), code(AFTER, "2"))
    assert shown["changes"] == ["body of `clean` changed"]
    assert shown["lines"][0] == ("…", None, None, "")
    assert shown["lines"][-2:] == [("-", 8, None, "    return x"), ("+", None, 8, "    return x + 1")]
    assert [line[3] for line in shown["lines"][1:4]] == ["    c = 3", "    d = 4", "    e = 5"]


def test_a_change_elsewhere_is_told_in_words_alone() -> None:
    shown = told(run_with(code(BEFORE)), replace(code(BEFORE, "2"), parts=(("global `FACTOR`", "3"),)))
    assert "global `FACTOR` is new" in shown["changes"]
    assert {line[0] for line in shown["lines"]} == {" "}


def test_a_kept_value_shows_the_code_that_made_it() -> None:
    run = run_with(code(AFTER), code(BEFORE, "0"))
    run.tell(replace(ended(0, state=TaskState.REUSED), made_by="0"))
    assert told(run, code(AFTER), 0)["lines"][-2][:2] == ("-", 8)
    assert told(run, code(AFTER))["changes"] == []


def test_a_task_that_is_not_known_here_is_shown_as_it_ran() -> None:
    shown = told(run_with(code(BEFORE)), None)
    assert shown["note"] == "As it ran. No task `clean` is defined here now."
    assert len(shown["lines"]) == 8


def test_code_that_is_not_on_record_says_so() -> None:
    assert told(run_with(), code(AFTER))["lines"] == []


def test_secrets_in_code_are_not_shown() -> None:
    Secret("wholly-secret-value")
    shown = told(run_with(code('x = "wholly-secret-value"')), None)
    assert shown["lines"][0][3] == 'x = "***"'
