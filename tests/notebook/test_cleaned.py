"""Cleaned HTML shows what it showed, and does nothing."""

from __future__ import annotations

import builtins
import re
from typing import Any

import pandas as pd
import pytest

from tests.system.hostile_html import EVIL, HOSTILE_HTML
from wfkit.notebook.cleaned import cleaned


@pytest.mark.parametrize("name", HOSTILE_HTML)
def test_nothing_that_acts_or_is_fetched_is_left(name: str) -> None:
    html = cleaned(HOSTILE_HTML[name]) or ""
    tags = re.findall(r"<([a-z0-9]+)([^>]*)>", re.sub(r'"[^"]*"', '""', html))
    assert not {tag for tag, _ in tags} & {
        "script",
        "iframe",
        "object",
        "embed",
        "form",
        "a",
        "link",
        "meta",
        "svg",
        "math",
    }
    for _, attributes in tags:
        assert not re.search(r"\b(on\w+|href|srcset|id|name|class|data-\w+|formaction|ping)=", attributes)
    assert EVIL not in html
    assert "url(" not in html


def test_what_a_table_looks_like_stays() -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "<b>"]})
    html = cleaned(frame._repr_html_())
    assert html is not None
    assert html.count("<td>") == 4
    assert "&lt;b&gt;" in html
    assert "<style" not in html
    styled = cleaned('<td style="color: red; position: fixed; background-image: url(x)">1</td><p style="color: red">p')
    assert styled is not None
    assert "color:red" in styled.replace(" ", "")
    assert "position" not in styled


def test_pictures_within_are_kept_and_those_from_elsewhere_are_not() -> None:
    inner = cleaned('<img src="data:image/png;base64,AAAA" alt="a">')
    assert inner is not None
    assert 'src="data:image/png;base64,AAAA"' in inner
    assert cleaned('<img src="https://example.org/a.png">') is None


@pytest.mark.parametrize("html", ["", "   ", "<script>1</script>", "<div></div>", "<!-- x -->"])
def test_where_nothing_is_left_there_is_nothing_to_show(html: str) -> None:
    assert cleaned(html) is None


def test_without_the_library_nothing_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name == "nh3":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    assert cleaned("<b>x</b>") is None
