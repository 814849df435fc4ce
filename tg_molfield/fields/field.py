"""`Field`: a map from points to channel values, and the algebra of fields."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from typing_extensions import Self

from tg_molfield.chem.atoms import AtomList
from tg_molfield.fields.grid import Grid
from tg_molfield.fields.kernels import leaf

if TYPE_CHECKING:
    from tg_molfield.fields.volume import Volume

_NODES_AT_ONCE = 2**18


class Field(ABC):
    """A continuous vector-valued function f: R³ → R^C, or a batch of ``num_graphs`` such functions.

    A field is called with points; it has named channels, a gradient, and can be sampled on a `Grid`.
    """

    @property
    @abstractmethod
    def channels(self) -> tuple[str, ...]:
        """The names of the C channels."""

    @property
    def num_graphs(self) -> int:
        """How many functions the field holds; points are assigned to them by ``batch``."""
        return 1

    _atoms: AtomList | None = None

    @property
    def atoms(self) -> AtomList | None:
        """The atoms the field belongs to, where they are known; files and pictures show them."""
        return self._atoms

    def with_atoms(self, atoms: AtomList | None) -> Self:
        """The same field, belonging to ``atoms``."""
        field = copy.copy(self)
        field._atoms = atoms
        return field

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

    def gradient(self, pos: Tensor, batch: Tensor | None = None) -> Tensor:
        """The derivative [Q, C, 3] of every channel by the point, in units per Å."""
        with torch.inference_mode(False), torch.enable_grad():
            points = leaf(pos)
            values = self(points, batch)
            if not values.requires_grad:
                return pos.new_zeros(len(pos), len(self.channels), 3)
            columns = [
                torch.autograd.grad(
                    values[:, c].sum(),
                    points,
                    create_graph=pos.requires_grad,
                    retain_graph=True,
                    materialize_grads=True,
                )[0]
                for c in range(len(self.channels))
            ]
        return torch.stack(columns, dim=1)

    def laplacian(self, pos: Tensor, batch: Tensor | None = None) -> Tensor:
        """The sum [Q, C] of the second derivatives of every channel by the point, in units per Å²."""
        with torch.inference_mode(False), torch.enable_grad():
            points = leaf(pos)
            gradient = self.gradient(points, batch)
            if not gradient.requires_grad:
                return pos.new_zeros(len(pos), len(self.channels))
            columns = [
                torch.autograd.grad(
                    gradient[:, c, axis].sum(),
                    points,
                    create_graph=pos.requires_grad,
                    retain_graph=True,
                    materialize_grads=True,
                )[0][:, axis]
                for c in range(len(self.channels))
                for axis in range(3)
            ]
        return torch.stack(columns, dim=1).unflatten(1, (-1, 3)).sum(2)

    def on(self, grid: Grid) -> Volume:
        """The field sampled at the nodes of ``grid``.

        Raises:
            ValueError: the field holds several functions; take one of them first.
        """
        from tg_molfield.fields.volume import Volume

        self._require_single("on")
        nodes = grid.points(self.dtype, self.device)
        parts = [self(chunk) for chunk in nodes.split(_NODES_AT_ONCE)]
        values = torch.cat(parts).T.reshape(len(self.channels), *grid.shape)
        return Volume(values, grid, self.channels, atoms=self.atoms)

    def on_each(self, grids: Sequence[Grid]) -> list[Volume]:
        """Every function of a batch sampled on a grid of its own.

        Args:
            grids: one for each of the ``num_graphs`` functions, of any shapes.

        Raises:
            ValueError: the number of grids is not that of the functions.
            NotImplementedError: the field cannot be taken apart, see `unbatch`.
        """
        self._require_grid_each(grids)
        return [one.on(grid) for one, grid in zip(self.unbatch(), grids, strict=True)]

    def unbatch(self) -> Sequence[Field]:
        """The functions of a batch, one field each.

        Raises:
            NotImplementedError: the field holds several functions and cannot be taken apart.
        """
        if self.num_graphs != 1:
            raise NotImplementedError(f"{type(self).__name__} holds {self.num_graphs} functions and has no unbatch()")
        return [self]

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """The field on another device or of another floating-point type; arguments as for `Tensor.to`.

        Raises:
            ValueError: the type is not one of floating-point numbers.
            NotImplementedError: the field is that of a model, which has to be moved itself.
        """
        like = torch.empty(0, dtype=self.dtype, device=self.device).to(*args, **kwargs)
        if not like.is_floating_point():
            raise ValueError(f"dtype={like.dtype}: a field has values of a floating-point type")
        return self._mapped(lambda x: x.to(like.device, like.dtype if x.is_floating_point() else x.dtype))

    def detach(self) -> Self:
        """The same field with no gradients to what it was made of.

        Raises:
            NotImplementedError: the field is that of a model.
        """
        return self._mapped(Tensor.detach)

    def _mapped(self, change: Callable[[Tensor], Tensor]) -> Self:
        """The field with ``change`` applied to every tensor that it is made of."""
        raise NotImplementedError(f"{type(self).__name__}: belongs to a model; move or detach that and its latent")

    def __getitem__(self, names: str | tuple[str, ...]) -> Field:
        """The field of the named channels alone, in the order given: ``f["N", "O"]``."""
        from tg_molfield.fields.algebra import ChannelSelection

        return ChannelSelection(self, self.channel_indices(names))

    def __add__(self, other: Field) -> Field:
        from tg_molfield.fields.algebra import LinearCombination

        return LinearCombination((self, other), (1.0, 1.0)) if isinstance(other, Field) else NotImplemented

    def __sub__(self, other: Field) -> Field:
        from tg_molfield.fields.algebra import LinearCombination

        return LinearCombination((self, other), (1.0, -1.0)) if isinstance(other, Field) else NotImplemented

    def __mul__(self, factor: float) -> Field:
        from tg_molfield.fields.algebra import LinearCombination

        return LinearCombination((self,), (float(factor),)) if isinstance(factor, (int, float)) else NotImplemented

    __rmul__ = __mul__

    def __neg__(self) -> Field:
        return self * -1.0

    def channel_indices(self, names: str | tuple[str, ...]) -> list[int]:
        """The positions of the named channels.

        Raises:
            KeyError: a name is not among ``channels``.
            ValueError: a name is given twice.
        """
        wanted = (names,) if isinstance(names, str) else tuple(names)
        if len(set(wanted)) != len(wanted):
            raise ValueError(f"channels {', '.join(wanted)}: a name is given twice; name each channel once")
        for name in wanted:
            if name not in self.channels:
                raise KeyError(f"channel {name!r} is not in this field, whose channels are {', '.join(self.channels)}")
        return [self.channels.index(name) for name in wanted]

    def _require_single(self, method: str) -> None:
        if self.num_graphs != 1:
            raise ValueError(f"{method}: this field holds {self.num_graphs} functions; take one by unbatch()[i]")

    def _require_grid_each(self, grids: Sequence[Grid]) -> None:
        if len(grids) != self.num_graphs:
            raise ValueError(f"grids: expected {self.num_graphs}, one for each function of the field, got {len(grids)}")


def check_points(
    pos: Tensor, batch: Tensor | None, num_graphs: int, dtype: torch.dtype, device: torch.device
) -> Tensor:
    """The batch vector [Q] of the points, checked against a field of ``num_graphs`` functions.

    Raises:
        ValueError: a wrong shape, type, device or batch vector; the message gives the remedy.
    """
    if pos.ndim != 2 or pos.shape[1] != 3:
        raise ValueError(f"pos: expected points of shape [Q, 3], got {list(pos.shape)}")
    if pos.dtype != dtype:
        raise ValueError(f"pos: the points are {pos.dtype}, the field is {dtype}; convert one with .to(dtype)")
    if pos.device != device:
        raise ValueError(f"pos: the points are on {pos.device}, the field is on {device}; move one with .to(device)")
    if batch is None:
        if num_graphs != 1:
            raise ValueError(f"batch: the field holds {num_graphs} functions; say which one each point belongs to")
        return torch.zeros(len(pos), dtype=torch.long, device=device)
    return check_batch("batch", batch, len(pos), num_graphs, device)


def check_batch(name: str, batch: Tensor, length: int, num_graphs: int, device: torch.device) -> Tensor:
    """The vector ``batch`` [length] itself, if it is int64, sorted and within ``num_graphs``.

    Raises:
        ValueError: it is not.
    """
    if batch.dtype != torch.long or batch.shape != (length,):
        raise ValueError(f"{name}: expected int64 of shape [{length}], got {batch.dtype} of {list(batch.shape)}")
    if batch.device != device:
        raise ValueError(f"{name}: is on {batch.device}, expected {device}; move it with .to(device)")
    if length and (batch[1:] < batch[:-1]).any():
        raise ValueError(f"{name}: must be sorted; sort the rows by it first")
    if length and (int(batch[0]) < 0 or int(batch[-1]) >= num_graphs):
        raise ValueError(f"{name}: values lie in [{int(batch[0])}, {int(batch[-1])}], expected [0, {num_graphs - 1}]")
    return batch
