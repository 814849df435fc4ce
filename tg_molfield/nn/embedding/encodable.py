"""Molecules as the model takes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from tg_molfield.chem.atoms import AtomList
from tg_molfield.devices import in_widest_type


class Encodable(NamedTuple):
    """One molecule, checked.

    Attributes:
        z: ``[N]`` int64.
        pos: ``[N, 3]`` Å, in the type of the model.
        properties: ``[N, P]``, or None.
        outside: why it lies outside the domain of the model, see `Domain.reasons`.
    """

    z: Tensor
    pos: Tensor
    properties: Tensor | None
    outside: tuple[str, ...]


def converted(z: Tensor, pos: Tensor, properties: Tensor | None, like: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
    """The atoms of a molecule on the device and in the type of ``like``.

    Where the type changes, the molecule is moved to the origin first, so that no digits are lost; codes do not depend
    on the place.
    """
    if pos.dtype != like.dtype and pos.is_floating_point() and pos.dim() == 2 and len(pos):
        pos = in_widest_type(pos)
        pos = pos - pos.mean(0)
    floats = pos.to(like) if pos.is_floating_point() else pos
    return z.to(like.device), floats, None if properties is None else properties.to(like)


def joined(molecules: Sequence[Encodable]) -> tuple[AtomList, Tensor | None]:
    """The atoms of molecules as one batch, and their properties."""
    z = torch.cat([one.z for one in molecules])
    counts = torch.tensor([len(one.z) for one in molecules], device=z.device)
    batch = torch.arange(len(molecules), device=z.device).repeat_interleave(counts)
    columns = [one.properties for one in molecules if one.properties is not None]
    atoms = AtomList(z, torch.cat([one.pos for one in molecules]), batch)
    return atoms, torch.cat(columns) if columns else None
