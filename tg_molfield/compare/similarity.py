"""`similarity`: how alike two fields are, by channel and together."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from tg_molfield.arguments import as_names, check_kind
from tg_molfield.compare.cards import similarity_card
from tg_molfield.compare.metrics import Metric, as_metric
from tg_molfield.compare.overlap import check_fit, in_single, overlap, self_overlap
from tg_molfield.compare.quadrature import overlaps_on
from tg_molfield.fields import Field, Grid, RBFField
from tg_molfield.fields.gaussian_sums import as_gaussians
from tg_molfield.fields.grid import check_grid
from tg_molfield.metrics import warn_of_definitions

ERROR = 1e-3
"""The estimated error of a quadrature above which a `QuadratureWarning` is issued."""


class QuadratureWarning(UserWarning):
    """An overlap of two fields was summed on a grid that is too coarse or too small for it."""


class Similarity(NamedTuple):
    """How alike fields are.

    Attributes:
        total: of all channels together [A, B]; a field of one molecule has no dimension, so two molecules have [].
        by_channel: of each channel [A, B, C], likewise.
        channels: the C names.
        error: the estimated error of the overlaps, relative to those of the fields with themselves; 0 where they
            are exact.
    """

    total: Tensor
    by_channel: Tensor
    channels: tuple[str, ...]
    error: float

    def _repr_html_(self) -> str:
        return similarity_card(self)


def similarity(
    f: Field,
    g: Field,
    metric: str | Metric = "tanimoto",
    channels: str | Sequence[str] | None = None,
    *,
    grid: Grid | None = None,
) -> Similarity:
    """How alike the functions of two fields are where they lie, 1 for equal ones.

    Sums of Gaussians overlap in closed form, exactly, also with different widths and in periodic cells (integrated
    over one cell); the result is differentiable by both fields. Other fields are summed on a grid, and the result says
    how exact that is.

    Args:
        f: A functions.
        g: B functions of the same channels.
        metric: ``"tanimoto"``, ``"carbo"``, ``"hodgkin"``, ``"tversky"`` (α = 0.95, β = 0.05), or a `Metric`.
        channels: the channels to compare, by default all of f.
        grid: where fields that are no sums of Gaussians are compared; by default the grid of a volume, or one over a
            period of crystals or around the atoms of both, with nodes 0.25 Å apart.

    Raises:
        TypeError: an argument is no field.
        ValueError: channels, types or cells differ; an unknown metric; fields without atoms and no grid.

    Warns:
        QuadratureWarning: the grid gives overlaps with an estimated error above 1e-3.
        DefinitionMismatchWarning: both fields know their definitions, which differ.
    """
    measure = as_metric(metric)
    for name, field in (("f", f), ("g", g)):
        check_kind(name, field, Field, "a Field", "make one, such as MolField(...)(data)")
    check_grid(grid)
    names = tuple(f.channels if channels is None else as_names("channels", channels))
    if not names:
        raise ValueError("channels: expected at least one, got none; leave them out to compare all")
    f, g = _of_channels("f", f, names), _of_channels("g", g, names)
    warn_of_definitions("g", g, f)
    fg, ff, gg, shares, error = _overlaps(f, g, grid)
    ff, gg = ff[:, None], gg[None]
    total = measure(*((one * shares).sum(-1) for one in (fg, ff, gg))).to(f.dtype)
    by_channel = measure(fg, ff, gg).to(f.dtype)
    single = tuple(0 if field.num_graphs == 1 else slice(None) for field in (f, g))
    return Similarity(total[single], by_channel[single], names, error)


def _overlaps(f: Field, g: Field, grid: Grid | None) -> tuple[Tensor, Tensor, Tensor, Tensor, float]:
    """∫ f g [A, B, C], ∫ f² [A, C] and ∫ g² [B, C] up to a factor for each channel, these factors [C], and the error.

    The largest factor is 1; without them, squares of very small and very large weights would leave the range of floats.
    """
    first, second = as_gaussians(f), as_gaussians(g)
    if first is not None and second is not None:
        check_fit(first, second)
        first, second = in_single(first), in_single(second)
        heights = _heights(first, second)
        least = torch.finfo(heights.dtype).tiny
        inverse = torch.where(heights > least, 1 / heights, 1.0)
        one, other = (field.scaled(inverse.expand(field.num_graphs, -1)) for field in (first, second))
        shares = (heights / heights.amax().clamp_min(least)).square()
        return overlap(one, other), self_overlap(one), self_overlap(other), shares, 0.0
    table = [[overlaps_on(one, other, grid) for other in g.unbatch()] for one in f.unbatch()]
    error = max(entry.error for row in table for entry in row)
    if error > ERROR:
        warnings.warn(
            f"grid: expected overlaps exact to {ERROR:g}, got an estimated error of {error:.1g}; give a finer grid or "
            "a larger margin",
            QuadratureWarning,
            stacklevel=3,
        )
    fg = torch.stack([torch.stack([entry.fg for entry in row]) for row in table])
    ff, gg = torch.stack([row[0].ff for row in table]), torch.stack([entry.gg for entry in table[0]])
    return fg, ff, gg, fg.new_ones(fg.shape[-1]), error


def _heights(f: RBFField, g: RBFField) -> Tensor:
    """The largest absolute weight in each channel [C] of either field, 0 where there is none."""
    weights = torch.cat([f.weights, g.weights]).detach()
    return torch.nn.functional.pad(weights, (0, 0, 0, 1)).abs().amax(0)


def _of_channels(name: str, field: Field, names: tuple[str, ...]) -> Field:
    missing = [one for one in names if one not in field.channels]
    if missing:
        raise ValueError(
            f"{name}: expected the channels {' '.join(names)}, got {' '.join(field.channels)}; name those to compare "
            "with channels="
        )
    return field if field.channels == names else field[names]
