"""Folders with a model in the layout of the Hugging Face hub."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from torch import nn

from tg_molfield.arguments import as_path
from tg_molfield.files import atomic_writes, decoding, finish_commits, read_bytes
from tg_molfield.nn.serialization.card import model_card
from tg_molfield.nn.serialization.description import describe_model, difference
from tg_molfield.tensor_files import FORMAT, check_format, object_bytes, package_version

TENSORS, CONFIG, CARD = "model.safetensors", "config.json", "README.md"

_WEIGHTS = Path(__file__).parents[2] / "weights"


def write_folder(folder: str | Path, model: nn.Module) -> None:
    """Write a model, its description and its card; all of them or none.

    Raises:
        OSError: they cannot be written.
        ValueError: the model cannot be described.
    """
    path = as_path(folder, "folder")
    description, tensors = describe_model(model)
    config = {"format": FORMAT, "version": package_version(), **description}
    content = {
        TENSORS: object_bytes(description["model"], _parameters(description), tensors),
        CONFIG: (json.dumps(config, indent=2, ensure_ascii=False) + "\n").encode(),
    }
    finish_commits(path / CARD)
    before = (path / CARD).read_bytes().decode(errors="surrogateescape") if (path / CARD).is_file() else None
    card = model_card(path.resolve().name, model, description, before)
    if card is not None:
        content[CARD] = card.encode(errors="surrogateescape")
    with atomic_writes([path / name for name in content]) as streams:
        for stream, text in zip(streams, content.values(), strict=True):
            stream.write(text)


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
        finish_commits(path / TENSORS)
        if (path / TENSORS).is_file():
            return path / TENSORS
        raise FileNotFoundError(f"{path}: expected {TENSORS} in the folder, got none; give the file itself")
    names = ", ".join(sorted(file.stem for file in _WEIGHTS.glob("*.safetensors")))
    raise FileNotFoundError(
        f"{name_or_path}: expected a model of this package ({names}), a file or a folder, got neither; check it"
    )


def check_config(path: Path, description: dict[str, Any]) -> None:
    """Raise a ValueError where the ``config.json`` of a folder tells of another model than its tensors.

    Args:
        path: the folder; without the file nothing is checked.
        description: that of ``model.safetensors``.
    """
    file = path / CONFIG
    if not file.is_file():
        return
    content = read_bytes(file)
    with decoding(file):
        try:
            config = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"expected JSON, got something else ({error}); restore the file or remove it") from error
        if not isinstance(config, dict):
            raise ValueError("expected settings by name, got none; restore the file or remove it")
        check_format(config.get("format", 1), str(config.get("version", "")))
        told = {name: value for name, value in config.items() if name in description}
        if differing := difference(description, {**description, **told}):
            name, own, other = differing
            raise ValueError(
                f"{name}: expected {own}, as {TENSORS} has, got {other}; restore the file, which only tells what "
                "the model is, or remove it"
            )


def _parameters(description: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in description.items() if name != "model"}
