"""Small fields of every sort in double precision, and their periodic copies written out."""

from collections.abc import Callable

import numpy as np
import torch

from tg_molfield import Field, RBFField
from tg_molfield.fields import KERNELS, DisplacementField, DistanceField, MaximumField, UnionField

FINITE = [name for name, kernel in KERNELS.items() if np.isfinite(kernel.reach(1e-6))]
JOINED: dict[str, Callable[[RBFField], Field]] = {
    "sum": lambda field: field,
    "union": UnionField,
    "maximum": MaximumField,
    "distance": DistanceField,
    "distance-smooth": lambda field: DistanceField(field, smoothness=0.4),
    "displacement": DisplacementField,
}
OF_SPHERES = ("distance", "distance-smooth", "displacement")
"""Joins that no kernel matters to."""

SORTS = [(join, kernel) for join in JOINED for kernel in KERNELS if join not in OF_SPHERES or kernel == "gaussian"]
PERIODIC_SORTS = [(join, kernel) for join, kernel in SORTS if kernel in FINITE]
CELLS = {
    "triclinic": ([[6.0, 0, 0], [2.0, 5.5, 0], [-1.0, 1.5, 7.0]], [True, True, True]),
    "slab": ([[6.0, 0, 0], [2.0, 5.5, 0], [0.0, 0, 0]], [True, True, False]),
    "wire": ([[0.0, 0, 0], [0.0, 0, 0], [1.0, 1.0, 4.0]], [False, False, True]),
    "tiny": ([[1.5, 0, 0], [0, 1.5, 0], [0, 0, 1.5]], [True, True, True]),
}


def cloud(kernel="gaussian", by_channel: bool = False, seed: int = 0, n: int = 12, join: str = "sum", **options):
    """An `RBFField` that ``join`` takes: only sums have negative weights; its first channel is never empty."""
    rng = torch.Generator().manual_seed(seed)
    centers = torch.randn(n, 3, generator=rng, dtype=torch.float64) * 1.5
    weights = torch.randn(n, 3, generator=rng, dtype=torch.float64)
    widths = 0.6 + torch.rand(n, 3, generator=rng, dtype=torch.float64)
    widths = 2 * widths if str(kernel).startswith("wendland") else widths
    if join != "sum":
        weights = (weights > 0).double()
        weights[:1] = 1
    return RBFField(centers, weights, widths if by_channel else widths[:, 0], kernel, ("a", "b", "c"), **options)


def crystal(cell: str, kernel="gaussian", by_channel: bool = False, n: int = 3, join: str = "sum", seed: int = 0):
    """A `cloud` in one of the `CELLS`, narrower where it would have very many copies; they still reach many cells."""
    plain, (vectors, pbc) = cloud(kernel, by_channel, seed, n, join), CELLS[cell]
    narrow = (0.5 if cell == "tiny" else 1.0) * (0.5 if kernel == "slater" else 1.0)
    return RBFField(
        plain.centers, plain.weights, narrow * plain.widths, kernel, plain.channels,
        cell=torch.tensor(vectors, dtype=torch.float64), pbc=torch.tensor(pbc),
    )  # fmt: skip


def written_out(field: RBFField, cell: str, x: torch.Tensor, reach: float) -> RBFField:
    """The `RBFField` without a cell whose centres are all copies within ``reach`` (Å) of the points."""
    vectors, pbc = CELLS[cell]
    lattice = torch.tensor(vectors, dtype=torch.float64)
    inverse = torch.linalg.pinv(lattice)
    extent = reach + float(torch.cdist(x, field.centers).max())
    spans = [int(np.ceil(extent * float(inverse[:, i].norm()))) if p else 0 for i, p in enumerate(pbc)]
    steps = torch.cartesian_prod(*(torch.arange(-s, s + 1, dtype=torch.float64) for s in spans)) @ lattice
    copies = (field.centers[:, None] + steps).flatten(0, 1)
    near = torch.cdist(copies, x).amin(1) < reach
    every = torch.arange(len(field.centers)).repeat_interleave(len(steps))[near]
    return RBFField(copies[near], field.weights[every], field.widths[every], field.kernel, field.channels)


def points(n: int = 40, seed: int = 7, spread: float = 2.0) -> torch.Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(n, 3, generator=rng, dtype=torch.float64) * spread


def batched(fields: list[RBFField], **options) -> RBFField:
    """Fields of one kernel as one batch; ``options`` are those of `RBFField`."""
    owners = torch.repeat_interleave(torch.tensor([len(field.centers) for field in fields]))
    return RBFField(
        *(torch.cat([getattr(field, key) for field in fields]) for key in ("centers", "weights", "widths")),
        kernel=fields[0].kernel, channels=fields[0].channels, batch=owners, num_graphs=len(fields), **options,
    )  # fmt: skip
