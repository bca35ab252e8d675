"""Filters: which runs are meant, as people ask for them; checked, so that none is passed over in silence."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from numbers import Real
from typing import TYPE_CHECKING

from wfkit.authoring.options import is_whole
from wfkit.core.states import RunState
from wfkit.engine.driver.reading import ReadableRun
from wfkit.errors import BadParameter
from wfkit.history.queries import MOST_RUNS
from wfkit.history.records import words_of
from wfkit.session.naming import is_id

if TYPE_CHECKING:
    from wfkit.core.ids import RunId
    from wfkit.engine.driver.run import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a run must be; the names are those of `History.runs`."""

    flow: str | None
    state: RunState | None
    tags: frozenset[str]
    since_s: float | None
    until_s: float | None
    text: str | None
    limit: int
    before: RunId | None

    def among(self, runs: Sequence[Run]) -> list[Run]:
        """Those runs of a session, oldest first, that are meant; newest first."""
        return [run for run in reversed(runs) if self._fits(run)][: self.limit]

    def _fits(self, run: Run) -> bool:
        with run.lock:
            view = run.view_model
            started_s, words = view.started_s or 0.0, words_of(run.id, run.flow_name, view.parameters)
        return (
            self.flow in {None, run.flow_name}
            and self.state in {None, run.state}
            and self.tags <= (frozenset() if run.flow is None else run.flow.options.tags)
            and (self.since_s is None or started_s >= self.since_s)
            and (self.until_s is None or started_s < self.until_s)
            and (not self.text or self.text.casefold() in words)
            and (self.before is None or run.id < self.before)
        )


def filters_of(
    *,
    flow: object,
    state: object,
    tags: object,
    since: object,
    until: object,
    text: object,
    limit: object,
    before: object,
) -> Filters:
    """The filters that were asked for.

    Raises
    ------
    BadParameter : one of them is not allowed; the message names it
    """
    if state is not None and state not in list(RunState):
        raise _refused("state", state, f"one of {', '.join(RunState)}")
    if not is_whole(limit, 1) or limit > MOST_RUNS:  # type: ignore[operator]  # a whole number
        raise _refused("limit", limit, f"whole numbers from 1 to {MOST_RUNS}")
    return Filters(
        flow=_text("flow", flow, "the name of a flow"),
        state=None if state is None else RunState(str(state)),
        tags=_tags(tags),
        since_s=_seconds("since", since),
        until_s=_seconds("until", until),
        text=_text("text", text, "a text that the id, the name of the flow or a parameter has in it"),
        limit=limit,  # type: ignore[arg-type]  # a whole number
        before=_run("before", before),
    )


def _refused(name: str, value: object, takes: str) -> BadParameter:
    return BadParameter(f"{name}={value!r:.80} is not allowed.", f"It takes {takes}.")


def _text(name: str, value: object, takes: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise _refused(name, value, takes)


def _tags(value: object) -> frozenset[str]:
    """A text is the one tag that it says."""
    if isinstance(value, str):
        return frozenset({value})
    if isinstance(value, Collection) and all(isinstance(tag, str) for tag in value):
        return frozenset(value)
    raise _refused("tags", value, "a tag, or a collection of tags that a run must all have")


def _seconds(name: str, value: object) -> float | None:
    """Seconds since the epoch. A time of day without a time zone is this machine's."""
    at_s = value.timestamp() if isinstance(value, datetime) else value
    if at_s is None:
        return None
    if not isinstance(at_s, bool) and isinstance(at_s, Real) and math.isfinite(at_s):
        return float(at_s)
    raise _refused(name, value, "a datetime, such as `datetime.now() - timedelta(days=1)`, or seconds since the epoch")


def _run(name: str, value: object) -> RunId | None:
    identity = value.id if isinstance(value, ReadableRun) else value
    if identity is None or (isinstance(identity, str) and is_id(identity)):
        return identity  # type: ignore[return-value]  # what begins like one
    raise _refused(name, value, "a run, or its id")
