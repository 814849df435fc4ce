"""`find_atoms`: the atoms that a field is made of."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import torch
from torch_geometric.data import Data

from tg_molfield.fields import Field, Grid, MolField, RBFField, Volume
from tg_molfield.inverse.find_atoms.channels import ElementChannel, element_channels, nameless_channels
from tg_molfield.inverse.find_atoms.lattice import Lattice
from tg_molfield.inverse.find_atoms.pursuit import search
from tg_molfield.inverse.find_atoms.refine import Atoms, Model, fair_spacing

ERRORS = ("warn", "raise", "ignore")

_EMPTY = 0.2
_OCCUPIED = 0.05
_HALF = 0.5
_CROWDED = 0.3
_SPACING = 0.25


class UnexplainedChannelWarning(UserWarning):
    """A channel holds more than the atoms found in it."""


@dataclass(frozen=True)
class ChannelReport:
    """What was found in one channel.

    Attributes:
        name: of the channel.
        num_atoms: how many atoms it holds.
        scale: what their functions are multiplied by.
        residual: ‖samples − sum of the atoms‖ / ‖samples‖ over the nodes where the samples exceed 20 % or the
            sum 5 % of an atom's peak; 0 for a channel taken as empty.
    """

    name: str
    num_atoms: int
    scale: float
    residual: float


@dataclass(frozen=True)
class Recovery:
    """The atoms found, as ``data``, and how well they explain each element channel."""

    data: Data
    channels: tuple[ChannelReport, ...]


def find_atoms(
    field: Field,
    grid: Grid | None = None,
    mol_field: MolField | None = None,
    *,
    tolerance: float = 0.1,
    errors: str = "warn",
) -> Data:
    """The atoms whose field this is; see `recover_atoms`, which also reports how well they explain it.

    Returns:
        ``z`` [N] (int64) and ``pos`` [N, 3] in Å, of the field's type; ``part`` [N] where the channels name parts;
        ``cell`` [1, 3, 3] and ``pbc`` [1, 3] where the field is a periodic volume.
    """
    return recover_atoms(field, grid, mol_field, tolerance=tolerance, errors=errors).data


@torch.no_grad()
def recover_atoms(
    field: Field,
    grid: Grid | None = None,
    mol_field: MolField | None = None,
    *,
    tolerance: float = 0.1,
    errors: str = "warn",
) -> Recovery:
    """Find the atoms of every element channel of a field.

    An atom of a channel is a function of known kernel and width, with the same weight as all others. The channel
    is sharpened, so that neighbours that had merged become maxima; these are refined together by Gauss–Newton
    steps, and atoms are added and taken away until nothing of an atom's weight is left over. That finds atoms
    exactly in exact samples, and within the noise in others. Elements are told apart by channels alone.

    Args:
        field: a `Volume`, whose samples are used as they are, or any other field of one molecule. Channels
            named after elements are searched, also with ``ligand.`` or ``protein.`` before the element.
        grid: where to sample the field; steps of at most the narrowest σ are needed. A volume has its own; a field
            that knows its atoms or centres is sampled around them, every 0.25 Å.
        mol_field: the definition that the field follows, for kernel and widths; ``MolField()`` if not given. Where
            it divides channels by their maximum, or where weights of 1 explain nothing, the weight is estimated.
        tolerance: the largest residual, in parts of the channel, of a channel that counts as explained.
        errors: ``"warn"``, ``"raise"`` or ``"ignore"`` where a channel is not explained or ``other`` shows atoms.

    Returns:
        The atoms, in the order of parts and channels and then along x, and the reports.

    Raises:
        ValueError: no element channels, no atoms, values that are not finite, or no grid where one is needed.

    Warns:
        UnexplainedChannelWarning: as ``errors`` says.
    """
    if errors not in ERRORS:
        raise ValueError(f"errors={errors!r}: choose from {', '.join(ERRORS)}")
    definition = mol_field if mol_field is not None else MolField()
    channels = element_channels(field, definition)
    volume = _sampled(field, grid)
    if not volume.values.isfinite().all():
        raise ValueError("field: some of its samples are NaN or infinite; repair them first")
    unit = None if definition.normalize_grid_size is not None else 1.0
    peak = unit or max(float(volume[channel.name].values.max()) for channel in channels)
    found, reports = [], []
    for channel in channels:
        atoms, residual = _atoms_of(volume, channel, unit, peak, tolerance)
        found.append(atoms)
        reports.append(ChannelReport(channel.name, len(atoms.pos), atoms.scale, residual))
        if residual > tolerance:
            _complain(
                f"channel {channel.name!r}: the {len(atoms.pos)} atoms found leave {residual:.0%} of it unexplained; "
                "give the definition of the field as mol_field, or a finer grid",
                errors,
            )
    if not any(report.num_atoms for report in reports):
        names = ", ".join(channel.name for channel in channels)
        raise ValueError(f"field: the channels {names} hold no atoms, or the grid misses them")
    for name in nameless_channels(field):
        if float(volume[name].values.max()) > _EMPTY * peak:
            _complain(f"channel {name!r}: holds atoms of elements it does not tell, which are left out", errors)
    return Recovery(_assembled(volume, channels, found), tuple(reports))


def _sampled(field: Field, grid: Grid | None) -> Volume:
    if isinstance(field, Volume) and grid is None:
        return field
    if grid is None:
        places = field.centers if isinstance(field, RBFField) else field.atoms.pos if field.atoms else None
        if field.num_graphs != 1 or places is None or not len(places):
            raise ValueError("grid: this field does not tell where its molecule is; give the Grid to search on")
        grid = Grid.around(places, spacing=_SPACING)
    return field.on(grid)


def _atoms_of(
    volume: Volume, channel: ElementChannel, unit: float | None, peak: float, tolerance: float
) -> tuple[Atoms, float]:
    values = volume[channel.name].values[0].detach()
    if float(values.max()) <= _EMPTY * peak:
        return Atoms(torch.zeros(0, 3, dtype=torch.float64, device=values.device), unit or 0.0), 0.0
    lattice = Lattice.of(values, volume.grid, volume.periodic)
    atoms = search(lattice, channel.kernel, channel.width, unit)
    residual = _residual(lattice, channel, atoms, peak)
    crowded = len(atoms.pos) > 1 and float(torch.pdist(atoms.pos).min()) < _CROWDED
    if unit is not None and (residual > tolerance or crowded):
        other = search(lattice, channel.kernel, channel.width, None)
        lower = _residual(lattice, channel, other, peak)
        if lower < _HALF * residual or (crowded and lower < tolerance):
            return other, lower
    return atoms, residual


def _residual(lattice: Lattice, channel: ElementChannel, atoms: Atoms, peak: float) -> float:
    samples = lattice.coarsened(fair_spacing(channel.kernel, channel.width))
    left = Model(samples, channel.kernel, channel.width).residual(atoms)
    occupied = (samples.values > _EMPTY * peak) | (samples.values - left > _OCCUPIED * peak)
    return float(left[occupied].norm() / samples.values[occupied].norm())


def _complain(message: str, errors: str) -> None:
    if errors == "raise":
        raise ValueError(message)
    if errors == "warn":
        warnings.warn(message, UnexplainedChannelWarning, stacklevel=4)


def _assembled(volume: Volume, channels: list[ElementChannel], found: list[Atoms]) -> Data:
    order = sorted(range(len(channels)), key=lambda i: channels[i].part or 0)
    counts = torch.tensor([len(found[i].pos) for i in order])
    pos = torch.cat([_sorted(found[i].pos) for i in order]).to(volume.values)
    z = torch.tensor([channels[i].z for i in order]).repeat_interleave(counts)
    data = Data(z=z.to(pos.device), pos=pos)
    if any(channel.part is not None for channel in channels):
        data.part = torch.tensor([channels[i].part or 0 for i in order]).repeat_interleave(counts).to(pos.device)
    if any(volume.periodic):
        data.cell = volume.grid.cell.to(pos)[None]
        data.pbc = torch.tensor([volume.periodic], device=pos.device)
    return data


def _sorted(pos: torch.Tensor) -> torch.Tensor:
    return pos[pos[:, 0].argsort()]
