"""Specs: what the nodes of a call share travels whole, and its code is loaded once."""

from __future__ import annotations

import linecache
import pickle
from pathlib import Path

import cloudpickle
import pytest

from tests.system import hostile
from wfkit.authoring.options import TaskOptions
from wfkit.engine.worker.spec import Bounds, Spec, load

BOUNDS = Bounds(max_depth=3)


def spec(code: bytes, code_id: str) -> Spec:
    return Spec(run_id="r", flow_name="f", group="g1", name="n", mapped=True, code_id=code_id, code=code, bounds=BOUNDS)


def test_a_spec_travels_whole() -> None:
    given = spec(b"code", "id")
    arrived = pickle.loads(pickle.dumps(given))
    assert all(getattr(arrived, name) == getattr(given, name) for name in Spec.__slots__ if name != "__weakref__")


def test_a_process_has_one_spec_however_often_it_arrives() -> None:
    sent = [pickle.dumps(spec(b"code", "id")) for _ in range(2)]
    first, second = map(pickle.loads, sent)
    assert first is second
    assert pickle.loads(pickle.dumps(first)) is first
    assert pickle.loads(pickle.dumps(spec(b"other", "another id"))) is not first


def test_a_message_with_several_calls_of_a_task_has_its_code_once() -> None:
    code = bytes(10_000)
    several = [
        Spec(
            run_id="r", flow_name="f", group=f"g{number}", name="n", mapped=True, code_id="i", code=code, bounds=BOUNDS
        )
        for number in range(20)
    ]
    assert len(pickle.dumps(several)) < 2 * len(code)
    first, *_, last = pickle.loads(pickle.dumps(several))
    assert (first.group, last.group, last.code) == ("g0", "g19", code)


@pytest.mark.parametrize(("group", "depth"), [("g1", 0), ("g1.7/1", 1), ("g1.7/1.0/3", 2)])
def test_depth_is_read_from_the_group(group: str, depth: int) -> None:
    one = Spec(run_id="r", flow_name="f", group=group, name="n", mapped=True, code_id="", code=b"", bounds=Bounds())
    assert one.depth == depth


def test_code_is_loaded_once_for_each_id() -> None:
    code = cloudpickle.dumps((lambda x: x + 1, TaskOptions(), {}))
    function, options = load(spec(code, "test: same"))
    assert function(1) == 2
    assert options == TaskOptions()
    assert load(spec(b"never read", "test: same"))[0] is function
    assert load(spec(code, "test: other"))[0] is not function


def test_the_source_of_cells_is_known_to_tracebacks() -> None:
    load(spec(pickle.dumps((len, TaskOptions(), {"<cell 7>": "one\ntwo\n"})), "test: cell"))
    assert linecache.getline("<cell 7>", 2) == "two\n"
    linecache.checkcache()
    assert linecache.getline("<cell 7>", 1) == "one\n"


def test_the_oldest_code_is_forgotten() -> None:
    code = pickle.dumps((len, TaskOptions(), {}))
    load(spec(code, "test: first"))
    for number in range(300):
        load(spec(code, f"test: {number}"))
    with pytest.raises(pickle.UnpicklingError):
        load(spec(b"junk", "test: first"))


def test_code_that_cannot_be_loaded_is_tried_again(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    code = pickle.dumps((hostile.LoadsFrom(str(ready)), TaskOptions(), {}))
    with pytest.raises(RuntimeError, match="not yet"):
        load(spec(code, "test: late"))
    ready.touch()
    assert isinstance(load(spec(code, "test: late"))[0], hostile.LoadsFrom)
