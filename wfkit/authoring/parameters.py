"""Parameters of a flow: checked and coerced by pydantic from the signature."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, get_type_hints

from wfkit.errors import BadParameter

PREVIEW_CHARACTERS = 60


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
        Annotations by parameter name; a parameter without one is not checked.
    bound : mapping
        Values by parameter name.

    Raises
    ------
    BadParameter : a value does not validate; the message names the parameter, the value and what is allowed
    """
    import pydantic

    config = pydantic.ConfigDict(arbitrary_types_allowed=True)
    checked = dict(bound)
    for name, value in bound.items():
        kind = signature.parameters[name].kind
        if name not in hints or kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
            continue
        is_model = isinstance(hints[name], type) and issubclass(hints[name], pydantic.BaseModel)  # type: ignore[arg-type]
        adapter: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(hints[name], config=None if is_model else config)
        try:
            checked[name] = adapter.validate_python(value)
        except pydantic.ValidationError as error:
            first = error.errors(include_url=False)[0]
            inner = "".join(f".{part}" for part in first["loc"])
            raise BadParameter(
                f"Parameter `{name}{inner}` of the flow `{flow}` got {_short(value)}: {first['msg']}.",
                f"Declared as `{inspect.formatannotation(hints[name])}`.",
            ) from None
    return checked


def type_hints(function: object) -> dict[str, object]:
    """Annotations of a function's parameters, with strings resolved where that is possible."""
    try:
        hints = get_type_hints(function, include_extras=True)
    except Exception:  # noqa: BLE001 - an annotation that cannot be resolved checks nothing
        hints = {name: hint for name, hint in inspect.get_annotations(function).items() if not isinstance(hint, str)}  # type: ignore[arg-type]
    hints.pop("return", None)
    return hints


def preview_parameters(parameters: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """Name and short text of each parameter, for the record of a run."""
    return tuple((name, _short(value)) for name, value in parameters.items())


def _short(value: object) -> str:
    try:
        text = repr(value)
    except Exception as error:  # noqa: BLE001 - a broken repr must not stop a run
        text = f"<{type(value).__name__}, its repr raises {type(error).__name__}>"
    return text if len(text) <= PREVIEW_CHARACTERS else text[: PREVIEW_CHARACTERS - 1] + "…"
