"""The samples that a field is fitted to: checked values at points, in double precision."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tg_molfield.arguments import check_choice
from tg_molfield.chem.validation import check_real, check_tensor
from tg_molfield.devices import device_with_double, in_double
from tg_molfield.fields.field import Field
from tg_molfield.fields.grid import Grid
from tg_molfield.fields.volume import Volume


@dataclass(frozen=True)
class Samples:
    """Points [Q, 3] in Å, values [Q, C], the root of the importance of each [Q], all float64, and channel names.

    They are on the device of the target, or on the host where that has no float64.
    """

    points: Tensor
    values: Tensor
    root: Tensor
    channels: tuple[str, ...]

    def channel(self, index: int) -> Samples:
        """The samples of one channel."""
        names = self.channels[index : index + 1]
        return Samples(self.points, self.values[:, index : index + 1], self.root, names)

    def weighted(self) -> Tensor:
        """The values [Q, C] as they enter a sum of squares."""
        return self.values * self.root[:, None]


def gather_samples(
    target: Field | Tensor, points: Tensor | Grid | None, importance: Tensor | None, missing: str
) -> Samples:
    """The samples of a fit.

    Args:
        target: a field, or values [Q, C] or [Q].
        points: [Q, 3] or a grid; not needed for a `Volume`, whose nodes are taken.
        importance: the weight of each squared error [Q]; 1 if not given.
        missing: ``"raise"`` or ``"skip"`` where values are NaN or infinite.

    Raises:
        ValueError: see `fit_rbf`.
    """
    check_choice("missing", missing, ("raise", "skip"))
    if points is not None and not isinstance(points, Grid):
        if not isinstance(points, Tensor):
            raise TypeError(f"points: expected a tensor or a Grid, got {type(points).__name__}; give [Q, 3] in Å")
        check_tensor("points", points)
        check_real("points", points)
        if points.ndim != 2 or points.shape[1] != 3:
            raise ValueError(f"points: expected shape [Q, 3], got {list(points.shape)}; give one row a point")
    if importance is not None:
        check_tensor("importance", importance)
        check_real("importance", importance)
    if isinstance(target, Field):
        where, values, channels = _of_field(target, points)
    else:
        where, values = _of_values(target, points)
        channels = tuple(str(c) for c in range(values.shape[1]))
    where, values = in_double(where.detach()), in_double(values.detach())
    if not where.isfinite().all():
        raise ValueError("points: expected finite positions, got NaN or infinity; leave those samples out")
    root = _root_of(importance, len(values), values)
    counted = root > 0
    where, values, root = where[counted], values[counted], root[counted]
    finite = values.isfinite().all(1)
    if not finite.all():
        if missing == "raise":
            count = int((~finite).sum())
            raise ValueError(
                f"target: expected finite samples, got {count} of {len(values)} that are not; give "
                "missing='skip' to leave them out"
            )
        where, values, root = where[finite], values[finite], root[finite]
    if not len(values):
        raise ValueError("points: expected at least one sample, got none; give more points")
    return Samples(where, values, root, channels)


def _of_field(target: Field, points: Tensor | Grid | None) -> tuple[Tensor, Tensor, tuple[str, ...]]:
    if target.num_graphs != 1:
        raise ValueError(
            f"target: expected a field of one molecule, got {target.num_graphs}; fit unbatch()[i] one by one"
        )
    if isinstance(points, Tensor):
        where = points.to(target.device)
        return where, target(where.to(target.dtype)), target.channels
    if points is None and not isinstance(target, Volume):
        raise ValueError("points: expected [Q, 3] or a Grid for a field that is no volume, got None; give them")
    volume = target if isinstance(target, Volume) and points is None else target.on(points)  # type: ignore[arg-type]
    return _nodes(volume.grid, volume.device), volume.values.flatten(1).T, target.channels


def _of_values(target: Tensor, points: Tensor | Grid | None) -> tuple[Tensor, Tensor]:
    if not isinstance(target, Tensor) or not target.is_floating_point() or target.ndim not in (1, 2):
        raise ValueError(
            f"target: expected a Field, or floats of shape [Q, C] or [Q], got {_described(target)}; convert it"
        )
    check_tensor("target", target)
    values = target[:, None] if target.ndim == 1 else target
    where = _nodes(points, values.device) if isinstance(points, Grid) else points
    if where is None or where.shape != (len(values), 3):
        given = "none" if where is None else str(list(where.shape))
        raise ValueError(f"points: expected shape [{len(values)}, 3], got {given}; give one for each value")
    return where, values


def _nodes(grid: Grid, device: torch.device) -> Tensor:
    return grid.points(torch.float64, device_with_double(device))


def _described(target: object) -> str:
    return f"{target.dtype} of {list(target.shape)}" if isinstance(target, Tensor) else type(target).__name__


def _root_of(importance: Tensor | None, count: int, like: Tensor) -> Tensor:
    if importance is None:
        return torch.ones(count, dtype=torch.float64, device=like.device)
    if importance.shape != (count,) or not bool((importance.isfinite() & (importance >= 0)).all()):
        raise ValueError(
            f"importance: expected [{count}] finite numbers of at least 0, got {list(importance.shape)} or others; "
            "give one for each sample"
        )
    if not bool((importance > 0).any()):
        raise ValueError(
            "importance: expected a positive number somewhere, got 0 everywhere; "
            "leave it out to weight all samples equally"
        )
    return in_double(importance.detach()).sqrt()
