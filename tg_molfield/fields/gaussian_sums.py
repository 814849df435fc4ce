"""Sums of Gaussians: fields that are, whatever they were made as, and the overlap of two Gaussians."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from tg_molfield.fields.combination import LinearCombination
from tg_molfield.fields.field import Field
from tg_molfield.fields.kernels import Gaussian
from tg_molfield.fields.rbf import RBFField
from tg_molfield.fields.selection import ChannelSelection


def gaussian_overlap(square: Tensor, variance: Tensor, other: Tensor) -> Tensor:
    """The overlap of two Gaussians of height 1 from their squared distance and variances, broadcast, in Å³.

    Gaussians of variances v and w at distance d overlap by (2π v w/(v + w))^{3/2} exp(−d²/(2 (v + w))).
    """
    total = variance + other
    ratio = 2 * math.pi * variance * other / total
    return ratio * ratio.sqrt() * torch.exp(-square / (2 * total))


def as_gaussians(field: Field) -> RBFField | None:
    """The field as one `RBFField` of Gaussians; None if it is not a sum of Gaussians.

    Linear combinations and channel selections of such fields are such fields.
    """
    if isinstance(field, RBFField):
        return field if isinstance(field.kernel, Gaussian) else None
    if isinstance(field, ChannelSelection):
        base = as_gaussians(field.base)
        return None if base is None else base[field.channels]
    if isinstance(field, LinearCombination):
        terms = [as_gaussians(term) for term in field.terms]
        found = [term * factor for term, factor in zip(terms, field.factors, strict=True) if term is not None]
        return _joined([one for one in found if isinstance(one, RBFField)]) if len(found) == len(terms) else None
    return None


def _joined(terms: list[RBFField]) -> RBFField | None:
    """The sum of fields of the same functions; None where their cells differ."""
    first = terms[0]
    if len(terms) == 1:
        return first
    for other in terms[1:]:
        for mine, theirs in ((first.cell, other.cell), (first.pbc, other.pbc)):
            if mine is None or theirs is None:
                if mine is not theirs:
                    return None
            elif not torch.equal(mine, theirs):
                return None
    columns = max(term.widths.ndim for term in terms)
    widths = [
        term.widths if term.widths.ndim == columns else term.widths[:, None].expand_as(term.weights) for term in terms
    ]
    batch = torch.cat([term.batch for term in terms])
    order = batch.argsort(stable=True)
    return RBFField(
        torch.cat([term.centers for term in terms])[order],
        torch.cat([term.weights for term in terms])[order],
        torch.cat(widths)[order],
        first.kernel,
        first.channels,
        batch=batch[order],
        num_graphs=first.num_graphs,
        cell=first.cell,
        pbc=first.pbc,
        atoms=first.atoms,
    )
