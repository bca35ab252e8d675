"""Threads that need Dask at the same moment all get it whole."""

from __future__ import annotations

import subprocess
import sys

THREADS = """
import importlib, sys, threading
from wfkit.clusters.loading import load_distributed

sys.setswitchinterval(1e-6)  # as on a machine that is busy
together = threading.Barrier(4)

def load(module, name):
    together.wait()
    load_distributed()
    getattr(importlib.import_module(module), name)
    sys.stdout.write(f"{name}\\n")

parts = [("distributed.client", "Client"), ("wfkit.engine.driver.run", "Run"), ("distributed.worker", "Worker"),
         ("distributed.scheduler", "Scheduler")]
threads = [threading.Thread(target=load, args=part) for part in parts]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def test_all_threads_that_import_at_once_get_what_they_import() -> None:
    told = subprocess.run([sys.executable, "-c", THREADS], capture_output=True, text=True, check=True)
    assert sorted(told.stdout.split()) == ["Client", "Run", "Scheduler", "Worker"], told.stderr
