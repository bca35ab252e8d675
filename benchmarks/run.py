"""Measure wfkit against plain Dask and write docs/benchmarks.md and benchmarks/results.json: `make bench`."""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    # The root instead of this folder, so that workers find `benchmarks.work` as this process does.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    from benchmarks.suite import main

    main()
