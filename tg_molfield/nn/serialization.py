"""Models to safetensors files and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from tg_molfield.arguments import as_path
from tg_molfield.fields import MolField
from tg_molfield.fields.definition_dict import mol_field_from_dict, mol_field_to_dict
from tg_molfield.files import decoding
from tg_molfield.nn.bounded import BoundedBuild
from tg_molfield.tensor_files import read_object, write_object

ModelT = TypeVar("ModelT", bound=torch.nn.Module)

_WEIGHTS = Path(__file__).parents[1] / "weights"
_FILE = "model.safetensors"
_SHOWN = 60
"""Characters of a tensor's name in messages."""


@dataclass(frozen=True, eq=False)
class SavedModel:
    """What a file holds.

    Attributes:
        hyper_parameters: the arguments that the model was built with.
        tensors: its state, by name.
        channels: the names of the field's channels, where the model has any.
        mol_field: the definition of its field, where it knows one.
    """

    hyper_parameters: dict[str, Any]
    tensors: dict[str, Tensor]
    channels: tuple[str, ...] = ()
    mol_field: MolField | None = None

    @property
    def field(self) -> MolField | tuple[str, ...]:
        """The definition, or the names of the channels alone."""
        return self.channels if self.mol_field is None else self.mol_field


def save_model(
    path: str | Path,
    model: torch.nn.Module,
    hyper_parameters: dict[str, Any],
    channels: tuple[str, ...] = (),
    mol_field: MolField | None = None,
) -> None:
    """Write the model's tensors, with its class and the other arguments in the header.

    Args:
        path: the file; an existing one is replaced once the new one is complete.
        model: the model.
        hyper_parameters: JSON values; see `SavedModel` for these and the rest.
        channels: the names of the field's channels.
        mol_field: the definition of the field.

    Raises:
        ValueError: the definition has a kernel without a name.
    """
    described = {
        "hyper_parameters": hyper_parameters,
        "channels": channels,
        "mol_field": None if mol_field is None else mol_field_to_dict(mol_field),
    }
    write_object(path, type(model).__name__, described, dict(model.state_dict()))


def pretrained_file(name_or_path: str | Path) -> Path:
    """The file of a model: one of this package's by name, a path, or ``model.safetensors`` in a folder.

    Raises:
        FileNotFoundError: there is no such name, file or folder, or the folder has no such file.
    """
    if isinstance(name_or_path, str):
        named = _WEIGHTS / f"{name_or_path}.safetensors"
        if named.is_file() and named.parent == _WEIGHTS:
            return named
    path = as_path(name_or_path, "name_or_path")
    if path.is_file():
        return path
    if path.is_dir():
        if (path / _FILE).is_file():
            return path / _FILE
        raise FileNotFoundError(f"{path}: expected {_FILE} in the folder, got none; give the file itself")
    names = ", ".join(sorted(file.stem for file in _WEIGHTS.glob("*.safetensors")))
    raise FileNotFoundError(
        f"{name_or_path}: expected a model of this package ({names}), a file or a folder, got neither; check it"
    )


def read_model(path: str | Path, model: str) -> SavedModel:
    """The content of a file that holds a ``model``; see `tensor_files.read_object`."""
    content, tensors = read_object(path, model)
    with decoding(path):
        mol_field = content["mol_field"]
        return SavedModel(
            dict(content["hyper_parameters"]),
            tensors,
            tuple(content["channels"]),
            None if mol_field is None else mol_field_from_dict(mol_field),
        )


def rebuild(path: str | Path, saved: SavedModel, make: Callable[[], ModelT]) -> ModelT:
    """The model that a file holds, in evaluation mode and in the type of its parameters.

    Args:
        path: the file, for messages.
        saved: its content.
        make: builds the model from the settings in the file.

    Raises:
        ValueError: the settings are those of a larger model than the file holds, or of none; or names, shapes or types
            of the tensors do not fit.
    """
    with decoding(path):
        bounded = BoundedBuild(saved.tensors)
        bounded.check_settings(saved.hyper_parameters)
        with bounded:
            model = make()
        _check_tensors(model, saved.tensors)
        for name, _ in model.named_parameters():
            model.to(saved.tensors[name].dtype)
            break
        model.load_state_dict(saved.tensors)
    return model.eval()


def _check_tensors(model: torch.nn.Module, tensors: dict[str, Tensor]) -> None:
    expected = model.state_dict()
    for name in sorted(expected.keys() ^ tensors.keys()):
        lacks = "no" if name in expected else "a"
        raise ValueError(
            f"expected the tensors of this model, got {lacks} {name[:_SHOWN]}; give the modules it was saved with"
        )
    for name, tensor in tensors.items():
        own = expected[name]
        if own.shape != tensor.shape or own.is_floating_point() != tensor.is_floating_point():
            raise ValueError(
                f"{name}: expected {own.dtype} of {list(own.shape)}, as this model has, got {tensor.dtype} of "
                f"{list(tensor.shape)}; give the modules it was saved with"
            )
