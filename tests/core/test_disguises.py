"""Disguises: whatever encodes, quotes or escapes a value, it is recognised."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfkit.core.disguises import encoded, escaped, in_base64

#: With what is escaped somewhere, and what is not.
values = st.text(min_size=4, max_size=12) | st.text(alphabet="aZ9 +/=\\'\"%&<\n\x00é☃😀", min_size=4, max_size=12)

ESCAPES: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "repr": lambda value: repr(value)[1:-1],
    "repr among both quotes": lambda value: repr("'\"" + value)[4:-1],
    "repr of bytes": lambda value: repr(value.encode())[2:-1],
    "ascii": lambda value: ascii(value)[1:-1],
    "JSON": lambda value: json.dumps(value)[1:-1],
    "JSON, not ASCII": lambda value: json.dumps(value, ensure_ascii=False)[1:-1],
    "JSON with slashes escaped": lambda value: json.dumps(value)[1:-1].replace("/", "\\/"),
    "JSON in JSON": lambda value: json.dumps(json.dumps(value))[3:-3],
    "repr of a repr": lambda value: repr(repr("'\"" + value))[1:-1],
    "URL": quote,
    "URL, all": lambda value: quote(value, safe=""),
    "URL, small letters": lambda value: re.sub("%..", lambda found: found[0].lower(), quote(value, safe="")),
    "form": quote_plus,
    "URL in a URL": lambda value: quote(quote(value, safe=""), safe=""),
    "HTML": html.escape,
    "HTML with numbers": lambda value: html.escape(value).replace("&#x27;", "&#39;"),
}


@pytest.mark.parametrize("how", ESCAPES)
@given(value=values)
def test_an_escaped_value_is_recognised(how: str, value: str) -> None:
    pattern = escaped(value)
    text = ESCAPES[how](value)
    assert value in text if pattern is None else re.search(pattern, text)


@pytest.mark.parametrize("how", ESCAPES)
@given(value=values)
def test_it_is_recognised_in_bytes_too(how: str, value: str) -> None:
    pattern = escaped(value)
    if pattern is not None:
        assert re.search(encoded(pattern), ESCAPES[how](value).encode())


@given(value=values, before=st.binary(max_size=5), after=st.binary(max_size=5))
def test_a_value_in_base64_is_recognised_wherever_it_begins(value: str, before: bytes, after: bytes) -> None:
    forms = in_base64(value)
    raw = before + value.encode() + after
    for text in (base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()):
        assert any(form in text for form in forms)
    assert min(map(len, forms)) >= 4


@pytest.mark.parametrize("value", ["hunter2", "a-b_c.d~E"])
def test_a_value_that_nothing_escapes_has_no_other_form(value: str) -> None:
    assert escaped(value) is None


def test_a_value_with_half_a_character_has_forms() -> None:
    assert in_base64("ab\udc80cd")
    assert re.search(escaped("ab\udc80cd") or "", repr("ab\udc80cd"))


@pytest.mark.timeout(5)
@pytest.mark.parametrize("text", ["\\" * 20_000, "%25" * 5_000, "\\" * 20_000 + "x", "a\\" * 5_000])
def test_no_text_takes_long(text: str) -> None:
    assert re.search(escaped("\\a\\\\b" * 4 + "!") or "", text) is None
