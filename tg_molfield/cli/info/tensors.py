"""What is in a saved model or a checkpoint."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from tg_molfield.cli.info.facts import Facts, listed
from tg_molfield.display.card import short_numbers
from tg_molfield.tensor_files import read_header

_TENSORS = 8
_SHOWN = 160


def tensor_facts(path: Path) -> Facts:
    """Kind, channels, settings and sizes, from the header alone.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no safetensors file, or damaged.
    """
    header = read_header(path)
    facts = {"kind": _kind(header.kind)} | ({"version": header.version} if header.version else {})
    settings = dict(header.parameters)
    if header.kind == "checkpoint":
        notes = {name: value for name, value in settings.items() if name not in facts}
        facts |= {name: _short(value) for name, value in notes.items() if not isinstance(value, dict | list)}
        settings = _trained(settings)
    if header.kind:
        channels, mol_field = settings.pop("channels", None), settings.pop("mol_field", None)
        if channels:
            facts["channels"] = listed(tuple(map(str, channels)))
        facts |= {name: _short(value) for name, value in {**settings, **_inner(settings)}.items() if name != _INNER}
        if mol_field:
            facts["field"] = ", ".join(f"{name} {_short(mol_field[name])}" for name in _FIELD if mol_field.get(name))
    sizes = [math.prod(shape) for _, shape in header.tensors.values()]
    facts["numbers"] = f"{sum(sizes):,} in {len(sizes):,} tensors, {path.stat().st_size:,} bytes"
    if not header.kind:
        shown = list(header.tensors.items())[:_TENSORS]
        facts |= {f"tensor {name[:_SHOWN]}": f"{kind} {list(shape)}" for name, (kind, shape) in shown}
    return facts


_INNER = "hyper_parameters"
_FIELD = ("kernel", "widths", "width_scale", "aggregate", "split_parts", "normalize_grid_size")


def _inner(settings: dict[str, Any]) -> dict[str, Any]:
    """The arguments that a model was built with, without those that say nothing."""
    inner = settings.get(_INNER)
    given = inner.items() if isinstance(inner, dict) else ()
    return {name: value for name, value in given if value not in (None, {}, [])}


def _trained(notes: dict[str, Any]) -> dict[str, Any]:
    """The description of the model that a checkpoint is of, empty for other computations."""
    training = notes.get("training")
    model = training.get("model") if isinstance(training, dict) else None
    return dict(model) if isinstance(model, dict) else {}


def _kind(kind: str) -> str:
    if not kind:
        return "tensors (.safetensors), not written by tg_molfield"
    return "checkpoint, from which a computation goes on" if kind == "checkpoint" else f"saved {kind[:_SHOWN]}"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else short_numbers(json.dumps(value, ensure_ascii=False))
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
