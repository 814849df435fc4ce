"""What the checkpoints of a `FieldLightningModule` hold besides Lightning's own content, and how they are read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from os import PathLike
from pathlib import Path
from typing import IO, Any, NamedTuple

import torch
from torch import Tensor, nn

from tg_molfield.arguments import as_path
from tg_molfield.fields.definition_dict import mol_field_from_dict
from tg_molfield.files import decoding, readable
from tg_molfield.nn import FieldAutoEncoder
from tg_molfield.nn.serialization import asked_channels, check_modules, check_same_model, describe_model, rebuild_model
from tg_molfield.tensor_files import FORMAT, check_format, package_version
from tg_molfield.training.loss_description import describe_loss, rebuild_loss
from tg_molfield.training.losses import Loss

KEY = "tg_molfield"
"""Of the package's entry in a checkpoint."""
MODEL = "model."
"""Before the names of the model's tensors in a checkpoint."""

_KEPT = ("lr", "weight_decay")
"""Options that the state of the optimizer brings along."""


def training_entry(
    model: FieldAutoEncoder, loss: Loss, options: dict[str, Any], parameters: dict[str, Tensor]
) -> dict[str, Any]:
    """The entry of a training.

    Args:
        model: the model.
        loss: its loss.
        options: of the training.
        parameters: the model's own where the checkpoint has their averages; else empty.
    """
    return {
        "format": FORMAT,
        "version": package_version(),
        "model": describe_model(model)[0],
        "loss": describe_loss(loss),
        "options": options,
        "parameters": parameters,
    }


def check_entry(entry: dict[str, Any], model: FieldAutoEncoder, options: dict[str, Any], resuming: bool) -> None:
    """Raise a ValueError where a checkpoint is of another model than ``model``.

    Args:
        entry: the checkpoint's.
        model: the model that it is loaded into.
        options: of the training.
        resuming: whether training goes on, for which some options must be the same.
    """
    check_format(entry.get("format", 1), str(entry.get("version", "")))
    if "model" in entry:
        before = entry["model"]
        if model.mol_field is None and before["mol_field"] is not None:  # it took over that of its loss
            check_same_model({**before, "mol_field": None}, model)
            model.set_mol_field(mol_field_from_dict(before["mol_field"]))
        check_same_model(before, model)
    for name in _KEPT if resuming else ():
        before = entry["options"].get(name, options[name])
        if options[name] != before:
            raise ValueError(
                f"{name}: expected {before}, as in the checkpoint, which brings its own, got {options[name]}; begin a "
                "new training from load_from_checkpoint(...) to change it"
            )


class Training(NamedTuple):
    """What a checkpoint holds.

    Attributes:
        model: in evaluation mode, with its tensors.
        loss: that it was trained with.
        options: of the training.
        state: the tensors of the `FieldLightningModule`, by name.
    """

    model: FieldAutoEncoder
    loss: Loss
    options: dict[str, Any]
    state: dict[str, Tensor]


def read_training(
    source: str | PathLike[str] | IO[bytes],
    map_location: Any,
    loss: Loss | None,
    channels: Any,
    modules: dict[str, nn.Module],
) -> Training:
    """The training in a checkpoint, loaded without running code that it may hold.

    Args:
        source: a file or a stream.
        map_location: see `torch.load`.
        loss: to be taken in place of the checkpoint's.
        channels: see `rebuild_model`.
        modules: see `rebuild_model`.

    Raises:
        OSError: the file cannot be read.
        TypeError: an argument is of another kind.
        ValueError: the file is something else, damaged, or of a newer format, or modules or a loss are missing or do
            not fit.
    """
    check_modules(modules)
    channels = asked_channels(channels)
    with _decoded(source, map_location) as checkpoint:
        entry, state = checkpoint[KEY], checkpoint["state_dict"]
        tensors = {name.removeprefix(MODEL): tensor for name, tensor in state.items() if name.startswith(MODEL)}
        model = rebuild_model(entry["model"], tensors, channels, **modules)
        if not isinstance(model, FieldAutoEncoder):
            raise ValueError(f"expected a FieldAutoEncoder, got a {type(model).__name__}; give another checkpoint")
        return Training(model, rebuild_loss(entry["loss"]) if loss is None else loss, entry["options"], state)


def read_data_state(source: str | PathLike[str] | IO[bytes], name: str) -> dict[str, Any]:
    """The state of the data module of class ``name`` in a checkpoint, loaded without running code that it may hold.

    Raises:
        OSError: the file cannot be read.
        TypeError: an argument is of another kind.
        ValueError: the file is something else, damaged, or of a newer format, or holds none.
    """
    with _decoded(source, "cpu") as checkpoint:
        if not isinstance(checkpoint.get(name), dict):
            raise ValueError(f"expected a run with a {name}, got one with other data; make a {name}")
        return checkpoint[name]


@contextmanager
def _decoded(source: str | PathLike[str] | IO[bytes], map_location: Any) -> Iterator[dict[str, Any]]:
    """What a file or a stream holds; what goes wrong in the block is told of the file."""
    with ExitStack() as stack:
        name: str | Path = "checkpoint_path"
        if isinstance(source, (str, PathLike)):
            name = as_path(source, "checkpoint_path")
            source = stack.enter_context(readable(name))
        stack.enter_context(decoding(name))
        checkpoint = torch.load(source, map_location=map_location, weights_only=True)
        entry = checkpoint.get(KEY) if isinstance(checkpoint, dict) else None
        if not isinstance(entry, dict):
            raise ValueError(
                "expected a checkpoint of a FieldLightningModule, got another file; give one that the Trainer saved"
            )
        check_format(entry["format"], entry["version"])
        yield checkpoint
