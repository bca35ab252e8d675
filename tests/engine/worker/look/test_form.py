"""A look is plain data, small, and without what is secret."""

from __future__ import annotations

import decimal
import json
import math

import numpy as np
import pandas as pd
import pytest

from wfkit.authoring.secrets import Secret
from wfkit.engine.worker.look.form import MOST_BYTES, Look, cell, cut, fitting, hidden, label, nothing, type_name


class Model:
    def __repr__(self) -> str:
        raise AssertionError("nobody asks for it")


def test_types_are_named_with_their_package_but_for_those_that_everybody_knows() -> None:
    assert type_name({}) == "dict"
    assert type_name(pd.DataFrame()) == "pandas.DataFrame"
    assert type_name(np.arange(3)) == "numpy.ndarray"
    assert type_name(decimal.Decimal(1)) == "decimal.Decimal"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1.23456789, "1.23457"),
        (math.nan, "nan"),
        ("text", "text"),
        ("x" * 500, "x" * 80 + "…"),
        (np.float32(2.5), "2.5"),
        (pd.Timestamp("2024-05-01 12:00"), "2024-05-01 12:00:00"),
        (pd.NA, "<NA>"),
        ([1, [2]], "[1, [2]]"),
        (Model(), "<Model>"),
        (None, "None"),
    ],
)
def test_a_cell_is_a_few_words_and_no_code_of_the_value(value: object, shown: str) -> None:
    assert cell(value) == shown


def test_what_has_the_name_of_a_secret_is_not_shown() -> None:
    assert cell("hunter2", "db_password") == "***"
    assert cell("hunter2", "n_tokens") == "hunter2"


def test_a_secret_is_hidden_before_anything_is_cut() -> None:
    Secret("a-canary-in-a-look")
    padded = "x" * 70 + "a-canary-in-a-look" + "y" * 100
    assert "canary" not in cell(padded)
    assert "a-can" not in label("x" * 50 + "a-canary-in-a-look")
    assert hidden({"a": ["it is a-canary-in-a-look", 3, None]}) == {"a": ["it is ***", 3, None]}


def test_what_is_cut_is_whole_characters_within_so_many_bytes() -> None:
    assert cut("äöü", 3) == "ä"
    assert cut("\udc80abc", 3) == "?ab"


def test_a_look_that_is_too_large_is_not_sent() -> None:
    assert fitting(Look("text", {"head": "x" * 100})).kind == "text"
    large = fitting(Look("text", {"head": "ä" * (MOST_BYTES // 2)}))
    assert large.kind == "none"
    json.dumps(nothing("for a reason").fields)
