"""Atoms with their periodic images near the cell, so that neighbours across its borders are found."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from tg_molfield.inverse.lattice import Lattice


def with_images(lattice: Lattice, pos: Tensor, reach: float) -> tuple[Tensor, Tensor]:
    """Points and those of their periodic images that are within ``reach`` (Å) of the cell.

    Args:
        lattice: the samples, which tell the cell.
        pos: [N, 3] in Å.
        reach: in Å.

    Returns:
        The index [M] of the point and the place [M, 3] of each; the points themselves come first, in the cell.
    """
    owner, places = torch.arange(len(pos), device=pos.device), lattice.wrapped(pos)
    cell = lattice.axes * lattice.axes.new_tensor(lattice.values.shape)[:, None]
    inverse = torch.linalg.inv(cell)
    for axis, repeats in enumerate(lattice.periodic):
        if not repeats:
            continue
        margin = reach * float(inverse[:, axis].norm())
        along = (places - lattice.origin) @ inverse[:, axis]
        most = math.ceil(margin)
        found = [(owner, places)]
        for step in (*range(-most, 0), *range(1, most + 1)):
            near = (along + step >= -margin) & (along + step <= 1 + margin)
            found.append((owner[near], places[near] + step * cell[axis]))
        owner, places = (torch.cat(part) for part in zip(*found, strict=True))
    return owner, places
