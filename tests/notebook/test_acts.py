"""What a browser may ask to be done, and what it may not."""

from __future__ import annotations

import pytest

from wfkit.notebook.acts import AskPlan, Place, ShowRun, StartRerun, Wish
from wfkit.notebook.checks import BadMessage
from wfkit.notebook.protocol import read


@pytest.mark.parametrize(
    ("wish", "read_as"),
    [
        ({"what": "failed"}, Wish("failed")),
        ({"what": "changed", "group": "ignored"}, Wish("changed")),
        ({"what": "node", "group": "g1", "index": 3}, Wish("node", Place("g1", 3))),
        ({"what": "node", "group": "g1", "index": None}, Wish("node", Place("g1", None))),
        ({"what": "value", "group": "g1", "index": 3, "value": "[1]"}, Wish("value", Place("g1", 3), "[1]")),
    ],
)
def test_wishes_for_reruns_are_read(wish: dict[str, object], read_as: Wish) -> None:
    asked = {"v": 1, "request": "a", "run": "r-1", "wish": wish}
    assert read({**asked, "op": "plan"}) == AskPlan("a", "r-1", read_as)
    assert read({**asked, "op": "rerun"}) == StartRerun("a", "r-1", read_as)
    assert read({**asked, "op": "show"}) == ShowRun("a", "r-1")


@pytest.mark.parametrize(
    "wish",
    [
        None,
        {},
        {"what": "everything"},
        {"what": ["failed"]},
        {"what": "node"},
        {"what": "node", "group": "g1", "index": -1},
        {"what": "node", "group": "g1", "index": True},
        {"what": "node", "group": "", "index": 0},
        {"what": "value", "group": "g1", "index": None, "value": "1"},
        {"what": "value", "group": "g1", "index": 0},
        {"what": "value", "group": "g1", "index": 0, "value": 3},
        {"what": "value", "group": "g1", "index": 0, "value": "1" * 100_001},
    ],
)
@pytest.mark.parametrize("op", ["plan", "rerun"])
def test_other_wishes_are_refused(op: str, wish: object) -> None:
    with pytest.raises(BadMessage):
        read({"v": 1, "op": op, "request": "a", "run": "r-1", "wish": wish})
