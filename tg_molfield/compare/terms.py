"""The Gaussians of a batch of fields as padded tensors."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from tg_molfield.chem.padding import Padding
from tg_molfield.fields import RBFField


class Terms(NamedTuple):
    """The Gaussians w exp(−|x − r|²/(2 v)) of B functions, padded with weights of 0 and variances of 1.

    Attributes:
        pos: r [B, N, 3] in Å.
        variances: v [B, N] in Å².
        weights: w [B, N, C].
    """

    pos: Tensor
    variances: Tensor
    weights: Tensor

    def part(self, rows: slice) -> Terms:
        """Some of the functions."""
        return Terms(self.pos[rows], self.variances[rows], self.weights[rows])


def flat_terms(field: RBFField) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Positions [T, 3], variances [T], weights [T, C] and functions [T] of a field's Gaussians.

    A centre with a width for each channel gives a Gaussian for each channel. Gaussians without weight are left out,
    unless weights are differentiated.
    """
    pos, weights, variances, batch = field.centers, field.weights, field.widths.square(), field.batch
    if variances.ndim == 2:
        channels = weights.shape[1]
        pos, batch = pos.repeat_interleave(channels, 0), batch.repeat_interleave(channels)
        weights, variances = torch.diag_embed(weights).flatten(0, 1), variances.flatten()
    if not weights.requires_grad:
        kept = (weights != 0).any(1)
        pos, variances, weights, batch = pos[kept], variances[kept], weights[kept], batch[kept]
    return pos, variances, weights, batch


def padded_terms(field: RBFField) -> Terms:
    """The Gaussians of each function of a batch; at least one, of weight 0 where there are none."""
    pos, variances, weights, batch = flat_terms(field)
    padding = Padding(batch, field.num_graphs)
    return Terms(padding(pos), torch.where(padding.mask, padding(variances), 1), padding(weights))


def sizes(terms: Terms) -> Tensor:
    """The number of Gaussians of each function [B] without padding, at least 1."""
    return used_sizes(terms.weights)


def used_sizes(weights: Tensor) -> Tensor:
    """How many rows of weights [B, N, C] reach to the last that is not 0 [B], at least 1."""
    number = torch.arange(1, weights.shape[1] + 1, device=weights.device)
    return ((weights != 0).any(2) * number).amax(1).clamp_min(1)


def split_by_value(rows: Tensor, values: Tensor, parts: int) -> tuple[Tensor, ...]:
    """Rows ordered by their values, in about as many parts.

    Equal values stay together, so that the same molecule in another pose is padded, and rounded, the same.
    """
    order = rows[values[rows].argsort(stable=True)]
    ordered = values[order]
    places = torch.arange(1, parts, device=rows.device) * len(rows) // parts
    cuts = torch.searchsorted(ordered, ordered[places]).unique()
    return order.tensor_split(cuts[cuts > 0].tolist())
