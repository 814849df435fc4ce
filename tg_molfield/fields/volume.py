"""`Volume`: the samples of a field on a grid, interpolated between the nodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, final

import torch
from torch import Tensor

from tg_molfield.arguments import (
    as_channel_names,
    as_list,
    as_path,
    as_three_flags,
    check_choice,
    check_finite,
    check_flag,
    check_kind,
)
from tg_molfield.chem.atoms import AtomList, check_atom_list
from tg_molfield.chem.validation import check_points, check_tensor
from tg_molfield.devices import is_on_host, widest_type
from tg_molfield.display.backend import PICTURES, backend
from tg_molfield.fields.cards import volume_card
from tg_molfield.fields.field import Field
from tg_molfield.fields.grid import Grid
from tg_molfield.fields.interpolation import INTERPOLATIONS, Interpolator, Periodic
from tg_molfield.fields.periodic import repeating_axes
from tg_molfield.fields.units import unit_of
from tg_molfield.fields.versions import Versions, versions
from tg_molfield.files import decoding
from tg_molfield.memory import check_fits
from tg_molfield.precision import full_precision, widened
from tg_molfield.volumes.registry import VolumeData, read_volumes, write_volume


@final
class Volume(Field):
    """Values at the nodes of a `Grid`, interpolated between them.

    Along a periodic axis the values repeat: one step after the last node comes the first. Outside the other axes
    the volume is 0. A volume is immutable; do not write into ``values``.

    Args:
        values: [C, nx, ny, nz] or, for one channel, [nx, ny, nz].
        grid: the nodes.
        channels: the C names; numbered if not given.
        interpolation: ``"linear"`` or ``"cubic"`` (B-spline, mirrored at a border); both exact at the nodes.
        atoms: the atoms that the values belong to, saved in the formats that can hold them.
        periodic: whether the values repeat, for all axes or for each.

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
        periodic: bool | Sequence[bool] = False,
    ) -> None:
        check_tensor("values", values)
        check_kind("grid", grid, Grid, "a Grid", "give for example Grid.around(data.pos)")
        values = values[None] if values.ndim == 3 else values
        if values.ndim != 4 or tuple(values.shape[1:]) != grid.shape:
            expected = f"[C, {', '.join(map(str, grid.shape))}]"
            raise ValueError(f"values: expected shape {expected}, got {list(values.shape)}; give one value a node")
        if not values.is_floating_point():
            raise ValueError(f"values: expected floats, got {values.dtype}; convert with .float()")
        names = as_channel_names(channels, len(values), "give one for each values[i]")
        check_choice("interpolation", interpolation, INTERPOLATIONS)
        check_atom_list(atoms)
        self.values, self.grid, self.interpolation = values, grid, interpolation
        self.periodic: Periodic = as_three_flags("periodic", periodic)
        self._channels, self._atoms = names, atoms
        self._kept: tuple[Versions, Interpolator] | None = None

    @property
    def channels(self) -> tuple[str, ...]:
        return self._channels

    @property
    def dtype(self) -> torch.dtype:
        return self.values.dtype

    @property
    def device(self) -> torch.device:
        return self.values.device

    def __repr__(self) -> str:
        shape = "×".join(map(str, self.grid.shape))
        periodic = f", periodic={self.periodic}" if any(self.periodic) else ""
        return f"Volume({shape}, channels={' '.join(self.channels)}, interpolation={self.interpolation!r}{periodic})"

    def _repr_html_(self) -> str:
        return volume_card(self)

    @full_precision
    def __call__(self, pos: Tensor, batch: Tensor | None = None) -> Tensor:
        check_points(pos, batch, self.num_graphs, self.dtype, self.device)
        return self._at(pos)

    @full_precision
    def gradient(self, pos: Tensor, batch: Tensor | None = None) -> Tensor:
        """The gradient [Q, C, 3] in units per Å; at a node of a linear volume, that of the following step."""
        check_points(pos, batch, self.num_graphs, self.dtype, self.device)
        by_step = self._interpolator().gradient(self.grid.fractional(widened(pos)), self._rounding(pos))
        return torch.einsum("qsc,xs->qcx", by_step, torch.linalg.inv(self.grid.axes_tensor()).to(by_step)).to(
            self.dtype
        )

    def __getitem__(self, names: str | tuple[str, ...]) -> Volume:
        index = self.channel_indices(names)
        return self._with(values=self.values[index], channels=[self.channels[i] for i in index])

    def __add__(self, other: Field) -> Field:
        if isinstance(other, Volume) and self._interpolates_like(other):
            self._require_fit([self.grid])
            return self._with(values=self.values + other.values).with_mol_field(None)
        return super().__add__(other)

    def __sub__(self, other: Field) -> Field:
        if isinstance(other, Volume) and self._interpolates_like(other):
            self._require_fit([self.grid])
            return self._with(values=self.values - other.values).with_mol_field(None)
        return super().__sub__(other)

    def __mul__(self, factor: float) -> Field:
        if not isinstance(factor, (int, float)):
            return NotImplemented
        check_finite("factor", factor)
        self._require_fit([self.grid])
        return self._with(values=self.values * factor).with_mol_field(None)

    __rmul__ = __mul__

    def interpolated(self, interpolation: str, periodic: bool | Sequence[bool] | None = None) -> Volume:
        """The same samples with another interpolation.

        Args:
            interpolation: ``"linear"`` or ``"cubic"``.
            periodic: whether the values repeat, for all axes or for each; as before if not given.
        """
        return self._with(interpolation=interpolation, periodic=self.periodic if periodic is None else periodic)

    @full_precision
    def resampled(self, grid: Grid) -> Volume:
        """This volume interpolated at the nodes of ``grid``.

        The result keeps the interpolation and is periodic along the axes on which ``grid`` spans whole periods.

        Raises:
            MemoryError: the values do not fit in memory; raised before any is computed.
        """
        return self.on(grid).interpolated(self.interpolation)

    @full_precision
    def on(self, grid: Grid) -> Volume:
        """See :meth:`Field.on`; at its own nodes a volume has its samples.

        Nodes are placed in double precision, so that those far from the origin are not rounded.
        """
        self._require_one("on", grid)
        self._require_fit([grid], copies=2)
        if grid == self.grid:
            return self._volume(self.values.clone(), grid)
        return self._from_nodes(self._at, grid.points(widest_type(self.device), self.device), grid)

    def integral(self) -> Tensor:
        """The integral [C] of each channel over the grid: the sum over nodes times the volume per node (Å³).

        Float32 for volumes of half precision, whose range it may exceed.
        """
        return widened(self.values).sum((1, 2, 3)) * self.grid.voxel_volume

    def save(self, path: str | PathLike[str]) -> list[Path]:
        """Write the volume, completely or not at all, and return the files written.

        The name decides, for volumes each also with ``.gz``:

        - ``.npz``: exact.
        - ``.cube``: six digits of the values, in the units of the field: e/Å³ for densities, where CUBE files of other
          programs have e/bohr³. The first line of this and of other text formats says so, where they are known.
        - ``.xsf``: exact values; at least 2 nodes along an axis that is not periodic.
        - ``.dx``: exact values; no atoms.
        - ``.mrc``, ``.ccp4``, ``.map``: single precision; axes as in a crystal, with a along x; no atoms. In ``.ccp4``
          and ``.map``, nodes are whole numbers of steps from (0, 0, 0); other values are interpolated at such nodes,
          with a :class:`VolumeWarning` (see `Grid.on_lattice`).
        - ``CHGCAR``, ``LOCPOT``, ``CHGCAR_x``, ``.vasp``: periodic volumes with atoms and 1, 2 or 4 channels, from the
          node (0, 0, 0). Densities in e/Å³ are multiplied by the volume of the cell, as VASP does, but in LOCPOT and
          ELFCAR (also ``LOCPOT_x.vasp``) values are as they are.

        - ``.png``, ``.svg``, ``.pdf``: a picture of slices, as `plot` makes it.
        - ``.html``: a page with isosurfaces and slices (needs plotly and scikit-image, the extra ``viz``).

        A ``.dx`` or map file holds one channel; several become a file each, ``x.C.dx``, ``x.N.dx``, …, which `read`
        takes as a list.

        Raises:
            ValueError: the format is unknown or cannot hold the values or the axes.
            MemoryError: there is no memory for the copy of the values that writing takes.
        """
        target = as_path(path)
        if target.suffix.lower() in PICTURES:
            backend().save_volume(self, target)
            return [target]
        check_fits(
            str(path), f"a copy of {self.values.numel():,} values", self.values.numel() * self.values.itemsize,
            "free some memory, or write some channels at a time",
        )  # fmt: skip
        if not self.values.isfinite().all():
            raise ValueError(f"{path}: expected finite values, got NaN or infinity; repair the volume before saving it")
        atoms = self.atoms
        data = VolumeData(
            values=(self.values.float() if self.values.itemsize < 4 else self.values).detach().cpu().numpy(),
            origin=self.grid.origin_tensor().numpy(),
            axes=self.grid.axes_tensor().numpy(),
            channels=self.channels,
            numbers=None if atoms is None else atoms.z.cpu().numpy(),
            positions=None if atoms is None else atoms.pos.detach().cpu().double().numpy(),
            periodic=self.periodic,
            units=tuple(unit_of(self.mol_field, name) for name in self.channels),
        )
        return write_volume(target, data)

    @classmethod
    def read(
        cls,
        path: str | PathLike[str] | Sequence[str | PathLike[str]],
        dtype: torch.dtype | None = None,
        expand: bool = False,
        fill_nan: float | None = None,
    ) -> Volume:
        """Read a volume; the name decides.

        ``.cube``, ``.npz``, ``.dx``, ``.xsf``, ``.ccp4``, ``.map``, ``.mrc``, ``.vasp`` and VASP's own names (CHGCAR,
        CHG, PARCHG, AECCAR, LOCPOT, ELFCAR, also CHGCAR_x), each also with ``.gz``.

        Lengths are converted to Å, values are those of the file, but densities of VASP are divided by the volume of
        the cell (e/Å³). A map or grid that covers a whole unit cell is periodic. What may not be as the file means is
        told of in a :class:`VolumeWarning`.

        Args:
            path: the file, or several on one grid, whose channels are concatenated. Atoms that differ are left out.
            dtype: of the values; torch's default if not given.
            expand: for a CCP4 or MRC map of part of a crystal's unit cell: the whole cell by the symmetry of the space
                group, which is periodic and can be evaluated anywhere in the crystal.
            fill_nan: the value for NaN, which masked maps hold outside their mask.

        Raises:
            ValueError: a file is damaged, cut short or of an unknown format, holds NaN without ``fill_nan``, or covers
                less than the asymmetric unit that ``expand`` needs; the message says where.
        """
        check_flag(expand=expand)
        check_kind("dtype", dtype, torch.dtype | None, "a torch.dtype", "give for example torch.float64")
        if dtype is not None and not dtype.is_floating_point:
            raise ValueError(f"dtype: expected a floating-point type, got {dtype}; give for example torch.float64")
        if fill_nan is not None:
            check_finite("fill_nan", fill_nan)
        given = [path] if isinstance(path, str | PathLike) else as_list("path", path, "file names")
        paths = [as_path(one) for one in given]
        data = read_volumes(paths, expand)
        dtype = dtype or torch.get_default_dtype()
        atoms = None
        if data.numbers is not None and data.positions is not None:
            atoms = AtomList(torch.from_numpy(data.numbers), torch.from_numpy(data.positions).to(dtype))
        values = torch.from_numpy(data.values).to(dtype)
        missing = int(values.isnan().sum())
        if missing and fill_nan is None:
            raise ValueError(
                f"{paths[0]}: expected finite values, got NaN in {missing} of {values.numel()} (a masked map?); give "
                "fill_nan=0.0 to replace them, or repair the file"
            )
        values = values if fill_nan is None else values.nan_to_num(float(fill_nan), torch.inf, -torch.inf)
        if values.isinf().any():
            raise ValueError(
                f"{paths[0]}: expected finite values within {dtype}, got others; repair the file, or read larger ones "
                "with torch.float64"
            )
        x, y, z = (tuple(axis) for axis in data.axes.tolist())
        nx, ny, nz = values.shape[1:]
        with decoding(paths[0]):
            grid = Grid(tuple(data.origin.tolist()), (x, y, z), (nx, ny, nz))
        return cls(values, grid, data.channels, atoms=atoms, periodic=data.periodic)

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"_kept": None}

    def _mapped(self, change: Callable[[Tensor], Tensor]) -> Volume:
        return self._with(values=change(self.values), atoms=self.atoms and self.atoms.mapped(change))

    def _with(self, **changes: Any) -> Volume:
        now = {name: getattr(self, name) for name in ("values", "channels", "interpolation", "atoms", "periodic")}
        return Volume(grid=self.grid, **{**now, **changes}).with_mol_field(self.mol_field)

    def _repeating_axes(self, grid: Grid, graph: int = 0) -> Periodic:
        return repeating_axes(grid, self.grid.cell, torch.tensor(self.periodic, device="cpu"))

    def _interpolates_like(self, other: Volume) -> bool:
        parts = ("grid", "channels", "interpolation", "periodic", "dtype", "device")
        return all(getattr(self, part) == getattr(other, part) for part in parts)

    def _rounding(self, pos: Tensor) -> Tensor:
        """How far apart the numbers of ``pos`` [Q, 3] are, in steps [Q, 1]."""
        step = float(self.grid.axes_tensor().norm(dim=1).min())
        return torch.finfo(pos.dtype).eps / step * pos.detach().abs().amax(1, keepdim=True)

    def _at(self, pos: Tensor) -> Tensor:
        """The values [Q, C] at points [Q, 3] of any floating-point type."""
        values = self._interpolator()(self.grid.fractional(widened(pos)), self._rounding(pos))
        return values.to(self.dtype)

    def _nodes_lost(self) -> int:
        """How many values are not finite, as far as that can be seen without waiting for a device."""
        return int((~self.values.isfinite()).sum()) if is_on_host(self.values) else 0

    def _check_cubic(self) -> None:
        if self.interpolation == "cubic" and (lost := self._nodes_lost()):
            raise ValueError(
                f"values: expected finite numbers for a cubic spline, which all of them shape, got {lost} that are "
                "not; fill them, or take interpolated('linear')"
            )

    def _interpolator(self) -> Interpolator:
        if self._kept is not None and self._kept[0].are_those_of(self.values):
            return self._kept[1]
        now = versions(self.values)
        if now is None:
            return Interpolator(widened(self.values), self.interpolation, self.periodic)
        self._check_cubic()
        with torch.inference_mode(False):
            self._kept = now, Interpolator(widened(self.values), self.interpolation, self.periodic)
        return self._kept[1]
