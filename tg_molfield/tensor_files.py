"""Named tensors with metadata in safetensors files: objects of this package, and checkpoints."""

from __future__ import annotations

import hashlib
import json
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from tg_molfield.arguments import as_path
from tg_molfield.files import atomic_write, decoding, readable

_KEY = "tg_molfield"
_SHOWN = 60
"""Characters of a name in messages."""


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
        ValueError: the file is not one of this package's, holds an object of another class, or numbers that are not
            finite.
    """
    path = as_path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: expected a file that save() wrote, got no file; check the path")
    with decoding(path):
        tensors, metadata = _read(path)
        if _KEY not in metadata:
            raise ValueError("expected an object of tg_molfield, got other tensors; give a file that save() wrote")
        content = _parsed(metadata[_KEY])
        if content["model"] != kind:
            found = str(content["model"])[:_SHOWN]
            raise ValueError(f"expected a {kind}, got a {found}; use {found}.load")
        parameters = content["hyper_parameters"]
        if not isinstance(parameters, dict):
            raise ValueError("expected settings by name, got none; give a file that save() wrote")
    return parameters, tensors


class TensorFile(NamedTuple):
    """What the header of a safetensors file says.

    Attributes:
        kind: the class of the object that it holds, ``"checkpoint"`` for the state of an unfinished computation, empty
            for a file that is not of this package.
        parameters: those of `write_object`, or the notes of a checkpoint.
        tensors: type and shape of each tensor, by name.
    """

    kind: str
    parameters: dict[str, Any]
    tensors: dict[str, tuple[str, tuple[int, ...]]]


def read_header(path: str | PathLike[str]) -> TensorFile:
    """What the header of a safetensors file says; its tensors are not read.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no safetensors file, or its header is damaged.
    """
    path = as_path(path)
    with readable(path), decoding(path):
        try:
            with safe_open(path, framework="pt") as file:
                metadata = file.metadata() or {}
                slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
                tensors = {name: (one.get_dtype(), tuple(one.get_shape())) for name, one in slices.items()}
        except (SafetensorError, OSError) as error:
            raise ValueError(
                f"expected a safetensors file, got a damaged or other one ({error}); download or write it again"
            ) from error
        kind, parameters = "", {}
        if _KEY in metadata:
            content = _parsed(metadata[_KEY])
            kind, parameters = str(content["model"]), content["hyper_parameters"]
        elif {"fingerprint", "notes", "digest"} <= metadata.keys():
            kind, parameters = "checkpoint", _parsed(metadata["notes"])
        if not isinstance(parameters, dict):
            raise ValueError("expected settings by name, got none; write the file again")
    return TensorFile(kind, parameters, tensors)


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
    text = json.dumps(notes)
    _write(path, content, {"fingerprint": fingerprint, "notes": text, "digest": _digest(content, fingerprint, text)})


def read_checkpoint(path: str | PathLike[str], fingerprint: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the notes of a checkpoint.

    Raises:
        ValueError: the file cannot be read, has changed since it was written, or was written with other data or
            settings.
    """
    with decoding(Path(path)):
        tensors, metadata = _read(Path(path))
        if metadata.get("fingerprint") != fingerprint:
            raise ValueError(
                "expected a checkpoint of the same samples and settings, got one of others; remove it or name another"
            )
        if metadata.get("digest") != _digest(tensors, metadata["fingerprint"], metadata["notes"]):
            raise ValueError("expected the content that was written, got another; remove the damaged checkpoint")
        return tensors, _parsed(metadata["notes"])


def _digest(tensors: dict[str, Tensor], *texts: str) -> str:
    digest = hashlib.sha256(repr(texts).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(repr((name, tensor.dtype, tuple(tensor.shape))).encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"expected JSON in the header, got {text[:_SHOWN]!r} ({error}); write the file again"
        ) from error


def _write(path: str | PathLike[str], tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    with atomic_write(as_path(path)) as stream:
        stream.write(save(tensors, metadata))


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of a file, all finite, and its metadata."""
    try:
        with safe_open(path, framework="pt") as file:
            names = file.keys()
            tensors, metadata = {name: file.get_tensor(name) for name in names}, file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise ValueError(
            f"expected a file that save() or fit() wrote, got a damaged or other one ({error}); download or write "
            "it again"
        ) from error
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise ValueError(f"{name[:_SHOWN]}: expected finite numbers, got NaN or infinity; write the file again")
    return tensors, metadata
