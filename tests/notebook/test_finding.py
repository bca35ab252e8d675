"""Finding nodes by text: reasons, verdicts, and names that the browser does not know."""

from __future__ import annotations

from dataclasses import replace

from tests.notebook.stories import crawl, long_run
from tests.notebook.telling import WORKERS, StoryRun, ended, run_started, silent, spec, started
from wfkit.core.events import NodesAdded, NodesDecided, Verdict
from wfkit.core.ids import GroupId
from wfkit.core.states import TaskState
from wfkit.notebook.deck import Deck
from wfkit.notebook.finding import found


def names(run: StoryRun, text: str) -> list[str]:
    """Names of the nodes that are found."""
    deck = Deck()
    deck.update(run.view_model)
    cards, masks = found(run.view_model, deck, text)
    nodes = [
        deck.by_id[card].node(8 * at + bit)
        for card, mask in zip(cards, masks, strict=True)
        for at, byte in enumerate(mask)
        for bit in range(8)
        if byte >> bit & 1
    ]
    return [group.name(index) for group, index in nodes]


def test_reasons_are_found_whatever_their_capitals() -> None:
    run = long_run(30)
    run.tell(ended(0, 9, TaskState.CANCELLED, reason="by Somebody"), ended(0, 21, TaskState.SKIPPED, reason="nothing"))
    assert names(run, "SOMEBODY") == ["item[9]"]
    assert names(run, "o") == ["item[9]", "item[21]"]
    assert names(run, "no such") == []


def test_nodes_that_are_stalled_are_found_by_what_is_said_of_them() -> None:
    run = long_run(30)
    run.tell(started(0, 3), started(0, 4), silent(WORKERS[1]))
    assert names(run, "Stalled") == ["item[3]"]
    run.tell(silent())
    assert names(run, "Stalled") == []


def test_names_that_the_browser_makes_itself_are_left_to_it() -> None:
    assert names(long_run(30), "item") == []
    assert names(long_run(30), "[3]") == []


def test_names_of_parts_are_found() -> None:
    group = replace(spec(0, "line", 5, mapped=True), parts=((1, 2), (0, 3)))
    run = StoryRun(run_started(), NodesAdded(groups=(group,)))
    assert names(run, "LINE[0.") == ["line[0.0]", "line[0.1]", "line[0.2]"]
    assert names(run, "1]") == ["line[1.1]", "line[0.1]"]
    assert len(names(run, "lin")) == 5


def test_names_of_spawned_nodes_are_found() -> None:
    run = crawl()
    spawned = [group for group in run.view_model.groups.values() if group.spec.task == "read"]
    group = spawned[1]
    assert names(run, group.spec.name + "[2]") == [group.name(2)]
    assert set(names(run, group.spec.name)) >= {group.name(index) for index in range(len(group))}


def test_what_a_rerun_decided_is_found_as_far_as_it_is_shown() -> None:
    run = long_run(3)
    kept = Verdict(nodes=(0, 1), reused=True, reason="same code", stale="old input")
    run.tell(NodesDecided(group=GroupId("g0"), verdicts=(kept, Verdict(nodes=(1, 3), reused=False, reason="new code"))))
    assert names(run, "old input") == ["item[0]"]
    assert names(run, "code") == ["item[0]", "item[1]", "item[2]"]
    run.tell(ended(0, 2, TaskState.CANCELLED, reason="stopped"))
    assert names(run, "new code") == ["item[1]"]
