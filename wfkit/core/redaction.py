"""Redaction: the one place where what shall not be seen is taken out of a text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from wfkit.core.disguises import encoded, escaped, in_base64

#: What stands in a text for what was there.
HIDDEN: Final = "***"
#: Shorter values are not looked for: they would blank out everything.
LEAST_CHARACTERS: Final = 4
#: In the middle of a long text so much more is looked at than is shown, or more for long values.
_MARGIN_CHARACTERS: Final = 500
#: The longest escape of one character.
_ESCAPED_CHARACTERS: Final = 12
#: In longer data values are looked for as they are and in base64; escaped they are in texts.
_ESCAPED_BYTES: Final = 100_000

#: Words before `key` that make it a secret one.
_KINDS_OF_KEYS: Final = ("api", "access", "private", "secret", "auth", "encryption", "signing")
#: How names end whose values are hidden, whatever stands before: `DB_PASSWORD`, `clientSecret`, `x-api-key`.
_NAMES: Final = (
    "pass(?:word|wd|phrase)|secret|token|credentials?|authorization"
    rf"|(?:{'|'.join(f'(?<={kind})|(?<={kind}[_-])' for kind in _KINDS_OF_KEYS)})key"
)
#: One of them begins each of the names. To look for them is quick, to look for the names is not.
_STEMS: Final = ("passw", "passph", "secret", "token", "key", "credential", "authorization")
_STEM: Final = re.compile("|".join(_STEMS))
_SECRET_NAME: Final = re.compile(rf"(?i)(?:{_NAMES})\Z")
#: A name, perhaps in quotes or brackets, `=` or `:`, and a value: quoted, in brackets, or up to a blank or comma.
#: Where the quote does not end, for instance because the text was cut, all the rest of the line is the value.
_NAMED: Final = re.compile(
    rf"""(?P<before>(?i:{_NAMES})["'\])\\]*[ \t]*(?:[=:]=?>?)[ \t]*)"""
    r"""(?P<value>(?:[\w.\[\]]+(?:[ \t]*\|[ \t]*[\w.\[\]]+)*[ \t]*=(?!=)[ \t]*)?"""  # a type: `password: str = "x"`
    r"""(?:(?i:bearer|basic|token|digest|negotiate)[ \t]+)?(?:"""
    r"""\\+"[^"\n]*+"?|\\+'[^'\n]*+'?|[bru]{0,2}"(?:[^"\\\n]|\\.)*+"?|[bru]{0,2}'(?:[^'\\\n]|\\.)*+'?"""
    r"""|[\[({][^\])}\n]*+[\])}]?|[^\s"',;&<>]*[^\s"',;&<>)\]}]))"""
)
#: `scheme://user:password@host`.
_IN_URL: Final = re.compile(r"""(?P<before>://[^\s/:@"'<>]*:)(?P<value>[^\s/"'<>]+)(?=@)""")


def is_secret_name(name: str) -> bool:
    """Whether what has this name is not shown: `password`, `db_password`, `apiKey`; but not `n_tokens`."""
    return _SECRET_NAME.search(name) is not None


class _Sought(NamedTuple):
    """How one value is looked for."""

    value: str
    texts: tuple[str, ...]  #: as it is, and in base64
    pattern: re.Pattern[str] | None  #: escaped; None where nothing of it ever is
    data: tuple[bytes, ...]  #: the same
    escaped_data: re.Pattern[bytes] | None


def _sought(value: str) -> _Sought:
    lines = (line.strip() for line in value.splitlines())  # a log has them one by one
    clear = [part for part in dict.fromkeys((value, *lines)) if len(part) >= LEAST_CHARACTERS]
    texts = (*clear, *in_base64(value))
    form = escaped(value)
    return _Sought(
        value,
        texts,
        None if form is None else re.compile(form),
        tuple(map(encoded, texts)),
        None if form is None else re.compile(encoded(form)),
    )


class Redactor:
    """Takes known values, and what has the name of a secret, out of texts.

    A value is found as it is, in base64 (of both alphabets, also within something longer), quoted for a URL or for
    HTML, and escaped as `repr` and JSON do, several times over. Of a value of several lines each line is found, too.

    Parameters
    ----------
    values : iterable of str
        Those of less than four characters are known, but not looked for.
    before : Redactor, optional
        What it knows, the new one knows, too.

    Attributes
    ----------
    values : frozenset of str
    """

    __slots__ = ("_data", "_margin", "_patterns", "_sought", "_texts", "values")

    def __init__(self, values: Iterable[str] = (), before: Redactor | None = None) -> None:
        known = before.values if before is not None else frozenset[str]()
        new = [value for value in dict.fromkeys(values) if value not in known]
        self.values: frozenset[str] = known | frozenset(new)
        self._sought: tuple[_Sought, ...] = (
            *(before._sought if before is not None else ()),
            *(_sought(value) for value in new if len(value) >= LEAST_CHARACTERS),
        )
        self._texts = tuple(text for sought in self._sought for text in sought.texts)
        self._data = tuple(form for sought in self._sought for form in sought.data)
        self._patterns = tuple(sought.pattern for sought in self._sought if sought.pattern is not None)
        longest = max((len(sought.value) for sought in self._sought), default=0)
        self._margin = max(_MARGIN_CHARACTERS, longest * _ESCAPED_CHARACTERS)

    def redact(self, text: str) -> str:
        """The text with `***` in the place of each value, and of what has the name of a secret.

        Text in which there is none is given back as it is. Doing it again changes nothing.
        """
        if not self._sought and ":" not in text and "=" not in text:
            return text  # most
        while True:  # what is left around a value may, with the `***` in between, be another one
            after = _without_named(self._without_values(text))
            if after == text:
                return text
            text = after

    def start(self, text: str, most: int) -> str:
        """The first characters of a text as they are after `redact`, without looking at all of a long one.

        Parameters
        ----------
        text : str
        most : int
            How many characters.
        """
        window = most + 2 * self._margin
        if len(text) <= window:
            return self.redact(text)[:most]
        # The window may end within a value; whatever that left there is in its last characters.
        return self.redact(text[:window])[: -self._margin][:most]

    def end(self, text: str, most: int) -> str:
        """The last characters of a text as they are after `redact`, without looking at all of a long one."""
        window = most + 2 * self._margin
        if len(text) <= window:
            return self.redact(text)[-most:]
        return self.redact(text[-window:])[self._margin :][-most:]

    def found_in(self, *data: bytes | memoryview) -> tuple[str, ...]:
        """The values that data contain, such as a pickle and its buffers."""
        if not any(map(self._may_hold, data)):
            return ()
        return tuple(sought.value for sought in self._sought if any(_holds(sought, part) for part in data))

    def _may_hold(self, data: bytes | memoryview) -> bool:
        if self._patterns or not isinstance(data, bytes):
            return True
        return any(form in data for form in self._data)

    def _without_values(self, text: str) -> str:
        for form in self._texts:
            if form in text:
                break
        else:
            if not self._patterns or not _may_be_escaped(text):
                return text
        spans = [span for form in self._texts for span in _places(form, text)]
        if _may_be_escaped(text):
            spans += [found.span() for pattern in self._patterns for found in pattern.finditer(text)]
        return _cut_out(text, sorted(spans))


def _may_be_escaped(text: str) -> bool:
    return "\\" in text or "%" in text or "&" in text or "+" in text


def _holds(sought: _Sought, data: bytes | memoryview) -> bool:
    if isinstance(data, bytes):
        found = any(form in data for form in sought.data)
    else:
        found = any(re.search(re.escape(form), data) for form in sought.data)
    pattern = sought.escaped_data
    return found or (pattern is not None and len(data) <= _ESCAPED_BYTES and pattern.search(data) is not None)


def _places(form: str, text: str) -> list[tuple[int, int]]:
    """Where a form is in a text, places that overlap included."""
    found = []
    start = text.find(form)
    while start >= 0:
        found.append((start, start + len(form)))
        start = text.find(form, start + 1)
    return found


def _cut_out(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """The text with `***` for each span; those that overlap are one."""
    kept: list[str] = []
    until = -1
    for start, end in spans:
        if start >= until:
            kept += [text[max(until, 0) : start], HIDDEN]
        until = max(until, end)
    return "".join([*kept, text[max(until, 0) :]]) if kept else text


def _without_named(text: str) -> str:
    if ":" not in text:
        if "=" not in text:
            return text
    elif "://" in text and "@" in text:
        text = _IN_URL.sub(lambda found: found["before"] + _hidden(found["value"]), text)
    lower = text.lower()
    for stem in _STEMS:
        if stem in lower:
            return _without_values_of_names(text, lower)
    return text


def _without_values_of_names(text: str, lower: str) -> str:
    if len(lower) != len(text):
        lower = text.replace("\u0130", "i").lower()  # the one character that becomes two
    kept: list[str] = []
    until = 0
    for stem in _STEM.finditer(lower):
        found = _NAMED.match(text, stem.start()) if stem.start() >= until else None
        if found:
            kept += [text[until : found.start("value")], _hidden(found["value"])]
            until = found.end()
    return "".join([*kept, text[until:]]) if kept else text


def _hidden(value: str) -> str:
    return value if set(value) == {"*"} else HIDDEN
