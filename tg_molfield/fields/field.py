"""`Field`: a map from points to channel values."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import torch
from torch import Tensor
from typing_extensions import Self

from tg_molfield.arguments import as_list, check_finite, check_kind
from tg_molfield.chem.atoms import AtomList, check_atom_list
from tg_molfield.chem.validation import check_points
from tg_molfield.devices import empty_at, sent_to
from tg_molfield.display.backend import backend
from tg_molfield.fields.cards import field_card
from tg_molfield.fields.detached import detached
from tg_molfield.fields.grid import Grid
from tg_molfield.fields.interpolation import Periodic
from tg_molfield.fields.kernels import leaf
from tg_molfield.memory import check_fits
from tg_molfield.precision import full_precision

if TYPE_CHECKING:
    from tg_molfield.fields.volume import Volume

FieldT = TypeVar("FieldT", bound="Field")

NODES_AT_ONCE = 2**18
_MAKE_GRID = "give for example Grid.around(data.pos)"


class Definition(Protocol):
    """What a field knows of its definition; `MolField` is one."""

    @property
    def channels(self) -> tuple[str, ...]:
        """The names of the channels."""

    def differences(self, other: Any, channels: Sequence[str]) -> list[str]:
        """The arguments by which two definitions differ in the named channels."""


class Field(ABC):
    """A continuous vector-valued function f: R³ → R^C, or a batch of ``num_graphs`` such functions.

    Call a field with points. It has named channels and a gradient, and can be sampled on a `Grid`.
    """

    @property
    @abstractmethod
    def channels(self) -> tuple[str, ...]:
        """The names of the C channels."""

    @property
    def num_graphs(self) -> int:
        """The number of functions; ``batch`` assigns points to them."""
        return 1

    _atoms: AtomList | None = None
    _mol_field: Definition | None = None

    @property
    def atoms(self) -> AtomList | None:
        """The atoms the field belongs to, where they are known; files and pictures show them."""
        return self._atoms

    def __copy__(self) -> Self:
        field = self.__class__.__new__(self.__class__)
        vars(field).update(vars(self))
        return field

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled and deep-copied: tensors without their computation graph."""
        return {name: detached(value) for name, value in vars(self).items()}

    def with_atoms(self, atoms: AtomList | None) -> Self:
        """The same field, belonging to ``atoms``."""
        check_atom_list(atoms)
        field = copy.copy(self)
        field._atoms = atoms
        return field

    @property
    def mol_field(self) -> Definition | None:
        """The definition that the field follows, a `MolField`, where it is known.

        Sampling, selecting channels, moving and unbatching keep it; arithmetic drops it, and files do not hold it.
        """
        return self._mol_field

    def with_mol_field(self, mol_field: Definition | None) -> Self:
        """The same field, following the definition ``mol_field``."""
        if mol_field is not None and not hasattr(mol_field, "differences"):
            got = type(mol_field).__name__
            raise TypeError(f"mol_field: expected a MolField, got {got}; give for example MolField('C N O')")
        field = copy.copy(self)
        field._mol_field = mol_field
        return field

    def _repr_html_(self) -> str:
        """The field in a notebook."""
        return field_card(self)

    def plot(
        self,
        kind: str = "slices",
        channels: str | Sequence[str] | None = None,
        plane: str | Sequence[float] | None = None,
        *,
        grid: Grid | None = None,
        **options: Any,
    ) -> Any:
        """A picture of the field with its atoms: slices through it, or projections of it.

        Args:
            kind: ``"slices"`` or ``"projections"``.
            channels: the channels to show; by default those that are not empty.
            plane: ``"x"``, ``"y"`` or ``"z"`` for the plane perpendicular to that axis, ``"atoms"`` for the mean plane
                of the atoms, or a normal [3]; by default what suits the field.
            grid: the part of space to show; by default that of a volume, or around the atoms.
            options: ``atoms``, ``unit`` and ``title``; ``position`` in Å along the normal for slices; ``how``,
                ``"maximum"`` or ``"integral"``, for projections. See `tg_molfield.viz.plot_slices` and
                `tg_molfield.viz.plot_projections`.

        Returns:
            A matplotlib figure, which notebooks show and `tg_molfield.viz.save_figure` writes.

        Raises:
            ValueError: the field is that of several molecules, or there is neither a grid nor atoms.
        """
        return backend().plot_field(self, kind, channels, plane, grid, **options)

    def show(
        self,
        channels: str | Sequence[str] | None = None,
        level: float | Mapping[str, float] | None = None,
        *,
        color_by: Field | None = None,
        grid: Grid | None = None,
        **options: Any,
    ) -> None:
        """Show surfaces of the field with its atoms below the cell of a notebook, else in a browser.

        They turn and zoom with the mouse and with keys; sliders set the levels. Notebooks keep them when they are
        saved, also as HTML by nbconvert, and no network is needed.

        Args:
            channels: the channels to show; by default those that are not empty.
            level: the isovalue, or one for each channel; by default 0 for a signed distance, else 0.3 of the largest
                absolute value of the channel, of both signs for a signed channel.
            color_by: a field that colours the surface of one channel, such as the electrostatic potential on the van
                der Waals surface.
            grid: the part of space to show; by default that of a volume, or around the atoms.
            options: of `tg_molfield.viz.interactive_surfaces`, or with ``color_by`` of
                `tg_molfield.viz.plot_colored_surfaces`, such as ``unit``, ``opacity`` and ``height`` in pixels.

        Raises:
            ImportError: plotly or scikit-image is missing, which are in the extra ``viz``.
            ValueError: the field is that of several molecules, there is neither a grid nor atoms, or a level is outside
                the range of the channel.
            RuntimeError: there is neither a notebook nor a browser.
        """
        backend().show_field(self, channels, level, color_by, grid, **options)

    def _quick_centers(self) -> Tensor | None:
        """The centres [N, 3] of a field of one molecule that costs little more than N terms a point, else None."""
        return None

    @property
    @abstractmethod
    def dtype(self) -> torch.dtype:
        """The floating-point type of the values."""

    @property
    @abstractmethod
    def device(self) -> torch.device:
        """Where the field is evaluated."""

    @abstractmethod
    def __call__(self, pos: Tensor, batch: Tensor | None = None) -> Tensor:
        """The values [Q, C] at the points ``pos`` [Q, 3] in Å.

        Args:
            pos: the points.
            batch: which function each point belongs to [Q], int64 and sorted; needed where ``num_graphs`` > 1.
        """

    @full_precision
    def gradient(self, pos: Tensor, batch: Tensor | None = None) -> Tensor:
        """The gradient [Q, C, 3] of every channel, in units per Å."""
        check_points(pos, batch, self.num_graphs, self.dtype, self.device)
        differentiable = self._is_differentiable(pos, batch)
        with torch.inference_mode(False), torch.enable_grad():
            points = leaf(pos)
            values = self(points, batch)
            if not values.requires_grad:
                return pos.new_zeros(len(pos), len(self.channels), 3)
            columns = [
                torch.autograd.grad(
                    values[:, c].sum(),
                    points,
                    create_graph=differentiable,
                    retain_graph=True,
                    materialize_grads=True,
                )[0]
                for c in range(len(self.channels))
            ]
        return torch.stack(columns, dim=1)

    @full_precision
    def laplacian(self, pos: Tensor, batch: Tensor | None = None) -> Tensor:
        """The Laplacian [Q, C] of every channel, in units per Å²."""
        check_points(pos, batch, self.num_graphs, self.dtype, self.device)
        differentiable = self._is_differentiable(pos, batch)
        with torch.inference_mode(False), torch.enable_grad():
            points = leaf(pos)
            gradient = self.gradient(points, batch)
            if not gradient.requires_grad:
                return pos.new_zeros(len(pos), len(self.channels))
            columns = [
                torch.autograd.grad(
                    gradient[:, c, axis].sum(),
                    points,
                    create_graph=differentiable,
                    retain_graph=True,
                    materialize_grads=True,
                )[0][:, axis]
                for c in range(len(self.channels))
                for axis in range(3)
            ]
        return torch.stack(columns, dim=1).unflatten(1, (-1, 3)).sum(2)

    def _is_differentiable(self, pos: Tensor, batch: Tensor | None) -> bool:
        """Whether derivatives by ``pos [Q, 3]`` can be differentiated again, by points or by what the field is of."""
        if pos.requires_grad or not torch.is_grad_enabled() or not len(pos):
            return pos.requires_grad
        return self(pos[:1], None if batch is None else batch[:1]).requires_grad

    def on(self, grid: Grid) -> Volume:
        """The field sampled at the nodes of ``grid``.

        The volume is periodic along the axes on which ``grid`` spans whole periods of the field, as
        ``Grid.from_cell(data.cell, shape)`` does for a crystal.

        Raises:
            ValueError: the field holds several functions; take one by `unbatch`.
            MemoryError: the values do not fit in memory; raised before any is computed.
        """
        self._require_one("on", grid)
        self._require_fit([grid], copies=2)
        return self._from_nodes(self, grid.points(self.dtype, self.device), grid)

    def on_each(self, grids: Sequence[Grid]) -> list[Volume]:
        """Every function of a batch sampled on a grid of its own.

        Args:
            grids: one for each of the ``num_graphs`` functions, of any shapes.

        Raises:
            ValueError: the number of grids is not that of the functions.
            MemoryError: the values on all grids do not fit in memory; raised before any is computed.
            NotImplementedError: the field cannot be taken apart, see `unbatch`.
        """
        self._require_grid_each(grids)
        self._require_fit(grids)
        return [one.on(grid) for one, grid in zip(self.unbatch(), grids, strict=True)]

    def unbatch(self) -> Sequence[Field]:
        """The functions of a batch, one field each.

        Raises:
            NotImplementedError: the field holds several functions and cannot be taken apart.
        """
        if self.num_graphs != 1:
            raise NotImplementedError(
                f"{type(self).__name__}: expected one molecule, got {self.num_graphs} in one field; make one field each"
            )
        return [self]

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """The field on another device or of another floating-point type; arguments as for `Tensor.to`.

        Raises:
            TypeError: the arguments are of another kind.
            ValueError: the type is not a floating-point type.
            NotImplementedError: the field belongs to a model; move the model.
        """
        like = empty_at(torch.empty(0, dtype=self.dtype, device=self.device), *args, **kwargs)
        return self._mapped(lambda x: sent_to(x, like.device, like.dtype if x.is_floating_point() else x.dtype))

    def detach(self) -> Self:
        """The same field, detached from the computation graph.

        Raises:
            NotImplementedError: the field belongs to a model.
        """
        return self._mapped(Tensor.detach)

    def _mapped(self, change: Callable[[Tensor], Tensor]) -> Self:
        """The field with ``change`` applied to all of its tensors."""
        raise NotImplementedError(
            f"{type(self).__name__}: expected a field without a model, got that of one; move or detach "
            "the model and its latent"
        )

    def __getitem__(self, names: str | tuple[str, ...]) -> Field:
        """The field of the named channels, in the order given: ``f["N", "O"]``."""
        from tg_molfield.fields.selection import ChannelSelection

        return ChannelSelection(self, self.channel_indices(names))

    def __add__(self, other: Field) -> Field:
        return self._combined((self, other), (1.0, 1.0)) if isinstance(other, Field) else NotImplemented

    def __sub__(self, other: Field) -> Field:
        return self._combined((self, other), (1.0, -1.0)) if isinstance(other, Field) else NotImplemented

    def __mul__(self, factor: float) -> Field:
        if not isinstance(factor, (int, float)):
            return NotImplemented
        check_finite("factor", factor)
        return self._combined((self,), (float(factor),))

    __rmul__ = __mul__

    def __neg__(self) -> Field:
        return self * -1.0

    @staticmethod
    def _combined(fields: Sequence[Field], factors: Sequence[float]) -> Field:
        from tg_molfield.fields.combination import LinearCombination

        return LinearCombination(fields, factors)

    def channel_indices(self, names: str | tuple[str, ...]) -> list[int]:
        """The positions of the named channels.

        Raises:
            KeyError: a name is not among ``channels``.
            ValueError: a name is given twice.
        """
        wanted = (names,) if isinstance(names, str) else tuple(as_list("channels", names, "names"))
        if len(set(wanted)) != len(wanted):
            raise ValueError(f"channels: expected different names, got {', '.join(wanted)}; name each channel once")
        for name in wanted:
            if name not in self.channels:
                raise KeyError(f"channels: expected some of {', '.join(self.channels)}, got {name!r}; correct the name")
        return [self.channels.index(name) for name in wanted]

    def _volume(self, values: Tensor, grid: Grid, graph: int = 0) -> Volume:
        """The samples [C, nx, ny, nz] of one function of this field on ``grid``."""
        from tg_molfield.fields.volume import Volume

        return self._annotated(Volume(values, grid, self.channels, periodic=self._repeating_axes(grid, graph)))

    def _repeating_axes(self, grid: Grid, graph: int = 0) -> Periodic:
        """The axes along which ``grid`` spans whole periods of one function of this field."""
        return (False, False, False)

    def _annotated(self, field: FieldT) -> FieldT:
        """``field`` with the atoms and the definition of this one."""
        return field.with_atoms(self.atoms).with_mol_field(self.mol_field)

    def _from_nodes(self, evaluate: Callable[[Tensor], Tensor], nodes: Tensor, grid: Grid) -> Volume:
        """The values [Q, C] that ``evaluate`` gives at the ``nodes`` [Q, 3] of the grid, a part at a time."""
        values = torch.cat([evaluate(part) for part in nodes.split(NODES_AT_ONCE)])
        return self._volume(values.T.reshape(len(self.channels), *grid.shape), grid)

    def _annotated_each(self, fields: Sequence[FieldT]) -> list[FieldT]:
        """The functions of this field with their own atoms and the definition of this one."""
        atoms = [None] * len(fields) if self.atoms is None else self.atoms.of_graphs(len(fields))
        return [one.with_atoms(own).with_mol_field(self.mol_field) for one, own in zip(fields, atoms, strict=True)]

    def _require_one(self, method: str, grid: Grid) -> None:
        """Refuse what is no grid, and fields of several functions."""
        check_kind("grid", grid, Grid, "a Grid", _MAKE_GRID)
        if self.num_graphs != 1:
            raise ValueError(
                f"{method}: expected a field of one molecule, got {self.num_graphs}; take one by unbatch()[i]"
            )

    def _require_fit(self, grids: Sequence[Grid], copies: int = 1) -> None:
        """Refuse grids whose values, kept ``copies`` times, do not fit in memory.

        Raises:
            MemoryError: they do not.
        """
        shapes = ", ".join("×".join(map(str, grid.shape)) for grid in grids[:3]) + (", …" if len(grids) > 3 else "")
        numbers = len(self.channels) * sum(grid.num_nodes for grid in grids)
        check_fits(
            "grid", f"{shapes} nodes of {len(self.channels)} channels", copies * numbers * self.dtype.itemsize,
            "give a larger spacing, a smaller grid or fewer channels", self.device,
        )  # fmt: skip

    def _require_grid_each(self, grids: Sequence[Grid]) -> None:
        if isinstance(grids, Grid):
            raise TypeError("grids: expected a list with a grid for each molecule, got one Grid; give [grid, …]")
        given = as_list("grids", grids, "Grid")
        for number, grid in enumerate(given):
            check_kind(f"grids[{number}]", grid, Grid, "a Grid", _MAKE_GRID)
        if len(given) != self.num_graphs:
            raise ValueError(f"grids: expected {self.num_graphs}, got {len(given)}; give one for each molecule")
