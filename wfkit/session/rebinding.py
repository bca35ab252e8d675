"""Rebinding: the flow that a namespace has now, for one that was run before."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from wfkit.authoring.flow import Flow, FunctionBody

AnyFlow = Flow[..., Any]


def rebound(space: Mapping[str, object], name: str, known: AnyFlow | None = None) -> AnyFlow | None:
    """The flow of a name as a namespace has it; None where none is, or several may be meant.

    Parameters
    ----------
    space : mapping
    name : str
        The flow's own, which need not be the variable's: that is looked for first, then the name of its function.
    known : Flow, optional
        The flow as it was run. Under other variables only one of the same function is meant.
    """
    flows = {
        variable: value
        for variable, value in list(space.items())  # the notebook may define more meanwhile
        if isinstance(value, Flow) and value.name == name and (known is None or type(value.body) is type(known.body))
    }
    for variable, flow in flows.items():
        if variable in {name, _function(flow)}:
            return flow
    alike = {id(flow): flow for flow in flows.values() if known is None or _function(flow) == _function(known)}
    return next(iter(alike.values())) if len(alike) == 1 else None


def home_of(flow: AnyFlow) -> Mapping[str, object]:
    """The names of the module that defines a flow, as they are now; none for a flow that a function made."""
    if not isinstance(flow.body, FunctionBody) or "<locals>" in _function(flow):
        return {}
    name = flow.body.fn.__module__
    module = None if name == "__main__" else sys.modules.get(name)
    return flow.body.fn.__globals__ if module is None else vars(module)


def _function(flow: AnyFlow) -> str:
    """The name of a flow's function; that of the flow where it has none."""
    return flow.body.fn.__qualname__ if isinstance(flow.body, FunctionBody) else flow.name
