"""Overlaps of functions with themselves, for several blurs at once."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from tg_molfield.compare.alignment.blocked_overlap import PAIRS_AT_ONCE, overlap_of
from tg_molfield.compare.alignment.mixture_tables import as_mixture
from tg_molfield.compare.terms import Terms, sizes, split_by_value

_NUMBERS_AT_ONCE = 2**16


@torch.no_grad()
def self_overlaps(terms: Terms, blurs: Sequence[float]) -> list[Tensor]:
    """∫ f² of B functions [B], for each blur, in Å², that is added to the variances of their Gaussians."""
    if terms.variances.shape[1] ** 2 > PAIRS_AT_ONCE or as_mixture(terms) is not None:
        return [_posed(blurred(terms, blur)) for blur in blurs]
    count = sizes(terms)
    found = [terms.pos.new_empty(len(count)) for _ in blurs]
    parts = max(1, int(count.square().sum()) // _NUMBERS_AT_ONCE)
    for rows in split_by_value(torch.arange(len(count), device=count.device), count, parts):
        part = Terms(*(one[rows, : int(count[rows[-1]])] for one in terms))
        for whole, some in zip(found, _dense(part, blurs), strict=True):
            whole[rows] = some
    return found


def blurred(terms: Terms, blur: float) -> Terms:
    """Gaussians with ``blur`` Å² added to their variances."""
    return terms._replace(variances=terms.variances + blur) if blur else terms


def _dense(terms: Terms, blurs: Sequence[float]) -> list[Tensor]:
    square = terms.pos.square().sum(2)
    distances = torch.baddbmm(square[:, :, None] + square[:, None], terms.pos, terms.pos.transpose(1, 2), alpha=-2)
    used = terms.variances[(terms.weights != 0).any(2)]
    equal = len(used) > 0 and bool((used == used[0]).all())
    found = []
    for blur in blurs:
        if equal:
            variance = float(used[0]) + blur
            table = (distances * (-0.25 / variance)).exp_()
            overlaps = (terms.weights * torch.bmm(table, terms.weights)).sum((1, 2))
            found.append(overlaps.mul_((math.pi * variance) ** 1.5))
            continue
        doubled = 2 * (terms.variances + blur)
        rates = (doubled[:, :, None] + doubled[:, None]).reciprocal_()
        table = (distances * rates).neg_().exp_().mul_(rates).mul_(rates.sqrt_())
        weights = terms.weights * (math.pi**0.5 * doubled).pow(1.5)[..., None]
        found.append((weights * torch.bmm(table, weights)).sum((1, 2)))
    return found


def _posed(terms: Terms) -> Tensor:
    identity = torch.eye(3).to(terms.pos).expand(len(terms.pos), 1, 3, 3)
    return overlap_of(terms, terms).value(identity, terms.pos[:, :1] * 0)[:, 0]
