"""`find_atoms`: the atoms that a field is made of."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

import torch
from torch_geometric.data import Data

from tg_molfield.arguments import check_callable, check_choice, check_kind, check_not_negative
from tg_molfield.callers import caller_level
from tg_molfield.devices import device_with_double
from tg_molfield.display.atoms_svg import atoms_picture
from tg_molfield.display.card import card
from tg_molfield.fields import Field, Grid, MolField, Volume
from tg_molfield.fields.grid import check_grid
from tg_molfield.inverse.find_atoms.channels import ElementChannel, element_channels, nameless_channels
from tg_molfield.inverse.find_atoms.duplicates import merged
from tg_molfield.inverse.find_atoms.explain import EMPTY, EXACT, STRUCTURED, Explanation, explain
from tg_molfield.inverse.find_atoms.multiplicity import repeated, suspected
from tg_molfield.inverse.find_atoms.refine import ChannelAtoms
from tg_molfield.inverse.find_atoms.sampling import sampled
from tg_molfield.inverse.find_atoms.units import length_factor
from tg_molfield.precision import full_precision_on_host

ERRORS = ("warn", "raise", "ignore")

_OTHER_WEIGHT = 0.05
"""How far from what is known the weight of atoms may be, relative to it."""


class UnexplainedChannelWarning(UserWarning):
    """A channel holds more than the atoms found in it."""


@dataclass(frozen=True)
class ChannelReport:
    """What was found in one channel.

    Attributes:
        name: of the channel.
        num_atoms: how many atoms it holds.
        scale: the factor in front of their functions.
        width: σ of their functions in Å.
        residual: ‖samples − sum of the atoms‖ / ‖samples‖ over the nodes where the samples exceed 20 % or the
            sum 5 % of an atom's peak; 0 for a channel taken as empty.
    """

    name: str
    num_atoms: int
    scale: float
    width: float
    residual: float


@dataclass(frozen=True)
class Recovery:
    """The atoms found, as ``data``, and how well they explain each element channel."""

    data: Data
    channels: tuple[ChannelReport, ...]

    def _repr_html_(self) -> str:
        rows = [(one.name, one.num_atoms, one.scale, one.width, one.residual) for one in self.channels]
        table = ("channel", "atoms", "factor", "σ (Å)", "residual"), rows
        return card("Recovery", {"atoms": f"{len(self.data.z):,}"}, atoms_picture(self.data), table=table)


@full_precision_on_host
def find_atoms(
    field: Field,
    grid: Grid | None = None,
    mol_field: MolField | None = None,
    *,
    tolerance: float = 0.1,
    errors: str = "warn",
    progress: Callable[[str, float], None] | None = None,
) -> Data:
    """The atoms of a field; `recover_atoms` also reports how well they explain it.

    Returns:
        ``z`` [N] (int64) and ``pos`` [N, 3] in Å, of the field's type; ``part`` [N] where the channels name parts;
        ``cell`` [1, 3, 3] and ``pbc`` [1, 3] where the field is periodic.
    """
    return recover_atoms(field, grid, mol_field, tolerance=tolerance, errors=errors, progress=progress).data


@torch.no_grad()
@full_precision_on_host
def recover_atoms(
    field: Field,
    grid: Grid | None = None,
    mol_field: MolField | None = None,
    *,
    tolerance: float = 0.1,
    errors: str = "warn",
    progress: Callable[[str, float], None] | None = None,
) -> Recovery:
    """Find the atoms of every element channel of a field.

    An atom of a channel is a function of known kernel and width, with the same weight as all others. The channel is
    sharpened, so that merged neighbours become separate maxima; these are refined together by Gauss–Newton steps, and
    atoms are added and removed until less than an atom is left over. Exact samples give exact atoms, noisy samples
    give atoms within the noise. Only channels distinguish elements.

    Kernel and widths are those of ``mol_field``, else of ``field.mol_field``, else of the centres of an `RBFField`,
    else those of ``MolField()``. Where the last do not explain a channel exactly, Gaussians of another width are
    fitted to it. The weight is 1, or that of the centres. Where that explains nothing, it is estimated; channels
    below a fifth of the weight are empty, unless all are and equal atoms of less weight explain them. Several atoms in
    one place come back as often as they are where the field's own definition or centres tell the weight of one;
    elsewhere they are one atom of greater weight, see the reports. A field of three or more places that all have the
    same multiple of the definition's weight, or a channel with more than four times that weight, is taken as
    multiplied: its atoms come back once, with a warning.

    Args:
        field: a `Volume`, whose samples are used as they are, or any other field of one molecule. Channels
            named after elements are searched, also with ``ligand.`` or ``protein.`` before the element.
        grid: where to sample the field; steps of at most the narrowest σ are needed. A volume has its own; a field
            that knows its atoms or centres is sampled around them, or over its periodic cell, every 0.25 Å.
        mol_field: the definition that the field follows, for kernel and widths. Where it divides channels by their
            maximum, the weight is estimated.
        tolerance: the largest residual, in parts of the channel, of a channel that counts as explained.
        errors: ``"warn"``, ``"raise"`` or ``"ignore"`` where a channel is not explained or ``other`` shows atoms.
        progress: called with a line of text and the share of the channels that are done, from 0 to 1.

    Returns:
        The atoms, in the order of parts and channels and then along x, and the reports. Atoms that several channels
        of their element show, such as ``C`` and ``ligand.C``, are there once.

    Raises:
        TypeError: ``field`` is no field.
        ValueError: no element channels, no atoms, small values that are no sum of equal atoms, values that are not
            finite, a single plane of nodes, or no grid where one is needed.
        MemoryError: the samples or the search do not fit in memory; raised before they are allocated.

    Warns:
        UnexplainedChannelWarning: as ``errors`` says. Channels are also reported if more than 0.5 % of them is
            unexplained and is not noise, since wide functions or a wrong width can hide or invent an atom; if their
            atoms have another weight than the field's definition or centres tell; and if they have two, three or four
            times the weight of 1, those of other channels not, as several atoms in one place do. Without a definition,
            lengths are reported with which the atoms would be a molecule if they were bohr.
    """
    check_kind("field", field, Field, "a Field", "give a Volume, or a Field with a grid")
    check_grid(grid)
    check_kind("mol_field", mol_field, MolField | None, "a MolField", "give for example MolField('C N O')")
    check_not_negative("tolerance", tolerance, "0.1 is usual")
    check_choice("errors", errors, ERRORS)
    check_callable("progress", progress)
    own = field.mol_field if isinstance(field.mol_field, MolField) else None
    definition = own if mol_field is None else mol_field
    channels = element_channels(field, definition)
    volume = sampled(field, grid)
    volume, device = volume.to(device_with_double(volume.device)), volume.device
    if min(volume.grid.shape) < 2:
        shape = "×".join(map(str, volume.grid.shape))
        raise ValueError(
            f"field: expected at least 2 nodes along each axis, got {shape}, which tell nothing of places along one; "
            "give more planes"
        )
    if not all(bool(one.isfinite().all()) for one in volume.values):
        raise ValueError("field: expected finite samples, got NaN or infinity; repair them")
    is_normalized = definition is not None and definition.normalize_grid_size is not None
    highest = max(float(volume[channel.name].values.max()) for channel in channels)
    peaks, found = list[float](), list[Explanation]()
    for channel in channels:
        unit = None if is_normalized else channel.weight or 1.0
        peaks.append(highest if unit is None else unit)
        found.append(explain(volume, channel, unit, peaks[-1], tolerance))
        if progress is not None:
            progress(f"{channel.name}: {len(found[-1].atoms.pos)} atoms", len(found) / len(channels))
    found = repeated(found)
    weight = max((one.atoms.scale for one in found if len(one.atoms.pos)), default=math.inf)
    found = [
        explain(volume, one.channel, weight, weight, tolerance) if not len(one.atoms.pos) and weight < peak else one
        for one, peak in zip(found, peaks, strict=True)
    ]
    if highest > 0 and not is_normalized and not any(len(one.atoms.pos) for one in found):
        found = [explain(volume, one.channel, None, highest, tolerance) for one in found]
        peaks, weight = [highest], math.inf
        if any(one.residual > tolerance for one in found):
            _refuse(channels, highest)
    several = {} if is_normalized else suspected([one for one in found if one.channel.weight is None])
    for one in found:
        complaint = _complaint(one, tolerance, several.get(one.channel.name, 1))
        if complaint:
            _complain(complaint, errors)
    if not any(len(one.atoms.pos) for one in found):
        _refuse(channels, highest)
    for name in nameless_channels(field):
        if float(volume[name].values.max()) > EMPTY * min(weight, *peaks):
            _complain(
                f"field: expected only element channels, got atoms in {name!r}, which are left out; give each "
                "of their elements a channel",
                errors,
            )
    data = _assembled(volume, channels, [one.atoms for one in found])
    if definition is None:
        _check_lengths(data, found, channels, errors)
    return Recovery(data.to(device), tuple(map(_report, found)))


def _check_lengths(data: Data, found: Sequence[Explanation], channels: Sequence[ElementChannel], errors: str) -> None:
    """Complain of atoms whose distances are those of bonds in another unit."""
    used = [pair for pair in zip(found, channels, strict=True) if len(pair[0].atoms.pos)]
    factor = length_factor(data.z, data.pos, min(one.channel.width / channel.width for one, channel in used))
    if factor != 1:
        _complain(
            f"grid: expected lengths in Å, got atoms {1 / factor:.2f} times as far from each other as bonds, as "
            f"where lengths in {'bohr' if factor < 1 else 'Å'} are taken as {'Å' if factor < 1 else 'bohr'}; "
            f"multiply origin and axes of the grid by {factor:.5f}",
            errors,
        )


def _report(found: Explanation) -> ChannelReport:
    channel, atoms = found.channel, found.atoms
    return ChannelReport(channel.name, len(atoms.pos), atoms.scale, channel.width, found.residual)


def _complaint(found: Explanation, tolerance: float, several: int) -> str:
    """What is wrong with a channel, of which each atom may be ``several``; empty where it is explained."""
    channel, part = found.channel, f"{found.residual:.1%} of it unexplained by the {len(found.atoms.pos)} atoms found"
    if channel.widths is not None and found.residual > EXACT:
        low, high = channel.widths
        return (
            f"channel {channel.name!r}: expected one width, got centres with σ from {low:.3g} to {high:.3g} Å and "
            f"{part}; give the definition of the field as mol_field"
        )
    unlike = found.structured > STRUCTURED and not found.has_other_width
    if found.residual > tolerance or unlike or found.is_ambiguous:
        return (
            f"channel {channel.name!r}: expected a sum of equal atoms with σ = {channel.width:.3g} Å, got {part}; "
            "give the definition of the field as mol_field, or a finer grid"
        )
    if found.has_other_width:
        return (
            f"channel {channel.name!r}: expected σ = {channel.width:.3g} Å, got samples with {found.estimate:.3g} Å "
            f"and {part}; correct the definition mol_field"
        )
    scale = found.atoms.scale
    if channel.weight is not None and len(found.atoms.pos) and abs(scale / channel.weight - 1) > _OTHER_WEIGHT:
        return (
            f"channel {channel.name!r}: expected atoms of weight {channel.weight:.3g}, got {scale:.3g}; divide "
            f"the field by {scale / channel.weight:.3g}, or correct its definition"
        )
    if several > 1:
        x, y, z = (found.atoms.pos[0].round(decimals=2) + 0.0).tolist()
        return (
            f"channel {channel.name!r}: expected atoms of weight 1, got {len(found.atoms.pos)} of {several}, the first "
            f"at ({x:.2f}, {y:.2f}, {z:.2f}) Å, where {several} atoms may be in one place; give "
            "field.with_mol_field(…) if an atom weighs 1 in the field"
        )
    return ""


def _refuse(channels: list[ElementChannel], highest: float) -> NoReturn:
    """Tell that there are no atoms where the highest value is ``highest``."""
    names = ", ".join(channel.name for channel in channels)
    if highest > 0:
        got = f"values up to {highest:.3g} that are no sum of equal atoms, whose values are about 1"
        raise ValueError(
            f"field: expected atoms in channels {names}, got {got}; check the grid and the scale, or give the "
            "definition of the field as mol_field"
        )
    raise ValueError(
        f"field: expected atoms in channels {names}, got no value above 0; check the grid and the sign of the field"
    )


def _complain(message: str, errors: str) -> None:
    if errors == "raise":
        raise ValueError(message)
    if errors == "warn":
        warnings.warn(message, UnexplainedChannelWarning, stacklevel=caller_level())


def _assembled(volume: Volume, channels: list[ElementChannel], found: list[ChannelAtoms]) -> Data:
    placed = merged(channels, found, volume.grid.cell, volume.periodic)
    placed.sort(key=lambda one: one.part or 0)
    counts = torch.tensor([len(one.pos) for one in placed])
    pos = torch.cat([_sorted(one.pos) for one in placed]).to(volume.values)
    z = torch.tensor([one.z for one in placed]).repeat_interleave(counts)
    data = Data(z=z.to(pos.device), pos=pos)
    if any(channel.part is not None for channel in channels):
        data.part = torch.tensor([one.part or 0 for one in placed]).repeat_interleave(counts).to(pos.device)
    if any(volume.periodic):
        data.cell = volume.grid.cell.to(pos)[None]
        data.pbc = torch.tensor([volume.periodic], device=pos.device)
    return data


def _sorted(pos: torch.Tensor) -> torch.Tensor:
    return pos[pos[:, 0].argsort()]
