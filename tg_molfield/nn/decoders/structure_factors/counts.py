"""The numbers of atoms that structure factors hold."""

from __future__ import annotations

import torch
from torch import Tensor

from tg_molfield.nn.decoders.gaussian_atoms.padded_atoms import PaddedAtoms
from tg_molfield.nn.ops.structure_factors import StructureFactors
from tg_molfield.precision import full_precision

_LEAST_COUNT = 0.02
_MAX_ATOMS = 2048
_WHOLE = 1e-3
"""Element counts nearer than this to whole numbers are those of a molecule."""


def holds_whole_counts(transform: StructureFactors, code: Tensor) -> Tensor:
    """Which of the codes ``[B, size]`` count whole atoms, as those of molecules do and their means do not."""
    counts = transform.split(code.detach())[0]
    return (counts - counts.round()).abs().amax(1) < _WHOLE


@full_precision
def counted_atoms(transform: StructureFactors, code: Tensor) -> PaddedAtoms:
    """Atoms at the origin, sorted by kind; the weights of an element add up to its count in ``code [B, size]``."""
    counts = transform.split(code)[0]
    number = counts.detach().round().clamp(min=0)
    number = torch.where((number == 0) & (counts.detach() > _LEAST_COUNT), 1.0, number).long()
    total = number.sum(1)
    if int(total.max()) > _MAX_ATOMS:
        raise ValueError(
            f"code: expected molecules of at most {_MAX_ATOMS} atoms, got counts of {int(total.max())}; "
            "give a code that encode made"
        )
    width = max(int(total.max()), 1)
    place = torch.arange(width, device=code.device).expand(len(code), -1).contiguous()
    kinds = torch.searchsorted(number.cumsum(1), place, right=True).clamp(max=counts.size(1) - 1)
    mask = place < total.unsqueeze(1)
    each = counts / number.clamp(min=1)
    return PaddedAtoms(code.new_zeros(*mask.shape, 3), kinds, mask, each.gather(1, kinds) * mask)
