"""What the network sees on a fine lattice: the linear answer, the functions known, and where the nodes are.

All is in the coordinates of the samples: Å along the axes of their grid, from the first node.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from tg_molfield.inverse.superres.kriging_weights import along_axes, gaussian
from tg_molfield.inverse.superres.nested_kriging import NestedKriging

CHANNELS = ("C", "N", "all")
"""The channels that the network corrects, and sees."""
WIDTHS = (1.4142, 1.2894)
"""σ of carbon and nitrogen in Å: the van der Waals radius over the root of 2β, for β = 0.25."""
NUM_INPUTS = 14
SPACING = 1.0
"""Of the fine lattice in Å."""

_FUNCTION = (*WIDTHS, 1.25)
_SHORT = (1.9, 1.75, 1.85)
_LONG = 7.5
_SHARE = 0.6
_NARROW = 0.8
_OCCUPIED = 0.1
_AT_ONCE = 512
_ERRORS = (
    (1.5, 2.0, 2.4, 2.87, 3.6, 4.3, 4.6),
    (
        (0.006, 0.022, 0.06, 0.12, 0.17, 0.215, 0.23),
        (0.009, 0.04, 0.08, 0.135, 0.2, 0.25, 0.27),
        (0.01, 0.032, 0.06, 0.105, 0.145, 0.19, 0.2),
    ),
)
"""Typical errors of the linear answer by spacing in Å, for each channel over its scale."""


@dataclass(frozen=True)
class Known:
    """Functions found in a channel.

    Args:
        pos: their places [M, 3].
        weights: [M].
    """

    pos: Tensor
    weights: Tensor


@dataclass(frozen=True)
class PriorInputs:
    """The inputs of the network, and what its outputs are relative to.

    Args:
        features: [NUM_INPUTS, X, Y, Z], float32.
        base: the values [3, X, Y, Z] that the outputs correct.
        units: what an output of 1 stands for [3].
    """

    features: Tensor
    base: Tensor
    units: Tensor


def fine_lines(shape: tuple[int, ...], steps: Tensor) -> list[Tensor]:
    """The coordinates of the fine lattice along each axis, an even number, from the first node to beyond the last."""
    lines = []
    for count, step in zip(shape, steps.tolist(), strict=True):
        nodes = math.floor((count - 1) * step / SPACING) + 2
        lines.append(SPACING * torch.arange(nodes + nodes % 2, dtype=torch.float64))
    return lines


def prior_inputs(
    values: Tensor,
    steps: Tensor,
    lines: list[Tensor],
    known: tuple[Known | None, Known | None] = (None, None),
    left_out: tuple[int, int, int] | None = None,
) -> PriorInputs:
    """The inputs for samples of carbon, nitrogen and all atoms.

    Args:
        values: the samples [3, nx, ny, nz], float64.
        steps: of their grid [3] in Å.
        lines: the coordinates of the fine lattice along each axis.
        known: the functions of carbon and nitrogen, where they are known.
        left_out: the first of the nodes, of which every third one is, whose values were estimated.
    """
    shape = tuple(values.shape[1:])
    linear, density = _linear(values, steps, lines)
    scales = torch.stack([_scale(channel) for channel in values])
    best = linear[:2].clone()
    for c, functions in enumerate(known):
        if functions is not None:
            best[c] = _sum(functions, WIDTHS[c], lines)
            density[c] = 0.5 * (WIDTHS[c] / _NARROW) ** 3 * _sum(functions, _NARROW, lines)
    per_scale = 1 / scales[:, None, None, None]
    waves = [torch.cos(2 * math.pi * line / step) for line, step in zip(lines, steps.tolist(), strict=True)]
    x, y, z = waves[0][:, None, None], waves[1][:, None], waves[2]
    one = torch.ones_like(linear[0])
    features = [
        *(linear * per_scale),
        *(0.5 * density * per_scale),
        *(4 * (best - linear[:2]) * per_scale[:2]),
        *(one * float(functions is not None) for functions in known),
        (x + y + z) / 3 * one,
        x * y * z * one,
        one * (float(steps.mean()) - 3),
        _bumps(shape, steps, lines, left_out) * one,
    ]
    base = torch.cat([best, linear[2:]])
    return PriorInputs(torch.stack(features).float(), base, scales * typical_errors(float(steps.mean())))


def typical_errors(spacing: float) -> Tensor:
    """The typical error [3] of the linear answer at a spacing in Å, over the scale of the channel."""
    spacings, errors = _ERRORS
    place = min(max(spacing, spacings[0]), spacings[-1])
    upper = next(i for i, one in enumerate(spacings) if one >= place) or 1
    share = math.log(place / spacings[upper - 1]) / math.log(spacings[upper] / spacings[upper - 1])
    pairs = ((line[upper - 1], line[upper]) for line in errors)
    return torch.tensor([low ** (1 - share) * high**share for low, high in pairs], dtype=torch.float64)


def _linear(values: Tensor, steps: Tensor, lines: list[Tensor]) -> tuple[Tensor, Tensor]:
    """The kriged samples, and the kriged density of the centres of functions, on the fine lattice."""
    linear, density = [], []
    for channel, short, function in zip(values, _SHORT, _FUNCTION, strict=True):
        weights = NestedKriging.of(tuple(channel.shape), steps, short, _LONG).weights(channel, _SHARE)
        both, centers = torch.zeros(2, *map(len, lines), dtype=torch.float64)
        for share, width in ((1 - _SHARE, short), (_SHARE, _LONG)):
            narrowed = math.sqrt(width**2 - function**2)
            both += share * along_axes(weights, _readers(lines, channel, steps, width))
            centers += share * (width / narrowed) ** 3 * along_axes(weights, _readers(lines, channel, steps, narrowed))
        linear.append(both)
        density.append(centers)
    return torch.stack(linear), torch.stack(density)


def _readers(lines: list[Tensor], values: Tensor, steps: Tensor, width: float) -> list[Tensor]:
    counts = zip(lines, values.shape, steps.tolist(), strict=True)
    return [gaussian(line, torch.arange(count, dtype=torch.float64) * step, width) for line, count, step in counts]


def _sum(functions: Known, width: float, lines: list[Tensor]) -> Tensor:
    """Gaussians of one width summed on the fine lattice."""
    x, y, z = (gaussian(line, functions.pos[:, axis], width) for axis, line in enumerate(lines))
    total = torch.zeros(len(lines[0]), len(lines[1]) * len(lines[2]), dtype=torch.float64)
    for part in torch.arange(len(functions.pos)).split(_AT_ONCE):
        plane = (y[:, None, part] * z[None, :, part]).flatten(0, 1)
        total += (x[:, part] * functions.weights[part]) @ plane.T
    return total.view(len(lines[0]), len(lines[1]), len(lines[2]))


def _scale(values: Tensor) -> Tensor:
    """The root mean square of samples over a tenth of the largest one."""
    high = values[values > _OCCUPIED * values.max()]
    return high.square().mean().sqrt() if len(high) and float(values.max()) > 0 else values.new_ones(())


def _bumps(shape: tuple[int, ...], steps: Tensor, lines: list[Tensor], first: tuple[int, int, int] | None) -> Tensor:
    """Bumps at the nodes whose values were estimated."""
    if first is None:
        return torch.zeros((), dtype=torch.float64)
    x, y, z = (
        gaussian(line, torch.arange(start, count, 3, dtype=torch.float64) * step, step / 2.5).sum(1)
        for line, start, count, step in zip(lines, first, shape, steps.tolist(), strict=True)
    )
    return x[:, None, None] * y[:, None] * z
