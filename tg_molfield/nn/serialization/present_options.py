"""All options of a model as they are now: files that tell them mean the same when defaults change."""

from __future__ import annotations

import inspect
from numbers import Real
from operator import attrgetter
from typing import Any

from torch import nn

_GIVEN = frozenset(("channels", "latent_dim", "summary_channels", "sizes", "num_properties"))
"""What parts are built with that is no option of theirs."""
_PLAIN = (Real, str, type(None))


def present_hyper_parameters(model: nn.Module) -> dict[str, Any]:
    """The ``hyper_parameters`` of a model, with its numbers and flags as they are now, and all options of its parts."""
    found: dict[str, Any] = _present(model, model.hyper_parameters, frozenset())  # type: ignore[arg-type]
    marks = getattr(model, "module_marks", {})
    for kind, path in getattr(model, "part_paths", {}).items():
        options = f"{kind}_options"
        if found[kind] is not marks[kind]:
            part = attrgetter(path)(model)
            found[options] = _present(part, _plain_defaults(part) | found[options], _GIVEN)
    return found


def _plain_defaults(part: nn.Module) -> dict[str, Any]:
    """The defaults of the options of a part, of those that are numbers, texts or lists of these."""
    return {
        name: default
        for name, default in _defaults(part).items()
        if name not in _GIVEN
        and all(isinstance(one, _PLAIN) for one in (default if isinstance(default, list | tuple) else [default]))
    }


def _defaults(part: nn.Module) -> dict[str, Any]:
    parameters = inspect.signature(type(part)).parameters.values()
    return {one.name: one.default for one in parameters if one.default is not one.empty}


def _present(part: nn.Module, options: dict[str, Any], left_out: frozenset[str]) -> dict[str, Any]:
    """``options`` with the attributes of their names that differ from what the part was built with."""
    found = dict(options)
    for name, built in (_defaults(part) | options).items():
        now = getattr(part, name, built)
        if now is None and isinstance(built, bool):  # a flag whose module is gone
            now = False
        if name not in left_out and isinstance(built, Real) and isinstance(now, Real) and now != built:
            found[name] = now
    return found
