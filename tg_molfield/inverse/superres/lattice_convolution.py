"""Functions at the nodes of a lattice, summed at the nodes of a finer or displaced one by Fourier transforms."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import torch
from scipy.fft import next_fast_len
from torch import Tensor

from tg_molfield.fields import Grid
from tg_molfield.fields.interpolation import Periodic

Parts = tuple[int, int, int]

_PARALLEL = 1e-9


def subdivision(coarse: Grid, fine: Grid) -> Parts | None:
    """Into how many parts each step of ``coarse`` is divided by the steps of ``fine``; None if not into whole ones."""
    ratio = coarse.axes_tensor() @ torch.linalg.inv(fine.axes_tensor())
    parts = ratio.diagonal().round()
    if not (ratio - torch.diag(parts)).abs().max() < _PARALLEL * parts.min():
        return None
    x, y, z = map(int, parts.tolist())
    return (x, y, z)


def spans_of(grid: Grid, reach: float) -> list[int]:
    """How many steps along each axis a function of ``reach`` (Å) around any place has nodes at."""
    return [math.ceil(reach * float(across)) + 1 for across in torch.linalg.inv(grid.axes_tensor()).norm(dim=0)]


def convolved(
    weights: Tensor,
    nodes: Grid,
    periodic: Periodic,
    function: Callable[[Tensor], Tensor],
    reach: float,
    grid: Grid,
    parts: Parts,
) -> Tensor:
    """Σ_j weights_j · function(|x − x_j|) at the nodes x of ``grid``.

    Of each node of the lattice and the ``parts`` of a step after it, those parts that are alike form a lattice of the
    same steps, on which the sum is a convolution.

    Args:
        weights: at the nodes x_j [nx, ny, nz], float64.
        nodes: the lattice x_j.
        periodic: along which axes the nodes repeat.
        function: of distances in Å.
        reach: from which distance in Å on it counts as zero.
        grid: where to sample.
        parts: the `subdivision` of ``nodes`` by ``grid``.

    Returns:
        [NX, NY, NZ].
    """
    axes, spans = nodes.axes_tensor(device=weights.device), spans_of(nodes, reach)
    shape = [
        count if repeats else next_fast_len(count + 2 * span + 1, real=True)
        for count, repeats, span in zip(nodes.shape, periodic, spans, strict=True)
    ]
    offsets = torch.cartesian_prod(*(torch.arange(-span, span + 1, device=weights.device) for span in spans))
    x, y, z = (offsets % offsets.new_tensor(shape)).unbind(1)
    places = (x * shape[1] + y) * shape[2] + z
    spectrum = torch.fft.rfftn(weights, s=shape)
    start = nodes.fractional(grid.origin_tensor()[None])[0].tolist()
    result = weights.new_zeros(grid.shape)
    for part in itertools.product(*map(range, parts)):
        first = [begin + step / count for begin, step, count in zip(start, part, parts, strict=True)]
        whole = [math.floor(number) for number in first]
        distances = ((offsets + axes.new_tensor(first) - axes.new_tensor(whole)) @ axes).norm(dim=1)
        table = weights.new_zeros(math.prod(shape)).index_add_(0, places, function(distances))
        sums = torch.fft.irfftn(spectrum * torch.fft.rfftn(table.view(shape)), s=shape)
        for axis in range(3):
            number = len(range(part[axis], grid.shape[axis], parts[axis]))
            index = torch.arange(number, device=weights.device) + whole[axis]
            sums = sums.index_select(axis, index % shape[axis])
            if not periodic[axis]:
                inside = (index >= -spans[axis]) & (index < nodes.shape[axis] + spans[axis])
                sums = sums * inside.view([-1 if i == axis else 1 for i in range(3)])
        result[tuple(slice(step, None, count) for step, count in zip(part, parts, strict=True))] = sums
    return result
