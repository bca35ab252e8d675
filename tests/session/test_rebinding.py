"""Rebinding: which flow a namespace has now, for one that was run before."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import pytest

from tests.authoring.cells import namespace
from wfkit.authoring.flow import BodyResult, Flow
from wfkit.session.rebinding import home_of, rebound

REPORT = "@flow(name='monthly report')\ndef etl():\n    return 1\n"
EDITED = REPORT.replace("1", "2")
MADE = """
def make(n):
    @flow(name="monthly report")
    def etl():
        return n
    return etl

one, two = make(1), make(2)
del etl
"""
NAME = "monthly report"


def worth(flow: Any) -> object:
    return None if flow is None else flow.body.fn()


@pytest.mark.parametrize(
    ("after", "found"),
    [
        (EDITED, 2),
        ("old = etl\n" + EDITED, 2),  # the variable of its function's name
        ("old = etl\ndel etl\n" + EDITED + "new = etl\ndel etl\n", None),  # which of the two?
        (EDITED + "new = etl\ndel etl\n", 2),  # the only one of this function
        ("etl = 3\n", None),
        (EDITED.replace("monthly", "weekly"), None),  # another flow
        (EDITED.replace("etl", "other") + "new = other\ndel etl, other\n", None),  # a namesake
        (MADE, None),  # which of the two?
    ],
)
def test_a_flow_is_found_by_its_name_and_its_function(after: str, found: object) -> None:
    known = namespace(REPORT)["etl"]
    assert worth(rebound(namespace(REPORT + after), NAME, known)) == found


def test_a_flow_under_its_own_name_is_found_though_nothing_else_is_known() -> None:
    space = namespace("@flow\ndef etl():\n    return 1\n")
    assert rebound(space, "etl") is space["etl"]
    assert rebound(space, "monthly") is None


class Cell:
    """A body of another kind."""

    signature, asynchronous = inspect.Signature(), False
    hints: Mapping[str, object] = {}

    def missing(self) -> list[str]:
        return []

    def reads(self) -> Mapping[str, object]:
        return {}

    def execute(self, parameters: object) -> BodyResult:
        return BodyResult(None, {})


def test_a_function_does_not_take_the_place_of_a_cell() -> None:
    space = namespace("@flow\ndef etl():\n    return 1\n")
    cell: Flow[..., object] = Flow("etl", Cell())
    assert rebound(space, "etl", cell) is None
    assert home_of(cell) == {}


def test_the_home_of_a_flow_is_its_module_as_it_is_now(monkeypatch: pytest.MonkeyPatch) -> None:
    space = namespace(REPORT)
    assert home_of(space["etl"]) is space
    module = ModuleType("etl_here")
    monkeypatch.setitem(sys.modules, "etl_here", module)
    space["etl"].body.fn.__module__ = "etl_here"
    assert home_of(space["etl"]) is vars(module)


def test_a_flow_that_a_function_made_has_no_home() -> None:
    made = namespace("def make():\n    @flow\n    def etl():\n        return 1\n    return etl\n")["make"]()
    assert home_of(made) == {}
