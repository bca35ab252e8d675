"""One local cluster for the tests that only look at it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from wfkit.clusters.connect import Connection, connect
from wfkit.clusters.local import LocalOptions, start_local


@pytest.fixture(scope="module")
def connection() -> Iterator[Connection]:
    """Connected to a cluster of one worker with two threads."""
    connection = connect(start_local(LocalOptions(n_workers=1, threads_per_worker=2, memory_limit="1 GB")))
    yield connection
    connection.close()
