"""Depth first, by measurement: each case of the benchmark, smaller, within the bounds that it has there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks.contest import Contest, contest
from benchmarks.deep import CASES, Case
from benchmarks.depth import measured
from wfkit.clusters.local import LocalOptions

ITEMS, ITEM_S = 200, 0.02
#: So many are 10 % of the benchmark's 500. Level by level it would be all.
MOST = 50


@pytest.fixture(scope="module")
def clusters() -> Iterator[Contest]:
    """A cluster of two processes of two threads each."""
    with contest(LocalOptions(n_workers=2, threads_per_worker=2), twins=False) as started:
        started.warm_up()
        yield started


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_elements_reach_the_last_stage_while_most_have_not_begun(clusters: Contest, case: Case) -> None:
    # Where a worker comes it needs a second or two, which must not be the end of the run.
    found = measured(clusters, case, ITEMS if case.steady else 2 * ITEMS, ITEM_S)
    assert found.share * found.length / 100 <= MOST
    assert found.between <= MOST
