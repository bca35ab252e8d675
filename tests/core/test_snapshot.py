"""A snapshot holds all that a view tells, as data that JSON knows."""

from __future__ import annotations

import json

from tests.core.histories import G0, added, folded, group, retrying, started
from wfkit.core.snapshot import snapshot


def test_a_snapshot_is_json_and_names_workers() -> None:
    view = folded(added(group(0, 2)), started(G0, worker="tcp://a:1"), retrying(G0), started(G0, attempt=2, worker="b"))
    told = snapshot(view)
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    groups = told["groups"]
    assert isinstance(groups, list)
    assert isinstance(groups[0], dict)
    assert groups[0]["counts"] == {"PENDING": 1, "RUNNING": 1}
    nodes = groups[0]["nodes"]
    assert isinstance(nodes, list)
    assert nodes[0] == {
        "state": "RUNNING",
        "attempts": 2,
        "started_s": 10.0,
        "ended_s": None,
        "wall_s": None,
        "worker": "b",
        "result_bytes": 0,
        "errors": {"1": {"type": "ValueError", "message": "no", "traceback": "", "pickled": None}},
        "delays_s": {"1": 1.0},
        "failed_s": {"1": 0.0},
        "starts": {"1": [10.0, "tcp://a:1"], "2": [10.0, "b"]},
    }
