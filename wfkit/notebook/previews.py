"""Previews: what a browser is shown of a value, made while it waits, for the newest question only."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final, Protocol

from wfkit.core.ids import GroupId
from wfkit.engine.driver.reading import Looked
from wfkit.engine.worker.look.form import MOST_BYTES, Fields, Look, Plain, nothing
from wfkit.engine.worker.look.texts import text_look
from wfkit.notebook.acting import in_words
from wfkit.notebook.answering import LookedAtRun
from wfkit.notebook.cleaned import cleaned
from wfkit.notebook.deck import Deck
from wfkit.notebook.details import find_node
from wfkit.notebook.plain import clean
from wfkit.notebook.protocol import AskPreview

_LOG = logging.getLogger("wfkit.notebook.previews")
_LOG.addHandler(logging.NullHandler())  # what a thread prints lands in a cell that has nothing to do with it
_MEDIA: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/svg+xml"})


class PreviewedRun(LookedAtRun, Protocol):
    """What a preview needs of a run."""

    def look(self, group: GroupId, index: int) -> Looked:
        """What is to be seen of the value of a node; may take seconds."""


class Previews:
    """Answers the questions of one view for previews, one after the other, on threads of its own.

    Parameters
    ----------
    run : PreviewedRun
    deck : Deck
        What the browser was told.
    answer : callable
        Sends a message to the browser, with buffers.
    """

    def __init__(self, run: PreviewedRun, deck: Deck, answer: Callable[[dict[str, object], list[bytes]], None]) -> None:
        self._run, self._deck, self._answer = run, deck, answer
        self._turn = threading.Lock()
        self._newest = ""

    def ask(self, question: AskPreview) -> None:
        """Answer soon; a question for which a newer one did not wait is not answered with a value."""
        self._newest = question.request
        threading.Thread(target=self._work, args=(question,), name="wfkit-preview", daemon=True).start()

    def _work(self, question: AskPreview) -> None:
        with self._turn:
            if question.request != self._newest:
                self._answer({"op": "error", "request": question.request, "text": "Another value was asked for."}, [])
                return
            try:
                content, buffers = self._preview(question)
            except LookupError:
                content, buffers = {"op": "error", "text": "The run has no such node."}, []
            except Exception as error:  # noqa: BLE001 - whoever clicked must see it; nobody else would
                _LOG.exception("A preview failed.")
                content, buffers = {"op": "error", "text": in_words(error)}, []
        self._answer({**content, "request": question.request}, buffers)

    def _preview(self, question: AskPreview) -> tuple[dict[str, object], list[bytes]]:
        with self._run.lock:
            group, index = find_node(self._run.view_model, self._deck, question.group, question.index)
        looked = self._run.look(group.spec.id, index)
        look = _harmless(looked.look)
        content: dict[str, object] = {
            "op": "preview",
            "kind": look.kind,
            "where": clean(looked.where, 200),
            "look": look.fields,
        }
        return content, [look.image] if look.image else []


def _harmless(look: Look) -> Look:
    """A look as a page may have it: HTML cleaned, texts without control characters, pictures of known kinds."""
    kind, fields, image = look
    if kind == "html":
        html = cleaned(str(fields.get("html", "")))
        if html is None or len(html.encode("utf-8", "replace")) > MOST_BYTES:
            kind, told, _ = text_look(str(fields.get("text", "")), str(fields.get("type", "")))
            fields = {**told, "note": "Its HTML cannot be shown without scripts."}
        else:
            fields = {**fields, "html": html}
    if kind == "image" and (fields.get("media") not in _MEDIA or not image):
        return nothing("its picture is of a kind that is not shown")
    cleared: Fields = {name: _cleared(value) for name, value in fields.items()}
    return Look(kind, cleared, image)


def _cleared(value: Plain) -> Plain:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_cleared(each) for each in value]
    return {name: _cleared(each) for name, each in value.items()} if isinstance(value, dict) else value
