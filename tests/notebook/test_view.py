"""The widget on the kernel's side: whom it answers, what it refuses, what it leaves in a notebook."""

from __future__ import annotations

import gc
import json
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.notebook.outputs import Handle
from tests.notebook.stories import monthly, monthly_graph, parents
from tests.notebook.telling import HOSTILE, StoryRun, ended, run_finished, run_started, started
from wfkit.core.states import RunState
from wfkit.notebook import view as view_module
from wfkit.notebook.view import FlowView, _take_messages_while_busy, close_views


class Recorded(FlowView):
    """A view that keeps what it says."""

    def __init__(self, run: StoryRun) -> None:
        self.said: list[tuple[dict[str, Any], list[bytes]]] = []
        super().__init__(run)

    def send(self, content: Any, buffers: Any = None) -> None:
        self.said.append((json.loads(json.dumps(content, allow_nan=False)), list(buffers or [])))

    def ask(self, **content: object) -> None:
        self._handle_custom_msg({"v": 1} | content, [])

    def ops(self) -> list[str]:
        """What it said of the run, and answered: not that it took an act, and where the run stands among others."""
        return [content["op"] for content in self.told()]

    def told(self, *ops: str) -> list[dict[str, Any]]:
        """What it said, of these kinds; by default as `ops` tells."""
        said = [content for content, _ in list(self.said)]
        if not ops:
            return [content for content in said if content["op"] not in {"taken", "about"}]
        return [content for content in said if content["op"] in ops]


def eventually(met: Callable[[], bool], within_s: float = 10.0) -> bool:
    until_s = time.monotonic() + within_s
    while not met():
        if time.monotonic() > until_s:
            return False
        time.sleep(0.002)
    return True


@pytest.fixture
def run() -> StoryRun:
    return StoryRun(run_started(), monthly_graph())


@pytest.fixture
def view(run: StoryRun) -> Iterator[Recorded]:
    made = Recorded(run)
    yield made
    made.close()


def test_nothing_is_said_before_a_browser_says_hello(run: StoryRun, view: Recorded) -> None:
    run.tell(started(0))
    time.sleep(0.15)
    assert view.said == []


def test_hello_is_answered_by_a_snapshot_and_news_follow_as_deltas(run: StoryRun, view: Recorded) -> None:
    view.ask(op="hello", have=None)
    assert eventually(lambda: view.ops() == ["snapshot"])
    run.tell(started(0))
    assert eventually(lambda: view.ops() == ["snapshot", "delta"])
    first, second = view.told()[0], view.told()[1]
    assert second["base"] == first["seq"]
    assert second["seq"] == run.view_model.version


def test_a_browser_that_is_up_to_date_gets_no_second_snapshot(run: StoryRun, view: Recorded) -> None:
    view.ask(op="hello", have=None)
    assert eventually(lambda: bool(view.told("snapshot")))
    view.ask(op="hello", have=run.view_model.version)
    assert view.ops() == ["snapshot", "delta"]
    assert view.told()[1]["groups"] == []
    view.ask(op="hello", have=1)
    assert eventually(lambda: view.ops() == ["snapshot", "delta", "snapshot"])


def test_columns_are_told_while_a_browser_watches_and_states_go_on(run: StoryRun, view: Recorded) -> None:
    view.ask(op="hello", have=None)
    run.tell(started(0))
    assert eventually(lambda: bool(view.said))
    assert "columns" not in view.ops()
    view.ask(op="watch", have=None)
    assert eventually(lambda: "columns" in view.ops())
    run.tell(ended(0))
    assert eventually(lambda: view.ops().count("columns") == 2)
    first, second = (content for content, _ in view.said if content["op"] == "columns")
    assert (first["base"], second["base"]) == (None, first["seq"])
    assert second["cards"] == [{"id": "g0", "length": 12, "rows": 1, "phases": 0}]


def test_columns_and_states_share_the_budget_of_messages(run: StoryRun, view: Recorded) -> None:
    view.ask(op="hello", have=None)
    view.ask(op="watch", have=None)
    begun_s = time.monotonic()
    turn = 0
    while time.monotonic() < begun_s + 0.85:
        run.tell(started(0, turn % 12, attempt=turn // 12 + 1))
        turn += 1
    assert len(view.said) <= 1 + 10 * (time.monotonic() - begun_s) + 1
    assert {"delta", "columns"} <= set(view.ops())


def test_the_end_is_always_told(run: StoryRun, view: Recorded) -> None:
    view.ask(op="hello", have=None)
    for index in range(12):
        run.tell(started(0, index), ended(0, index))
    run.tell(run_finished(RunState.COMPLETED))
    assert eventually(lambda: view.told()[-1]["run"]["state"] == "COMPLETED" if view.said else False)
    assert view.told()[-1]["seq"] == run.view_model.version


def test_a_storm_of_news_makes_at_most_ten_messages_a_second(run: StoryRun, view: Recorded) -> None:
    view.ask(op="hello", have=None)
    begun_s = time.monotonic()
    turn = 0
    while time.monotonic() < begun_s + 0.55:
        run.tell(started(0, turn % 12, attempt=turn // 12 + 1))
        turn += 1
    assert eventually(lambda: view.told()[-1]["seq"] == run.view_model.version)
    assert 3 <= len(view.told()) <= 1 + 10 * (time.monotonic() - begun_s) + 1


def test_a_detail_is_answered_at_once(view: Recorded) -> None:
    view.ask(op="detail", request="r1", group="g1", index=6)
    content = view.told()[0]
    assert (content["op"], content["request"], content["node"]["name"]) == ("detail", "r1", "clean[6]")


@pytest.mark.parametrize(("group", "index"), [("g77", 0), ("g1", 400)])
def test_a_detail_of_nothing_is_an_error_that_names_its_request(view: Recorded, group: str, index: int) -> None:
    view.ask(op="detail", request="r1", group=group, index=index)
    assert view.said == [({"v": 1, "op": "error", "request": "r1", "text": "The run has no such node."}, [])]


@pytest.mark.parametrize(
    "content",
    [
        None,
        {"v": 99, "op": "hello"},
        {"v": 1, "op": "command", "request": "x", "name": "__class__"},
        {"v": 1, "op": HOSTILE},
        {"v": 1, "op": "detail", "request": "x", "group": ["g"], "index": 0},
    ],
)
def test_a_message_of_another_form_is_refused_and_nothing_else_happens(
    run: StoryRun, view: Recorded, content: object
) -> None:
    version = run.view_model.version
    view._handle_custom_msg(content, [])
    assert view.ops() == ["error"]
    assert run.cancelled == []
    assert run.view_model.version == version


def test_cancel_is_passed_on_once_and_acknowledged(run: StoryRun, view: Recorded) -> None:
    for _ in range(3):
        view.ask(op="command", request="c1", name="cancel")
    assert eventually(lambda: view.ops() == ["ack"])
    assert run.cancelled == ["from the live view"]
    assert view.told()[0]["ok"] is True


def test_cancel_of_an_ended_run_is_refused_in_words() -> None:
    run = monthly()
    view = Recorded(run)
    view.ask(op="command", request="c1", name="cancel")
    assert eventually(lambda: view.ops() == ["ack"])
    assert view.told()[0] == {
        "v": 1,
        "op": "ack",
        "request": "c1",
        "ok": False,
        "text": "The run has ended already: FAILED.",
    }
    assert run.cancelled == []
    view.close()


def test_an_error_while_cancelling_reaches_who_clicked(run: StoryRun, view: Recorded) -> None:
    def broken(reason: str = "") -> None:
        raise ConnectionError(f"scheduler gone, {reason}")

    run.cancel = broken  # type: ignore[method-assign]
    view.ask(op="command", request="c1", name="cancel")
    assert eventually(lambda: view.ops() == ["ack"])
    assert view.told()[0]["text"] == "Could not cancel the run: ConnectionError: scheduler gone, from the live view"


@pytest.mark.parametrize("order", ["pause", "resume", "release"])
def test_other_orders_are_passed_on_and_answered(run: StoryRun, view: Recorded, order: str) -> None:
    if order == "resume":
        run.pause()
        run.ordered.clear()
    if order == "release":
        run.held_bytes = 1_200_000
        run.tell(run_finished(RunState.COMPLETED))
    view.ask(op="command", request="c1", name=order)
    assert eventually(lambda: view.ops() == ["ack"])
    assert view.told()[0]["ok"] is True
    assert run.ordered == [order]


def test_what_a_run_holds_is_asked_for_now_and_then_and_when_it_was_released(
    run: StoryRun, view: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    held = [1_000_000]

    def weigh(run: StoryRun) -> int:
        asked.append(held[0])
        return held[0]

    monkeypatch.setattr(StoryRun, "held_bytes", property(weigh), raising=False)
    monkeypatch.setattr(view_module, "_WEIGH_AGAIN_S", 600.0)  # however slow the machine is
    view.ask(op="hello", have=None)
    assert eventually(lambda: bool(view.told("snapshot")))
    for index in range(12):
        run.tell(started(0, index))
    assert eventually(lambda: view.told()[-1]["seq"] == run.view_model.version)
    assert len(asked) == 1
    assert view.told()[-1]["run"]["held_bytes"] == 1_000_000
    run.tell(run_finished(RunState.COMPLETED))
    assert eventually(lambda: view.told()[-1]["run"]["state"] == "COMPLETED")
    held[0] = 0
    run.tell()  # the run says that something has changed, though its view has not
    assert eventually(lambda: view.told()[-1]["run"]["held_bytes"] == 0)


def test_many_groups_at_once_are_told_in_pieces_without_further_news() -> None:
    view = Recorded(parents(5_000))
    view.ask(op="hello", have=None)
    assert eventually(lambda: len(view.told()) == 3)
    assert view.ops() == ["snapshot", "delta", "delta"]
    assert view.told()[-1]["cells"][-1]["length"] == 10_000
    view.close()


def test_rows_are_answered_with_names(view: Recorded) -> None:
    view.ask(op="rows", request="r1", group="g1", indexes=[6, 2])
    content = view.told()[0]
    assert (content["op"], content["request"], content["rows"]) == ("rows", "r1", [["clean[6]", ""], ["clean[2]", ""]])


def test_an_error_of_ours_is_told_and_does_not_escape(run: StoryRun, view: Recorded) -> None:
    run.view_model.groups[next(iter(run.view_model.groups))].errors = None  # type: ignore[assignment]
    view.ask(op="detail", request="r1", group="g0", index=0)
    assert view.ops() == ["error"]
    assert "AttributeError" in view.told()[0]["text"]


def test_messages_never_cross_while_many_threads_tell_and_ask(run: StoryRun, view: Recorded) -> None:
    view.ask(op="hello", have=None)
    assert eventually(lambda: bool(view.told("snapshot")))

    def tell(offset: int) -> None:
        for turn in range(100):
            run.tell(started(0, (turn + offset) % 12, attempt=turn + 1))
            if turn % 20 == offset:
                view.ask(op="hello", have=0)
                view.ask(op="detail", request=f"{offset}-{turn}", group="g0", index=0)

    threads = [threading.Thread(target=tell, args=(offset,)) for offset in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run.tell(run_finished(RunState.COMPLETED))
    assert eventually(lambda: any(c.get("run", {}).get("state") == "COMPLETED" for c, _ in view.said))
    known = -1
    for content, _ in view.said:
        if content["op"] == "delta":
            assert content["base"] == known
        if content["op"] in {"snapshot", "delta"}:
            assert content["seq"] >= known
            known = content["seq"]


def test_closing_ends_the_subscription_and_may_be_repeated(run: StoryRun) -> None:
    view = Recorded(run)
    assert run.watchers == 1
    view.close()
    view.close()
    assert run.watchers == 0
    del view
    gc.collect()
    run.tell(started(0))


def test_the_outcome_travels_with_the_widget_for_all_that_cannot_run_it() -> None:
    view = Recorded(monthly())
    bundle = view._repr_mimebundle_()
    assert bundle is not None
    data = bundle[0]
    assert set(data) == {"application/vnd.jupyter.widget-view+json", "text/plain", "text/html"}
    assert data["text/plain"].startswith("monthly FAILED in 7.8 s: 35 completed")
    assert "<table>" in data["text/html"]
    view.close()


def test_the_saved_state_of_a_widget_is_its_script_and_no_data() -> None:
    small, large = Recorded(StoryRun(run_started())), Recorded(monthly())
    states = [view.get_state() for view in (small, large)]
    for state in states:
        assert len(json.dumps({name: value for name, value in state.items() if name != "_esm"})) < 2_000
    assert len(states[0]["_esm"]) == len(states[1]["_esm"]) < 150_000
    small.close()
    large.close()


def test_a_view_that_is_not_built_says_so_in_one_line(
    run: StoryRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view_module, "SCRIPT", tmp_path / "widget.js")
    view_module._script.cache_clear()
    try:
        view = Recorded(run)
        bundle = view._repr_mimebundle_()
        assert bundle is not None
        assert (
            "<em>The live view is not built: run `npm ci &amp;&amp; npm run build` in labextension/.</em>"
            in bundle[0]["text/html"]
        )
        assert "is not built" in view._esm
        assert "export default" in view._esm
        view.close()
    finally:
        view_module._script.cache_clear()


def test_messages_are_taken_by_the_shell_that_the_front_end_named() -> None:
    class Comm:
        def _reply_subshell_for(self, data: object, default: object) -> object:
            return None

    comm = Comm()
    _take_messages_while_busy(comm)
    assert comm._reply_subshell_for({}, "subshell-1") == "subshell-1"


def test_a_kernel_without_such_routing_is_left_alone() -> None:
    comm = object()
    _take_messages_while_busy(comm)
    assert not hasattr(comm, "_reply_subshell_for")


def test_a_page_whose_output_was_saved_with_an_older_picture_gets_the_last_one(run: StoryRun, view: Recorded) -> None:
    run.tell(run_finished(RunState.COMPLETED))
    view.ask(op="still", request="s1")
    (still,) = view.told("still")
    assert (still["request"], still["text"].split()[:2]) == ("s1", ["monthly", "COMPLETED"])
    assert f'data-run="{run.id}" data-state="COMPLETED"' in still["html"]


def test_views_of_a_run_that_nobody_keeps_become_pictures() -> None:
    run, other = StoryRun(run_started(), monthly_graph()), monthly()
    view, kept = FlowView(run), FlowView(other)
    handle = view._output._handle = Handle()  # type: ignore[assignment]
    close_views(run)
    (picture,) = handle.pictures
    assert sorted(picture) == ["text/html", "text/plain"]
    assert view.comm is None
    assert kept.comm is not None
    kept.close()
    gone = weakref.ref(view)
    del view
    gc.collect()
    assert gone() is None
