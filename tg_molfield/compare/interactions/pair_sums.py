"""Overlaps by pairs of channels of two sums of Gaussians in closed form."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from tg_molfield.compare.gaussian_pairs import overlaps_of_gaussians
from tg_molfield.compare.overlap import blurred
from tg_molfield.compare.terms import Terms
from tg_molfield.fields import RBFField

_PAIRS_AT_ONCE = 2**22


def shares_of_centers(f: RBFField, g: RBFField, per_center: bool) -> Tensor:
    """∫ f_c g_d d³r of every function [A, C, D], or of every centre [N, C, D], of f with the one function g."""
    if f.cell is not None:
        blocks: Iterator[tuple[slice, Tensor]] = _periodic_shares(f, g)
    else:
        blocks = _shares(f, g)
    if per_center:
        shares = [share for _, share in blocks]
        return torch.cat(shares) if shares else f.weights.new_zeros(0, len(f.channels), len(g.channels))
    total = f.weights.new_zeros(f.num_graphs, len(f.channels), len(g.channels))
    for rows, share in blocks:
        total = total.index_add(0, f.batch[rows], share)
    return total


def _shares(f: RBFField, g: RBFField) -> Iterator[tuple[slice, Tensor]]:
    """The shares [n, C, D] of the centres of f, some at a time: w_ic Σ_j (overlap of i and j) w_jd."""
    mine = channels_of_one_width(f)
    theirs = [(columns, _with_weight(g, columns, widths)) for columns, widths in channels_of_one_width(g)]
    step = max(1, _PAIRS_AT_ONCE // max(1, len(g.centers)))
    for first in range(0, len(f.centers), step):
        rows = slice(first, first + step)
        share = f.weights.new_zeros(len(f.centers[rows]), len(f.channels), len(g.channels))
        for channels, widths in mine:
            reached = f.weights.new_zeros(len(share), len(g.channels))
            for others, terms in theirs:
                found = overlaps_of_gaussians(f.centers[rows], widths[rows].square(), terms)
                reached = reached.index_add(1, others, found)
            share = share.index_add(1, channels, f.weights[rows][:, channels, None] * reached[:, None])
        yield rows, share


def _periodic_shares(f: RBFField, g: RBFField) -> Iterator[tuple[slice, Tensor]]:
    """The shares of all centres of f, by the field of g seen by Gaussians of each width."""
    if f.widths.requires_grad:
        raise ValueError(
            "f: expected widths that are not differentiated in a periodic field, got some that are; detach them"
        )
    share = f.weights.new_zeros(len(f.centers), len(f.channels), len(g.channels))
    for channels, widths in channels_of_one_width(f):
        reached = f.weights.new_zeros(len(f.centers), len(g.channels))
        for width in widths.unique():
            rows = (widths == width).nonzero()[:, 0]
            reached = reached.index_copy(0, rows, blurred(g, width.square())(f.centers[rows]))
        share = share.index_add(1, channels, f.weights[:, channels, None] * reached[:, None])
    yield slice(None), share


def channels_of_one_width(field: RBFField) -> list[tuple[Tensor, Tensor]]:
    """The channels that share their centres' widths, and these widths [N]; alone where widths are differentiated."""
    count = len(field.channels)
    every = torch.arange(count, device=field.device)
    if field.widths.ndim == 1:
        return [(every, field.widths)]
    if field.widths.requires_grad or not len(field.centers):
        return [(every[c : c + 1], field.widths[:, c]) for c in range(count)]
    columns, group = field.widths.unique(dim=1, return_inverse=True)
    return [(every[group == number], columns[:, number]) for number in range(columns.shape[1])]


def _with_weight(field: RBFField, channels: Tensor, widths: Tensor) -> Terms:
    """The Gaussians of one function in some channels; those without weight are left out."""
    weights = field.weights[:, channels]
    if weights.requires_grad:
        return Terms(field.centers, widths.square(), weights)
    kept = (weights != 0).any(1)
    return Terms(field.centers[kept], widths[kept].square(), weights[kept])
