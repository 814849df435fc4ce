"""`SuperresField`: functions anywhere and functions at the nodes of a grid, as one field."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from tg_molfield.fields import Field, Grid, RBFField, Volume
from tg_molfield.inverse.superres.lattice_field import LatticeField


@final
class SuperresField(Field):
    """f = ``functions`` + ``nodes``: what was recognised in samples, and the Gaussians at the nodes that meet the rest.

    Args:
        functions: one function of space, such as the Gaussians found.
        nodes: Gaussians at the nodes, with the same channels, type and device.

    Raises:
        ValueError: the channels differ, or ``functions`` holds several fields.
    """

    def __init__(self, functions: RBFField, nodes: LatticeField) -> None:
        if functions.channels != nodes.channels or functions.num_graphs != 1:
            raise ValueError(
                f"functions: {functions} does not fit {nodes}; give one field with the same channels"
            )  # fmt: skip
        self.functions, self.nodes = functions, nodes
        self._atoms = functions.atoms

    @property
    def channels(self) -> tuple[str, ...]:
        return self.nodes.channels

    @property
    def dtype(self) -> torch.dtype:
        return self.nodes.dtype

    @property
    def device(self) -> torch.device:
        return self.nodes.device

    def __repr__(self) -> str:
        return f"SuperresField({self.functions!r}, {self.nodes!r})"

    def __call__(self, pos: Tensor, batch: Tensor | None = None) -> Tensor:
        return self.functions(pos, batch) + self.nodes(pos, batch)

    def gradient(self, pos: Tensor, batch: Tensor | None = None) -> Tensor:
        return self.functions.gradient(pos, batch) + self.nodes.gradient(pos, batch)

    def laplacian(self, pos: Tensor, batch: Tensor | None = None) -> Tensor:
        return self.functions.laplacian(pos, batch) + self.nodes.laplacian(pos, batch)

    def on(self, grid: Grid) -> Volume:
        values = self.functions.on(grid).values + self.nodes.on(grid).values
        return Volume(values, grid, self.channels, atoms=self.atoms)

    def __getitem__(self, names: str | tuple[str, ...]) -> SuperresField:
        return SuperresField(self.functions[names], self.nodes[names])
