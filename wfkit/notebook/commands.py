"""The magics: `%flow list | show | cancel | pause …`, and what stands in for `%%flow` and `%%task`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from IPython.core.getipython import get_ipython
from IPython.core.magic import no_var_expand

from wfkit.clusters.connect import current_client
from wfkit.core.events import LogLine
from wfkit.core.states import RUN_ENDS, RunState
from wfkit.errors import BadCommand, NoSuchRun, WfkitError
from wfkit.notebook.arguments import (
    FlowCommand,
    Help,
    flow_cell_parser,
    flow_help,
    parse_flow_cell,
    parse_flow_line,
    parse_task_cell,
    task_cell_parser,
)
from wfkit.notebook.display import outcome_line, run_text
from wfkit.notebook.execution import can_click, shorten
from wfkit.notebook.orders import give
from wfkit.notebook.output import StaticView
from wfkit.notebook.view import FlowView
from wfkit.notebook.waiting import wait_interruptibly
from wfkit.session.lookup import attach, runs
from wfkit.session.naming import is_id
from wfkit.session.session import Session

if TYPE_CHECKING:
    from wfkit.engine.driver.reading import ReadableRun
    from wfkit.engine.driver.recorded import RecordedRun
    from wfkit.engine.driver.run import Run

_MOST_LINES = 1_000


def make_magics(session: Session) -> list[tuple[str, str, Callable[..., None]]]:
    """Each magic with its kind ("line", "cell") and its name."""

    def flow(line: str) -> None:
        with_one_line(lambda: _answer(session, parse_flow_line(line)))

    flow.__doc__ = flow_help()
    return [
        ("line", "flow", flow),
        ("cell", "flow", _stand_in("%%flow", parse_flow_cell, flow_cell_parser().format_help())),
        ("cell", "task", _stand_in("%%task", parse_task_cell, task_cell_parser().format_help())),
    ]


def _stand_in(magic: str, parse: Callable[[str], object], text: str) -> Callable[..., None]:
    """What `%lsmagic` and `%%flow?` find; a cell reaches it only where its first line was not ours to see."""

    def cell_magic(line: str, cell: str) -> None:  # noqa: ARG001 - IPython's
        def refuse() -> None:
            parsed = parse(line)
            if isinstance(parsed, Help):
                print(parsed.text)  # noqa: T201 - the answer to `-h`
                return
            raise BadCommand(f"`{magic}` works only as the first line of a cell.", "Put its cell there as it is.")

        with_one_line(refuse)

    cell_magic.__doc__ = text
    decorated: Callable[..., None] = no_var_expand(cell_magic)
    return decorated


def with_one_line(work: Callable[[], None]) -> None:
    """Do it; an error of ours is shown as one line."""
    try:
        work()
    except WfkitError as error:
        shorten(error)
        raise


def _answer(session: Session, command: FlowCommand | Help) -> None:
    if isinstance(command, Help):
        print(command.text)  # noqa: T201 - the answer
    elif command.subcommand == "show":
        _show(_chosen(session, command.run))
    elif command.subcommand == "rerun":
        run, text = _rerun(session, command)
        print(text, flush=True)  # noqa: T201 - the answer
        if run is None:
            return
        view = _show(run)
        run.when_ended(view.settle)
        if not can_click(get_ipython()):
            wait_interruptibly(run)
            view.settle()
            run.raise_if_failed()
    else:
        print(told(session, command))  # noqa: T201 - the answer


def _show(run: Run | RecordedRun) -> FlowView | StaticView:
    view = FlowView(run) if can_click(get_ipython()) else StaticView(run)
    view.show()
    return view


def _rerun(session: Session, command: FlowCommand) -> tuple[Run | None, str]:
    """Go on from a run; gives the new one (None: it was only asked what would be done), and the answer."""
    words = list(command.words)
    flows = {run.flow_name for run in session.runs} - {"changed"}
    named = bool(words) and (is_id(words[0]) or words[0] in flows)
    run = _chosen(session, words.pop(0) if named else None)
    plan = run.plan(*words)
    if command.dry_run:
        return None, f"{plan!r}"
    new = run.rerun(*words)
    return new, f"{new.id} goes on from {run.id} of {run.flow_name}: {plan.headline}"


def told(session: Session, command: FlowCommand) -> str:
    """Do what a `%flow` line asks for, and tell what came of it.

    Raises
    ------
    NoSuchRun, NoSuchNode : a name stands for nothing
    """
    match command.subcommand:
        case "list":
            return _rows(reversed(session.runs))
        case "cancel" | "pause" | "resume" | "release" as order:
            return _order(session, order, command.run)
        case "logs":
            run = _chosen(session, command.run)
            lines = run.node(command.node).logs() if command.node else run.logs()
            return "\n".join(_log_text(line) for line in lines[-_MOST_LINES:]) or "Nothing was logged."
        case "attach":
            return _attached(command.run or "")
        case "history":
            return _rows(runs(flow=command.run))
        case "cluster":
            return _cluster_text(session)
        case unknown:
            raise BadCommand(f"`%flow {unknown}` is not known.", "`%flow help` shows what there is.")


def _order(session: Session, order: str, name: str | None) -> str:
    fitting = [run for run in session.runs if name is None and _fits(run, order)]
    run = fitting[-1] if fitting else _chosen(session, name)
    return give(run, order, f"by %flow {order}", f"the run {run.id} of {run.flow_name}")[1]


def _fits(run: Run, order: str) -> bool:
    """Whether a run is one that an order without a name may mean."""
    match order:
        case "resume":
            return run.state is RunState.PAUSED
        case "release":
            return run.state in RUN_ENDS and run.held_bytes > 0
        case _:
            return run.state not in RUN_ENDS


def _chosen(session: Session, name: str | None) -> Run | RecordedRun:
    if name is not None:
        return attach(name) if is_id(name) else session.find(name)
    if not session.runs:
        raise NoSuchRun("There is no run in this session yet.", "Execute a %%flow cell first.")
    return session.runs[-1]


def _rows(found: Iterable[ReadableRun]) -> str:
    return "\n".join(map(_row, found)) or "No runs yet."


def _attached(name: str) -> str:
    run = attach(name)
    with run.lock:
        return f"{run_text(run.view_model, time.time())}\n`wfkit.attach({run.id!r})` gives the run."


def _row(run: ReadableRun) -> str:
    with run.lock:
        return f"{run.id}  {outcome_line(run.view_model, time.time())}"


def _cluster_text(session: Session) -> str:
    if not session.is_decided:
        client = current_client()
        which = f"the notebook's Dask client ({client.scheduler.address})" if client and client.scheduler else "its own"
        return f"No cluster is used yet. The first run will use {which}, unless `wfkit.connect(...)` says otherwise."
    from dask.utils import format_bytes

    facts = session.facts()
    whose = "The local cluster of wfkit" if facts.owned else "A cluster that wfkit did not start,"
    lines = [
        f"{whose} at {facts.address}",
        f"{facts.workers} workers, {facts.threads} threads, {format_bytes(facts.memory_bytes)} memory",
    ]
    if facts.dashboard_link:
        lines.append(f"Dask dashboard: {facts.dashboard_link}")
    return "\n".join([*lines, facts.caution] if facts.caution else lines)


def _log_text(line: LogLine) -> str:
    at = datetime.fromtimestamp(line.at_s).astimezone().strftime("%H:%M:%S.%f")[:-3]
    return f"{at} {line.source}: {line.text}"
