"""The peak signal-to-noise ratio of a field, by the published convention and in occupied space."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import torch
from torch import Tensor

from tg_molfield.arguments import check_kind, check_positive, require_counts
from tg_molfield.chem.checked_numbers import numbers_are_checked
from tg_molfield.chem.validation import check_real, check_tensor
from tg_molfield.devices import brought_to, device_with_double, in_double
from tg_molfield.display.card import card
from tg_molfield.fields import Field, Grid, Volume

OCCUPIED = 0.01
"""The fraction of a channel's peak above which a point counts as occupied."""


class DefinitionMismatchWarning(UserWarning):
    """Two fields are compared that follow different definitions."""


class PSNR(NamedTuple):
    """Peak signal-to-noise ratios in dB; infinite where the fields agree exactly.

    Attributes:
        all_nodes: over all nodes and all channels, empty ones included (the convention of arXiv 2502.10848). Empty
            space and empty channels raise it.
        occupied: over the nodes where the target exceeds 1 % of its channel's peak; empty channels do not count.
    """

    all_nodes: float
    occupied: float

    def _repr_html_(self) -> str:
        return card("PSNR", {"all nodes": f"{self.all_nodes:.2f} dB", "occupied nodes": f"{self.occupied:.2f} dB"})


class PSNRPerGraph(NamedTuple):
    """`PSNR` of every molecule of a batch.

    Attributes:
        all_points: [B], over all points and channels.
        occupied: [B], over the points where the target exceeds 1 % of its channel's peak in that molecule; NaN where
            all channels are empty.
    """

    all_points: Tensor
    occupied: Tensor

    def _repr_html_(self) -> str:
        both = {"all points": self.all_points, "occupied points": self.occupied}
        told = {name: _summary(values.detach()[~values.isnan()]) for name, values in both.items()}
        return card("PSNRPerGraph", {"molecules": f"{len(self.occupied):,}", **told})


def psnr(field: Field, target: Field, grid: Grid, peak: float | None = None) -> PSNR:
    """The peak signal-to-noise ratio of ``field`` against ``target`` at the nodes of ``grid``.

    The ratio is 10·log₁₀(peak² / mean square error).

    Args:
        field: the field to compare.
        target: what it should be; its values define the peak and the occupied nodes.
        grid: where to compare them.
        peak: the peak of every channel. If not given, each channel is first divided by the largest absolute value of
            the target on the grid, and the peak is 1; an empty channel is left as it is.

    Raises:
        TypeError: an argument is no field or no grid.
        ValueError: the channels differ, values are not finite, or the target is 0 all over the grid and no peak is
            given.

    Warns:
        DefinitionMismatchWarning: both fields know their definitions, which differ in more than channel order.
    """
    for name, given in (("field", field), ("target", target)):
        check_kind(name, given, Field, "a Field", "make one, such as MolField(...)(data)")
    check_kind("grid", grid, Grid, "a Grid", "make one, such as Grid.around(data.pos)")
    check_peak(peak)
    if field.channels != target.channels:
        raise ValueError(
            f"field: expected the channels of target, {', '.join(target.channels)}, got {', '.join(field.channels)}; "
            "select them with field[names]"
        )
    warn_of_definitions("field", field, target, "target")
    values, truth = (_values(one, grid) for one in (field, target))
    for name, numbers in (("field", values), ("target", truth)):
        if not numbers.isfinite().all():
            raise ValueError(f"{name}: expected finite values, got NaN or infinity on the grid; repair it")
    if peak is None and not truth.any():
        raise ValueError(
            "target: expected values other than 0 on the grid, got zeros alone, which have no peak; give peak, or a "
            "grid around the atoms"
        )
    return psnr_of_values(values, truth, peak)


def check_peak(peak: float | None) -> None:
    """Raise an error unless ``peak`` is a positive number or None."""
    if peak is not None:
        check_positive("peak", peak, "leave it out to use the target's")


def warn_of_definitions(name: str, field: Field, target: Field, of: str = "the other field") -> None:
    """Issue a `DefinitionMismatchWarning` where both fields know their definitions, which differ.

    Args:
        name: of the field in the message.
        field: a field.
        target: another of the same channels.
        of: what the message calls it.
    """
    if field.mol_field is None or target.mol_field is None:
        return
    different = field.mol_field.differences(target.mol_field, field.channels)
    if different:
        warnings.warn(
            f"{name}: expected the definition of {of}, {target.mol_field!r}, got {field.mol_field!r}, which "
            f"differs in {', '.join(different)}; compare fields of one definition",
            DefinitionMismatchWarning,
            stacklevel=3,
        )


def psnr_of_values(values: Tensor, truth: Tensor, peak: float | None = None) -> PSNR:
    """`psnr` of samples: ``values`` and ``truth`` are [C, nodes]; in double precision."""
    device = device_with_double(values.device)
    sums = torch.zeros(3, dtype=torch.float64, device=device)
    for given, true in zip(values, truth, strict=True):
        given, true = (in_double(one).to(device) for one in (given, true))
        highest = true.abs().amax()
        errors = ((given - true) / _scale(highest, peak)).square()
        occupied = _occupied(true, highest)
        sums += torch.stack([errors.sum(), errors[occupied].sum(), occupied.sum()])
    total, in_occupied, count = sums.unbind()
    mean = total / values.numel()
    return PSNR(float(_decibel(mean)), float(_decibel(in_occupied / count if count else mean)))


def psnr_per_graph(
    values: Tensor, target: Tensor, batch: Tensor, num_graphs: int, peak: float | None = None
) -> PSNRPerGraph:
    """`psnr` of values at scattered points, for each molecule of a batch; computed in double precision.

    Args:
        values: [Q, C].
        target: [Q, C]; each molecule's own values define its peaks and its occupied points.
        batch: molecule of each point [Q], int64, in any order.
        num_graphs: the number B of molecules; the ratios of one without points, or with NaN, are NaN.
        peak: as for `psnr`.

    Raises:
        TypeError: an argument is of another kind.
        ValueError: shapes do not fit, values are complex, ``batch`` names no molecule, or ``peak`` is not positive.
    """
    check_peak(peak)
    require_counts(0, num_graphs=num_graphs)
    _check_samples("values", values)
    _check_samples("target", target)
    if values.shape != target.shape:
        raise ValueError(
            f"values: expected the shape of target, {list(target.shape)}, got {list(values.shape)}; give the same "
            "points and channels"
        )
    check_tensor("batch", batch)
    if batch.shape != target.shape[:1] or batch.dtype != torch.int64:
        raise ValueError(
            f"batch: expected int64 of shape [{len(target)}], got {batch.dtype} of {list(batch.shape)}; give the "
            "molecule of each point"
        )
    if len(batch) and numbers_are_checked(batch) and not 0 <= int(batch.min()) <= int(batch.max()) < num_graphs:
        raise ValueError(
            f"batch: expected values from 0 to {num_graphs - 1}, got {int(batch.min())} to {int(batch.max())}; count "
            "molecules from 0"
        )
    device = values.device
    values, target = in_double(values), in_double(target)
    batch = batch.to(device_with_double(batch.device))
    index = batch[:, None].expand_as(target)
    peaks = target.new_zeros(num_graphs, target.shape[1]).scatter_reduce_(0, index, target.abs(), "amax")
    errors = ((values - target) / _scale(peaks, peak)[batch]).square()

    def mean(chosen: Tensor) -> Tensor:
        total, count = (
            errors.new_zeros(num_graphs).index_add_(0, batch, numbers.sum(1)) for numbers in (errors * chosen, chosen)
        )
        return total / count

    chosen = torch.ones_like(errors), _occupied(target, peaks[batch]).to(errors)
    return PSNRPerGraph(*(brought_to(_decibel(mean(one)), device) for one in chosen))


def _check_samples(name: str, values: Tensor) -> None:
    """Raise an error unless ``values`` are real samples [Q, C]."""
    check_tensor(name, values)
    check_real(name, values)
    if values.ndim != 2:
        raise ValueError(f"{name}: expected shape [Q, C], got {list(values.shape)}; give a row for each point")


def _summary(values: Tensor) -> str:
    if not len(values):
        return "none known"
    return f"{float(values.min()):.2f} to {float(values.max()):.2f} dB, the median {float(values.median()):.2f} dB"


def _scale(peaks: Tensor, peak: float | None) -> Tensor:
    if peak is None:
        return torch.where(peaks > 0, peaks, torch.ones_like(peaks))
    return torch.full_like(peaks, float(peak))


def _occupied(truth: Tensor, peaks: Tensor) -> Tensor:
    return (truth.abs() > OCCUPIED * peaks) & (peaks > 0)


def _values(field: Field, grid: Grid) -> Tensor:
    same = isinstance(field, Volume) and field.grid == grid
    volume = field if same else field.on(grid)
    assert isinstance(volume, Volume)
    return volume.values.detach().flatten(1)


def _decibel(mean_square: Tensor) -> Tensor:
    return -10 * mean_square.log10()
