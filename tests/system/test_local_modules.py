"""Modules beside the notebook on real workers: what they define is there as it is here, and comes back so."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.authoring.cells import local_module, namespace
from tests.system.running import Workers, ran, states
from wfkit import fingerprint
from wfkit.core.states import TaskState

TEXT = """
import dataclasses

FACTOR = 2

class Busy(Exception):
    pass

@dataclasses.dataclass
class Thing:
    n: int

    def twice(self):
        return Thing(scale(self.n))

def scale(n):
    return n * FACTOR

def refuse():
    raise Busy("come back")
"""
CELL = """
import things_here
from things_here import Busy, Thing, scale

@task
def make(n): return Thing(scale(n))
@task
def use(thing): return isinstance(thing, Thing), thing.twice()
@task
def inside(thing):
    import things_here
    return isinstance(thing, things_here.Thing)
@task(retries=2, retry_on=Busy)
def tried():
    from wfkit import current
    if current.attempt < 3: things_here.refuse()
    return current.attempt
@task
def busy(): things_here.refuse()
@task
def parent():
    from wfkit import fingerprint
    return fingerprint(use), fingerprint(parent), use(Thing(1))
"""


@pytest.fixture
def folder(tmp_path: Path, cluster: Workers) -> Iterator[Path]:
    """A folder on the path of this process."""
    sys.path.insert(0, str(tmp_path))
    yield tmp_path
    sys.path.remove(str(tmp_path))
    sys.modules.pop("things_here", None)


@pytest.fixture(params=["elsewhere too", "here only"])
def importable(request: pytest.FixtureRequest, folder: Path, cluster: Workers) -> Iterator[bool]:
    """Whether the workers can import what is there."""
    if request.param == "here only":
        yield False
        return
    path = str(folder)

    def forget() -> None:
        sys.path.remove(path)
        sys.modules.pop("things_here", None)

    cluster.client.run(lambda: sys.path.insert(0, path))
    yield True
    cluster.client.run(forget)


def test_what_a_module_defines_is_one_thing_here_and_there(folder: Path, importable: bool) -> None:
    things: Any = local_module(folder, "things_here", TEXT)
    cell = namespace(CELL)
    seen, twice = {}, things.Thing.twice

    def body() -> None:
        thing = cell["make"](3)
        seen["thing"], seen["used"], seen["given"] = thing, cell["use"](thing), cell["use"](things.Thing(1))
        seen["tried"], seen["busy"], seen["parent"] = cell["tried"](), cell["busy"](), cell["parent"]()
        if importable:
            seen["inside"] = cell["inside"](thing)

    run = ran(body)
    assert {name for name, state in states(run).items() if state is not TaskState.COMPLETED} == {"busy"}
    assert type(seen["thing"].result()) is things.Thing
    assert seen["thing"].result() == things.Thing(6)
    assert seen["used"].result() == (True, things.Thing(12))
    assert seen["given"].result() == (True, things.Thing(2))
    assert seen["tried"].result() == 3
    assert type(seen["busy"].exception()) is things.Busy
    there, parent, _ = seen["parent"].result()
    assert there == fingerprint(cell["use"])
    assert parent == fingerprint(cell["parent"])
    assert things.Thing.twice is twice
    assert not importable or seen["inside"].result()


@pytest.mark.usefixtures("importable")
def test_an_edit_is_on_the_workers_at_once(folder: Path) -> None:
    things: Any = local_module(folder, "things_here", TEXT)
    cell = namespace(CELL)
    assert ran(lambda: cell["use"](cell["make"](3))).node("use").result() == (True, things.Thing(12))
    edited = TEXT.replace("FACTOR = 2", "FACTOR = 3").replace("scale(self.n)", "-scale(self.n)")
    things = local_module(folder, "things_here", edited)
    again = namespace(CELL)
    assert ran(lambda: again["use"](again["make"](3))).node("use").result() == (True, things.Thing(-27))
    assert fingerprint(again["use"]) != fingerprint(cell["use"])


@pytest.mark.usefixtures("importable")
def test_they_are_in_a_process_of_its_own_too(folder: Path) -> None:
    things: Any = local_module(folder, "things_here", TEXT)
    cell = namespace(CELL)
    run = ran(lambda: cell["use"].with_options(isolate="process")(cell["make"](3)))
    assert run.node("use").result() == (True, things.Thing(12))
