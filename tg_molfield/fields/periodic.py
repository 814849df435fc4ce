"""Periodic cells: points folded into the cell, centres repeated around it."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_MAX_IMAGES = 20_000_000


def complete_cell(cell: Tensor, pbc: Tensor) -> Tensor:
    """The cell [3, 3] with the vectors of directions that are not periodic replaced by unit normals.

    Raises:
        ValueError: the periodic vectors do not span a line, a plane or space.
    """
    vectors: dict[int, Tensor] = {axis: cell[axis] for axis in range(3) if bool(pbc[axis])}
    spanned = torch.stack(list(vectors.values()))
    _, sizes, right = torch.linalg.svd(spanned)
    if sizes.min() <= 1e-6 * sizes.max() or not sizes.max() > 0:
        raise ValueError(f"cell={cell.tolist()}: the periodic vectors (pbc={pbc.tolist()}) are zero or not independent")
    normals = iter(right[len(spanned) :])
    return torch.stack([vectors[axis] if axis in vectors else next(normals) for axis in range(3)])


def fold(pos: Tensor, cell: Tensor, pbc: Tensor) -> Tensor:
    """The points [Q, 3] moved into the cell along its periodic directions."""
    steps = torch.floor(pos.detach() @ torch.linalg.inv(cell)) * pbc
    return pos - steps @ cell


def images(centers: Tensor, cell: Tensor, pbc: Tensor, reach: float) -> tuple[Tensor, Tensor]:
    """The copies of the centres that reach into the cell.

    Args:
        centers: [N, 3] in Å.
        cell: a complete cell [3, 3] in Å, rows are vectors.
        pbc: which directions repeat [3], bool.
        reach: how far a centre is felt, in Å.

    Returns:
        Positions [M, 3] of the copies and the centre [M] that each one is a copy of.

    Raises:
        ValueError: the reach spans so many cells that the copies would not fit in memory.
    """
    inverse = torch.linalg.inv(cell)
    spans = [reach * float(inverse[:, axis].norm()) for axis in range(3)]
    counts = [math.ceil(span) if bool(pbc[axis]) else 0 for axis, span in enumerate(spans)]
    if len(centers) * math.prod(2 * count + 1 for count in counts) > _MAX_IMAGES:
        raise ValueError(
            f"cell={cell.tolist()}: a kernel that reaches {reach:.3g} Å spans too many such cells; "
            "use narrower widths or a larger cell"
        )
    shifts = torch.cartesian_prod(
        *(torch.arange(-count, count + 1, dtype=cell.dtype, device=cell.device) for count in counts)
    )
    inside = fold(centers, cell, pbc)
    fractions = (inside.detach() @ inverse)[None] + shifts[:, None]
    margin = fractions.new_tensor(spans)
    near = (((fractions > -margin) & (fractions < 1 + margin)) | ~pbc).all(-1)
    shift, source = near.nonzero(as_tuple=True)
    return inside[source] + shifts[shift] @ cell, source
