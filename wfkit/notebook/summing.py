"""Summing up: what is told of many nodes at once: how long they took, where, how often, what went wrong and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from math import log
from typing import Final, NamedTuple

from wfkit.core.ids import GroupId
from wfkit.core.view import GroupView, RunView
from wfkit.notebook.cards import Fold
from wfkit.notebook.causes import told
from wfkit.notebook.deck import Deck
from wfkit.notebook.links import arguments_of, consumers_of, waits_of
from wfkit.notebook.places import node_place
from wfkit.notebook.plain import clean, one_line

_BARS: Final = 24  #: of the histogram
_SPREAD: Final = 100.0  #: from the shortest to the longest: from here on bars are of equal ratios
_LEAST_S: Final = 0.001  #: shorter is told as this, where ratios count
_MOST_FAILURES: Final = 10  #: kinds of failures
_MOST_EXAMPLES: Final = 3  #: of each, as links
_MOST_WORKERS: Final = 8
_MOST_CAUSES: Final = 5
_MESSAGE_CHARS: Final = 300


class _Failure(NamedTuple):
    kind: str
    message: str


def group_summary(view: RunView, deck: Deck, card_id: str) -> dict[str, object]:
    """Say what is to be said of all nodes of a card, or of a flow's members, together.

    Raises
    ------
    KeyError : the run has no such group
    """
    groups = list(_groups(view, deck, card_id))
    tasks = [group for group in groups if group.spec.kind == "task"]
    one = groups[0] if len(groups) == 1 and groups[0].spec.kind != "flow" else None
    consumers, more = ([], 0) if one is None else consumers_of(view, deck, one.spec.id, None)
    failures = _failures(tasks)
    return {
        "durations": _durations(tasks),
        "attempts": sorted(Counter(tried for group in tasks for tried in group.attempts if tried).items()),
        "workers": _workers(view, tasks),
        "result_bytes": sum(sum(group.result_bytes) for group in tasks),
        "failures": [
            {
                "type": clean(what.kind, _MESSAGE_CHARS),
                "message": one_line(what.message, _MESSAGE_CHARS),
                "count": len(nodes),
                "first": [
                    place for node in nodes[:_MOST_EXAMPLES] if (place := node_place(view, deck, *node)) is not None
                ],
            }
            for what, nodes in failures[:_MOST_FAILURES]
        ],
        "failures_more": max(0, len(failures) - _MOST_FAILURES),
        "causes": _causes(view, tasks),
        "arguments": [] if one is None else arguments_of(view, deck, one, None),
        "waits": [] if one is None else waits_of(view, deck, one),
        "consumers": consumers,
        "consumers_more": more,
    }


def _groups(view: RunView, deck: Deck, card_id: str) -> Iterator[GroupView]:
    card = deck.by_id.get(card_id)
    group = view.groups[GroupId(card_id)] if card is None else card.first
    if isinstance(card, Fold):
        yield from card.groups
    elif group.spec.kind != "flow":
        yield group
    else:
        inside = {group.spec.id}
        for member in view.ordered():  # each after what it was made in
            if member.spec.parent in inside:
                inside.add(member.spec.id)
                yield member


def _durations(groups: Sequence[GroupView]) -> dict[str, object] | None:
    """Least, median, 95th percentile, most, and how many nodes there are between each two of some limits."""
    walls = sorted(wall_s for group in groups for wall_s in group.wall_s if wall_s >= 0)
    if not walls:
        return None
    least, most = walls[0], walls[-1]
    by_ratio = most > _SPREAD * max(least, _LEAST_S)
    low = max(least, _LEAST_S)
    limits = [
        low * (most / low) ** (bar / _BARS) if by_ratio else least + (most - least) * bar / _BARS
        for bar in range(_BARS + 1)
    ]
    bars = [0] * _BARS
    scale = _BARS / (log(most / low) if by_ratio else most - least or 1.0)
    for wall_s in walls:
        far = log(max(wall_s, low) / low) if by_ratio else wall_s - least
        bars[min(_BARS - 1, int(far * scale))] += 1
    return {
        "count": len(walls),
        "min_s": least,
        "median_s": _at(walls, 0.5),
        "p95_s": _at(walls, 0.95),
        "max_s": most,
        "total_s": sum(walls),
        "limits_s": limits,
        "bars": bars,
    }


def _at(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _workers(view: RunView, groups: Iterable[GroupView]) -> dict[str, object]:
    counts = Counter(worker for group in groups for worker in group.worker_of if worker >= 0)
    most = counts.most_common(_MOST_WORKERS)
    return {
        "most": [[clean(view.workers[worker], 200), count] for worker, count in most],
        "count": len(counts),
    }


def _failures(groups: Iterable[GroupView]) -> list[tuple[_Failure, list[tuple[GroupId, int]]]]:
    """What went wrong, most often first, with the nodes: those that failed, or were lost, by themselves."""
    found: dict[_Failure, list[tuple[GroupId, int]]] = {}
    for group in groups:
        for index, kind in group.kinds.items():
            errors = group.errors.get(index)
            error = errors[max(errors)] if errors else None
            if error is not None:
                what = _Failure(error.type_name, error.message.strip())
            else:
                what = _Failure(kind.value, group.reasons.get(index, ""))
            found.setdefault(what, []).append((group.spec.id, index))
    return sorted(found.items(), key=lambda item: -len(item[1]))


def _causes(view: RunView, groups: Iterable[GroupView]) -> list[list[object]]:
    """What a rerun says of the nodes, in sentences, and of how many."""
    counts: Counter[tuple[str, ...]] = Counter()
    for group in groups:
        for number, count in Counter(at for at in group.why if at >= 0).items():
            counts[tuple(told(view, group.verdicts[number]))] += count
    return [[clean(" ".join(sentences), 1_000), count] for sentences, count in counts.most_common(_MOST_CAUSES)]
