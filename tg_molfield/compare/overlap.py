"""Overlaps of sums of Gaussians in closed form.

Two Gaussians of variances v and w at distance d overlap by (2π v w/(v + w))^{3/2} exp(−d²/(2 (v + w))). Summing this
over the Gaussians of g is evaluating, at each centre of f, a field with the centres of g and variances v + w; large
and periodic fields are summed so, by the engine that leaves out what is far.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from tg_molfield.compare.gaussian_fields import gaussians_of
from tg_molfield.compare.gaussian_pairs import overlaps_of_gaussians
from tg_molfield.compare.terms import Terms, flat_terms, padded_terms
from tg_molfield.fields import Field, RBFField
from tg_molfield.precision import full_precision

_PAIRS_AT_ONCE = 2**22
_DENSE_PAIRS = 2**22
_MAX_WIDTHS = 64


@full_precision
def overlap(f: Field, g: Field) -> Tensor:
    """∫ f_c g_c d³r of every function of f with every function of g.

    Exact to rounding (for large and periodic fields to the engine's tolerance: 2e-6 in single, 1e-13 in double
    precision), and differentiable with respect to centres, weights and widths. Periodic fields are integrated over
    one cell.

    Args:
        f: A functions of C channels, sums of Gaussians.
        g: B functions of the same channels, likewise.

    Returns:
        [A, B, C], in units of both fields times Å³; float32 for fields of half precision, whose range it may exceed.

    Raises:
        TypeError: an argument is no field.
        ValueError: a field is no sum of Gaussians, or the fields do not fit each other.
    """
    f, g = gaussians_of("f", f), gaussians_of("g", g)
    check_fit(f, g)
    f, g = in_single(f), in_single(g)
    if f.cell is None and not _is_large(f, g):
        return _dense(padded_terms(f), padded_terms(g))
    others = g.unbatch()
    return torch.stack([torch.stack([_between(one, other) for other in others]) for one in f.unbatch()])


@full_precision
def self_overlap(f: Field) -> Tensor:
    """∫ f_c² d³r of every function of a sum of Gaussians, [A, C]; float32 for fields of half precision.

    Raises:
        TypeError: ``f`` is no field.
        ValueError: it is no sum of Gaussians.
    """
    f = in_single(gaussians_of("f", f))
    if f.cell is None and not _is_large(f, f):
        terms = padded_terms(f)
        step = max(1, _PAIRS_AT_ONCE // max(1, terms.pos.shape[1] ** 2))
        rows = [slice(i, i + step) for i in range(0, f.num_graphs, step)]
        parts = [paired_overlap(terms.part(row), terms.part(row)) for row in rows]
        return torch.cat(parts) if parts else terms.weights.new_zeros(0, len(f.channels))
    return torch.stack([_between(one, one) for one in f.unbatch()])


def paired_overlap(f: Terms, g: Terms) -> Tensor:
    """Overlaps [B, C] of each function of f with the same of g."""
    return (f.weights * overlaps_of_gaussians(f.pos, f.variances, g)).sum(1)


def in_single(field: RBFField) -> RBFField:
    """A field of half precision in single, as others are."""
    return field.to(torch.promote_types(field.dtype, torch.float32))


def check_fit(f: RBFField, g: RBFField) -> None:
    """Raise an error unless two fields of Gaussians can be overlapped channel by channel.

    Raises:
        ValueError: channels, types, devices or cells differ.
    """
    if f.channels != g.channels:
        raise ValueError(
            f"g: expected the channels of f, {' '.join(f.channels)}, got {' '.join(g.channels)}; select them with "
            "g[names]"
        )
    check_places(f, g)


def check_places(f: Field, g: Field) -> None:
    """Raise an error unless two fields have one type, device and cell.

    Raises:
        ValueError: they do not.
    """
    if f.dtype != g.dtype or f.device != g.device:
        raise ValueError(f"g: expected {f.dtype} on {f.device}, as f, got {g.dtype} on {g.device}; move it with .to()")
    if not (isinstance(f, RBFField) and isinstance(g, RBFField)):
        return
    if (f.cell is None) != (g.cell is None):
        raise ValueError("g: expected both fields periodic or neither, got one of each; give both or neither a cell")
    if f.cell is not None and g.cell is not None and f.pbc is not None and g.pbc is not None:
        same = torch.allclose(f.cell[:, None], g.cell[None], rtol=1e-5, atol=1e-5)
        if not same or not bool((f.pbc[:, None] == g.pbc[None]).all()):
            raise ValueError(
                "g: expected the cell and periodic directions of f, got others; compare fields of one cell"
            )


def _is_large(f: RBFField, g: RBFField) -> bool:
    """Whether a pair of functions has more pairs of centres than are summed at once, and few different widths."""
    if f.num_graphs > 1 or g.num_graphs > 1 or len(f.centers) * len(g.centers) <= _DENSE_PAIRS:
        return False
    return not f.widths.requires_grad and len(f.widths.unique()) <= _MAX_WIDTHS


def _dense(f: Terms, g: Terms) -> Tensor:
    """Overlaps [A, B, C] from all pairs of Gaussians, in pieces."""
    (count, size), (others, size_g) = f.variances.shape, g.variances.shape
    columns = max(1, min(others, _PAIRS_AT_ONCE // max(1, size_g)))
    rows = max(1, min(size, _PAIRS_AT_ONCE // max(1, size_g * columns)))
    step = max(1, _PAIRS_AT_ONCE // max(1, size_g * columns * rows))
    found = []
    for first in range(0, count, step):
        some = f.part(slice(first, first + step))
        found.append(
            torch.cat([_block(some, g.part(slice(i, i + columns)), rows) for i in range(0, others, columns)], 1)
        )
    return torch.cat(found) if found else f.weights.new_zeros(0, others, f.weights.shape[2])


def _block(f: Terms, g: Terms, rows: int) -> Tensor:
    total = f.weights.new_zeros(len(f.pos), len(g.pos), f.weights.shape[2])
    others = Terms(*(one[None] for one in g))
    for first in range(0, f.pos.shape[1], rows):
        some = [one[:, None, first : first + rows] for one in f]
        total = total + (some[2] * overlaps_of_gaussians(some[0], some[1], others)).sum(2)
    return total


def _between(f: RBFField, g: RBFField) -> Tensor:
    """The overlap [C] of two functions, periodic or large, by the engine."""
    if f.widths.requires_grad:
        raise ValueError(
            "f: expected widths that are not differentiated in a periodic field, got some that are; detach them"
        )
    pos, variances, weights, _ = flat_terms(f)
    total = weights.new_zeros(weights.shape[1])
    for variance in variances.unique():
        mine = variances == variance
        total = total + (weights[mine] * blurred(g, variance)(pos[mine])).sum(0)
    return total


def blurred(g: RBFField, variance: Tensor) -> RBFField:
    """∫ g(r) exp(−|r − x|²/(2 variance)) d³r as a field of x."""
    squares = g.widths.square()
    factors = (2 * math.pi * variance * squares / (variance + squares)) ** 1.5
    weights = g.weights * (factors if factors.ndim == 2 else factors[:, None])
    widths = (variance + squares).sqrt()
    return RBFField(g.centers, weights, widths, g.kernel, g.channels, cell=g.cell, pbc=g.pbc)
