"""Redaction: no value survives, whatever surrounds it; names hide what follows them; all other text stays as it is."""

from __future__ import annotations

import base64
import json
import pickle
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfkit.core.disguises import in_base64
from wfkit.core.redaction import HIDDEN, Redactor, is_secret_name

secrets = st.text(min_size=4, max_size=12) | st.text(alphabet="ab*\\% '\"\n", min_size=4, max_size=8)
around = st.text(max_size=8) | st.text(alphabet="ab*\\% '\"\n=:", max_size=8)

FORMS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "repr": lambda text: repr(text)[1:-1],
    "JSON": lambda text: json.dumps(text)[1:-1],
    "URL": lambda text: quote(text, safe=""),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
}


@pytest.mark.parametrize("how", FORMS)
@given(values=st.lists(secrets, min_size=1, max_size=3), before=around, after=around)
def test_no_value_survives_whatever_surrounds_it(how: str, values: list[str], before: str, after: str) -> None:
    redactor = Redactor(values)
    for value in values:
        for text in (FORMS[how](f"{before}{value}{after}"), f"{before}{FORMS[how](value)}{after}"):
            left = redactor.redact(text)
            assert HIDDEN in left
            for each in values:
                assert each not in left
                assert not any(form in left for form in in_base64(each))
                if "base64" not in how:
                    assert FORMS[how](each) not in left


words = st.sampled_from(["password", "api_key", "hunter2", "x", "***", "%40", "://"])
signs = st.sampled_from(["=", ": ", " ", '"', "'", "*", "\\", "@", "(", "]", "\n"])


@given(values=st.lists(secrets | st.just("hunter2"), max_size=2), text=st.lists(words | signs | around).map("".join))
def test_to_do_it_again_changes_nothing(values: list[str], text: str) -> None:
    redactor = Redactor(values)
    left = redactor.redact(text)
    assert redactor.redact(left) == left


@given(text=st.text(alphabet="xyz (){}[]'\"\\%&+=:\n\t☃é"), values=st.lists(st.text(alphabet="12345", min_size=4)))
def test_text_without_secrets_is_the_same(text: str, values: list[str]) -> None:
    assert Redactor(values).redact(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "max_tokens=512, n_tokens: 7",
        "secrets: 3",
        "passed: 12, key=value, keys: a",
        "http://host:80/path user@host",
        "git@github.com:me/it.git",
        "the token was accepted",
        "password",
        "password=",
        "tokenizer=fast",
    ],
)
def test_words_that_resemble_names_hide_nothing(text: str) -> None:
    assert Redactor().redact(text) == text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("password=hunter2", "password=***"),
        ("DB_PASSWORD = hunter2, next", "DB_PASSWORD = ***, next"),
        ("token: abc.def-ghi", "token: ***"),
        ('{"api_key": "a, \\"b\\" c", "n": 1}', '{"api_key": ***, "n": 1}'),
        ("{'password': 'it\\'s', 'n': 2}", "{'password': ***, 'n': 2}"),
        ('{\\"secret\\": \\"x y\\", \\"n\\": 1}', '{\\"secret\\": ***, \\"n\\": 1}'),
        ("{'token': b'abc', 'n': 2}", "{'token': ***, 'n': 2}"),
        ("Authorization: Bearer abc.def", "Authorization: ***"),
        ("{'Authorization': 'Basic abc='}", "{'Authorization': ***}"),
        ("x-api-key: abc", "x-api-key: ***"),
        ("AWS_SECRET_ACCESS_KEY=ab/cd+ef==", "AWS_SECRET_ACCESS_KEY=***"),
        ("clientSecret=abc;", "clientSecret=***;"),
        ("https://h/?user=me&access_token=abc&n=1", "https://h/?user=me&access_token=***&n=1"),
        ("postgres://me:p@ss:word@host/db", "postgres://me:***@host/db"),
        ("redis://:abc@host", "redis://:***@host"),
        ("os.environ['PRIVATE_KEY'] = 'abc'", "os.environ['PRIVATE_KEY'] = ***"),
        ('def f(password: str | None = "abc", n=1):', "def f(password: ***, n=1):"),
        ("credentials=['a', 'b'] n=1", "credentials=*** n=1"),
        ("(passphrase=abc)", "(passphrase=***)"),
        ("password='it was cut here", "password=***"),
        ("İİ token: abc", "İİ token: ***"),
        ("token: abc\nnext: line", "token: ***\nnext: line"),
    ],
)
def test_names_hide_what_follows_them(text: str, left: str) -> None:
    assert Redactor().redact(text) == left


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("password", True),
        ("db_password", True),
        ("apiKey", True),
        ("API_KEY", True),
        ("credentials", True),
        ("token", True),
        ("n_tokens", False),
        ("key", False),
        ("passenger", False),
        ("secret_santa", False),
    ],
)
def test_a_name_is_a_secret_one_by_its_end(name: str, secret: bool) -> None:
    assert is_secret_name(name) is secret


def test_values_that_overlap_or_contain_each_other_leave_nothing() -> None:
    assert Redactor(["abcdef", "defghi"]).redact("<abcdefghi>") == "<***>"
    assert Redactor(["xabc", "abcdefgh"]).redact("<xabcdefgh>") == "<***>"
    assert Redactor(["abab"]).redact("<ababab>") == "<***>"
    assert Redactor(["abc***", "hunter2"]).redact("abchunter2") == HIDDEN


def test_each_line_of_a_value_is_found() -> None:
    key = "-----BEGIN KEY-----\nMIIEowIBAAKC\n\nabc\n  AQEAz+x/9  \n-----END KEY-----\n"
    redactor = Redactor([key])
    assert redactor.redact(f"<{key}>") == f"<{HIDDEN}>"
    assert redactor.redact(repr(key)) == f"'{HIDDEN}'"
    assert redactor.redact("MIIEowIBAAKC") == HIDDEN
    assert redactor.redact("AQEAz+x/9") == HIDDEN
    assert redactor.redact("abc") == "abc"


def test_short_values_are_known_and_not_looked_for() -> None:
    redactor = Redactor(["abc", ""])
    assert redactor.values == {"abc", ""}
    assert redactor.redact("abc") == "abc"
    assert redactor.found_in(b"abc") == ()


def test_one_that_follows_another_knows_its_values_too() -> None:
    redactor = Redactor(["second"], Redactor(["first", "second"]))
    assert redactor.values == {"first", "second"}
    assert redactor.redact("first, second") == "***, ***"


@pytest.mark.parametrize("value", ["hunter2-hunter2", "p@ss w/rd'"])
@pytest.mark.parametrize("most", [0, 1, 80])
def test_the_start_of_a_text_ends_with_no_part_of_a_value(value: str, most: int) -> None:
    redactor = Redactor([value])
    for place in range(most + 2 * len(value)):
        text = "x" * place + value * 3 + "y" * 5_000
        start = redactor.start(text, most)
        assert start == redactor.redact(text)[:most]
        assert start.rstrip("*y") == "x" * min(place, most)
    assert redactor.start(value * 5_000 + "y", most).strip("*") == ""


def test_the_start_of_a_text_without_secrets_is_its_start() -> None:
    assert Redactor().start("x" * 10_000, 80) == "x" * 80
    assert Redactor().start("short", 80) == "short"


@pytest.mark.parametrize("value", ["hunter2-hunter2", "p@ss w/rd'"])
@pytest.mark.parametrize("most", [1, 80])
def test_the_end_of_a_text_begins_with_no_part_of_a_value(value: str, most: int) -> None:
    redactor = Redactor([value])
    for place in range(most + 2 * len(value)):
        end = redactor.end("y" * 5_000 + value * 3 + "x" * place, most)
        assert end.lstrip("*y") == "x" * min(place, most)
    assert Redactor().end("x" * 10_000 + "end", 80) == "x" * 77 + "end"
    assert Redactor().end("short", 80) == "short"


@given(value=secrets, before=st.binary(max_size=5), after=st.binary(max_size=5))
def test_values_are_found_in_data(value: str, before: bytes, after: bytes) -> None:
    redactor = Redactor([value, "another"])
    for form in (value, quote(value, safe=""), base64.b64encode(before + value.encode()).decode()):
        assert value in redactor.found_in(before + form.encode() + after)
    assert value in redactor.found_in(pickle.dumps([{"a": (value,)}]))
    assert value in redactor.found_in(b"", memoryview(bytearray(before + value.encode())))


def test_what_is_not_in_data_is_not_found() -> None:
    assert Redactor(["hunter2"]).found_in(pickle.dumps(["hunter", 2]), memoryview(b"abc")) == ()


@pytest.mark.timeout(5)
@pytest.mark.parametrize(
    "text", ["token=", "password: a|", "://a:b", "password='", "token=(", "secret=a.", "%25", "\\", "password \t"]
)
def test_no_text_takes_long(text: str) -> None:
    redactor = Redactor(["p@ss w'r\"d/\\\\x"])
    left = redactor.redact(text * (100_000 // len(text)) + "@")
    assert len(left) <= 100_001
