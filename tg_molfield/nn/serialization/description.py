"""Models as JSON values and tensors, and back: what files of models and checkpoints of training hold."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor, nn

from tg_molfield.arguments import as_names, check_kind
from tg_molfield.fields import MolField
from tg_molfield.fields.definition_dict import mol_field_from_dict, mol_field_to_dict
from tg_molfield.files import shortened
from tg_molfield.nn.bounded import BoundedBuild
from tg_molfield.nn.serialization.present_options import present_hyper_parameters
from tg_molfield.tensor_files import with_memory

CLASSES: dict[str, type[nn.Module]] = {}
"""The classes whose models can be rebuilt from their description, by name."""

_SHOWN = 60
"""Characters of a name or a value in messages."""
_FIELDS = ("model", "hyper_parameters", "channels", "mol_field")


def describe_model(model: nn.Module) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """What :func:`rebuild_model` rebuilds a model from.

    Returns:
        JSON values and the model's own tensors, by name. The JSON values are ``"model"``, the name of the class;
        ``"hyper_parameters"``, the arguments that build it as it is now; ``"channels"``, their names; and
        ``"mol_field"``, the definition of its field, None where it has none. Of modules that are not models of this
        package only the class and the tensors are told.

    Raises:
        ValueError: the definition has a kernel without a name, or an argument is no JSON value.
    """
    kind = type(model).__name__
    tensors = dict(model.state_dict())
    if kind not in CLASSES or not hasattr(model, "hyper_parameters"):
        return {"model": kind}, tensors
    mol_field = getattr(model, "mol_field", None)
    described = {
        "model": kind,
        "hyper_parameters": present_hyper_parameters(model),
        "channels": list(getattr(model, "channels", ())),
        "mol_field": None if mol_field is None else mol_field_to_dict(mol_field),
    }
    try:
        return json.loads(json.dumps(described, default=_as_python)), tensors
    except TypeError as error:
        raise ValueError(
            f"model: expected options of numbers, texts and lists, got others ({error}); give numbers and names in "
            "place of objects"
        ) from error


def _as_python(value: Any) -> Any:
    """A number of NumPy or torch as one of Python, for JSON."""
    if isinstance(value, np.generic) or (isinstance(value, Tensor) and value.dim() == 0):
        return value.item()
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def rebuild_model(
    description: dict[str, Any],
    tensors: dict[str, Tensor],
    channels: MolField | str | Sequence[str] | None = None,
    **modules: nn.Module,
) -> nn.Module:
    """The model that :func:`describe_model` described, in evaluation mode and in the type of its parameters.

    It is made on the default device, or on the processor where that is ``"meta"``, since weights need memory.

    Args:
        description: JSON values.
        tensors: its state, by name, copied.
        channels: the definition of the field, or the names of its channels, that the model is expected to have.
        modules: the encoder and the decoder that the model was built with, or modules like these, where it was not
            built from names.

    Raises:
        TypeError: a module that is none.
        ValueError: the description is that of no model of this package, of one with other channels or modules, or of a
            larger one than there are tensors for; or names, shapes or types of the tensors do not fit.
    """
    check_modules(modules)
    kind = description.get("model")
    if kind not in CLASSES:
        raise ValueError(f"model: expected one of {', '.join(CLASSES)}, got {shown(kind)}; build it yourself")
    for name in _FIELDS:
        if name not in description:
            raise ValueError(f"{name}: expected it in the description of a model, got none; save the model again")
    hyper_parameters = dict(description["hyper_parameters"])
    field = _field(description)
    check_channels(field, asked_channels(channels))
    made = CLASSES[kind]
    _check_modules(getattr(made, "module_marks", {}), hyper_parameters, modules)
    arguments = {**hyper_parameters, **modules, **({"channels": field} if field else {})}
    bounded = BoundedBuild(tensors)
    bounded.check_settings(hyper_parameters)
    with with_memory(), bounded:
        model = made(**arguments)
    _check_tensors(model, tensors)
    for name, _ in model.named_parameters():
        model.to(tensors[name].dtype)
        break
    model.load_state_dict(tensors)
    return model.eval()


def check_same_model(description: dict[str, Any], model: nn.Module) -> None:
    """Raise a ValueError where ``model`` is not as described; the tensors are not compared."""
    if differing := difference(describe_model(model)[0], description):
        name, own, other = differing
        raise ValueError(
            f"{name}: expected {own}, as this model has, got {other}; give the model that it was written for"
        )


def difference(one: dict[str, Any], two: dict[str, Any]) -> tuple[str, str, str] | None:
    """The name of the first entry in which JSON objects differ and what each has there; None where none does."""
    for name in [*one, *two]:
        first, second = one.get(name), two.get(name)
        if first != second:
            if isinstance(first, dict) and isinstance(second, dict):
                return difference(first, second)
            return name, shown(first), shown(second)
    return None


def asked_channels(channels: MolField | str | Sequence[str] | None) -> MolField | tuple[str, ...] | None:
    """What a model is asked to have, checked: a definition, names of channels, or nothing.

    Raises:
        TypeError: it is something else.
    """
    return channels if channels is None or isinstance(channels, MolField) else tuple(as_names("channels", channels))


def check_channels(field: MolField | tuple[str, ...], asked: MolField | tuple[str, ...] | None) -> None:
    """Raise a ValueError unless a model of ``field`` is one of the channels ``asked`` for."""
    if asked is None:
        return
    own, names = (one.channels if isinstance(one, MolField) else one for one in (field, asked))
    if names != own:
        raise ValueError(
            f"channels: expected {shown(' '.join(names))}, got a model of {shown(' '.join(own) or 'none')}; leave "
            "channels out, or give another model"
        )
    if isinstance(asked, MolField) and isinstance(field, MolField) and field != asked:
        raise ValueError(
            f"channels: expected {shown(repr(asked))}, got a model of {shown(repr(field))}; leave channels out and "
            "see set_mol_field, or give another model"
        )


def _field(description: dict[str, Any]) -> MolField | tuple[str, ...]:
    """The definition, or the names of the channels alone."""
    mol_field = description["mol_field"]
    return tuple(description["channels"]) if mol_field is None else mol_field_from_dict(mol_field)


def check_modules(modules: dict[str, nn.Module]) -> None:
    """Raise a TypeError unless all are modules."""
    for name, module in modules.items():
        check_kind(name, module, nn.Module, "a module", "give one of the kind that the model was built with")


def _check_modules(marks: dict[str, Any], hyper_parameters: dict[str, Any], modules: dict[str, nn.Module]) -> None:
    expected = {name for name, mark in marks.items() if name in hyper_parameters and hyper_parameters[name] is mark}
    if expected != modules.keys():
        needed, given = (
            " and ".join(f"{name}=" for name in sorted(names)) or "none" for names in (expected, modules.keys())
        )
        raise ValueError(
            f"modules: expected {needed}, as the model was built with, got {given}; give modules of the same kind for "
            "those, and for no others"
        )


def _check_tensors(model: nn.Module, tensors: dict[str, Tensor]) -> None:
    expected = model.state_dict()
    for name in sorted(expected.keys() ^ tensors.keys()):
        lacks = "no" if name in expected else "a"
        raise ValueError(
            f"expected the tensors of this model, got {lacks} {name[:_SHOWN]}; give the modules it was saved with"
        )
    for name, tensor in tensors.items():
        own = expected[name]
        if own.is_meta:
            raise ValueError(
                f"modules: expected tensors with memory, got {name[:_SHOWN]} on the device 'meta'; build them on 'cpu'"
            )
        if own.shape != tensor.shape or own.is_floating_point() != tensor.is_floating_point():
            raise ValueError(
                f"{name}: expected {own.dtype} of {list(own.shape)}, as this model has, got {tensor.dtype} of "
                f"{list(tensor.shape)}; give the modules it was saved with"
            )


def shown(value: Any) -> str:
    """A value in messages."""
    return shortened(str(value), _SHOWN)
