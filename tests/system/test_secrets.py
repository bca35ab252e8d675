"""Secrets on real workers: a canary that goes in everywhere comes out nowhere, and still arrives where it is used."""

from __future__ import annotations

import base64
import json
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from secrets import token_urlsafe
from typing import Any
from urllib.parse import quote

import pytest

from tests.system.running import TIMEOUT_S, Workers, ran, states
from wfkit import Fail, Retry, Secret, Skip, current, flow, task, unmapped
from wfkit.core.events import AnyEvent
from wfkit.core.snapshot import snapshot
from wfkit.core.wire import to_json
from wfkit.engine.driver.live import LiveRun
from wfkit.engine.driver.run import Run
from wfkit.engine.scheduler.plugin import topic
from wfkit.errors import FlowFailed, TaskFailed
from wfkit.notebook.display import run_html, run_text

#: With what is escaped, quoted and encoded in different ways.
CANARY = "zQ9v+Xk7/Lw2 'ü"
SECRET = Secret(CANARY)
#: What only the workers know, from their environment.
THEIRS = "hB4t~Rm8&Jd5%ß"
VARIABLE = "WFKIT_TEST_CANARY"
_LEAST = 5
#: News to the driver that carry values: the arguments of a spawned call, and what stands beside returned handles.
ON_PURPOSE = {"spawn", "promise"}


def forms(value: str) -> Iterator[str]:
    """Parts of a value as they would stand in a text, each long enough to be no accident."""
    raw = value.encode()
    yield from (value[start : start + _LEAST] for start in range(len(value) - _LEAST + 1))
    yield from (quote(value), quote(value, safe=""), json.dumps(value)[1:-1], repr(raw)[2:-1], raw.hex())
    for before in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(b"x" * before + raw).decode()[4:-4]


def leaks(text: str) -> list[str]:
    return [form for value in (CANARY, THEIRS) for form in forms(value) if form in text]


class Told:
    """All that is told of runs."""

    def __init__(self, cluster: Workers) -> None:
        self.cluster = cluster
        self.events: list[AnyEvent] = []

    def of(self, run: Run) -> dict[str, str]:
        """Everything that a face, a history or a log could show of a run."""
        view = run.view_model
        handles = [run.node(row.name) for row in run.nodes]
        heard = self.cluster.client.get_events(topic(run.id))
        return {
            "snapshot": json.dumps(snapshot(view), default=repr, ensure_ascii=False),
            "events": "\n".join(map(repr, self.events)),
            "events as JSON": "\n".join(map(to_json, self.events)),
            "news": repr([one for _, news in heard for one in news if one[0] not in ON_PURPOSE]),
            "logs": "\n".join(line.text for line in run.logs()),
            "logs of nodes": "\n".join(line.text for handle in handles for line in handle.logs()),
            "reprs": "\n".join(map(repr, [run, run.nodes, *handles])),
            "text": run_text(view, 0.0),
            "HTML": run_html(view, 0.0),
        }


@pytest.fixture
def told(unharmed: Workers, monkeypatch: pytest.MonkeyPatch) -> Told:
    unharmed.client.run(lambda: os.environ.update({VARIABLE: THEIRS}))
    everything = Told(unharmed)
    record = LiveRun.record_events

    def recorded(run: LiveRun, events: Any, encoded: Any = ()) -> None:
        events = list(events)
        everything.events += events
        record(run, events, encoded)

    monkeypatch.setattr(LiveRun, "record_events", recorded)
    return everything


def assert_nothing_leaks(told: Told, run: Run) -> None:
    found = {where: leaks(text) for where, text in told.of(run).items()}
    assert {where: what for where, what in found.items() if what} == {}


class Connection:
    """Tells its password."""

    def __init__(self, password: str) -> None:
        self.password = password

    def __repr__(self) -> str:
        return f"<Connection as me with {self.password}>"


def lines(run: Run, name: str) -> list[str]:
    return [line.text for line in run.node(name).logs()]


@task(log_prints=True)
def say(text: Any) -> str:
    print(text)
    return "said"


# --- ways in ---


def test_what_is_printed_logged_or_warned_is_hidden(told: Told) -> None:
    @task(log_prints=True)
    def by_argument(secret: Secret) -> None:
        print("it is", secret.get())
        print(secret, secret.get()[:7], end="")
        print(secret.get()[7:])
        sys.stderr.write(secret.get()[:3])
        sys.stderr.write(secret.get()[3:] + "\n")

    @task(log_prints=True)
    def by_default(secret: Secret = SECRET) -> None:
        logging.getLogger("mine").warning("as %s and %r", secret.get(), {"k": secret.get()})
        warnings.warn(f"beware of {secret.get()}", stacklevel=1)

    @task(log_prints=True)
    def by_name_of_the_notebook() -> None:
        print(f"dsn://me:{quote(SECRET.get(), safe='')}@host", base64.b64encode(b"me:" + SECRET.get().encode()))
        logging.getLogger().error("%s", Connection(SECRET.get()))

    @task(log_prints=True)
    def by_environment(secret: Secret) -> None:
        print(secret.get(), json.dumps([secret.get()]))

    @task(log_prints=True)
    def beyond_the_end(text: str) -> None:
        for place in range(3_980, 4_003):
            print("." * place + text)
        print("." * 100_000 + text)

    def body() -> Any:
        texts = [by_argument(SECRET), by_default(), by_name_of_the_notebook(), by_environment(Secret(env=VARIABLE))]
        return [*texts, say(SECRET.get()), say(Connection(SECRET.get())), beyond_the_end(CANARY)]

    run = ran(body)
    assert {row.name: row.reason for row in run.nodes if row.state != "COMPLETED"} == {}
    assert lines(run, "by_argument") == ["it is ***", "*** ***", "***"]
    assert lines(run, "by_default")[0] == "as *** and {'k': \"***\"}"
    assert "beware of ***" in lines(run, "by_default")[1]
    assert lines(run, "by_environment") == ['*** ["***"]']
    assert lines(run, "say") == ["***"]
    assert lines(run, "say#2") == ["<Connection as me with ***>"]
    assert_nothing_leaks(told, run)


def test_what_is_raised_is_hidden_and_text_stands_for_the_exception(told: Told) -> None:
    @task
    def raises(secret: Secret) -> None:
        raise KeyError(secret.get())

    @task
    def chains(secret: Secret) -> None:
        try:
            raise OSError(f"dsn://me:{quote(secret.get())}@host")
        except OSError as error:
            error.add_note(f"noted {secret.get()}")
            raise RuntimeError("." * 1_970 + secret.get() + "." * 5_000) from error

    @task(retries=1)
    def retried(secret: Secret) -> None:
        if current.attempt == 1:
            raise Retry(secret.get())
        raise Fail(secret.get())

    @task
    def skips(secret: Secret) -> None:
        raise Skip(secret.get())

    @task(isolate="process", log_prints=True, retries=1, retry_on=KeyError)
    def apart(secret: Secret) -> None:
        print(secret.get())
        raise KeyError(secret.get(), current.attempt)

    @task(timeout_seconds=0.2)
    def too_slow(secret: Secret) -> None:
        try:
            while True:
                pass
        finally:
            raise ValueError(secret.get())

    every: list[Callable[[Secret], Any]] = [raises, chains, retried, skips, apart, too_slow]
    run = ran(lambda: [one(secret) for one in every for secret in (SECRET, Secret(env=VARIABLE))])
    assert [states(run)[name] for name in ("raises", "chains", "retried", "skips", "apart", "too_slow")] == [
        *["FAILED"] * 3,
        "SKIPPED",
        *["FAILED"] * 2,
    ]
    assert [row.attempts for row in run.nodes if row.name == "apart"] == [2]  # it was a KeyError on the worker
    error = run.node("raises").exception()
    assert type(error) is TaskFailed
    assert str(error) == '`raises` failed: KeyError: "***"'
    assert_nothing_leaks(told, run)


def test_a_value_is_hidden_where_it_arrives_as_text_only(told: Told) -> None:
    first, second = told.cluster.addresses
    fresh = Secret(token_urlsafe())  # that no process has seen

    @task(workers=first)
    def text(secret: Secret) -> list[str]:
        return [secret.get()]

    use = say.with_options(workers=second)
    run = ran(lambda: [use(text(fresh)), use(fresh.get()), use.map([fresh.get()], wait_for=[])])
    assert [lines(run, name) for name in ("say", "say#2", "say#3[0]")] == [["['***']"], ["***"], ["***"]]
    assert fresh.get() not in "".join(told.of(run).values())


def test_what_is_returned_arrives_and_is_in_no_event_and_in_no_picture(told: Told) -> None:
    first, second = told.cluster.addresses

    @task(workers=first)
    def text(secret: Secret, before: int) -> str:
        return "." * before + secret.get()

    @task(workers=first)
    def container(secret: Secret) -> Any:
        return {"dsn": [f"dsn://me:{quote(secret.get(), safe='')}@host", secret.get().encode()], "secret": secret}

    @task(workers=second, log_prints=True)
    def use(value: Any) -> int:
        """Whose worker has never seen the secret, but in this value."""
        print(value)
        return len(value)

    def body() -> Any:
        theirs = Secret(env=VARIABLE)
        texts = [text(secret, before) for secret in (SECRET, theirs) for before in (0, 75)]
        return [use(one) for one in [*texts, container(SECRET), container(theirs)]]

    run = ran(body)
    assert {row.name: row.reason for row in run.nodes if row.state != "COMPLETED"} == {}
    assert run.node("text").result() == CANARY
    assert run.node("text#4").result() == "." * 75 + THEIRS
    found: Any = run.node("container").result()
    assert found["secret"] == SECRET
    assert lines(run, "use") == ["***"]
    assert lines(run, "use#3") == ["***"]
    assert {len(group.inline) for group in run.view_model.groups.values() if group.spec.task != "use"} == {0}
    assert_nothing_leaks(told, run)


def test_names_labels_and_parameters_are_hidden(told: Told) -> None:
    @task(task_run_name="for {secret} as {text} and {password}")
    def labelled(secret: Secret, text: str, password: str) -> str:
        return password and "used"

    @flow
    def etl(secret: Secret, text: str, password: str, many: Any) -> Any:
        logging.getLogger("body").warning("in the body %s", text)
        print("body", secret.get()[:5], end="")
        print(secret.get()[5:])
        return labelled.map([secret, secret], text=unmapped(text), password=unmapped(password))

    run: Any = etl.start(SECRET, CANARY, "plain", [Connection(CANARY), {"token": "plain"}])
    run.wait(TIMEOUT_S)
    assert run.result() == ["used", "used"]
    assert dict(run.view_model.parameters)["password"] == "***"
    assert [line.text for line in run.logs()] == ["in the body ***", "body ***"]
    assert run.view_model.by_name("labelled")[0].spec.labels == ("for *** as *** and ***",) * 2
    assert "plain" not in "".join(told.of(run).values())
    assert_nothing_leaks(told, run)


def test_what_tasks_spawn_and_return_as_handles_is_hidden(told: Told) -> None:
    @task
    def joined(part: str, secret: Secret) -> str:
        return part + secret.get()

    @task(log_prints=True)
    def parent(secret: Secret) -> Any:
        print(joined.submit("waited for ", secret).result())
        return [joined.submit("part ", secret), secret.get(), say.submit(secret.get())]

    run = ran(lambda: parent(Secret(env=VARIABLE)))
    assert {row.name: row.reason for row in run.nodes if row.state != "COMPLETED"} == {}
    assert run.node("parent").result() == [f"part {THEIRS}", THEIRS, "said"]
    assert lines(run, "parent") == ["waited for ***"]
    assert_nothing_leaks(told, run)


def test_elements_of_carriers_are_as_all_others(told: Told) -> None:
    @task(log_prints=True)
    def one(number: int, secret: Secret) -> Any:
        if number % 3 == 0:
            raise ValueError(secret.get())
        print(secret.get())
        return number if number % 3 == 1 else [secret.get()]

    run = ran(lambda: one.map(range(300), unmapped(SECRET), chunk=50))
    assert run.node("one[4]").result() == 4
    assert run.node("one[5]").result() == [CANARY]
    assert sorted(run.view_model.by_name("one")[0].inline) == list(range(1, 300, 3))
    assert_nothing_leaks(told, run)


def test_how_a_run_ends_is_told_without_secrets(told: Told) -> None:
    def fails() -> None:
        print(CANARY)
        raise ValueError("." * 190 + CANARY)

    run = ran(fails)
    with pytest.raises(FlowFailed) as caught:
        run.result()
    assert leaks(str(caught.value)) == []
    assert_nothing_leaks(told, run)

    @task
    def waits() -> None:
        while True:
            pass

    @flow
    def cancelled() -> Any:
        return waits()

    run: Any = cancelled.start()  # type: ignore[no-redef]  # the second of two
    run.cancel(f"because of {CANARY}")
    run.wait(TIMEOUT_S)
    assert run.view_model.reason == "because of ***"
    assert_nothing_leaks(told, run)
