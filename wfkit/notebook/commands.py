"""`%flow list | show | cancel | logs | cluster | help`: the line magic."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from dask.utils import format_bytes

from wfkit.core.events import LogLine
from wfkit.core.states import RUN_ENDS
from wfkit.engine.driver.run import Run
from wfkit.errors import NoSuchRun, WfkitError
from wfkit.notebook.arguments import FlowCommand, Help, parse_flow_line
from wfkit.notebook.display import outcome_line
from wfkit.notebook.execution import shorten
from wfkit.notebook.view import FlowView
from wfkit.session.session import Session

_MOST_LINES = 1_000


def make_flow_magic(session: Session) -> Any:
    """The function behind `%flow`."""

    def flow(line: str) -> None:
        """Runs of this notebook: list, show, cancel, logs; the cluster; help."""
        try:
            command = parse_flow_line(line)
            if isinstance(command, Help):
                print(command.text)  # noqa: T201 - the answer
                return
            obey(session, command)
        except WfkitError as error:
            shorten(error)
            raise

    return flow


def obey(session: Session, command: FlowCommand) -> None:
    """Do what a `%flow` line asks for.

    Raises
    ------
    NoSuchRun, NoSuchNode : a name stands for nothing
    """
    match command.subcommand:
        case "list":
            print("\n".join(_row(run) for run in reversed(session.runs)) or "No runs yet.")  # noqa: T201 - the answer
        case "show":
            FlowView(_chosen(session, command.run)).show()
        case "cancel":
            run = _chosen(session, command.run)
            if run.state in RUN_ENDS:
                print(f"{run.id} has ended already: {run.state}.")  # noqa: T201 - the answer
            else:
                run.cancel("by %flow cancel")
                print(f"Cancelling {run.id}: what waits will not start; what runs is waited for.")  # noqa: T201 - the answer
        case "logs":
            run = _chosen(session, command.run)
            lines = run.node(command.node).logs() if command.node else run.logs()
            print("\n".join(_log_text(line) for line in lines[-_MOST_LINES:]) or "Nothing was logged.")  # noqa: T201 - the answer
        case "cluster":
            print(_cluster_text(session))  # noqa: T201 - the answer


def _chosen(session: Session, name: str | None) -> Run:
    if name is not None:
        return session.find(name)
    if not session.runs:
        raise NoSuchRun("There is no run in this session yet.", "Execute a %%flow cell first.")
    return session.runs[-1]


def _row(run: Run) -> str:
    with run.lock:
        return f"{run.id}  {outcome_line(run.view_model, time.time())}"


def _cluster_text(session: Session) -> str:
    facts = session.facts()
    lines = [
        f"{'wfkit’s own local cluster' if facts.owned else 'Adopted cluster'} at {facts.address}",
        f"{facts.workers} workers, {facts.threads} threads, {format_bytes(facts.memory_bytes)} memory",
    ]
    if facts.dashboard_link:
        lines.append(f"Dask dashboard: {facts.dashboard_link}")
    return "\n".join([*lines, facts.caution] if facts.caution else lines)


def _log_text(line: LogLine) -> str:
    at = datetime.fromtimestamp(line.at_s).astimezone().strftime("%H:%M:%S.%f")[:-3]
    return f"{at} {line.source}: {line.text}"
