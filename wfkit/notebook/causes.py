"""Causes: in words, why a node ran or was reused, and where its value is."""

from __future__ import annotations

from typing import Final

from wfkit.core.events import USES_STALE, Verdict
from wfkit.core.states import WITH_VALUE
from wfkit.core.view import GroupView, RunView
from wfkit.notebook.plain import clean

_REASON_CHARS: Final = 1_000
_KEPT: Final = "reused"  #: what a rerun says of what it keeps, where there is nothing else to say
_ONLY_THERE: Final = "in cluster memory only"  #: how a worker begins to say that, and why, a value is not stored


def causes_of(view: RunView, group: GroupView, index: int) -> list[str]:
    """Why a rerun executed a node, or kept its value; empty in a run that is none, where all is executed."""
    verdict = group.verdict(index)
    if verdict is None:
        return []
    return [clean(sentence, _REASON_CHARS) for sentence in told(view, verdict)]


def told(view: RunView, verdict: Verdict) -> list[str]:
    """What a rerun says of nodes, in sentences."""
    before = f"the run `{view.parent_id}`" if view.parent_id else "the run before"
    if not verdict.reused:
        return [f"Executed again: {verdict.reason}."]
    why = "" if verdict.reason == _KEPT else f" ({verdict.reason.removeprefix(f'{_KEPT}; ')})"
    sentences = [f"Kept from {before}{why}."]
    if verdict.stale.startswith(USES_STALE):
        sentences.append(
            f"Uses a stale value, {verdict.stale.removeprefix(USES_STALE)}: rerun what changed to renew it."
        )
    elif verdict.stale:
        sentences.append(f"Stale: {verdict.stale}.")
    return sentences


def place_of_value(view: RunView, group: GroupView, index: int) -> str:
    """Where the value of a node is kept, and which run put it there; empty where there is none."""
    reason = group.reasons.get(index, "")
    if index in group.inline:
        return "in the record"
    if (reference := group.stored.get(index)) is not None:
        by = reference.partition("/")[0]
        return "in the store of results" + (f", from the run {by}" if by.startswith("r-") and by != view.run_id else "")
    if group.state(index) not in WITH_VALUE:
        return ""
    return clean(reason, _REASON_CHARS) if reason.startswith(_ONLY_THERE) else _ONLY_THERE
