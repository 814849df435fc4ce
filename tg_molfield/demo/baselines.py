"""Baselines for learned fields: interpolation of samples, and the mean field of the training molecules."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch_geometric.data import Data

from tg_molfield.demo.molecules import randomly_rotated
from tg_molfield.fields import Field, Grid, MolField, Volume


def interpolated(field: Field, grid: Grid, n: int, interpolation: str) -> Volume:
    """The field sampled at ``n``³ nodes of the box of ``grid`` and interpolated between them."""
    steps = tuple(
        tuple(component * (count - 1) / (n - 1) for component in axis)
        for axis, count in zip(grid.axes, grid.shape, strict=True)
    )
    return field.on(Grid(grid.origin, steps, (n, n, n))).interpolated(interpolation)  # type: ignore[arg-type]


def mean_field(molecules: Sequence[Data], mol_field: MolField, num_rotations: int = 4) -> Volume:
    """The mean field of the molecules about their centroids, over ``num_rotations`` random orientations of each.

    It is the best guess without information about the molecule at hand. Orientations are drawn by torch's global
    generator.
    """
    rotated = [randomly_rotated(data) for data in molecules for _ in range(num_rotations)]
    grid = Grid.around(torch.cat([data.pos for data in rotated]), spacing=0.5, margin=3.0)
    total = torch.zeros(len(mol_field.channels), *grid.shape)
    for data in rotated:
        total += mol_field(data).on(grid).values
    return Volume(total / len(rotated), grid, mol_field.channels, "cubic")
