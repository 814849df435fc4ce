"""`Volume`: the samples of a field on a grid, which between its nodes is a field itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import final

import torch
from torch import Tensor

from tg_molfield.fields.atoms import AtomList
from tg_molfield.fields.field import Field, check_points
from tg_molfield.fields.grid import Grid
from tg_molfield.fields.interpolation import cubic, linear, spline_coefficients
from tg_molfield.io.volumes import VolumeData, read_volume, write_volume

INTERPOLATIONS = ("linear", "cubic")


@final
class Volume(Field):
    """Values at the nodes of a `Grid`; between them they are interpolated, outside the grid they are 0.

    Args:
        values: [C, nx, ny, nz] or, for one channel, [nx, ny, nz].
        grid: the nodes.
        channels: the C names; numbered if not given.
        interpolation: ``"linear"`` or ``"cubic"`` (B-spline, mirrored at the border); both exact at the nodes.
        atoms: the atoms that the values belong to, kept in files that can hold them.

    Raises:
        ValueError: the shapes do not fit.
    """

    def __init__(
        self,
        values: Tensor,
        grid: Grid,
        channels: Sequence[str] | None = None,
        interpolation: str = "linear",
        atoms: AtomList | None = None,
    ) -> None:
        values = values[None] if values.ndim == 3 else values
        if values.ndim != 4 or tuple(values.shape[1:]) != grid.shape:
            raise ValueError(f"values: expected shape [C, {', '.join(map(str, grid.shape))}], got {list(values.shape)}")
        if not values.is_floating_point():
            raise ValueError(f"values: expected floats, got {values.dtype}")
        names = tuple(channels) if channels is not None else tuple(str(c) for c in range(len(values)))
        if len(names) != len(values) or len(set(names)) != len(names):
            raise ValueError(f"channels={names}: expected {len(values)} different names")
        if interpolation not in INTERPOLATIONS:
            raise ValueError(f"interpolation={interpolation!r}: choose from {', '.join(INTERPOLATIONS)}")
        self.values, self.grid, self.interpolation = values, grid, interpolation
        self._channels, self._atoms = names, atoms
        self._coefficients: Tensor | None = None

    @property
    def channels(self) -> tuple[str, ...]:
        return self._channels

    @property
    def atoms(self) -> AtomList | None:
        return self._atoms

    @property
    def dtype(self) -> torch.dtype:
        return self.values.dtype

    @property
    def device(self) -> torch.device:
        return self.values.device

    def __repr__(self) -> str:
        shape = "×".join(map(str, self.grid.shape))
        return f"Volume({shape}, channels={' '.join(self.channels)}, interpolation={self.interpolation!r})"

    def __call__(self, pos: Tensor, batch: Tensor | None = None) -> Tensor:
        check_points(pos, batch, self.num_graphs, self.dtype, self.device)
        fractional = self.grid.fractional(pos)
        last = fractional.new_tensor(self.grid.shape) - 1
        slack = 64 * torch.finfo(pos.dtype).eps * (1 + last)
        inside = ((fractional >= -slack) & (fractional <= last + slack)).all(-1)
        within = torch.minimum(fractional.clamp_min(0), last)
        if self.interpolation == "linear":
            values = linear(self.values, within)
        else:
            if self._coefficients is None:
                self._coefficients = spline_coefficients(self.values)
            values = cubic(self._coefficients, within)
        return torch.where(inside[:, None], values, torch.zeros_like(values))

    def __getitem__(self, names: str | tuple[str, ...]) -> Volume:
        index = self.channel_indices(names)
        return Volume(self.values[index], self.grid, [self.channels[i] for i in index], self.interpolation, self.atoms)

    def interpolated(self, interpolation: str) -> Volume:
        """The same samples with another interpolation, ``"linear"`` or ``"cubic"``."""
        return Volume(self.values, self.grid, self.channels, interpolation, self.atoms)

    def integral(self) -> Tensor:
        """The integral [C] of each channel over the grid, the sum of the nodes times the volume per node (Å³)."""
        return self.values.sum((1, 2, 3)) * self.grid.voxel_volume

    def save(self, path: str | Path) -> None:
        """Write the volume; the suffix decides: ``.cube``, ``.npz``, each also with ``.gz``.

        The file appears whole or not at all.

        Raises:
            ValueError: the format is unknown or cannot hold the values.
        """
        if not self.values.isfinite().all():
            raise ValueError(f"{path}: the volume has NaN or infinite values, which no reader of the file would expect")
        atoms = self.atoms
        data = VolumeData(
            values=self.values.detach().cpu().numpy(),
            origin=self.grid.origin_tensor().numpy(),
            axes=self.grid.axes_tensor().numpy(),
            channels=self.channels,
            numbers=None if atoms is None else atoms.z.cpu().numpy(),
            positions=None if atoms is None else atoms.pos.detach().cpu().double().numpy(),
        )
        write_volume(path, data)

    @classmethod
    def read(cls, path: str | Path, dtype: torch.dtype | None = None) -> Volume:
        """Read a volume; the suffix decides: ``.cube``, ``.npz``, each also with ``.gz``.

        Lengths come out in Å; the values are as the file has them.

        Args:
            path: the file.
            dtype: of the values; torch's default if not given.

        Raises:
            ValueError: the file is damaged, cut short or of an unknown format; the message says where.
        """
        data = read_volume(path)
        dtype = dtype or torch.get_default_dtype()
        atoms = None
        if data.numbers is not None and data.positions is not None:
            atoms = AtomList(torch.from_numpy(data.numbers), torch.from_numpy(data.positions).to(dtype))
        x, y, z = (tuple(axis) for axis in data.axes.tolist())
        nx, ny, nz = data.values.shape[1:]
        grid = Grid(tuple(data.origin.tolist()), (x, y, z), (nx, ny, nz))
        return cls(torch.from_numpy(data.values).to(dtype), grid, data.channels, atoms=atoms)
