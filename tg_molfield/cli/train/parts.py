"""The parts of a training: the field, the model, the loss, and the molecules."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from tg_molfield.cli.data_sets.building import Reading
from tg_molfield.cli.data_sets.kinds import kind_of
from tg_molfield.cli.data_sets.opening import check_attributes, is_data_set, opened_or_built
from tg_molfield.cli.data_sets.splitting import parts_of, usual_by
from tg_molfield.cli.definition import definition_of
from tg_molfield.cli.models import load_model
from tg_molfield.cli.no_effect import refuse
from tg_molfield.cli.train.configuration import Configuration, option
from tg_molfield.cli.train.room import with_room
from tg_molfield.datasets import MoleculeFields
from tg_molfield.fields import MolField
from tg_molfield.nn import FieldAutoEncoder, FlowDecoder, RBFDecoder, StructureFactorDecoder
from tg_molfield.random_stream import RandomStream
from tg_molfield.structures import PROPERTIES
from tg_molfield.training import FieldLoss, FlowLoss, InitialGuessLoss, MatchingLoss
from tg_molfield.transforms import MolFieldTransform

LOSSES = {"field": object, "matching": RBFDecoder, "initial_guess": StructureFactorDecoder, "flow": FlowDecoder}
"""The losses by name, and the decoders that they are for."""
_OF_FIELD = ("preset", "channels", "kernel", "widths", "width_scale", "preset_options")
_OF_MODEL = (
    "decoder", "encoder", "latent_dim", "summary_channels", "properties", "encoder_options", "pooling_options",
    "decoder_options", "random_frames",
)  # fmt: skip
_POINTS = 512


def resolved(how: Configuration) -> tuple[Configuration, FieldAutoEncoder]:
    """The configuration with what it leaves open, and the model to train.

    Raises:
        ValueError: options exclude each other, are out of range or have no effect.
        TypeError: an option that a part does not have.
    """
    if how.model is not None:
        own = {name: getattr(how, name) for name in (*_OF_FIELD, *_OF_MODEL)}
        given = {option(name): None if value == {} else value for name, value in own.items()}
        refuse(given, "a new model", f"--model {how.model}")
        model = load_model(how.model).requires_grad_(True)
    else:
        how, model = _new(how)
    if how.loss is None:
        how = replace(how, loss=_usual_loss(model))
    if how.loss not in LOSSES:
        raise ValueError(f"--loss: expected one of {', '.join(LOSSES)}, got {str(how.loss)[:40]!r}; choose one")
    if not isinstance(model.decoder, LOSSES[how.loss]):
        fit = [name for name, kind in LOSSES.items() if isinstance(model.decoder, kind)]
        raise ValueError(
            f"--loss: expected {' or '.join(fit)} for {type(model.decoder).__name__}, got {how.loss}; leave it out"
        )
    if how.loss != "field":
        refuse({"--points": how.points}, "--loss field", f"--loss {how.loss}")
    elif how.points is None:
        how = replace(how, points=_POINTS)
    return how, model


def loss_of(how: Configuration, model: FieldAutoEncoder) -> tuple[Callable[..., Any], MolFieldTransform | None]:
    """The loss, and the transform of batches that it needs.

    Raises:
        ValueError: the model knows no definition that the loss needs.
    """
    if how.loss == "initial_guess":
        return InitialGuessLoss(), None
    if how.loss == "flow":
        return FlowLoss(), None
    definition = model.mol_field
    if definition is None:
        raise ValueError(
            f"--model: expected one that knows the definition of its field, got {how.model}, which knows channels "
            "alone; train a new one"
        )
    if how.loss == "matching":
        return MatchingLoss(definition), None
    return FieldLoss(), MolFieldTransform(definition, how.points)


def molecules_of(
    how: Configuration, model: FieldAutoEncoder, force: bool
) -> tuple[MoleculeFields, MoleculeFields | None]:
    """The molecules to train on and those to validate with, None if there are none.

    Args:
        how: the configuration.
        model: whose properties and field are computed.
        force: whether a data set that was built of other sources is built again.

    Raises:
        ValueError: the data set lacks what the model or its field reads, or an option has no effect on it.
        OSError: it cannot be read or written.
    """
    definition = model.mol_field
    names = set(model.properties)
    reading = Reading(
        properties=" ".join(name for name in model.properties if name in PROPERTIES) or None,
        mol_field=definition if definition is not None and definition.attributes else None,
        options=_reading_options(how),
        names={"seed": "--conformer-seed"},
    )
    dataset = opened_or_built(how.data, Path(how.output) / "data", reading, how.local, force)
    names |= set() if definition is None else definition.attributes
    if definition is not None and definition.split_parts:
        names.add("part")
    check_attributes(dataset[0], names, how.data[0])
    parts = parts_of(dataset, how.fractions, how.by or usual_by(dataset), how.split_seed)
    if not parts["train"]:
        raise ValueError(
            f"--fractions: expected molecules to train on, got none of {len(dataset)}; give a larger share"
        )
    train = with_room(model, dataset[parts["train"]])
    valid = with_room(model, dataset[parts["valid"]]) if parts["valid"] else None
    if not len(train):
        raise ValueError(f"source: expected molecules that the model can encode, got none of {len(parts['train'])}")
    return train, valid if valid is not None and len(valid) else None


def _reading_options(how: Configuration) -> dict[str, Any]:
    """How molecules are read that are no data set yet."""
    options = {
        "conformers": how.conformers,
        "seed": how.conformer_seed,
        "timeout": how.timeout,
        "dimension": how.dimension,
    }
    if is_data_set(how.data[0]) or kind_of(how.data, None, {}) == "frames":
        return options
    return {**options, "workers": how.workers or None}


def device_of(name: str | None) -> torch.device:
    """The device of a name, or CUDA where there is one.

    Raises:
        ValueError: there is no such device.
    """
    if name is None:
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda":
        name = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f"--device: expected cpu or a CUDA device that is there, got {name[:40]!r}; change it"
        ) from error
    if device.type == "cuda":
        torch.cuda.set_device(device)
    return device


def _new(how: Configuration) -> tuple[Configuration, FieldAutoEncoder]:
    if how.preset is None:
        refuse({"--preset-options": how.preset_options or None}, "--preset", "none")
    definition = definition_of(how.preset, how.channels, how.kernel, how.widths, how.width_scale)
    if how.preset is not None and how.preset_options:
        definition = MolField.preset(how.preset, **how.preset_options)
    definition = MolField() if definition is None else definition
    options = {name: getattr(how, name) for name in _OF_MODEL}
    given = {name: value for name, value in options.items() if value not in (None, {})}
    with RandomStream(how.seed).active():
        model = FieldAutoEncoder(definition, **given)
    usual = {
        name: parameter.default
        for name, parameter in inspect.signature(FieldAutoEncoder).parameters.items()
        if name in ("decoder", "latent_dim", "summary_channels", "random_frames")
    }
    return replace(how, **{name: value for name, value in usual.items() if getattr(how, name) is None}), model


def _usual_loss(model: FieldAutoEncoder) -> str:
    """Matching for Gaussians that a network makes of a sum of Gaussians; decoders that find atoms have their own."""
    if isinstance(model.decoder, StructureFactorDecoder):
        return "initial_guess"
    if isinstance(model.decoder, FlowDecoder):
        return "flow"
    definition = model.mol_field
    is_sum = definition is not None and definition.is_one_term_an_atom and definition.kernel.name == "gaussian"
    return "matching" if isinstance(model.decoder, RBFDecoder) and is_sum else "field"
