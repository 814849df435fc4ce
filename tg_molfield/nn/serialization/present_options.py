"""The options of a model as they are now, where attributes were changed since it was built."""

from __future__ import annotations

import inspect
from numbers import Real
from operator import attrgetter
from typing import Any

from torch import nn

_GIVEN = frozenset(("channels", "latent_dim", "summary_channels", "sizes", "num_properties"))
"""What parts are built with that is no option of theirs."""


def present_hyper_parameters(model: nn.Module) -> dict[str, Any]:
    """The ``hyper_parameters`` of a model, with its numbers and flags as they are now, and those of its parts."""
    found: dict[str, Any] = _present(model, model.hyper_parameters, frozenset())  # type: ignore[arg-type]
    marks = getattr(model, "module_marks", {})
    for kind, path in getattr(model, "part_paths", {}).items():
        options = f"{kind}_options"
        if found[kind] is not marks[kind]:
            found[options] = _present(attrgetter(path)(model), found[options], _GIVEN)
    return found


def _present(part: nn.Module, options: dict[str, Any], left_out: frozenset[str]) -> dict[str, Any]:
    """``options`` with the attributes of their names that differ from what the part was built with."""
    defaults = {name: parameter.default for name, parameter in inspect.signature(type(part)).parameters.items()}
    found = dict(options)
    for name, built in (defaults | options).items():
        now = getattr(part, name, built)
        if now is None and isinstance(built, bool):  # a flag whose module is gone
            now = False
        if name not in left_out and isinstance(built, Real) and isinstance(now, Real) and now != built:
            found[name] = now
    return found
