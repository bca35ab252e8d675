"""Sources: the code of a task as it ran, line by line, and what has changed since in the notebook."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from textwrap import dedent
from typing import Final

from wfkit.authoring.explain import explain
from wfkit.authoring.secrets import redacted
from wfkit.core.events import CodeSpec
from wfkit.core.view import GroupView, RunView
from wfkit.notebook.plain import clean

#: A line: what became of it (" ", "-", "+", or "…" for lines that are left out), its number before and now, its text.
Line = tuple[str, int | None, int | None, str]

_AROUND: Final = 3  #: lines that did not change, shown around those that did
_SOURCE_CHARS: Final = 25_000
_CHANGE_CHARS: Final = 500
_MOST_CHANGES: Final = 20


def source_of(view: RunView, group: GroupView, index: int | None, now: Mapping[str, CodeSpec]) -> dict[str, object]:
    """Show the code that made the value of a node, or (None) that a call has, against the code as it is now.

    Parameters
    ----------
    view : RunView
        The run.
    group : GroupView
        The call.
    index : int or None
        The node.
    now : mapping
        The code of tasks as it is now, by the id of the version on record; of those that are known here.
    """
    made_by = "" if index is None else group.made_by.get(index, "")
    ran = view.codes.get(made_by or group.spec.code)
    if ran is None:
        return {"lines": [], "changes": [], "note": "The code of this task is not on record."}
    here = now.get(ran.id)
    before = _lines_of(ran)
    if here is None:
        return {
            "lines": list(_whole(before)),
            "changes": [],
            "note": f"As it ran. No task `{group.spec.task}` is defined here now.",
        }
    after = _lines_of(here)
    changes = list(explain(ran.parts, here.parts))
    if before == after:
        note = "As it ran. Its text is the same now." if changes else "As it ran, and as it is now."
        lines = list(_whole(before))
    else:
        note = "As it ran (-) and as it is now (+)."
        lines = list(_compared(before, after))
    return {"lines": lines, "changes": [clean(one, _CHANGE_CHARS) for one in changes[:_MOST_CHANGES]], "note": note}


def _lines_of(code: CodeSpec) -> list[str]:
    return clean(redacted(dedent(code.source)), _SOURCE_CHARS).rstrip().splitlines()


def _whole(lines: list[str]) -> Iterator[Line]:
    return ((" ", number, number, line) for number, line in enumerate(lines, 1))


def _compared(before: list[str], after: list[str]) -> Iterator[Line]:
    last = 0
    for hunk in SequenceMatcher(None, before, after, autojunk=False).get_grouped_opcodes(_AROUND):
        if hunk[0][1] > last:
            yield "…", None, None, ""
        for tag, i, to_i, j, to_j in hunk:
            if tag == "equal":
                yield from ((" ", i + k + 1, j + k + 1, before[i + k]) for k in range(to_i - i))
            else:
                yield from (("-", k + 1, None, before[k]) for k in range(i, to_i))
                yield from (("+", None, k + 1, after[k]) for k in range(j, to_j))
        last = hunk[-1][2]
    if last < len(before):
        yield "…", None, None, ""
