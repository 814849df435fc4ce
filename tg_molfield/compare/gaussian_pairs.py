"""Sums over pairs of Gaussians, which all overlaps in closed form are made of."""

from __future__ import annotations

from torch import Tensor

from tg_molfield.compare.terms import Terms
from tg_molfield.fields.gaussian_sums import gaussian_overlap


def overlaps_of_gaussians(pos: Tensor, variances: Tensor, g: Terms) -> Tensor:
    """∫ exp(−|r − x_i|²/(2 v_i)) g_c d³r of every Gaussian i and channel c, [..., N, C].

    Args:
        pos: x [..., N, 3] in Å.
        variances: v [..., N] in Å².
        g: functions; their leading dimensions are broadcast with those of the Gaussians.
    """
    x, y, z = (
        (mine[..., :, None] - theirs[..., None, :]).square()
        for mine, theirs in zip(pos.unbind(-1), g.pos.unbind(-1), strict=True)
    )
    return gaussian_overlap(x + y + z, variances[..., :, None], g.variances[..., None, :]) @ g.weights
