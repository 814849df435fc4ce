"""`Problem`: the samples to reconstruct a field from, and the references to compare it with."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor

from tg_molfield.fields import Grid, MolField, RBFField, Volume
from tg_molfield.inverse.checks import COPIES, check_memory
from tg_molfield.metrics import PSNR, psnr_of_values


@dataclass(frozen=True)
class Reference:
    """The true field at the nodes where fields are compared.

    Attributes:
        truth: the true field on a grid.
        counted: which nodes of the grid count [nx·ny·nz], bool; all if None.
        peak: the peak of every channel; see `metrics.psnr`.
    """

    truth: Volume
    counted: Tensor | None = None
    peak: float | None = None

    def psnr(self, found: Volume, channel: str | None = None) -> PSNR:
        """The PSNR of a field on this grid, in all channels or in one."""
        both = (one if channel is None else one[channel] for one in (found, self.truth))
        counted = slice(None) if self.counted is None else self.counted
        values, truth = (one.values.detach().flatten(1)[:, counted] for one in both)
        return psnr_of_values(values, truth, self.peak)


@dataclass(frozen=True)
class Problem:
    """A field known at some nodes.

    Attributes:
        name: the name of the file.
        samples: the values at these nodes.
        finest: the grid on which results are written and shown.
        widths: σ of each channel in Å; None where it is unknown or not the same for all functions.
        references: by name; empty where the field is known only at the samples.
        atoms: the functions of the atoms, if they are known.
        mol_field: the definition of the field, if it is known.
    """

    name: str
    samples: Volume
    finest: Grid
    widths: tuple[float | None, ...]
    references: dict[str, Reference] = field(default_factory=dict)
    atoms: RBFField | None = None
    mol_field: MolField | None = None

    @property
    def truth(self) -> Volume | None:
        """The true field on the finest grid, if it is known."""
        return next((one.truth for one in self.references.values() if one.truth.grid == self.finest), None)


def of_atoms(
    name: str, atoms: RBFField, widths: tuple[float | None, ...], grids: dict[str, Grid], mol_field: MolField
) -> Problem:
    """The field of atoms, sampled on the first of ``grids`` and compared on all.

    Raises:
        MemoryError: a grid is too large; raised before any field is evaluated.
    """
    for label, grid in grids.items():
        check_memory(grid, COPIES * len(atoms.channels), None, f"{label} nodes are too many; give fewer")
    with torch.no_grad():
        references = {label: Reference(atoms.on(grid), peak=1.0) for label, grid in grids.items()}
    sampled = next(iter(references.values())).truth
    finest = max(grids.values(), key=lambda grid: grid.num_nodes)
    return Problem(name, sampled, finest, widths, references, atoms, mol_field)


def of_density(name: str, volume: Volume, every: int, finer: int, widths: tuple[float | None, ...]) -> Problem:
    """A density sampled at every ``every``-th node and compared at the others; there is no reference for 1.

    Args:
        name: the name of the file.
        volume: the density.
        every: the step between samples along each axis, in nodes.
        finer: the refinement of the result's grid, if all nodes are samples.
        widths: see `Problem`.

    Raises:
        ValueError: too few nodes are left.
        MemoryError: the result is too large.
    """
    if every == 1:
        finest = volume.grid.refined(finer, volume.periodic)
        check_memory(finest, COPIES * len(volume.channels), None, "give a smaller --finer")
        return Problem(name, volume, finest, widths)
    coarse = volume.grid.coarsened(every)
    if min(coarse.shape) < 4:
        raise ValueError(
            f"--every: expected to leave at least 4 nodes along each axis, got {'×'.join(map(str, coarse.shape))} for "
            f"--every {every}; give a smaller number"
        )
    periodic = [repeats and n % every == 0 for repeats, n in zip(volume.periodic, volume.grid.shape, strict=True)]
    volume_on = partial(Volume, channels=volume.channels, atoms=volume.atoms, periodic=periodic)
    samples = volume_on(volume.values[:, ::every, ::every, ::every], coarse)
    inside = coarse.refined(every, periodic)
    nx, ny, nz = inside.shape
    truth = volume_on(volume.values[:, :nx, :ny, :nz], inside)
    left_out = torch.ones(inside.shape, dtype=torch.bool)
    left_out[::every, ::every, ::every] = False
    return Problem(name, samples, inside, widths, {"nodes left out": Reference(truth, left_out.flatten())})
