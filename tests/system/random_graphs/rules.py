"""The truth table of the triggers, written anew from the words of the contract."""

from __future__ import annotations

from typing import Final

COMPLETED: Final = "COMPLETED"
SKIPPED: Final = "SKIPPED"
FAILED: Final = "FAILED"
UPSTREAM_FAILED: Final = "UPSTREAM_FAILED"

RULES: Final = (
    "all_success",
    "all_done",
    "all_failed",
    "any_success",
    "any_failed",
    "none_failed",
    "none_failed_min_one_success",
)


def verdict(rule: str, slots: list[str | list[str]], *, skips_spread: bool = True) -> str:
    """COMPLETED: the task runs; else the state in which it ends instead.

    A slot is the state of one input, or those of the elements of a list. Skipped elements are left out of the list; if
    all were skipped, the list itself is. A task without inputs runs under every rule.
    """
    if not slots:
        return COMPLETED
    states: list[str] = []
    for slot in slots:
        if isinstance(slot, str):
            states.append(slot)
        elif slot and all(state == SKIPPED for state in slot):
            states.append(SKIPPED)
        else:
            states += [state for state in slot if state != SKIPPED]
    failed = any(state in {FAILED, UPSTREAM_FAILED} for state in states)
    skipped, succeeded = SKIPPED in states, COMPLETED in states
    bad = UPSTREAM_FAILED if failed else ""
    return {
        "all_done": COMPLETED,
        "all_failed": COMPLETED if failed and not succeeded and not skipped else SKIPPED,
        "any_failed": COMPLETED if failed else SKIPPED,
        "any_success": COMPLETED if succeeded else bad or SKIPPED,
        "all_success": bad or (SKIPPED if skipped and skips_spread else COMPLETED),
        "none_failed": bad or COMPLETED,
        "none_failed_min_one_success": bad or (COMPLETED if succeeded else SKIPPED),
    }[rule]
