"""Plans for a browser: what a rerun would do, in counts, reasons in words and the first of the nodes that would run."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Final, Protocol

from wfkit.core.plan import FOLLOWS, Plan
from wfkit.errors import BadCommand, NoSuchNode
from wfkit.notebook.acts import Wish
from wfkit.notebook.answering import LookedAtRun
from wfkit.notebook.deck import Deck
from wfkit.notebook.plain import one_line
from wfkit.notebook.pointing import names_at

_MOST_ROWS: Final = 200
_MOST_REASONS: Final = 8
_MOST_CHANGES: Final = 12
_NAME_CHARS: Final = 200
_REASON_CHARS: Final = 300
#: Reasons in words for one node, and for many.
_WORDS: Final = {
    "asked for": ("is asked for", "are asked for"),
    "was cancelled": ("was cancelled", "were cancelled"),
    "was interrupted": ("was interrupted", "were interrupted"),
    "failed before": ("failed before", "failed before"),
    "crashed before": ("crashed before", "crashed before"),
    "never started": ("never started", "never started"),
    "new": ("is new", "are new"),
    "set by hand": ("is set by hand", "are set by hand"),
    FOLLOWS: ("depends on them", "depend on them"),
}


class PlannedRun(LookedAtRun, Protocol):
    """What a plan needs of a run."""

    @property
    def changes(self) -> Mapping[str, str]:
        """What has changed in the code of tasks, in words, by the task's name."""

    def plan(self, *what: str, replace: Mapping[str, object] | None = None) -> Plan:
        """Tell what a rerun would do."""


def asked(wish: Wish, run: LookedAtRun, deck: Deck) -> tuple[list[str], dict[str, object]]:
    """What a rerun is asked for, as `run.rerun(*what, replace=...)` takes it.

    Raises
    ------
    BadCommand : the text is no Python literal
    NoSuchNode : the run has no such node
    """
    if wish.at is None:
        return (["changed"] if wish.what == "changed" else []), {}
    try:
        with run.lock:
            names = names_at(run.view_model, deck, wish.at)
    except LookupError:
        raise NoSuchNode("The run has no such node.", "Choose another one.") from None
    if wish.literal is None:
        return names, {}
    return [], dict.fromkeys(names, literal(wish.literal))


def literal(text: str) -> object:
    """The value of a Python literal.

    Raises
    ------
    BadCommand : it is none
    """
    try:
        return ast.literal_eval(text.strip())
    except SyntaxError as error:
        why = error.msg
    except (ValueError, TypeError, MemoryError, RecursionError):  # a call, a name; nested too deeply
        why = "only numbers, strings, bytes, True, False, None, and lists, tuples, dicts and sets of these are values"
    raise BadCommand(f"This is no Python literal: {why}.", "Write a value such as 3.5, 'text' or [1, 2].")


def plan_facts(run: PlannedRun, what: Sequence[str], replace: Mapping[str, object]) -> dict[str, object]:
    """What a browser shows before a rerun; the same size whatever the size of the run.

    Raises
    ------
    WfkitError : there is no such plan
    """
    plan = run.plan(*what, replace=replace)
    executed = plan.counts["run"]
    told = plan.why
    why = [_in_words(reason, count) for reason, count in told[:_MOST_REASONS]]
    if more := sum(count for _, count in told[_MOST_REASONS:]):
        why.append(f"{more:,} for other reasons")
    if depending := plan.depending:
        why.append(f"{depending:,} behind a decision of the body, which may decide otherwise")
    tasks = plan.tasks
    changes = [change for task, change in run.changes.items() if task in tasks]
    return {
        "op": "plan",
        "counts": plan.counts,
        "why": why,
        "changes": [one_line(change, _REASON_CHARS) for change in changes[:_MOST_CHANGES]],
        "rows": [
            [one_line(row.name, _NAME_CHARS), one_line(row.reason, _REASON_CHARS)]
            for row in islice(plan.executed(), _MOST_ROWS)
        ],
        "more": max(0, executed - _MOST_ROWS),
    }


def _in_words(reason: str, count: int) -> str:
    words = _WORDS.get(reason)
    if words is None:
        return f"{count:,}: {one_line(reason, _REASON_CHARS)}"
    return f"{count:,} {words[count != 1]}"
