"""Facts: on what machine, with which versions and when it was measured."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import time
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # no types shipped

import wfkit


def facts() -> dict[str, str]:
    """What a reader needs to know to compare numbers with others."""
    versions = {name: importlib.metadata.version(name) for name in ("dask", "distributed")}
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "processor": _processor(),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load before": f"{os.getloadavg()[0]:.1f}",
        "wfkit": wfkit.__version__,
        **versions,
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
