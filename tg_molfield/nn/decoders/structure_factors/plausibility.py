"""What atoms of molecules keep: each has another near it, and none upon it."""

from __future__ import annotations

import torch
from torch import Tensor

from tg_molfield.nn.decoders.gaussian_atoms.padded_atoms import PaddedAtoms

CLOSEST, FARTHEST = 0.75, 2.3
"""Å from a place where an atom may be to the nearest atom."""
_OVERLAP = 0.7
"""Å below which two atoms stand for one."""


def implausible_atoms(atoms: PaddedAtoms, support: Tensor) -> Tensor:
    """Atoms that are near no other, and of two that overlap the one with less ``support [B, n]``; ``[B, n]`` bool."""
    apart = torch.cdist(atoms.pos, atoms.pos)
    other = atoms.mask.unsqueeze(1) & atoms.mask.unsqueeze(2)
    other.diagonal(dim1=1, dim2=2).zero_()
    nearest, partner = apart.masked_fill(~other, torch.inf).min(2)
    loser = (nearest < _OVERLAP) & (support < support.gather(1, partner))
    return other.any(2) & (loser | (nearest > FARTHEST))
