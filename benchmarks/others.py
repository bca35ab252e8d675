"""Others: the same work on other workflow systems, measured now or remembered from when it was."""

from __future__ import annotations

import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from benchmarks.fresh import ROOT, last_line

FOLDER: Final = ROOT / "benchmarks" / "peers"
RECORDED: Final = FOLDER / "recorded.json"
_VENVS: Final = ROOT / "build" / "peers"
_TIMEOUT_S: Final = 900.0
#: Virtual environment, script, argument.
_PEERS: Final = (
    ("prefect3", "prefect3.py", "dask"),
    ("prefect3", "prefect3.py", "threads"),
    ("prefect1", "prefect1.py", "dask"),
)


def peers(*, measure: bool, tasks: int = 1_000) -> list[dict[str, Any]]:
    """One row for each system: measured where its environment exists and `measure` is asked for, else the recorded."""
    known: dict[str, dict[str, Any]] = {
        f"{row['venv']}-{row['runner']}": row for row in (json.loads(RECORDED.read_text()) if RECORDED.exists() else [])
    }
    if measure:
        for venv, script, runner in _PEERS:
            python = _VENVS / venv / "bin" / "python"
            if not python.exists():
                print(f"{venv}: no environment; benchmarks/peers/setup.sh makes it")
                continue
            known[f"{venv}-{runner}"] = {"venv": venv, **_measured(python, FOLDER / script, runner, tasks)}
        RECORDED.write_text(json.dumps(list(known.values()), indent=2) + "\n")
    return list(known.values())


def _measured(python: Path, script: Path, runner: str, tasks: int) -> dict[str, Any]:
    """Run a peer's script with a home of its own that is removed afterwards."""
    note = f"load {os.getloadavg()[0]:.1f} before"
    with tempfile.TemporaryDirectory() as home:
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        environment = {
            **kept,
            "HOME": home,
            "PREFECT_HOME": home,
            "PREFECT__HOME_DIR": home,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_SERVER_TELEMETRY_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            "PREFECT_SERVER_API_HOST": "127.0.0.1",
            "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
            "PREFECT_LOGGING_LEVEL": "ERROR",
            "PREFECT__LOGGING__LEVEL": "ERROR",
        }
        row = last_line([str(python), str(script), runner, str(tasks)], environment, _TIMEOUT_S)
    return {**row, "runner": runner, "tasks": tasks, "date": time.strftime("%Y-%m-%d", time.gmtime()), "note": note}
