"""Figures of Bokeh are results like all others: they can be read in another process, beside figures made there."""

from __future__ import annotations

import pickle
from typing import Any

import cloudpickle
import numpy as np
import pytest
from bokeh.document import Document
from bokeh.layouts import column
from bokeh.models import ColumnDataSource
from bokeh.plotting import figure

from wfkit.authoring.figures import figure_reduced
from wfkit.engine.worker.outcome import dump_value, load_value


def drawn() -> Any:
    shown = figure(width=300, title="delays")
    shown.line(x="x", y="y", source=ColumnDataSource({"x": np.arange(3.0), "y": [3, 1, 2]}))
    return shown


def again(value: object) -> Any:
    return load_value(*dump_value(value), "draw")


def test_a_figure_comes_back_with_all_that_it_shows() -> None:
    shown = again({"figure": drawn()})["figure"]
    assert (shown.width, shown.title.text) == (300, "delays")
    data = shown.renderers[0].data_source.data
    assert np.array_equal(data["x"], [0.0, 1.0, 2.0])
    assert data["y"] == [3, 1, 2]


def test_it_stands_in_a_document_beside_the_one_it_was_made_from() -> None:
    original = drawn()
    document = Document()
    for each in (original, again(original), again(column(original))):
        document.add_root(each)
    ids = [model.id for model in document.models]
    assert len(ids) == len(set(ids))
    Document.from_json(document.to_json())


def test_cloudpickle_makes_a_pickle_of_it_that_cannot_be_read() -> None:
    """Where this fails, `wfkit.authoring.figures` is no longer needed for that version of Bokeh."""
    with pytest.raises(AttributeError):
        pickle.loads(cloudpickle.dumps(drawn()))


def test_other_values_are_none_of_this() -> None:
    assert figure_reduced({"a": 1}) is None
    assert figure_reduced(figure) is None
