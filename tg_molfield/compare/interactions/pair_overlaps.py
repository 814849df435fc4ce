"""`pair_overlaps`: overlaps of every channel of one field with every channel of another."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from tg_molfield.arguments import check_flag, check_kind
from tg_molfield.compare.cards import pair_overlaps_card
from tg_molfield.compare.interactions.pair_quadrature import shares_on, sums_on
from tg_molfield.compare.interactions.pair_sums import shares_of_centers
from tg_molfield.compare.interactions.support import shared_grid
from tg_molfield.compare.overlap import check_places, in_single
from tg_molfield.fields import Field, Grid, RBFField
from tg_molfield.fields.gaussian_sums import as_gaussians
from tg_molfield.fields.grid import check_grid
from tg_molfield.precision import full_precision_on_host


class PairOverlaps(NamedTuple):
    """Overlaps by pairs of channels.

    Attributes:
        values: ∫ f_c g_d d³r [A, B, C, D] of A functions of C channels with B functions of D channels, in units of
            both fields times Å³; [N, B, C, D] by the N centres of f where these were asked for. Float32 for fields of
            half precision.
        error: the estimated error of each value, of the same shape; 0 where it is exact to rounding.
    """

    values: Tensor
    error: Tensor

    def _repr_html_(self) -> str:
        return pair_overlaps_card(self)


@full_precision_on_host
def pair_overlaps(f: Field, g: Field, *, per_center: bool = False, grid: Grid | None = None) -> PairOverlaps:
    """∫ f_c g_d d³r of all pairs of channels of two fields where they lie.

    Sums of Gaussians overlap in closed form, also with different widths and in periodic cells (integrated over one
    cell). Other fields are summed on a grid. Both are differentiable by both fields.

    Args:
        f: A functions of C channels.
        g: B functions of D channels, which need not be those of f.
        per_center: give the share of each centre of f, an `RBFField`; the shares add up to the overlap.
        grid: where fields that are no sums of Gaussians are summed; by default the nodes of a volume, or of two that
            have the same; else nodes 0.4 Å apart where both fields are, as far as that is known. How differently a
            volume can be interpolated at other nodes counts as an error.

    Raises:
        TypeError: an argument is no field, or ``per_center`` is asked of a field without centres.
        ValueError: types, devices or cells differ, or nothing tells where the fields are and no grid is given.
    """
    for name, field in (("f", f), ("g", g)):
        check_kind(name, field, Field, "a Field", "make one, such as MolField(...)(data)")
    check_flag(per_center=per_center)
    check_grid(grid)
    first, second = as_gaussians(f), as_gaussians(g)
    f, g = f if first is None else first, g if second is None else second
    if per_center and not isinstance(f, RBFField):
        raise TypeError(
            f"f: expected a field with centres for per_center, got {type(f).__name__}; give the field of the atoms, "
            "or leave per_center out"
        )
    check_places(f, g)
    if first is not None and second is not None:
        first, second = in_single(first), in_single(second)
        values = torch.stack([shares_of_centers(first, other, per_center) for other in second.unbatch()], 1)
        return PairOverlaps(values, torch.zeros_like(values))
    rows = []
    for one in f.unbatch():
        cells = [_summed(one, other, per_center, grid) for other in g.unbatch()]
        rows.append([torch.stack(parts, 1) for parts in zip(*cells, strict=True)])
    values, error = (torch.cat(parts) for parts in zip(*rows, strict=True))
    return PairOverlaps(values, error)


def _summed(f: Field, g: Field, per_center: bool, grid: Grid | None) -> tuple[Tensor, Tensor]:
    """Overlaps of two functions on a grid and their errors, [1, C, D] or [N, C, D]."""
    nodes = shared_grid(f, g) if grid is None else grid
    if nodes is None:
        size = len(f.centers) if per_center and isinstance(f, RBFField) else 1
        dtype = torch.promote_types(f.dtype, torch.float32)
        nothing = torch.zeros(size, len(f.channels), len(g.channels), dtype=dtype, device=f.device)
        return nothing, nothing
    return shares_on(f, g, nodes) if per_center and isinstance(f, RBFField) else sums_on(f, g, nodes)
