"""Atoms in the tied frames of symmetric molecules, merged where the frames agree."""

from __future__ import annotations

import torch
from torch import Tensor

from tg_molfield.nn.decoders.gaussian_atoms.padded_atoms import PaddedAtoms
from tg_molfield.nn.latent.pose import Pose
from tg_molfield.nn.ops.short_products import from_frames
from tg_molfield.precision import full_precision

SAME = 1e-3
"""Å; atoms of one element closer than this in different frames are one; it changes the field by its square over σ²."""


@full_precision
def merge_frames(atoms: PaddedAtoms, pose: Pose) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The atoms in space, each as the weighted mean of its images in the frames that agree on it.

    An image that agrees with no atom of the molecule's first frame stays, with the weight of its frame.

    Args:
        atoms: of B molecules, in the molecules' frames.
        pose: their origins and frames.

    Returns:
        Positions ``[P, 3]`` Å, kinds ``[P]``, occupancies ``[P]`` and molecules ``[P]``, sorted.
    """
    graph, frames, share = pose.active_frames()
    mask = atoms.mask[graph]
    owner = graph.unsqueeze(1).expand_as(mask)
    local = pose.project_to_rank(atoms.pos[graph].flatten(0, 1), owner.flatten()).view(*mask.shape, 3)
    pos = from_frames(local, frames) + pose.origin[graph].unsqueeze(1)
    kinds, weights = atoms.kinds[graph], atoms.weights[graph] * share.unsqueeze(1)
    target = _images(pos.detach(), kinds, mask, graph)[mask]
    kept, row = target.unique(return_inverse=True)
    pos, kinds, weights, owner = pos[mask], kinds[mask], weights[mask], owner[mask]
    total = weights.new_zeros(len(kept)).index_add(0, row, weights)
    part = weights / torch.where(total == 0, 1.0, total)[row]
    mean = pos.new_zeros(len(kept), 3).index_add(0, row, part.unsqueeze(1) * pos)
    first = torch.full_like(kept, len(row)).scatter_reduce(0, row, torch.arange(len(row), device=row.device), "amin")
    return mean, kinds[first], total, owner[first]


def _images(pos: Tensor, kinds: Tensor, mask: Tensor, graph: Tensor) -> Tensor:
    """For each atom in each of V frames the number of the atom ``[V, n]`` in the molecule's first frame, or its own."""
    frame = torch.arange(len(graph), device=graph.device)
    first = torch.searchsorted(graph, graph)
    number = frame.unsqueeze(1) * pos.size(1) + torch.arange(pos.size(1), device=graph.device)
    if bool((first == frame).all()):
        return number
    apart = torch.cdist(pos, pos[first], compute_mode="donot_use_mm_for_euclid_dist")
    alike = (kinds.unsqueeze(2) == kinds[first].unsqueeze(1)) & mask[first].unsqueeze(1)
    distance, nearest = apart.masked_fill(~alike, torch.inf).min(2)
    same = (distance < SAME) & (first != frame).unsqueeze(1)
    return torch.where(same, number[first].gather(1, nearest), number)
