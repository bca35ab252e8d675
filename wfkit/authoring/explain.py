"""Explain: in words, what changed between two versions of a task's code."""

from __future__ import annotations

from typing import Final

from wfkit.authoring.meaning import UNKNOWN

#: A label in words, and a plain value, a version, or "#" and a short digest.
Parts = tuple[tuple[str, str], ...]

#: The label of what says which options `with_options` gave: whoever compares a task has to give it the same ones.
GIVEN: Final = "given by with_options"
_LIBRARY: Final = "library "
_PYTHON: Final = "Python"


def explain(before: Parts, after: Parts) -> tuple[str, ...]:
    """What changed, in words: "body of `clean` changed", "global `FACTOR` changed from 2 to 3", "pandas 2.2 -> 2.3".

    Parameters
    ----------
    before, after : tuple of pairs
        `Fingerprint.parts` of both versions, as recorded.

    Returns
    -------
    tuple of str : one sentence a difference; empty where there is none
    """
    old, new = dict(before), dict(after)
    labels = sorted((old.keys() | new.keys()) - {GIVEN})
    told = [_told(label, old.get(label), new.get(label)) for label in labels]
    return tuple(sentence for sentence in told if sentence)


def _told(label: str, old: str | None, new: str | None) -> str:
    if UNKNOWN in (old, new):
        return f"{label} cannot be compared"
    if old == new:
        return ""
    name = label.removeprefix(_LIBRARY)
    if old is None or new is None:
        gone, came = ("gone", "new") if label == name else ("not used any more", f"used now, {new}")
        return f"{name} is {came if old is None else gone}"
    if label != name or label == _PYTHON:
        return f"{name} {old} -> {new}"
    return f"{label} changed" if "#" in (old[0], new[0]) else f"{label} changed from {old} to {new}"
