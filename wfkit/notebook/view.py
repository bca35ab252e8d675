"""The live view: a widget that shows a run in any front end and takes its clicks."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final, Protocol

import anywidget
import traitlets
from typing_extensions import override

from wfkit.core.states import RUN_ENDS
from wfkit.notebook.acting import ActedOnRun, act, in_words, unanswered
from wfkit.notebook.acts import Act, AskPlan
from wfkit.notebook.answering import answer
from wfkit.notebook.checks import BadMessage
from wfkit.notebook.columns import Columns
from wfkit.notebook.deck import Deck
from wfkit.notebook.feed import PACKAGE_VERSION, VERSION, Message, Sent, delta, message_bytes, snapshot
from wfkit.notebook.lineage import About, TellingRun
from wfkit.notebook.logbook import LogBook
from wfkit.notebook.noticing import NOTICING
from wfkit.notebook.output import Bundle, Output, ShownRun, bundle_of
from wfkit.notebook.plain import one_line
from wfkit.notebook.previews import PreviewedRun, Previews
from wfkit.notebook.protocol import AskPreview, AskStill, Hello, Question, Watch, read
from wfkit.notebook.publisher import PUBLISHER

_LOG = logging.getLogger("wfkit.notebook.view")
_LOG.addHandler(logging.NullHandler())  # what a callback prints lands in a cell that has nothing to do with it

SCRIPT: Final = Path(__file__).parents[1] / "static" / "widget.js"  #: built from labextension/
_NOT_BUILT: Final = "The live view is not built: run `npm ci && npm run build` in labextension/."
_REMEMBERED: Final = 100  #: acts that are not taken twice
_MOST_CHANGES: Final = 12  #: of the code of tasks, that are told
_CHANGE_CHARS: Final = 200
_ABOUT_BYTES: Final = 500  #: about what it costs to say where a run stands
_WEIGH_AGAIN_S: Final = 1.0  #: how long a run's memory is taken for unchanged while it lives


class WatchedRun(ActedOnRun, PreviewedRun, TellingRun, Protocol):
    """What a view needs of a run."""

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back after changes; the returned function ends that."""


@cache
def _script() -> str | None:
    try:
        return SCRIPT.read_text(encoding="utf-8")
    except OSError:
        return None


class FlowView(anywidget.AnyWidget):
    """A run, live: its graph, its failures, its logs, and buttons that act on it; after a rerun the run that it made.

    Parameters
    ----------
    run : WatchedRun
        The run to show. It may have ended already.

    Nothing is sent before a browser says hello. All state travels as messages, none as traits, so that a saved
    notebook holds the script of the widget once and no data.
    """

    _esm = traitlets.Unicode().tag(sync=True)

    def __init__(self, run: WatchedRun) -> None:
        self._run = run
        self._sending = threading.RLock()  # messages leave in the order in which they were made
        self._sent: Sent | None = None  # None: no browser has asked yet
        self._snapshot_wanted = False
        self._deck = Deck()  # changes only under the run's lock
        self._previews = Previews(run, self._deck, self._answer)
        self._columns = Columns()
        self._columns_turn = False
        self._book = LogBook()
        self._held = (float("-inf"), 0)  # when it was asked for, and what the run held then
        self._output = Output(run)
        self._taken: dict[str, None] = {}  # ids of the acts that were taken, oldest first
        self._planning = threading.Lock()  # one plan at a time
        self._planned = ""  # id of the newest question for a plan
        self._changed: list[str] = []  # what changed in the code of the run's tasks since, in words
        self._about = About()
        super().__init__()
        self._line = PUBLISHER.line(self._publish, lambda: self._run)
        self._unsubscribe = run.subscribe(self._line.wake)
        _take_messages_while_busy(self.comm)
        NOTICING.add(self)

    @traitlets.default("_esm")
    def _default_esm(self) -> str:
        return _script() or f"export default {{ render({{ el }}) {{ el.textContent = {_NOT_BUILT!r}; }} }};"

    # --- what others call ---------------------------------------------------------------------------------------------

    def show(self) -> None:
        """Display the view as an output of the running cell, which keeps the outcome when the run has ended."""
        self._output.show(self)

    def settle(self) -> None:
        """Put the outcome into the output that `show` made, for the saved notebook; once, when the run has ended."""
        self._output.settle(self._bundle_of)

    @override
    def close(self) -> None:
        """End the view; the run goes on."""
        NOTICING.discard(self)
        unsubscribe = self.__dict__.pop("_unsubscribe", None)  # none where __init__ failed, or after a first close
        if unsubscribe is not None:
            unsubscribe()
        super().close()

    def shows(self, run: object) -> bool:
        """Whether this is the run that is shown now."""
        return run is self._run

    def retire(self) -> None:
        """Close the view; in the output that `show` made its picture stays."""
        self._output.leave()
        self.close()

    @override
    def _repr_mimebundle_(self, **kwargs: object) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """Offer the widget and, for whatever cannot run it, the outcome as text and as HTML."""
        return self._bundle_of(self._run)

    def _bundle_of(self, run: ShownRun) -> Bundle:
        data, metadata = super()._repr_mimebundle_() or ({}, {})
        return {**data, **bundle_of(run, note="" if _script() else _NOT_BUILT)}, metadata

    def turn_to(self, run: WatchedRun) -> None:
        """Show another run from now on, in every browser that shows the view, and as the outcome that is kept."""
        with self._sending:
            if run is self._run or "_unsubscribe" not in self.__dict__:  # shown already, or closed
                return
            self._unsubscribe()
            self._run, self._deck, self._book = run, Deck(), LogBook()
            self._held, self._changed = (float("-inf"), 0), []
            self._previews = Previews(run, self._deck, self._answer)
            self._columns.turn()
            self._sent = None if self._sent is None else Sent(deck=self._deck)
            self._snapshot_wanted = True
            self._output.turn_to(run)
            self._unsubscribe = run.subscribe(self._line.wake)
        run.when_ended(self.settle)
        self._line.wake_now()
        NOTICING.look()

    def notice(self) -> None:
        """Compare the run with the code as it is now, where somebody looks."""
        run = self._run
        if self._sent is None:
            return
        changed = [one_line(change, _CHANGE_CHARS) for change in run.changes.values()][:_MOST_CHANGES]
        with self._sending:
            if run is self._run and changed != self._changed:
                self._changed = changed
                self._line.wake()

    # --- kernel to browser --------------------------------------------------------------------------------------------

    def _publish(self) -> int:
        """Say what changed; called by the publisher. States and columns take turns where both have something to say."""
        with self._sending:
            size = 0
            if self._sent is not None:
                says = (
                    (self._say_columns, self._say_states)
                    if self._columns_turn
                    else (self._say_states, self._say_columns)
                )
                size = (says[0]() or says[1]()) + self._say_about()
        self.settle()
        return size

    def _say_states(self) -> int:
        message = self._next_message()
        if message is None:
            return 0
        self.send(message[0], buffers=message[1])
        self._columns_turn = True
        if self._deck.is_behind or self._columns.due(self._run.view_model, time.monotonic()):
            self._line.wake()
        return message_bytes(message) if message[0]["op"] == "delta" else 1  # a snapshot was asked for

    def _say_columns(self) -> int:
        now_s = time.monotonic()
        with self._run.lock:
            due = self._columns.due(self._run.view_model, now_s)
            said = self._columns.message(self._run.view_model, self._deck, now_s) if due else None
        if said is None:
            return 0
        message, was_asked_for = said
        self.send(message[0], buffers=message[1])
        self._columns_turn = False
        self._line.wake()  # there may be states to be told, or more columns
        return 1 if was_asked_for else message_bytes(message)

    def _next_message(self) -> Message | None:
        wanted, self._snapshot_wanted = self._snapshot_wanted, False
        held = self._held_bytes()
        with self._run.lock:
            view, now_s = self._run.view_model, time.time()
            if wanted or self._sent is None:
                (content, buffers), self._sent = snapshot(view, now_s, self._deck, held)
                return {"wfkit": PACKAGE_VERSION, **content}, buffers
            same = view.version == self._sent.version and held == self._sent.held_bytes
            if same and not self._deck.is_behind:
                return None
            return delta(view, self._sent, now_s, held)

    def _say_about(self) -> int:
        """Say where the run stands among its reruns and the code as it is now, where that is news."""
        content = self._about.news(self._run, self._changed, self._line.wake)
        if content is None:
            return 0
        self._answer(content)
        return _ABOUT_BYTES

    def _held_bytes(self) -> int:
        """What the run holds; asked for at most once a second while it lives."""
        asked_s, held = self._held
        now_s = time.monotonic()
        if now_s - asked_s >= _WEIGH_AGAIN_S or self._run.state in RUN_ENDS:
            held = self._run.held_bytes
            self._held = (now_s, held)
        return held

    # --- browser to kernel --------------------------------------------------------------------------------------------

    @override
    def _handle_custom_msg(self, content: object, buffers: object) -> None:
        """Take a message of a browser. May run on the main thread or on a subshell's; nothing escapes from here."""
        try:
            self._take(read(content))
        except BadMessage as error:
            self._answer(unanswered(content, str(error)))
        except Exception as error:  # noqa: BLE001 - whoever clicked must see it; nobody else would
            _LOG.exception("A message of the view failed.")
            self._answer(unanswered(content, in_words(error)))

    def _take(self, message: Hello | Watch | Question | AskPreview | AskStill | Act) -> None:
        if isinstance(message, Hello):
            self._greet(message)
        elif isinstance(message, Question):
            self._reply(message)
        elif isinstance(message, AskPreview):
            self._previews.ask(message)
        elif isinstance(message, AskStill):
            picture = bundle_of(self._shown()[0])
            html, text = picture["text/html"], picture["text/plain"]
            self._answer({"op": "still", "request": message.request, "html": html, "text": text})
        elif isinstance(message, Watch):
            with self._sending:
                is_news = self._columns.watch(message.have, time.monotonic())
            if is_news:
                self._line.wake_now()
        else:
            self._begin(message)

    def _reply(self, question: Question) -> None:
        run, deck, book = self._shown()
        try:
            content, buffers = answer(question, run, deck, book)
        except LookupError:
            content, buffers = {"op": "error", "text": "The run has no such node."}, []
        self._answer({"request": question.request, **content}, buffers)

    def _shown(self) -> tuple[WatchedRun, Deck, LogBook]:
        with self._sending:
            return self._run, self._deck, self._book

    def _greet(self, hello: Hello) -> None:
        with self._sending:
            self._about.repeat()
            is_ours = hello.run in {None, self._run.id}
            if hello.have is not None and is_ours and self._sent is not None and hello.have == self._sent.version:
                held = self._held_bytes()
                with self._run.lock:
                    content, buffers = delta(self._run.view_model, self._sent, time.time(), held)
                self.send(content, buffers=buffers)  # up to date, or brought there
                self._say_about()
                return
            self._sent = self._sent or Sent(deck=self._deck)
            self._snapshot_wanted = True
        self._line.wake_now()
        NOTICING.look()

    def _begin(self, action: Act) -> None:
        """Do it on a thread of its own, once: one thread serves the messages of all widgets."""
        with self._sending:
            if action.request in self._taken:
                return
            self._taken[action.request] = None
            while len(self._taken) > _REMEMBERED:
                del self._taken[next(iter(self._taken))]
            if isinstance(action, AskPlan):
                self._planned = action.request
        self._answer({"op": "taken", "request": action.request})
        name = f"wfkit-view-{type(action).__name__}"
        threading.Thread(target=self._act, args=(action,), name=name, daemon=True).start()

    def _act(self, action: Act) -> None:
        if not isinstance(action, AskPlan):
            self._answer_act(action)
            return
        with self._planning:
            if action.request == self._planned:
                self._answer_act(action)
                return
        self._answer({"op": "error", "request": action.request, "text": "Another plan was asked for."})

    def _answer_act(self, action: Act) -> None:
        run, deck, _ = self._shown()
        self._answer({"request": action.request, **act(action, run, deck, self.turn_to)})
        self._line.wake()

    def _answer(self, content: dict[str, object], buffers: list[bytes] | None = None) -> None:
        with self._sending:
            self.send({"v": VERSION, **content}, buffers=buffers)


def close_views(run: object) -> None:
    """Close all views of a run that nobody keeps any more; a view would keep it, and ipywidgets keeps each view."""
    for view in NOTICING.views():
        if isinstance(view, FlowView) and view.shows(run):
            view.retire()


def _take_messages_while_busy(comm: Any) -> None:
    """Let buttons work while a cell runs.

    ipykernel 7.4.0 hands a message to the shell that last *sent* on the comm, which is the main one, busy with the
    cell. JupyterLab names a subshell in each message (`default`): taking that one again is what 7.0 to 7.3 did.
    """
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = lambda _data, default: default
