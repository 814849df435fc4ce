"""The width of equal Gaussians from the samples of their sum, before and after the Gaussians are found."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from tg_molfield.fields import Kernel
from tg_molfield.inverse.find_atoms.refine import ChannelAtoms, Model, fair_spacing
from tg_molfield.inverse.lattice import Lattice

_STRIDE = 0.5
_FAINT = 0.01
_BRIGHT = 0.2
_STEEPEST_TENTH = 0.1
_AGREEMENT = 0.1
_STEPS = (0.01, 0.003, 0.001)
_REFINEMENTS = 8


@dataclass(frozen=True)
class WidthEstimate:
    """σ in Å from the curvature of samples.

    Attributes:
        exact: correct to 0.1 % where the samples are free of noise.
        robust: from the brighter nodes, correct to about 15 % with noise too.
    """

    exact: float
    robust: float

    @property
    def is_consistent(self) -> bool:
        """Whether both agree, which noise prevents."""
        return abs(self.robust / self.exact - 1) < _AGREEMENT

    @property
    def best(self) -> float:
        """The exact one where the samples are free of noise, else the robust one."""
        return self.exact if self.is_consistent else self.robust


def estimated_width(lattice: Lattice) -> WidthEstimate | None:
    """σ of the Gaussians that samples are a sum of; None where too few nodes are occupied.

    ln f is −|x|²/2σ² plus a convex function, so its second difference along any line is at least −1/σ², and equal to
    that where one Gaussian dominates. That holds for any number, places and positive weights of the Gaussians.
    """
    peak, faint, bright = float(lattice.values.max()), list[Tensor](), list[Tensor]()
    for axis, step in enumerate(lattice.steps.tolist()):
        stride = max(1, round(_STRIDE / step))
        line = lattice.values.movedim(axis, 0)
        nodes = torch.stack([line[: -2 * stride], line[stride:-stride], line[2 * stride :]])
        lowest = nodes.amin(0)
        before, middle, after = nodes[:, lowest > _FAINT * peak].log()
        bends = (before - 2 * middle + after) / (stride * step) ** 2
        faint.append(bends)
        bright.append(bends[lowest[lowest > _FAINT * peak] > _BRIGHT * peak])
    steep, typical = torch.cat(faint), torch.cat(bright)
    if not len(typical):
        return None
    tenth = float(typical.sort().values[int(_STEEPEST_TENTH * len(typical))])
    if tenth >= 0:
        return None
    return WidthEstimate(exact=(-1 / float(steep.min())) ** 0.5, robust=(-1 / tenth) ** 0.5)


def fitted_width(
    lattice: Lattice, kernel: Kernel, width: float, atoms: ChannelAtoms, fit_scale: bool
) -> tuple[float, ChannelAtoms]:
    """σ in Å, sought near ``width`` by parabolas through squared residuals, and the atoms refined with it.

    Args:
        lattice: the samples.
        kernel: φ.
        width: where to start, in Å.
        atoms: found with that width.
        fit_scale: whether their common scale is refined too.
    """
    samples = lattice.coarsened(fair_spacing(kernel, width))

    def refined(width: float, atoms: ChannelAtoms) -> tuple[float, ChannelAtoms]:
        model = Model(samples, kernel, width)
        better = model.refined(atoms, fit_scale, _REFINEMENTS)
        return float(model.residual(better).square().sum()), better

    for step in _STEPS:
        costs = [refined(width * math.exp(shift), atoms)[0] for shift in (-step, 0.0, step)]
        bend = costs[0] - 2 * costs[1] + costs[2]
        shift = 0.5 * (costs[0] - costs[2]) / bend if bend > 0 else math.copysign(2, costs[0] - costs[2])
        width *= math.exp(step * max(-2.0, min(2.0, shift)))
        atoms = refined(width, atoms)[1]
    return width, atoms
