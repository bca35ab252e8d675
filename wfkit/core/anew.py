"""Anew: which calls of a body took the place of earlier ones when it was executed again, told by their ids."""

from __future__ import annotations

from collections.abc import Iterable

from wfkit.core.ids import GroupId, spawners


def stem(group: GroupId) -> GroupId:
    """What a body calls a group that it makes: "g4.7/2" for "g4.7/2x17", its second call made anew."""
    node, slash, call = group.rpartition("/")
    return GroupId(f"{node}{slash}{call.partition('x')[0]}")


def newest(groups: Iterable[GroupId]) -> dict[GroupId, GroupId]:
    """By what a body calls them, the groups that it made last."""
    return {stem(group): group for group in sorted(groups, key=_number)}


def superseded(groups: Iterable[GroupId]) -> set[GroupId]:
    """Those of the groups of a run that were made anew later, and all that descends from them."""
    groups = list(groups)
    if not any("x" in group for group in groups):  # as in most runs, which may have many
        return set()
    holds = newest(groups)
    replaced = {group for group in groups if holds[stem(group)] != group}
    return {one for one in groups if one in replaced or any(above in replaced for above, _ in spawners(one))}


def _number(group: GroupId) -> int:
    """How many groups the run had when a group was made anew; 0 for the first that was made."""
    return int(group.rpartition("/")[2].partition("x")[2] or 0)
