"""`Problem`: what a reconstruction sees, and what it is judged by."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from tg_molfield.fields import Grid, RBFField, Volume
from tg_molfield.inverse.superres.checks import COPIES, check_memory
from tg_molfield.metrics import PSNR, psnr_of_values


@dataclass(frozen=True)
class Reference:
    """Nodes at which fields are compared.

    Attributes:
        truth: on the grid of these nodes.
        counted: which of the nodes count [nx·ny·nz], bool; all if None.
        peak: of every channel; see `metrics.psnr`.
    """

    truth: Volume
    counted: Tensor | None = None
    peak: float | None = None

    def psnr(self, found: Volume, channel: str | None = None) -> PSNR:
        """The ratio of a field on this grid, in all channels or in one."""
        both = (one if channel is None else one[channel] for one in (found, self.truth))
        counted = slice(None) if self.counted is None else self.counted
        values, truth = (one.values.detach().flatten(1)[:, counted] for one in both)
        return psnr_of_values(values, truth, self.peak)


@dataclass(frozen=True)
class Problem:
    """A field known at some nodes.

    Attributes:
        name: of what it is.
        samples: the values at these nodes; all that a blind method sees.
        finest: the nodes on which results are written and shown.
        widths: σ of each channel in Å, where it is one and known.
        yardsticks: by their names; none where nothing is known beyond the samples.
        atoms: the functions of the atoms, where they are known.
    """

    name: str
    samples: Volume
    finest: Grid
    widths: tuple[float | None, ...]
    yardsticks: dict[str, Reference] = field(default_factory=dict)
    atoms: RBFField | None = None

    @property
    def truth(self) -> Volume | None:
        """The true field on the finest grid, where it is known."""
        return next((one.truth for one in self.yardsticks.values() if one.truth.grid == self.finest), None)


def of_atoms(name: str, atoms: RBFField, widths: tuple[float | None, ...], grids: dict[str, Grid]) -> Problem:
    """The field of atoms, sampled on the first of ``grids`` and judged on all.

    Raises:
        MemoryError: a grid is too large; raised before any field is evaluated.
    """
    for label, grid in grids.items():
        check_memory(grid, COPIES * len(atoms.channels), None, f"{label} nodes are too many; give fewer")
    with torch.no_grad():
        yardsticks = {label: Reference(atoms.on(grid), peak=1.0) for label, grid in grids.items()}
    sampled = next(iter(yardsticks.values())).truth
    finest = max(grids.values(), key=lambda grid: grid.num_nodes)
    return Problem(name, sampled, finest, widths, yardsticks, atoms)


def of_density(name: str, volume: Volume, every: int, finer: int, widths: tuple[float | None, ...]) -> Problem:
    """A density seen at every so many nodes and judged at the others; seen at all, with nothing to judge, for 1.

    Args:
        name: what it is called.
        volume: the density.
        every: nodes along each axis from one that is seen to the next.
        finer: steps in place of one in the result, where all nodes are seen.
        widths: see `Problem`.

    Raises:
        ValueError: too few nodes are left.
        MemoryError: the result is too large.
    """
    if every == 1:
        finest = volume.grid.refined(finer)
        check_memory(finest, COPIES * len(volume.channels), None, "give a smaller --finer")
        return Problem(name, volume, finest, widths)
    coarse = volume.grid.coarsened(every)
    if min(coarse.shape) < 4:
        raise ValueError(
            f"--every {every}: leaves {'×'.join(map(str, coarse.shape))} nodes; at least 4 an axis are needed"
        )
    samples = Volume(volume.values[:, ::every, ::every, ::every], coarse, volume.channels, atoms=volume.atoms)
    nx, ny, nz = ((n - 1) * every + 1 for n in coarse.shape)
    inside = Grid(volume.grid.origin, volume.grid.axes, (nx, ny, nz))
    truth = Volume(volume.values[:, :nx, :ny, :nz], inside, volume.channels, atoms=volume.atoms)
    left_out = torch.ones(inside.shape, dtype=torch.bool)
    left_out[::every, ::every, ::every] = False
    return Problem(name, samples, inside, widths, {"nodes left out": Reference(truth, left_out.flatten())})
