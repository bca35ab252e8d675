"""Answering: what the kernel says to a question of the browser, from what is known of the run."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Protocol

from wfkit.core.events import CodeSpec, LogLine
from wfkit.core.ids import GroupId
from wfkit.core.view import RunView
from wfkit.engine.driver.knowing import Known
from wfkit.notebook.deck import Deck
from wfkit.notebook.details import find_call, find_node, node_detail, node_rows
from wfkit.notebook.feed import Message
from wfkit.notebook.finding import found
from wfkit.notebook.frames import cell_numbers
from wfkit.notebook.logbook import LogBook
from wfkit.notebook.logpage import log_page
from wfkit.notebook.protocol import AskDetail, AskFind, AskGroup, AskLogs, AskRows, AskSource, Question
from wfkit.notebook.sources import source_of
from wfkit.notebook.summing import group_summary


class LookedAtRun(Protocol):
    """What an answer needs of a run."""

    @property
    def view_model(self) -> RunView:
        """What it looks like now; read under `lock`."""

    def known(self, group: GroupId, index: int) -> Known:
        """What is known of a node beyond the view; called under `lock`."""

    def codes_now(self) -> Mapping[str, CodeSpec]:
        """The code of its tasks as it is now, by the id of the version on record."""

    @property
    def body_log(self) -> Sequence[LogLine]:
        """What its body wrote where no cell shows it; only grows, and no lock guards it."""

    @property
    def lock(self) -> threading.RLock:
        """Held while the view model changes."""


def answer(question: Question, run: LookedAtRun, deck: Deck, book: LogBook) -> Message:
    """Answer a question; quick, so that whoever takes the messages of all widgets may call it.

    Raises
    ------
    LookupError : the run has no such node
    """
    if isinstance(question, AskSource):
        return _source(question, run, deck)
    if isinstance(question, AskLogs):
        return log_page(question, run, deck, book), []
    with run.lock:
        view = run.view_model
        match question:
            case AskDetail(group=group, index=index):
                node, element = find_node(view, deck, group, index)
                known = run.known(node.spec.id, element)
                return {"op": "detail", "node": node_detail(view, deck, group, index, cell_numbers(), known)}, []
            case AskGroup(group=group):
                return {"op": "group", "group": group_summary(view, deck, group)}, []
            case AskRows(group=group, indexes=indexes):
                return {"op": "rows", "rows": node_rows(view, deck, group, indexes)}, []
            case AskFind(text=text):
                cards, masks = found(view, deck, text)
                return {"op": "found", "cards": cards}, masks


def _source(question: AskSource, run: LookedAtRun, deck: Deck) -> Message:
    """Code is read and digested without the lock: that takes a while, and the run goes on meanwhile."""
    now = run.codes_now()
    with run.lock:
        view = run.view_model
        if question.index is None:
            group, index = find_call(view, deck, question.group), None
        else:
            group, index = find_node(view, deck, question.group, question.index)
        return {"op": "source", "source": source_of(view, group, index, now)}, []
