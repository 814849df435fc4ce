"""Models to safetensors files and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as serialize
from torch import Tensor

from tg_molfield.files import atomic_write

_KEY = "tg_molfield"
_WEIGHTS = Path(__file__).parents[1] / "weights"
_FILE = "model.safetensors"


def save_model(path: str | Path, model: torch.nn.Module, hyper_parameters: dict[str, Any]) -> None:
    """Write the model's tensors, with its class and hyper-parameters in the header.

    Args:
        path: the file; an existing one is replaced when the new one is complete.
        model: the model.
        hyper_parameters: what :func:`read_model` gives back; JSON values.
    """
    tensors = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in model.state_dict().items()}
    header = json.dumps({"model": type(model).__name__, "hyper_parameters": hyper_parameters})
    with atomic_write(path) as stream:
        stream.write(serialize(tensors, metadata={_KEY: header}))


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
    """The hyper-parameters and tensors of a file that holds a ``model``.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is not one of this package's, or holds another model.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    try:
        with safe_open(path, framework="pt") as file:
            header = (file.metadata() or {}).get(_KEY)
            names = file.keys()
            tensors = {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path}: not a readable safetensors file ({error}); give a file that save() wrote") from error
    if header is None:
        raise ValueError(f"{path}: a safetensors file without a tg_molfield model; give a file that save() wrote")
    content = json.loads(header)
    if content["model"] != model:
        raise ValueError(f"{path}: holds a {content['model']}; load it with {content['model']}.load")
    return content["hyper_parameters"], tensors


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
