"""The losses of this package as JSON values, and back, for checkpoints."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from tg_molfield.fields import MolField
from tg_molfield.fields.definition_dict import has_named_kernel, mol_field_from_dict, mol_field_to_dict
from tg_molfield.training.flow_loss import FlowLoss
from tg_molfield.training.initial_guess_loss import InitialGuessLoss
from tg_molfield.training.losses import FieldLoss, Loss, MatchingLoss

_CLASSES: dict[str, type[Any]] = {made.__name__: made for made in (FieldLoss, FlowLoss, InitialGuessLoss, MatchingLoss)}


def describe_loss(loss: Loss) -> dict[str, Any]:
    """What :func:`rebuild_loss` rebuilds a loss from: ``"loss"``, its name, and ``"options"``, its arguments.

    A function of your own, or a loss with one, has no options.
    """
    kind = type(loss)
    unknown = {"loss": str(getattr(loss, "__qualname__", kind.__qualname__))}
    if kind not in _CLASSES.values():
        return unknown
    given = {name: getattr(loss, name) for name in inspect.signature(kind).parameters}
    options = {name: value.item() if isinstance(value, np.generic) else value for name, value in given.items()}
    if isinstance(loss, MatchingLoss):
        if not isinstance(loss.mol_field, MolField) or not has_named_kernel(loss.mol_field):
            return unknown
        options["mol_field"] = mol_field_to_dict(loss.mol_field)
    return {"loss": kind.__name__, "options": options}


def rebuild_loss(description: dict[str, Any]) -> Loss:
    """The loss that :func:`describe_loss` described.

    Raises:
        ValueError: it is none of this package, which are known by name.
    """
    name = str(description["loss"])
    if "options" not in description or name not in _CLASSES:
        raise ValueError(f"loss: expected {name[:60]}, which the model was trained with, got none; give loss=")
    options = dict(description["options"])
    if "mol_field" in options:
        options["mol_field"] = mol_field_from_dict(options["mol_field"])
    return _CLASSES[name](**options)
