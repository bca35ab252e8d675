"""Plans for a browser: of one size whatever the size of the run, in words that say why."""

from __future__ import annotations

import json

import pytest

from tests.notebook.stories import MONTHS, monthly, monthly_graph
from tests.notebook.telling import StoryRun, done, ended, run_finished, run_started, spec
from wfkit.core.events import NodesAdded
from wfkit.core.states import RunState, TaskState
from wfkit.errors import BadCommand, NoSuchNode
from wfkit.notebook.acts import Place, Wish
from wfkit.notebook.deck import Deck
from wfkit.notebook.plans import asked, literal, plan_facts


def deck_of(run: StoryRun) -> Deck:
    deck = Deck()
    deck.update(run.view_model)
    return deck


def test_what_failed_is_counted_with_reasons_and_the_nodes_that_run() -> None:
    run = monthly()
    run.changes = {"clean": "body of `clean` changed", "load": "helper `x` changed"}
    assert plan_facts(run, [], {}) == {
        "op": "plan",
        "counts": {"run": 5, "reuse": 35, "await": 0, "stale": 0},
        "why": ["1 failed before", "4 depend on them"],
        "changes": ["body of `clean` changed"],
        "rows": [
            ["clean[6]", "failed before"],
            ["delays[6]", "its inputs failed before"],
            ["best", "its inputs failed before"],
            ["worst", "its inputs failed before"],
            ["report", "its inputs failed before"],
        ],
        "more": 0,
    }


def test_what_is_asked_for_and_set_by_hand_is_told_in_words() -> None:
    run = StoryRun(run_started(), monthly_graph())
    run.tell(*(ended(group, index) for group in (0, 1, 2) for index in range(MONTHS)))
    run.tell(*(ended(group) for group in (3, 4, 5, 6)), run_finished(RunState.COMPLETED))
    forced, given = plan_facts(run, ["clean[3]"], {}), plan_facts(run, [], {"clean[3]": 7})
    assert forced["why"] == ["1 is asked for", "4 depend on them"]
    assert given["why"] == ["1 is set by hand", "4 depend on them"]
    assert plan_facts(run, ["carriers", "load"], {})["why"] == ["13 are asked for", "27 depend on them"]


def test_a_plan_of_very_many_nodes_is_as_small_as_any() -> None:
    run = StoryRun(run_started(), NodesAdded(groups=(spec(0, "load", 20_000, mapped=True),)))
    run.tell(*(ended(0, index, TaskState.FAILED) for index in range(20_000)), run_finished(RunState.FAILED))
    told = plan_facts(run, [], {})
    assert told["counts"] == {"run": 20_000, "reuse": 0, "await": 0, "stale": 0}
    assert told["why"] == ["20,000 failed before"]
    rows = told["rows"]
    assert isinstance(rows, list)
    assert (len(rows), told["more"]) == (200, 19_800)
    assert len(json.dumps(told)) < 20_000


def test_many_kinds_of_reasons_are_cut_short() -> None:
    names = [f"task{number}" for number in range(12)]
    run = StoryRun(run_started(), NodesAdded(groups=tuple(spec(at, name) for at, name in enumerate(names))))
    run.tell(*(done(f"g{at}") for at in range(12)), run_finished(RunState.COMPLETED))
    reasons = [(f"input `x{number}` changed", number + 1) for number in range(12)]

    class Plan:
        why = reasons
        counts = {"run": 78, "reuse": 0, "await": 0, "stale": 0}  # noqa: RUF012 - of a test
        depending = 3
        tasks: frozenset[str] = frozenset()

        def executed(self) -> list[object]:
            return []

    run.plan = lambda *what, replace=None: Plan()  # type: ignore[assignment,method-assign]
    why = plan_facts(run, [], {})["why"]
    assert isinstance(why, list)
    assert why[:2] == ["1: input `x0` changed", "2: input `x1` changed"]
    assert why[8:] == ["42 for other reasons", "3 behind a decision of the body, which may decide otherwise"]


def test_wishes_become_what_a_rerun_takes() -> None:
    run = monthly()
    deck = deck_of(run)
    assert asked(Wish("failed"), run, deck) == ([], {})
    assert asked(Wish("changed"), run, deck) == (["changed"], {})
    assert asked(Wish("node", Place("g1", 3)), run, deck) == (["clean[3]"], {})
    assert asked(Wish("node", Place("g1", None)), run, deck) == (["clean"], {})
    assert asked(Wish("value", Place("g1", 3), "{'a': [1, None]}"), run, deck) == ([], {"clean[3]": {"a": [1, None]}})
    with pytest.raises(NoSuchNode):
        asked(Wish("node", Place("g1", 99)), run, deck)


@pytest.mark.parametrize(
    ("text", "value"), [("3.5", 3.5), (" 'x' ", "x"), ("(1, True, None)", (1, True, None)), ("-2", -2), ("{1}", {1})]
)
def test_literals_are_values(text: str, value: object) -> None:
    assert literal(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[1, 2",
        "x",
        "open('f')",
        "__import__('os').system('true')",
        "9**9**9",
        "(" * 5_000,
        "[" * 50_000 + "]" * 50_000,
        "1" * 10_000,
        "\0",
        "lambda: 0",
        "f'{1}'",
        "-" * 20_000 + "1",
    ],
)
def test_what_is_no_literal_is_refused_in_words_and_never_evaluated(text: str) -> None:
    with pytest.raises(BadCommand, match=r"This is no Python literal: .*Write a value such as"):
        literal(text)
