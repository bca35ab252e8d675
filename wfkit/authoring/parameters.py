"""Parameters of a flow: checked and coerced by pydantic from the signature."""

from __future__ import annotations

import inspect
import reprlib
import sys
import types
import typing
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, cast

from wfkit.authoring.resolving import holds_handle
from wfkit.authoring.secrets import redacted
from wfkit.core.redaction import HIDDEN, is_secret_name
from wfkit.errors import BadParameter

if TYPE_CHECKING:
    from pydantic import TypeAdapter

PREVIEW_CHARACTERS: Final = 60


def bind_parameters(
    flow: str, signature: inspect.Signature, args: tuple[object, ...], kwargs: Mapping[str, object]
) -> dict[str, object]:
    """Bind a call to a flow's signature and fill in the defaults.

    Raises
    ------
    BadParameter : an argument is missing or unknown
    """
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError as error:
        raise BadParameter(f"{flow}(): {error}.", f"It takes {flow}{signature}.") from None
    bound.apply_defaults()
    return dict(bound.arguments)


def validate_parameters(
    flow: str, signature: inspect.Signature, hints: Mapping[str, object], bound: Mapping[str, object]
) -> dict[str, object]:
    """Check each parameter against its annotation and coerce it.

    Parameters
    ----------
    flow : str
        Name of the flow, for the error.
    signature : inspect.Signature
    hints : mapping
        Annotations by parameter name; a parameter without one is not checked, nor are defaults and handles.
    bound : mapping
        Values by parameter name.

    Raises
    ------
    BadParameter : a value does not validate; the message names the parameter, the value and what is allowed
    """
    checked = dict(bound)
    for name, value in bound.items():
        parameter = signature.parameters[name]
        if name in hints and value is not parameter.default and not holds_handle(value):
            checked[name] = _checked(flow, parameter, hints[name], value)
    return checked


def _checked(flow: str, parameter: inspect.Parameter, hint: object, value: object) -> object:
    import pydantic

    adapter = _adapter(_whole(parameter, hint))
    if adapter is None:
        return value
    try:
        return adapter.validate_python((value,))[0]
    except pydantic.ValidationError as error:
        first, *others = error.errors(include_url=False)
        path = "".join(f".{part}" if isinstance(part, str) else f"[{part}]" for part in first["loc"][1:])
        more = f" ({len(others)} more like this.)" if others else ""
        raise BadParameter(
            f"Parameter `{parameter.name}{path}` of the flow `{flow}` got {_shown(parameter.name, first['input'])}: "
            f"{first['msg']}.",
            f"It is declared as `{inspect.formatannotation(hint)}`.{more}",
        ) from None


def _whole(parameter: inspect.Parameter, hint: object) -> object:
    """The type of what a parameter holds: `*args` and `**kwargs` hold many."""
    if parameter.kind is parameter.VAR_POSITIONAL:
        return types.GenericAlias(tuple, (hint, ...))
    if parameter.kind is parameter.VAR_KEYWORD:
        return types.GenericAlias(dict, (str, hint))
    return hint


def _adapter(hint: object) -> TypeAdapter[tuple[object]] | None:
    """What checks a value of a type, as the only item of a tuple; None where pydantic cannot.

    In a tuple, because a model or a dataclass refuses the setting that lets any class be an annotation.
    """
    from pydantic import ConfigDict, TypeAdapter
    from pydantic.errors import PydanticUndefinedAnnotation, PydanticUserError

    try:
        one = cast("type[tuple[object]]", types.GenericAlias(tuple, (hint,)))
        return TypeAdapter(one, config=ConfigDict(arbitrary_types_allowed=True))
    except (PydanticUserError, PydanticUndefinedAnnotation):
        return None


def type_hints(function: Callable[..., object]) -> dict[str, object]:
    """Annotations of a function's parameters, strings resolved; one that cannot be resolved is left out."""
    plain = inspect.unwrap(function)
    names = dict(getattr(plain, "__globals__", {}))
    for name, cell in zip(plain.__code__.co_freevars, plain.__closure__ or (), strict=True):
        try:
            names[name] = cell.cell_contents
        except ValueError:  # not bound yet
            continue
    hints: dict[str, object] = {}
    for name, hint in inspect.get_annotations(plain).items():
        if name == "return":
            continue
        holder = types.SimpleNamespace(__annotations__={name: hint})
        try:
            hints |= typing.get_type_hints(holder, names, include_extras=True)
        except Exception:  # noqa: BLE001, S112 - whatever an annotation raises, it then checks nothing
            continue
    return hints


def preview_parameters(parameters: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """Name and short text of each parameter, for the record of a run."""
    return tuple((name, _shown(name, value)) for name, value in parameters.items())


def _shown(name: str, value: object) -> str:
    return HIDDEN if is_secret_name(name) else short(value)


class _Short(reprlib.Repr):
    """Looks at the first items of a large list only, and survives a broken repr; cuts nothing before it is redacted."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxlong = PREVIEW_CHARACTERS
        self.maxother = sys.maxsize

    def repr_str(self, x: str, level: int) -> str:
        """A text, cut."""
        return super().repr_str(redacted(x), level)


_SHORT: Final = _Short()


def short(value: object) -> str:
    """A value as text of at most 60 characters, without secrets."""
    text = redacted(_SHORT.repr(value))
    return text if len(text) <= PREVIEW_CHARACTERS else text[: PREVIEW_CHARACTERS - 1] + "…"
