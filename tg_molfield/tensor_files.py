"""Named tensors with metadata in safetensors files: objects of this package, and checkpoints."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from tg_molfield.arguments import as_path
from tg_molfield.files import atomic_write, decoding, readable

FORMAT = 1
"""The number of the format; a file with a higher one is refused, since its content may mean something else."""

_KEY = "tg_molfield"
_SHOWN = 60
"""Characters of a name in messages."""


def write_object(path: str | PathLike[str], kind: str, parameters: dict[str, Any], tensors: dict[str, Tensor]) -> None:
    """Write an object's tensors, with its class, its parameters and the version of the package in the header.

    Args:
        path: the file; an existing one is replaced once the new one is complete.
        kind: the name of the class.
        parameters: whatever else is needed to rebuild the object, as JSON values.
        tensors: by name.
    """
    content = object_bytes(kind, parameters, tensors)
    with atomic_write(as_path(path)) as stream:
        stream.write(content)


def object_bytes(kind: str, parameters: dict[str, Any], tensors: dict[str, Tensor]) -> bytes:
    """The content of the file that :func:`write_object` writes."""
    content = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}
    return save(content, _header({"model": kind, "hyper_parameters": parameters}))


def read_object(path: str | PathLike[str], kind: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The parameters and the tensors of a file that :func:`write_object` wrote.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is not one of this package's, was written by a newer version of it in another format, holds
            an object of another class, or numbers that are not finite.
    """
    path = as_path(path)
    with readable(path), decoding(path):
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


@contextmanager
def with_memory() -> Iterator[None]:
    """A context in which new tensors can take numbers: on the processor where the default device is ``"meta"``."""
    with torch.device("cpu") if torch.empty(0).is_meta else nullcontext():
        yield


class TensorFile(NamedTuple):
    """What the header of a safetensors file says.

    Attributes:
        kind: the class of the object that it holds, ``"checkpoint"`` for the state of a computation, empty
            for a file that is not of this package.
        version: that of the package that wrote it, empty where the file does not say.
        parameters: those of `write_object`, or the notes of a checkpoint.
        tensors: type and shape of each tensor, by name.
    """

    kind: str
    version: str
    parameters: dict[str, Any]
    tensors: dict[str, tuple[str, tuple[int, ...]]]


def read_header(path: str | PathLike[str]) -> TensorFile:
    """What the header of a safetensors file says; its tensors are not read.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no safetensors file, its header is damaged, or a newer version of the package wrote it in
            another format.
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
        written_by = _check_format(metadata)
        kind, parameters = "", {}
        if {"fingerprint", "notes", "digest"} <= metadata.keys():
            kind, parameters = "checkpoint", _parsed(metadata["notes"])
        elif _KEY in metadata:
            content = _parsed(metadata[_KEY])
            kind, parameters = str(content["model"]), content["hyper_parameters"]
        if not isinstance(parameters, dict):
            raise ValueError("expected settings by name, got none; write the file again")
    return TensorFile(kind, written_by, parameters, tensors)


def write_checkpoint(
    path: str | PathLike[str], fingerprint: str, tensors: dict[str, Tensor], notes: dict[str, Any]
) -> None:
    """Write the state of a computation that can go on from it, with the version of the package in the header.

    Args:
        path: the file; an existing one is replaced once the new one is complete.
        fingerprint: identifies the data and the settings of the computation.
        tensors: by name.
        notes: anything else, as JSON values.
    """
    content = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}
    text = json.dumps(notes)
    checked = {"fingerprint": fingerprint, "notes": text, "digest": _digest(content, fingerprint, text)}
    whole = save(content, {**_header({}), **checked})
    with atomic_write(as_path(path)) as stream:
        stream.write(whole)


def read_checkpoint(path: str | PathLike[str], fingerprint: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the notes of a checkpoint.

    Raises:
        ValueError: the file cannot be read, has changed since it was written, or was written with other data or
            settings, or by a newer version of the package in another format.
    """
    path = as_path(path)
    with decoding(path):
        tensors, metadata = _read(path)
        if metadata.get("fingerprint") != fingerprint:
            raise ValueError(
                "expected a checkpoint of the same samples and settings, got one of others; remove it or name another"
            )
        if metadata.get("digest") != _digest(tensors, metadata["fingerprint"], metadata["notes"]):
            raise ValueError("expected the content that was written, got another; remove the damaged checkpoint")
        return tensors, _parsed(metadata["notes"])


@lru_cache(maxsize=1)
def package_version() -> str:
    """The version of this package, ``"unknown"`` where it runs without being installed."""
    try:
        return version("tg_molfield")
    except PackageNotFoundError:
        return "unknown"


def check_format(number: Any, written_by: str) -> None:
    """Refuse a file of a newer format.

    Args:
        number: of its format.
        written_by: the version of the package that wrote it.

    Raises:
        ValueError: the number is higher than this version's, or no number.
    """
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= FORMAT:
        author = f" written by tg_molfield {written_by[:_SHOWN]}" if written_by else ""
        raise ValueError(f"expected format ≤ {FORMAT}, got {str(number)[:_SHOWN]}{author}; update the package")


def _check_format(metadata: dict[str, str]) -> str:
    """The version of the package that wrote a file with this ``metadata``; empty where it does not say."""
    content = _parsed(metadata[_KEY]) if _KEY in metadata else {}
    if not isinstance(content, dict):
        raise ValueError("expected settings by name, got none; write the file again")
    written_by = str(content.get("version", ""))
    check_format(content.get("format", 1), written_by)
    return written_by


def raw_bytes(tensor: Tensor) -> memoryview:
    """The numbers of a dense tensor of any type and shape as they lie in memory."""
    row = tensor.detach().cpu().resolve_conj().resolve_neg().contiguous().flatten()
    if row.stride(0) != 1:  # of one number, or of none as from an empty array, torch takes any step for contiguous
        row = row.clone(memory_format=torch.contiguous_format)
    return row.view(torch.uint8).numpy().data


def _digest(tensors: dict[str, Tensor], *texts: str) -> str:
    digest = hashlib.sha256(repr(texts).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(repr((name, tensor.dtype, tuple(tensor.shape))).encode())
        digest.update(raw_bytes(tensor))
    return digest.hexdigest()


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"expected JSON in the header, got {text[:_SHOWN]!r} ({error}); write the file again"
        ) from error


def _header(content: dict[str, Any]) -> dict[str, str]:
    return {_KEY: json.dumps({"format": FORMAT, "version": package_version(), **content})}


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of a file, all finite, and its metadata."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            _check_format(metadata)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ValueError(
            f"expected a file that save() or fit() wrote, got a damaged or other one ({error}); download or write "
            "it again"
        ) from error
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise ValueError(f"{name[:_SHOWN]}: expected finite numbers, got NaN or infinity; write the file again")
    return tensors, metadata
