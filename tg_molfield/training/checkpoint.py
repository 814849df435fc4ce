"""The state of an unfinished training in a file."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tg_molfield.nn.serialization import difference
from tg_molfield.tensor_files import read_checkpoint, write_checkpoint
from tg_molfield.training.validation import Validation

CHECKPOINT = "checkpoint.safetensors"


@dataclass
class TrainingState:
    """Where a training is.

    Attributes:
        model: the state of the model, by name.
        optimizer: of its optimizer, see `optimizer_tensors`.
        average: the moving averages of its parameters, if any.
        best: the parameters that were best in validation, if any.
        losses: of every step.
        seconds: spent.
        validations: so far.
        ended: why the training ended; empty if it did not.
    """

    model: dict[str, Tensor]
    optimizer: dict[str, Tensor]
    average: dict[str, Tensor] = field(default_factory=dict)
    best: dict[str, Tensor] = field(default_factory=dict)
    losses: list[float] = field(default_factory=list)
    seconds: float = 0.0
    validations: list[Validation] = field(default_factory=list)
    ended: str = ""


_KIND = "training, 1"
_PARTS = ("model", "optimizer", "average", "best")


def write_state(path: Path, training: dict[str, Any], state: TrainingState) -> None:
    """Write a state; an older one is replaced once the new one is complete.

    Args:
        path: the file.
        training: what tells the training from others, as JSON values.
        state: where it is.
    """
    tensors = {f"{part}/{name}": tensor for part in _PARTS for name, tensor in getattr(state, part).items()}
    tensors["losses"] = torch.tensor(state.losses, dtype=torch.float64)
    notes = {
        "steps": len(state.losses),
        "seconds": state.seconds,
        "validations": [asdict(one) for one in state.validations],
        "ended": state.ended,
        "training": training,
    }
    write_checkpoint(path, _KIND, tensors, notes)


def read_state(path: Path, training: dict[str, Any]) -> TrainingState:
    """The state in a file.

    Raises:
        ValueError: it is damaged, of a newer format, or of another training.
    """
    tensors, notes = read_checkpoint(path, _KIND)
    known = notes["training"] if notes["validations"] else {**notes["training"], "valid": training["valid"]}
    if differing := difference(_alike(known, training), _alike(training, known)):
        name, before, now = differing
        raise ValueError(
            f"{path}: {name}: expected {before}, as in this checkpoint, got {now}; give another folder, or "
            "resume=False to begin anew"
        )
    parts: dict[str, dict[str, Tensor]] = {part: {} for part in _PARTS}
    for full, tensor in tensors.items():
        part, _, name = full.partition("/")
        if name:
            parts[part][name] = tensor
    return TrainingState(
        **parts,
        losses=tensors["losses"].tolist(),
        seconds=notes["seconds"],
        validations=[Validation(**one) for one in notes["validations"]],
        ended=notes["ended"],
    )


def _alike(training: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """A training without the model's definition where the other has none: a model takes over that of a loss."""
    if other["model"].get("mol_field") is not None:
        return training
    return {**training, "model": {**training["model"], "mol_field": None}}
