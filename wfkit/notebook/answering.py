"""Answering: what the kernel says to a question of the browser, from what is known of the run."""

from __future__ import annotations

import threading
from typing import Protocol

from wfkit.core.view import RunView
from wfkit.notebook.deck import Deck
from wfkit.notebook.details import found_cell, node_detail, node_rows
from wfkit.notebook.feed import Message
from wfkit.notebook.protocol import AskDetail, AskFind, AskRows, Question


class LookedAtRun(Protocol):
    """What an answer needs of a run."""

    @property
    def view_model(self) -> RunView:
        """What it looks like now; read under `lock`."""

    @property
    def lock(self) -> threading.RLock:
        """Held while the view model changes."""


def answer(question: Question, run: LookedAtRun, deck: Deck) -> Message:
    """Answer a question; quick, so that whoever takes the messages of all widgets may call it.

    Raises
    ------
    LookupError : the run has no such node
    """
    with run.lock:
        view = run.view_model
        match question:
            case AskDetail(group=group, index=index):
                return {"op": "detail", "node": node_detail(view, deck, group, index)}, []
            case AskRows(group=group, indexes=indexes):
                return {"op": "rows", "rows": node_rows(view, deck, group, indexes)}, []
            case AskFind(group=group, text=text):
                return {"op": "found", "index": found_cell(view, deck, group, text)}, []
