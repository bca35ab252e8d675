"""Secrets show themselves to nobody, travel, and are known wherever they have been."""

from __future__ import annotations

import copy
import os
import pickle
import pickletools
import subprocess
import sys
import threading
from collections import OrderedDict, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfkit.authoring import secrets
from wfkit.authoring.freeze import freeze, thaw
from wfkit.authoring.pickler import dumps
from wfkit.authoring.secrets import (
    Secret,
    holds_secret,
    is_labelled,
    labelled,
    learn,
    names_secret,
    redacted,
    redacted_start,
)
from wfkit.errors import BadSecret

VALUE = "correct-horse/battery'staple"


@pytest.fixture(autouse=True)
def forgetful() -> Iterator[None]:
    """Let this process know as much as before; all else that is tested in it would be slower."""
    before = secrets._REDACTOR[0]
    yield
    secrets._REDACTOR[0] = before
    secrets._VALUES.clear()
    secrets._VALUES.update(dict.fromkeys(before.values))


def in_another_process(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_secret_shows_stars_and_gives_its_value() -> None:
    secret = Secret(VALUE)
    assert (repr(secret), str(secret), f"{secret}", f"{[secret]}") == ("***", "***", "***", "[***]")
    assert f"{secret:>5}" == "  ***"
    assert not hasattr(secret, "__dict__")
    assert secret.get() == VALUE


def test_secrets_are_equal_by_what_they_hold() -> None:
    assert Secret(VALUE) == Secret(VALUE)
    assert hash(Secret(VALUE)) == hash(Secret(VALUE))
    assert Secret(VALUE) != Secret("another one")
    assert Secret("PATH") != Secret(env="PATH")
    assert Secret(VALUE) != VALUE


def test_what_is_known_is_taken_out_of_texts() -> None:
    secret = Secret("known-to-this-process")
    assert redacted(f"<{secret.get()}>") == "<***>"
    assert redacted_start(secret.get() + "x" * 10_000, 10) == "***xxxxxxx"


def test_a_secret_of_the_environment_is_read_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WFKIT_TEST_PASSWORD", raising=False)
    secret = Secret(env="WFKIT_TEST_PASSWORD")
    with pytest.raises(BadSecret, match="WFKIT_TEST_PASSWORD is not set"):
        secret.get()
    monkeypatch.setenv("WFKIT_TEST_PASSWORD", "from-the-environment")
    assert secret.get() == "from-the-environment"
    assert redacted("from-the-environment") == "***"


def test_of_a_secret_of_the_environment_only_the_name_travels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WFKIT_TEST_PASSWORD", "stays-at-home")
    payload = pickle.dumps(Secret(env="WFKIT_TEST_PASSWORD"))
    assert b"stays-at-home" not in payload
    assert pickle.loads(payload).get() == "stays-at-home"


@pytest.mark.parametrize("arguments", [{}, {"value": "a", "env": "b"}, {"value": 5}, {"env": b"x"}])
def test_what_is_no_secret_is_refused(arguments: Any) -> None:
    with pytest.raises(BadSecret, match=r"Secret\(\)"):
        Secret(**arguments)


def test_a_secret_is_known_where_it_has_travelled_to() -> None:
    payload = pickle.dumps([Secret("it-came-by-pickle")])
    code = f"""
import pickle
from wfkit.authoring.secrets import redacted
before = redacted("it-came-by-pickle")
(secret,) = pickle.loads({payload!r})
print(before, secret, redacted(secret.get()), secret.get() == "it-came-" + "by-pickle")
"""
    assert in_another_process(code) == "it-came-by-pickle *** *** True"
    assert copy.deepcopy(Secret(VALUE)) == copy.copy(Secret(VALUE)) == Secret(VALUE)


def test_text_that_was_taken_out_of_a_secret_is_known_where_it_travels_to() -> None:
    frozen, _ = freeze((("user", Secret("passed-on-as-text").get()), {}), "load")
    code = f"""
import pickle
from wfkit.authoring.secrets import redacted
args, _ = pickle.loads({frozen.payload!r})
print(redacted(args[0]), redacted(args[1]))
"""
    assert in_another_process(code) == "user ***"
    assert thaw(frozen, str) == (("user", "passed-on-as-text"), {})


@given(value=st.recursive(st.text() | st.integers(), lambda inner: st.lists(inner) | st.tuples(inner, inner)))
def test_a_labelled_pickle_is_the_same_value(value: object) -> None:
    learn((VALUE,))
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        same = [value, VALUE, value]
        payload = labelled(pickle.dumps(same, protocol=protocol))
        assert pickle.loads(payload) == same
        assert sum(operation.name == "STOP" for operation, _, _ in pickletools.genops(payload)) == 1


def test_a_pickle_without_secrets_has_no_label() -> None:
    learn((VALUE,))
    for value in (["nothing", 1], "ab", Secret(env="WFKIT_TEST_PASSWORD")):
        payload = pickle.dumps(value)
        assert labelled(payload) is payload
        assert not is_labelled(payload)


def test_a_pickle_is_labelled_for_text_for_a_buffer_and_for_a_secret_however_short() -> None:
    learn((VALUE,))
    buffers: list[pickle.PickleBuffer] = []
    payload = pickle.dumps(pickle.PickleBuffer(VALUE.encode()), protocol=5, buffer_callback=buffers.append)
    assert is_labelled(labelled(payload, buffers))
    assert not is_labelled(labelled(payload))
    assert is_labelled(labelled(pickle.dumps({VALUE: 1})))
    short = labelled(pickle.dumps({"k": [Secret("ab")]}))
    assert is_labelled(short)
    assert pickle.loads(short) == {"k": [Secret("ab")]}


def test_text_and_data_hold_a_secret() -> None:
    assert not holds_secret(f"<{VALUE}>")
    learn((VALUE,))
    assert holds_secret(f"<{VALUE}>")
    assert holds_secret(f"<{VALUE}>".encode())
    assert not holds_secret("ab")


def test_threads_that_learn_at_the_same_time_lose_nothing() -> None:
    def work(number: int) -> None:
        for count in range(20):
            learn((f"learned-by-{number}-{count}-",))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(4):
        assert redacted("".join(f"learned-by-{number}-{count}-" for count in range(20))).strip("*") == ""


class Pair(NamedTuple):
    first: object
    second: object


def written(source: str) -> None:
    """Learn from code as if it travelled."""
    names: dict[str, Any] = {"Secret": Secret, "wfkit": sys.modules["wfkit.authoring.secrets"]}
    exec(compile(source, "<cell>", "exec"), names)
    dumps(names["f"])


@pytest.mark.parametrize(
    "made",
    [
        "Secret('a-value-in-code')",
        "Secret(value='a-value-in-code')",
        "wfkit.Secret('a-value-' 'in-code').get()",
        "[Secret('''a-value-in-code''') for _ in range(2)]",
        "(lambda: print(Secret('a-value-in-code')))",
    ],
)
def test_code_that_travels_tells_the_secrets_that_it_makes(made: str) -> None:
    written(f"def f():\n    return {made}")
    assert redacted("it is a-value-in-code") == "it is ***"


def test_the_name_of_an_environment_variable_is_no_secret() -> None:
    written("def f(x):\n    return Secret(env='a-value-in-code'), print('a-value-in-code'), Secret(x)")
    assert redacted("it is a-value-in-code") == "it is a-value-in-code"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"password": "x"}, True),
        ({"options": [{"n": 1}, {"apiKey": 1}]}, True),
        ({"password": None, "token": False, "secret": Secret(env="WFKIT_TEST_PASSWORD")}, False),
        ({"n_tokens": 5, 1: "x"}, False),
        ("password", False),
        (OrderedDict(n=[Pair(1, defaultdict(int, token=1))]), True),
        ([1, {"n": 1}, [2, ({"password": 1},)]], True),
    ],
)
def test_what_has_the_name_of_a_secret_is_found_in_containers(value: object, told: bool) -> None:
    assert names_secret(value) is told


def test_names_are_looked_for_once_in_what_contains_itself() -> None:
    loop: list[object] = [1]
    table = {"loop": loop}
    loop += [table, loop]
    assert names_secret(loop) is False
    table["password"] = loop
    assert names_secret(loop) is True


def test_how_deep_containers_are_nested_does_not_matter() -> None:
    value: object = {"password": 1}
    for _ in range(100_000):
        value = [value]
    assert names_secret(value) is True


class File(Mapping[str, object]):
    """A mapping of what is in a file."""

    def __init__(self) -> None:
        self.reads = 0

    def __getitem__(self, name: str) -> object:
        self.reads += 1
        return name

    def __iter__(self) -> Iterator[str]:
        self.reads += 1
        return iter(["password"])

    def __len__(self) -> int:
        self.reads += 1
        return 1


def test_a_mapping_that_may_read_a_file_is_not_read_for_names() -> None:
    file = File()
    assert names_secret({"a": file, "b": [file]}) is names_secret(file) is False
    assert file.reads == 0


def test_the_environment_is_looked_through_for_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os.environ, "_data", {})
    assert names_secret({"env": os.environ}) is False
    monkeypatch.setenv("DB_PASSWORD", "x")
    assert names_secret({"env": os.environ}) is True
