"""Secrets: values that nothing of ours shows. A process knows those that were made in it or have come to it."""

from __future__ import annotations

import dis
import io
import os
import pickle
from collections.abc import Sequence
from types import CodeType
from typing import Final

from wfkit.core.disguises import encoded
from wfkit.core.redaction import HIDDEN, Redactor, is_secret_name
from wfkit.errors import BadSecret

#: Values that this process knows; never fewer, and none is ever taken out.
_VALUES: Final[dict[str, None]] = {}
#: The one redactor of this process.
_REDACTOR: Final = [Redactor()]


class Secret:
    """A password, a key, a token: `.get()` gives it to the code that needs it, and nothing of ours shows it.

    Wherever wfkit takes something down (logs, prints, warnings, errors, previews, labels, parameters) the value becomes
    `***`: in every process in which the secret was made or has arrived, also where your code writes it out as text,
    in base64, quoted for a URL or escaped. A value of less than four characters is hidden in the secret itself, but not
    looked for in text: it would blank out everything.

    Parameters
    ----------
    value : str, optional
        Travels in clear inside the pickle, between the notebook and workers, or it could not be used there.
        A result that holds it, in the secret or as text, goes to the tasks that use it like any other, but it is in
        no event, and is not stored: neither history nor stored results ever have it.
    env : str, optional
        Instead of a value the name of an environment variable. Only the name travels, and is read where `.get()` is
        called: the better way wherever the workers have the variable.

    Raises
    ------
    BadSecret : not one of the two, or no text
    """

    __slots__ = ("_env", "_value")

    def __init__(self, value: str | None = None, *, env: str | None = None) -> None:
        if (value is None) is (env is None):
            raise BadSecret("Secret() takes a value or the name of an environment variable.", _HOW)
        for given in (value, env):
            if given is not None and not isinstance(given, str):
                raise BadSecret(f"Secret() got a {type(given).__qualname__}, and takes text.", _HOW)
        self._value, self._env = value, env
        self._learn()

    def get(self) -> str:
        """The value.

        Raises
        ------
        BadSecret : there is no such environment variable in this process
        """
        value = self._learn()
        if value is None:
            raise BadSecret(
                f"The environment variable {self._env} is not set in this process.",
                "Set it where the task runs, or use Secret(value).",
            )
        return value

    def _learn(self) -> str | None:
        value = os.environ.get(self._env) if self._env is not None else self._value
        if value is not None:
            learn((value,))
        return value

    def __reduce__(self) -> tuple[object, ...]:
        return (_from_env, (self._env,)) if self._env is not None else (_from_value_of_secret, (self._value,))

    def __repr__(self) -> str:
        return HIDDEN

    def __format__(self, spec: str) -> str:
        return format(HIDDEN, spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and (self._value, self._env) == (other._value, other._env)

    def __hash__(self) -> int:
        return hash((self._value, self._env))


_HOW: Final = 'Secret(env="DB_PASSWORD"), or Secret(value) with text.'


def _from_env(name: str) -> Secret:
    return Secret(env=name)


def _from_value_of_secret(value: str) -> Secret:
    return Secret(value)


#: In each pickle of a secret that holds its value, however short that is.
_MARK: Final = _from_value_of_secret.__name__.encode()


def learn(values: Sequence[str]) -> None:
    """Know values from now on, from any thread.

    Without a lock: this runs when pickles are read, in threads where a task may be stopped at any moment.
    """
    if _REDACTOR[0].values.issuperset(values):
        return
    _VALUES.update(dict.fromkeys(values))
    while len(_REDACTOR[0].values) < len(_VALUES):  # until no thread has put an older one in the place of a newer one
        _REDACTOR[0] = Redactor(list(_VALUES), _REDACTOR[0])


#: Stand between a name and what it is called with.
_BETWEEN: Final = frozenset({"PUSH_NULL", "EXTENDED_ARG", "NOP"})


def learn_written(code: CodeType) -> None:
    """Know the values that code writes out, `Secret("…")`, before anybody executes it."""
    if Secret.__name__ not in code.co_names:
        return
    steps = [step for step in dis.get_instructions(code) if step.opname not in _BETWEEN]
    for called, given, after in zip(steps, steps[1:], steps[2:], strict=False):
        keywords = code.co_consts[after.arg] if after.opname == "KW_NAMES" and after.arg is not None else after.argval
        of_a_secret = called.argval == Secret.__name__ and keywords != ("env",)
        if of_a_secret and given.opname == "LOAD_CONST" and type(given.argval) is str:
            learn((given.argval,))


def redacted(text: str) -> str:
    """A text that may be seen by anybody; to be called before it is cut."""
    return _REDACTOR[0].redact(text)


def redacted_start(text: str, most: int) -> str:
    """The first characters of a text, such that they may be seen by anybody, without looking at all of a long one."""
    return _REDACTOR[0].start(text, most)


def redacted_end(text: str, most: int) -> str:
    """The last characters of a text; else as `redacted_start`."""
    return _REDACTOR[0].end(text, most)


def holds_secret(data: bytes | str) -> bool:
    """Whether a text, or data with texts in them, hold a value that this process knows, or a secret with any value."""
    if not _VALUES:
        return False
    raw = encoded(data) if isinstance(data, str) else data
    return _MARK in raw or bool(_REDACTOR[0].found_in(raw))


#: What `names_secret` looks into.
_NESTED: Final = (dict, list, tuple, type(os.environ))


def names_secret(value: object) -> bool:
    """Whether something has the name of a secret in a mapping, at any depth of plain containers, and is none itself.

    Only what is in memory is looked at, without calling code of its type: another mapping may read all of a file.
    """
    ahead, seen = [value], set[int]()
    while ahead:
        one = ahead.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        names, items = _names_and_items(one)
        if any(map(_is_told, names, items)):
            return True
        nested = {kind for kind in set(map(type, items)) if issubclass(kind, _NESTED)}
        if nested:
            ahead += [item for item in items if type(item) in nested]
    return False


def _names_and_items(value: object) -> tuple[Sequence[object], Sequence[object]]:
    """Of a mapping; a list or a tuple has items without names, all else has none."""
    if value is os.environ:
        value = dict(os.environ)
    if isinstance(value, dict):
        return list(dict.keys(value)), list(dict.values(value))
    if isinstance(value, list):
        return (), list(list.__iter__(value))
    return (), list(tuple.__iter__(value)) if isinstance(value, tuple) else ()


def _is_told(name: object, value: object) -> bool:
    told = value is not None and not isinstance(value, bool | Secret)
    return told and isinstance(name, str) and is_secret_name(name)


class _Label:
    """What a labelled pickle says first."""

    def __init__(self, values: tuple[str, ...]) -> None:
        self.values = values

    def __reduce__(self) -> tuple[object, ...]:
        return (learn, (self.values,))


#: How a labelled pickle begins: in protocol 3, since a later one would frame what follows.
_LABEL: Final = pickle.PROTO + b"\x03" + pickle.GLOBAL + f"{learn.__module__}\n{learn.__name__}\n".encode()


def labelled(payload: bytes, buffers: Sequence[pickle.PickleBuffer] = ()) -> bytes:
    """The same pickle; where it holds values that this process knows, whoever reads it knows them before.

    So a value that was taken out of its secret and passed on as text is hidden where it arrives, too.

    Parameters
    ----------
    payload : bytes
    buffers : sequence of PickleBuffer
        What is kept apart from it.
    """
    if not _VALUES:
        return payload
    found = _REDACTOR[0].found_in(payload, *(buffer.raw() for buffer in buffers))
    if not found and _MARK not in payload:
        return payload
    file = io.BytesIO()
    pickler = pickle.Pickler(file, protocol=3)
    pickler.fast = True  # no memo: what follows counts its own entries from 0
    pickler.dump(_Label(found))
    return file.getvalue().removesuffix(pickle.STOP) + pickle.POP + payload


def is_labelled(payload: bytes) -> bool:
    """Whether a pickle that went through `labelled` holds a secret."""
    return payload.startswith(_LABEL)
