"""Figures: Bokeh's models travel as Bokeh writes them for a page; their own pickles cannot be read."""

from __future__ import annotations

import importlib
import sys
from collections import defaultdict


def figure_reduced(value: object) -> tuple[object, ...] | None:
    """How a model of Bokeh is pickled; None for anything else."""
    models = sys.modules.get("bokeh.model")
    if models is None or not issubclass(type(value), models.Model):
        return None
    serialization = importlib.import_module("bokeh.core.serialization")
    return (_figure, (serialization.Serializer(deferred=False).serialize(value).content,))


def _figure(written: object) -> object:
    importlib.import_module("bokeh.plotting")  # what is written there is known by name
    ids: defaultdict[str, str] = defaultdict(importlib.import_module("bokeh.util.serialization").make_id)
    return importlib.import_module("bokeh.core.serialization").Deserializer().deserialize(_renamed(written, ids))


def _renamed(written: object, ids: defaultdict[str, str]) -> object:
    """The same with ids of this process: those of another are given to other models here."""
    if isinstance(written, list):
        return [_renamed(each, ids) for each in written]
    if not isinstance(written, dict):
        return written
    return {key: ids[value] if key == "id" else _renamed(value, ids) for key, value in written.items()}
