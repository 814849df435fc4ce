"""Named tensors with metadata in safetensors files: objects of this package, and checkpoints."""

from __future__ import annotations

import json
from os import PathLike
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from tg_molfield.files import atomic_write

_KEY = "tg_molfield"


def write_object(path: str | PathLike[str], kind: str, parameters: dict[str, Any], tensors: dict[str, Tensor]) -> None:
    """Write an object's tensors, with its class and parameters in the header.

    Args:
        path: the file; an existing one is replaced once the new one is complete.
        kind: the name of the class.
        parameters: whatever else is needed to rebuild the object, as JSON values.
        tensors: by name.
    """
    content = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}
    _write(path, content, {_KEY: json.dumps({"model": kind, "hyper_parameters": parameters})})


def read_object(path: str | PathLike[str], kind: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The parameters and the tensors of a file that :func:`write_object` wrote.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is not one of this package's, or holds an object of another class.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: expected a file that save() wrote, got no file; check the path")
    try:
        tensors, metadata = _read(path)
    except (SafetensorError, OSError) as error:
        raise ValueError(
            f"{path}: expected a file that save() wrote, got a damaged or other one ({error}); check it"
        ) from error
    if _KEY not in metadata:
        raise ValueError(f"{path}: expected an object of tg_molfield, got other tensors; give a file that save() wrote")
    content = json.loads(metadata[_KEY])
    if content["model"] != kind:
        raise ValueError(f"{path}: expected a {kind}, got a {content['model']}; use {content['model']}.load")
    return content["hyper_parameters"], tensors


def write_checkpoint(
    path: str | PathLike[str], fingerprint: str, tensors: dict[str, Tensor], notes: dict[str, Any]
) -> None:
    """Write the state of an unfinished computation.

    Args:
        path: the file; an existing one is replaced once the new one is complete.
        fingerprint: identifies the data and the settings of the computation.
        tensors: by name.
        notes: anything else, as JSON values.
    """
    content = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    _write(path, content, {"fingerprint": fingerprint, "notes": json.dumps(notes)})


def read_checkpoint(path: str | PathLike[str], fingerprint: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the notes of a checkpoint.

    Raises:
        ValueError: the file cannot be read, or was written with other data or settings.
    """
    try:
        tensors, metadata = _read(Path(path))
    except (SafetensorError, OSError) as error:
        raise ValueError(
            f"checkpoint: expected a safetensors file, got {path}, which cannot be read ({error}); remove it or "
            "name another"
        ) from error
    if metadata.get("fingerprint") != fingerprint:
        raise ValueError(
            f"checkpoint: expected one of the same samples and settings, got {path}, made with others; remove it or "
            "name another"
        )
    return tensors, json.loads(metadata["notes"])


def _write(path: str | PathLike[str], tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    with atomic_write(Path(path)) as stream:
        stream.write(save(tensors, metadata))


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    with safe_open(path, framework="pt") as file:
        names = file.keys()
        return {name: file.get_tensor(name) for name in names}, file.metadata() or {}
