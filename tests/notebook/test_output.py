"""What a cell shows of a run ends with its outcome, once."""

from __future__ import annotations

import threading

from tests.notebook.outputs import Handle
from tests.notebook.stories import monthly, monthly_graph
from tests.notebook.telling import StoryRun, run_finished, run_started
from wfkit.core.states import RunState
from wfkit.notebook.output import StaticView


def test_where_nobody_can_click_text_and_html_are_all_there_is() -> None:
    data = StaticView(monthly())._repr_mimebundle_()
    assert set(data) == {"text/plain", "text/html"}
    assert data["text/plain"].startswith("monthly FAILED in 7.8 s")


def test_an_end_that_two_threads_see_at_once_is_shown_once() -> None:
    """One renders, which takes the run's lock; the other reports the end, and holds that lock."""
    run = StoryRun(run_started(), monthly_graph())
    view = StaticView(run)
    handle = view._output._handle = Handle()  # type: ignore[assignment]
    ended_it = threading.Event()

    def report() -> None:
        with run.lock:
            run.tell(run_finished(RunState.COMPLETED))
            ended_it.set()
            handle.renders.wait(0.3)  # only where rendering does not take the run's lock first
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
