"""What a cell shows of a run ends with its outcome, once."""

from __future__ import annotations

import threading

from tests.notebook.outputs import Handle
from tests.notebook.stories import monthly, monthly_graph
from tests.notebook.telling import StoryRun, run_finished, run_started
from wfkit.core.states import RunState
from wfkit.notebook.output import Bundle, Output, ShownRun, StaticView, bundle_of


def test_where_nobody_can_click_text_and_html_are_all_there_is() -> None:
    data = StaticView(monthly())._repr_mimebundle_()
    assert set(data) == {"text/plain", "text/html"}
    assert data["text/plain"].startswith("monthly FAILED in 7.8 s")


def test_an_end_that_two_threads_see_at_once_is_shown_once() -> None:
    """One renders, which takes the run's lock; the other reports the end, and holds that lock."""
    rendering, ended_it = threading.Event(), threading.Event()

    class Rendered(StoryRun):
        @property
        def held_bytes(self) -> int:
            rendering.set()
            return 0

        @held_bytes.setter
        def held_bytes(self, _: int) -> None: ...

    run = Rendered(run_started(), monthly_graph())
    view = StaticView(run)
    handle = view._output._handle = Handle()  # type: ignore[assignment]

    def report() -> None:
        with run.lock:
            run.tell(run_finished(RunState.COMPLETED))
            ended_it.set()
            rendering.wait(0.3)  # only where rendering does not take the run's lock first
            view.settle()

    def see() -> None:
        ended_it.wait()
        view.settle()

    threads = [threading.Thread(target=one, daemon=True) for one in (report, see)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert not any(thread.is_alive() for thread in threads)
    assert ["monthly COMPLETED" in picture["text/plain"] for picture in handle.pictures] == [True]


def test_the_outcome_is_of_the_run_that_has_ended_though_the_output_turns_to_another_one() -> None:
    """The picture takes the lock of its run: that of another one may be held by who waits for ours."""
    first, second = monthly(), StoryRun(run_started(), monthly_graph())
    output = Output(first)
    handle = output._handle = Handle()  # type: ignore[assignment]
    shown = []

    def picture(run: ShownRun) -> Bundle:
        output.turn_to(second)
        shown.append(run)
        return bundle_of(run), {}

    output.settle(picture)
    output.settle(picture)
    assert shown == [first]
    assert ["monthly FAILED" in picture["text/plain"] for picture in handle.pictures] == [True]
