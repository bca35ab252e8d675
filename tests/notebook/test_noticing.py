"""Who looks whether the code has changed: soon, once for many calls, and not all the time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from wfkit.notebook.noticing import Noticing


class Looked:
    """A view that counts looks, and takes its time for each."""

    def __init__(self, takes: Callable[[], None] = lambda: None) -> None:
        self.times: list[float] = []
        self._takes = takes
        self.looked = threading.Condition()

    def notice(self) -> None:
        self._takes()
        with self.looked:
            self.times.append(time.monotonic())
            self.looked.notify_all()

    def was_looked_at(self, count: int) -> bool:
        with self.looked:
            return self.looked.wait_for(lambda: len(self.times) >= count, timeout=3.0)


def test_each_view_is_looked_at_after_a_call_until_it_is_gone() -> None:
    noticing, first, second = Noticing(), Looked(), Looked()
    noticing.add(first)
    noticing.add(second)
    noticing.look()
    assert first.was_looked_at(1)
    assert second.was_looked_at(1)
    noticing.discard(second)
    noticing.look()
    assert first.was_looked_at(2)
    assert len(second.times) == 1


def test_calls_during_a_look_lead_to_one_more_after_a_rest_that_is_long_against_it() -> None:
    begun = threading.Event()

    def takes() -> None:
        begun.set()
        threading.Event().wait(0.02)

    noticing, view = Noticing(rest=10.0), Looked(takes)
    noticing.add(view)
    noticing.look()
    assert begun.wait(3.0)
    for _ in range(5):
        noticing.look()
    assert view.was_looked_at(2)
    assert view.times[1] - view.times[0] >= 0.2
    assert len(view.times) == 2


def test_a_view_that_cannot_look_blinds_no_other() -> None:
    def fails() -> None:
        raise RuntimeError("of the user")

    noticing, broken, view = Noticing(), Looked(fails), Looked()
    noticing.add(broken)
    noticing.add(view)
    noticing.look()
    assert view.was_looked_at(1)


def test_without_views_no_thread_is_started() -> None:
    before = threading.active_count()
    Noticing().look()
    assert threading.active_count() == before


def test_a_view_that_is_collected_while_views_are_looked_up_does_not_stop_the_look() -> None:
    noticing = Noticing()

    class Closing:
        def notice(self) -> None:
            """Nothing."""

        def __del__(self) -> None:
            noticing.discard(self)

    class Collecting:
        """Where the set looks for its place, another view goes: as the garbage collector does it at any time."""

        def __init__(self) -> None:
            self.others = [Closing()]

        def __hash__(self) -> int:
            self.others.clear()
            return 1

        def notice(self) -> None:
            """Nothing."""

    view = Collecting()
    thread = threading.Thread(target=noticing.add, args=(view,), daemon=True)
    thread.start()
    thread.join(5)
    assert not thread.is_alive()
    assert noticing.views() == [view]
