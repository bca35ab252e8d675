"""Reruns and where values are: on another cluster, released, in the cache."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from distributed import Client, LocalCluster

from tests.session.cells import Cells, ended, reasons, states
from wfkit.core.states import RunState
from wfkit.session.session import Session

#: A value that is in cluster memory only.
BIG = """
@task(persist_result=False)
def big(i=0):
    note(f"big {i}")
    return "x" * 20_000


@task
def size(x):
    note("size")
    return len(x)
"""


@pytest.fixture
def elsewhere() -> Iterator[Client]:
    """Another cluster."""
    with (
        LocalCluster(
            n_workers=1,
            threads_per_worker=1,
            processes=False,
            dashboard_address="127.0.0.1:0",
            worker_dashboard_address="127.0.0.1:0",
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client


def test_a_value_in_the_memory_of_another_cluster_is_lost_and_made_again(
    cells: Cells, current: Session, elsewhere: Client
) -> None:
    cells.execute(BIG + "@flow\ndef sizes():\n    return size(big())\n")
    run = cells["sizes"].run()
    cells.executed()
    current.connect(elsewhere)
    planned = {row.name: row.reason for row in run.plan("size")}
    again = ended(run.rerun("size"))
    assert (again.state, again.result()) == (RunState.COMPLETED, 20_000)
    assert cells.executed() == ["big 0", "size"]
    assert reasons(again)["big"] == planned["big"] == "its result is lost: it was in cluster memory only"


@pytest.mark.parametrize("how", ["released", "elsewhere"])
def test_maps_over_returned_handles_whose_values_are_lost_go_over_the_value_that_they_made(
    cells: Cells, current: Session, elsewhere: Client, how: str
) -> None:
    cells.execute(BIG + "@task\ndef parent():\n    note('parent')\n    return big.map(range(2))\n")
    cells.execute("@flow\ndef sizes():\n    return size.map(parent())\n")
    run = cells["sizes"].run()
    cells.executed()
    if how == "released":
        run.release()
    else:
        current.connect(elsewhere)
    again = ended(run.rerun("size"))
    assert (again.state, again.result()) == (RunState.COMPLETED, [20_000, 20_000])
    assert cells.executed() == ["size", "size"]
    assert states(again)["parent"] == "REUSED"


CACHED = """
from wfkit import INPUTS


@task(cache_policy=INPUTS)
def load(name):
    note(f"load {name}")
    return Path(f"{LOG}-{name}").read_text()


@task(cache_policy=INPUTS)
def parent():
    return load.submit("a").result()


@flow
def etl():
    return [load.map(["a", "b"]), parent()]
"""


def write(cells: Cells, **texts: str) -> None:
    """What the tasks read, which no digest of their inputs tells."""
    cells.execute("".join(f"Path(f'{{LOG}}-{name}').write_text({text!r})\n" for name, text in texts.items()))


@pytest.mark.parametrize("name", ["load[0]", "parent/load"])
def test_what_is_asked_for_is_executed_whatever_the_cache_has_and_its_value_is_cached(cells: Cells, name: str) -> None:
    cells.execute(CACHED)
    write(cells, a="old", b="old")
    run = cells["etl"].run()
    cells.executed()
    write(cells, a="new", b="new")
    again = ended(run.rerun(name))
    assert cells.executed() == ["load a"]
    assert (states(again)[name], again.node(name).result()) == ("COMPLETED", "new")
    assert again.node("parent").result() == ("new" if name == "parent/load" else "old")
    later: Any = cells["etl"].run()
    assert cells.executed() == []
    assert later.node("load[0]").result() == "new"
    assert later.node("load[1]").result() == "old"
