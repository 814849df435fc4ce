"""Models to safetensors files and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tg_molfield.tensor_files import read_object, write_object

_WEIGHTS = Path(__file__).parents[1] / "weights"
_FILE = "model.safetensors"


def save_model(path: str | Path, model: torch.nn.Module, hyper_parameters: dict[str, Any]) -> None:
    """Write the model's tensors, with its class and hyper-parameters in the header.

    Args:
        path: the file; an existing one is replaced when the new one is complete.
        model: the model.
        hyper_parameters: what :func:`read_model` gives back; JSON values.
    """
    write_object(path, type(model).__name__, hyper_parameters, dict(model.state_dict()))


def pretrained_file(name_or_path: str | Path) -> Path:
    """The file of a model: one of this package's by name, a path, or ``model.safetensors`` in a folder.

    Raises:
        FileNotFoundError: there is no such name, file or folder, or the folder has no such file.
    """
    named = _WEIGHTS / f"{name_or_path}.safetensors"
    if isinstance(name_or_path, str) and named.is_file() and named.parent == _WEIGHTS:
        return named
    path = Path(name_or_path)
    if path.is_file():
        return path
    if path.is_dir():
        if (path / _FILE).is_file():
            return path / _FILE
        raise FileNotFoundError(f"{path}: has no {_FILE}; give a folder that holds one, or the file itself")
    names = ", ".join(sorted(file.stem for file in _WEIGHTS.glob("*.safetensors")))
    raise FileNotFoundError(f"{name_or_path}: no such model, file or folder; the models of this package are {names}")


def read_model(path: str | Path, model: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The hyper-parameters and tensors of a file that holds a ``model``; see `tensor_files.read_object`."""
    return read_object(path, model)


def fill_model(path: str | Path, model: torch.nn.Module, tensors: dict[str, Tensor]) -> None:
    """Load ``tensors`` into ``model``, in their type.

    Raises:
        ValueError: names or shapes do not fit.
    """
    for tensor in tensors.values():
        if tensor.is_floating_point():
            model.to(tensor.dtype)
            break
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise ValueError(f"{path}: does not fit the model ({error}); give the modules it was saved with") from error
