"""The channels of a volume that the trained network applies to."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from tg_molfield.fields import MolField, Volume
from tg_molfield.inverse.lattice import local_steps
from tg_molfield.inverse.superres.prior.inputs import CHANNELS, WIDTHS
from tg_molfield.inverse.superres.prior.prior import SPACINGS

_CLOSE = 0.02
_CUBIC = 0.05

Triple = tuple[int, int, int]


def triples(volume: Volume, mol_field: MolField | None, widths: Sequence[float | None]) -> tuple[list[Triple], str]:
    """The channels of carbon, nitrogen and all atoms of each part, and why there are none.

    Args:
        volume: the samples.
        mol_field: their definition.
        widths: of each channel in Å.
    """
    if mol_field is None:
        return [], "a MolField that tells what the channels are"
    steps = local_steps(volume.grid)
    if not volume.grid.is_orthogonal or any(volume.periodic) or float(steps.max() / steps.min()) > 1 + _CUBIC:
        return [], "a grid with equal steps along three orthogonal axes that is not periodic"
    if not SPACINGS[0] <= float(steps.mean()) <= SPACINGS[1]:
        return [], f"nodes from {SPACINGS[0]} to {SPACINGS[1]} Å apart"
    found = [triple for prefix in ("", "ligand.", "protein.") for triple in _of_part(prefix, volume, mol_field, widths)]
    return found, "channels of C, N and all atoms with the widths of MolField.preset('mnf', beta=0.25)"


def take(values: Tensor, triple: Triple) -> Tensor:
    """The three channels [3, ...] of values [C, ...]."""
    return values[torch.tensor(triple)]


def _of_part(prefix: str, volume: Volume, mol_field: MolField, widths: Sequence[float | None]) -> list[Triple]:
    indices = []
    for name in CHANNELS:
        places = [c for c, channel in enumerate(volume.channels) if _stands_for(channel, prefix, name, mol_field)]
        if not places or not bool(volume.values[places[0]].any()):
            return []
        indices.append(places[0])
    carbon, nitrogen, everything = indices
    close = all(
        width is not None and abs(width / trained - 1) < _CLOSE
        for width, trained in zip((widths[carbon], widths[nitrogen]), WIDTHS, strict=True)
    )
    same_rule = mol_field.widths == "vdw_radius" and widths[everything] is None
    return [(carbon, nitrogen, everything)] if close and same_rule else []


def _stands_for(channel: str, prefix: str, name: str, mol_field: MolField) -> bool:
    defined = mol_field.channel_of(channel)
    return (
        defined is not None
        and channel == prefix + defined.name
        and defined.weight == name
        and defined.width is None
        and not defined.vector
    )
