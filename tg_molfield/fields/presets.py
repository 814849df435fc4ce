"""Definitions known by name, as arguments of `MolField`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch

from tg_molfield.fields.channels import Channel, parse_channels
from tg_molfield.fields.elements import ELEMENT_PROPERTIES, element_property


def preset_arguments(name: str, **options: Any) -> dict[str, Any]:
    """The arguments of the preset ``name`` with the given options.

    Raises:
        ValueError: there is no such preset or option.
    """
    if name not in PRESETS:
        raise ValueError(f"preset {name!r} is not known; choose from {', '.join(PRESETS)}")
    try:
        return PRESETS[name](**options)
    except TypeError as error:
        raise ValueError(f"preset {name!r}: {error}") from error


def _mnf(
    beta: float = 0.75,
    channels: str | Sequence[str | Channel] = "H C N O F P S Cl other",
    properties: Sequence[str] = (),
    parts: bool = False,
    nodes: int = 16,
) -> dict[str, Any]:
    """arXiv 2502.10848: exp(−β d²/r²), r relative to carbon's; each channel over its maximum on the cube."""
    if not beta > 0:
        raise ValueError(f"beta={beta}: must be positive")
    unknown = [name for name in properties if name not in ELEMENT_PROPERTIES]
    if unknown:
        raise ValueError(f"properties={unknown}: no such element property; choose from {', '.join(ELEMENT_PROPERTIES)}")
    scale = 1 / math.sqrt(2 * beta)
    by_property = [Channel(name, "all", name, scale / _of_carbon(name)) for name in properties]
    return {
        "channels": (*parse_channels(channels), *by_property),
        "kernel": "gaussian",
        "widths": "vdw_radius",
        "width_scale": scale / _of_carbon("vdw_radius"),
        "parts": parts,
        "peak_nodes": nodes,
    }


def _of_carbon(name: str) -> float:
    return float(element_property(name, torch.tensor([6])))


PRESETS: dict[str, Callable[..., dict[str, Any]]] = {"mnf": _mnf}
