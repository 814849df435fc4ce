"""libmolgrid on the tensors of `benchmark_gpu.py`, on whichever device they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec

import torch
from torch import Tensor

from tg_molfield import Grid

REACH = 5.0
"""Where libmolgrid's Gaussians end, in widths; at 5 they are 4e-6 of their peaks."""


def is_installed() -> bool:
    """Whether libmolgrid is there; it is the package ``molgrid``, which needs NumPy 1."""
    return find_spec("molgrid") is not None


def libmolgrid(
    parts: Sequence[Tensor], batch: Tensor, grids: Sequence[Grid], grad: Tensor | None = None
) -> Callable[[], Sequence[Tensor]]:
    """What writes the values ``[B, C, n, n, n]`` on B cubes of n³ nodes, one after the other.

    With ``grad`` of the values it returns the gradients ``[N, 3]`` of the centres instead. Its Gaussians have the width
    r/2 of an atom with radius r, and each atom is in one channel.

    Args:
        parts: centres ``[N, 3]`` in Å, weights ``[N, C]``, one-hot, and widths ``[N]`` in Å, float32.
        batch: the grid of each centre.
        grids: cubes along x, y and z.
        grad: ``[B, C, n, n, n]``.
    """
    import molgrid

    view = molgrid.tensor_as_grid
    centers, weights, widths = parts
    spacing, nodes = grids[0].axes[0][0], grids[0].shape[0]
    maker = molgrid.GridMaker(resolution=spacing, dimension=spacing * (nodes - 1), gaussian_radius_multiple=-REACH / 2)
    kinds, radii = weights.argmax(1).float(), 2 * widths
    values = centers.new_empty(len(grids), weights.size(1), nodes, nodes, nodes)
    slopes = torch.zeros_like(centers)
    jobs = []
    for i, grid in enumerate(grids):
        mine = (batch == i).nonzero()[:, 0]
        rows = slice(int(mine[0]), int(mine[-1]) + 1)
        middle = grid.origin_tensor() + grid.axes_tensor().sum(0) * (nodes - 1) / 2
        at = molgrid.float3(*middle.tolist())
        jobs.append((at, centers[rows], kinds[rows], radii[rows], values[i], slopes[rows]))

    def run() -> Sequence[Tensor]:
        for i, (at, *atoms, out, found) in enumerate(jobs):
            atoms = [view(one) for one in atoms]
            maker.forward(at, *atoms, view(out))
            if grad is not None:
                maker.backward(at, *atoms, view(grad[i]), view(found))
        return [values] if grad is None else [slopes]

    return run
