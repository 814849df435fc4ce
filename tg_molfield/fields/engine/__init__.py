"""Sums of radial kernels over centres, at scattered points and on grids: functions of tensors.

The reference engine, in PyTorch, runs everywhere; on CUDA devices the Triton engine replaces it where it applies.
"""

from tg_molfield.fields.engine.cutoff import cutoff
from tg_molfield.fields.engine.dispatch import (
    gradient_at_points,
    sum_at_points,
    sum_on_grid,
    sums_on_each_grid,
    sums_on_grids,
)
from tg_molfield.fields.engine.functorch import is_transformed
from tg_molfield.fields.engine.reference.nearest_of_graphs import reduce_in_graphs
from tg_molfield.fields.engine.reference.padding import sizes as graph_sizes
from tg_molfield.fields.engine.reference.small_graphs import GraphValues, Members
from tg_molfield.fields.engine.reference.tiles import sum_in_tiles

__all__ = [
    "GraphValues",
    "Members",
    "cutoff",
    "gradient_at_points",
    "graph_sizes",
    "is_transformed",
    "reduce_in_graphs",
    "sum_at_points",
    "sum_in_tiles",
    "sum_on_grid",
    "sums_on_each_grid",
    "sums_on_grids",
]
