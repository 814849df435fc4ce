"""`FoundVolumes`: fields whose functions are found directly, kept as tensors."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

from tg_molfield.fields import Field, Grid, RBFField
from tg_molfield.fields.kernels import KERNELS
from tg_molfield.inverse.superres import LatticeField, SuperresField


class FoundField(nn.Module):
    """The tensors of one `SuperresField`.

    Args:
        field: whose tensors are taken.
    """

    def __init__(self, field: SuperresField) -> None:
        super().__init__()
        functions, nodes = field.functions, field.nodes
        self._kernel, self._channels = functions.kernel, field.channels
        self._grid, self._node_widths = nodes.grid, nodes.widths
        self._periodic, self._kinds = nodes.periodic, nodes.kinds
        self.register_buffer("centers", functions.centers.detach().clone())
        self.register_buffer("weights", functions.weights.detach().clone())
        self.register_buffer("widths", functions.widths.detach().clone())
        self.register_buffer("nodes", nodes.weights.detach().clone())
        self.centers: Tensor
        self.weights: Tensor
        self.widths: Tensor
        self.nodes: Tensor

    @classmethod
    def like(cls, description: dict[str, Any], channels: tuple[str, ...]) -> FoundField:
        """A field of the kind and size that :meth:`description` tells, its tensors yet to be filled."""
        x, y, z = (tuple(axis) for axis in description["axes"])
        nx, ny, nz = description["shape"]
        grid = Grid(tuple(description["origin"]), (x, y, z), (nx, ny, nz))
        count, widths = description["functions"], torch.ones(description["widths"])
        functions = RBFField(
            torch.zeros(count, 3), torch.zeros(count, len(channels)), widths, description["kernel"], channels
        )
        nodes = LatticeField(
            torch.zeros(len(channels), *grid.shape), grid, description["node_widths"], channels, description["periodic"]
        )
        return cls(SuperresField(functions, nodes))

    def description(self) -> dict[str, Any]:
        """All that the tensors do not tell but the channels, as JSON values.

        Raises:
            ValueError: the kernel has no name to be found by.
        """
        if KERNELS.get(self._kernel.name) != self._kernel:
            raise ValueError(f"kernel {self._kernel}: only kernels known by name can be saved: {', '.join(KERNELS)}")
        return {
            "kernel": self._kernel.name,
            "functions": len(self.centers),
            "widths": list(self.widths.shape),
            "origin": self._grid.origin,
            "axes": self._grid.axes,
            "shape": self._grid.shape,
            "node_widths": self._node_widths,
            "periodic": self._periodic,
            "kinds": self._kinds,
        }

    def field(self) -> SuperresField:
        """The field."""
        functions = RBFField(self.centers, self.weights, self.widths, self._kernel, self._channels)
        nodes = LatticeField(self.nodes, self._grid, self._node_widths, self._channels, self._periodic, self._kinds)
        return SuperresField(functions, nodes)


class FoundVolumes(nn.Module):
    """The fields found, none before a fit."""

    def __init__(self) -> None:
        super().__init__()
        self.found = nn.ModuleList()

    def keep(self, fields: list[SuperresField]) -> None:
        """Take these fields in place of those there were."""
        self.found = nn.ModuleList(FoundField(field) for field in fields)

    def expect(self, descriptions: list[dict[str, Any]], channels: tuple[str, ...]) -> None:
        """Make room for the tensors of fields so described."""
        self.found = nn.ModuleList(FoundField.like(one, channels) for one in descriptions)

    def descriptions(self) -> list[dict[str, Any]]:
        """Those of all fields."""
        return [cast(FoundField, one).description() for one in self.found]

    def field(self, index: int) -> Field:
        """The field of volume ``index``.

        Raises:
            RuntimeError: nothing has been fitted.
        """
        if not len(self.found):
            raise RuntimeError("nothing has been fitted yet: call fit first")
        return cast(FoundField, self.found[index]).field()
