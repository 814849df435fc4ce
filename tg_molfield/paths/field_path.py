"""`FieldPath`: atoms and fields at any time between the frames of a trajectory or an ensemble."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, final

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data
from typing_extensions import Self

from tg_molfield.arguments import as_list, check_choice, check_kind, check_number
from tg_molfield.chem.cells import as_cells
from tg_molfield.chem.color import COLOR_KEYS
from tg_molfield.fields import Field, Grid, MolField
from tg_molfield.paths.arap import ArapPath
from tg_molfield.paths.cards import path_card
from tg_molfield.paths.frames import Array, Frames
from tg_molfield.paths.handedness import warn_of_inversions
from tg_molfield.paths.matching import frames_from_fields
from tg_molfield.paths.morph import Morph, vector_names
from tg_molfield.paths.spline import PeriodicSplinePath, SplinePath
from tg_molfield.structures.keys import is_per_atom

KINDS = ("auto", "spline", "arap")
_ROUNDING = 1e-7
"""Of a time, in single precision."""


@final
class FieldPath:
    """A path of fields through frames of one molecule.

    The path interpolates the positions of the atoms, and ``mol_field`` turns them into a field. The integral of each
    channel is therefore conserved exactly where weights and widths are the same in all frames, except for definitions
    that are normalised by the peak on a grid.

    ``"spline"`` is for trajectories: each atom follows a smooth curve through several frames on either side, and the
    rotation of the molecule is interpolated separately (`tg_molfield.paths.spline.SplinePath`). ``"arap"`` connects
    conformers that are far apart, two at a time: bonds keep their lengths and atoms do not pass through each other
    (`tg_molfield.paths.arap.ArapPath`). ``"auto"`` chooses the spline for three or more frames that are smoother than a
    random walk, and ``"arap"`` otherwise.

    Atoms of periodic frames, such as slabs and crystals, go the shortest way from frame to frame, across the border of
    the cell where that is shorter, and their cell goes with them, by those vectors of the lattice that are nearest to
    the cell before. Such paths are splines, in which nothing is rotated.

    Positions are computed in double precision, and have no gradient. The path keeps copies of the frames: changing
    these afterwards does not change it.

    Motion with a period below twice the interval between frames cannot be recovered.

    With ``match``, the path goes from one molecule to another: a morph. The last molecule is first laid on the first
    one. Atoms that both have move, and the others stay where they are and fade: the weights of those of the first
    molecule go linearly to 0, and the weights of those of the last one from 0. The field is that of a molecule at both
    ends and changes continuously in between, where it is the field of no molecule. Molecules of the same atoms have a
    plain path, for which equal terminal atoms that have changed places, such as hydrogens, are numbered alike.

    - ``"mcs"``: the atoms of the maximum common substructure (RDKit's ``rdFMCS``, by elements and connectivity) and
      their hydrogens, on which the molecules are superposed. Of all ways to match the atoms, that with the most
      hydrogens is taken, and of these the nearest.
    - ``"field"``: the last molecule is laid on the first where their densities overlap most, element by element
      (`tg_molfield.compare.align`), and the nearest atoms of one element match, up to 1 Å from each other.

    Args:
        frames: at least two `Data` with ``z`` [N] and ``pos`` [N, 3] in Å, the same atoms in the same order.
        mol_field: the definition of the field; ``MolField()`` by default.
        times: one increasing number for each frame, in any unit; 0, 1, 2, … by default.
        kind: ``"auto"``, ``"spline"`` or ``"arap"``.
        match: how the atoms of two different molecules are matched: ``"mcs"`` or ``"field"``.

    Raises:
        ValueError: there are fewer than two frames, their atoms differ or are in another order, they are not periodic
            in the same directions, a cell is turned by more than 20° or mirrored from one frame to the next, positions
            or times are not finite, times do not increase, the kind is unknown or ``"arap"`` for periodic frames, or
            ``mol_field`` is not one of atoms. With ``match``: there are not two molecules, one is periodic, no atoms
            match, or atoms cannot fade in ``mol_field``: in distances, displacements and fields divided by their
            maximum.

    Warns:
        UserWarning: an atom moves by nearly half a cell between two periodic frames; or ``"arap"`` connects frames in
            which an atom with four neighbours has the other handedness, as where two of its hydrogens are numbered in
            another order.
    """

    def __init__(
        self,
        frames: Sequence[Data],
        mol_field: MolField | None = None,
        times: Sequence[float] | Tensor | None = None,
        kind: str = "auto",
        match: str | None = None,
    ) -> None:
        check_choice("kind", kind, KINDS, "use 'auto' if in doubt")
        check_kind("mol_field", mol_field, MolField | None, "a MolField", "give for example MolField('C N O')")
        if isinstance(frames, Data):
            raise TypeError("frames: expected a list of Data, one a frame, got a Data; pass batch.to_data_list()")
        self.mol_field = mol_field if mol_field is not None else MolField()
        if self.mol_field.centers != "atoms":
            raise ValueError(
                f"mol_field: expected a field of atoms, got centers={self.mol_field.centers!r}, which do not move with "
                "them; leave it out"
            )
        given = as_list("frames", frames, "Data")
        self._data = [frame.clone() if isinstance(frame, Data) else frame for frame in given]
        self.match = match
        self._morph: Morph | None = None
        if match is not None:
            self._morph = Morph.of(self._data, self.mol_field, match)
            self._data = self._morph.moving
        self._frames = Frames.of(self._data, times)
        cells = self._frames.cells
        if kind == "arap" and cells is not None:
            raise ValueError(
                "kind: expected 'spline' for periodic frames, got 'arap', which turns molecules; leave it out"
            )
        if kind == "auto":
            kind = "spline" if cells is not None or self._frames.are_a_sequence else "arap"
        self.kind = kind
        self._periodic = None if cells is None else PeriodicSplinePath(self._frames)
        self._spline = self._periodic or (SplinePath(self._frames) if kind == "spline" else None)
        self._segments: dict[int, ArapPath] = {}
        if kind == "arap":
            warn_of_inversions(self._frames, self.matched[:, 0].tolist())

    @classmethod
    def from_fields(
        cls,
        fields: Sequence[Field],
        mol_field: MolField | None = None,
        times: Sequence[float] | Tensor | None = None,
        kind: str = "auto",
        grid: Grid | None = None,
    ) -> Self:
        """The path through fields or volumes whose atoms are unknown.

        Atoms are found in each field with `tg_molfield.find_atoms`. Those of neighbouring fields are matched so that
        positions and bond lengths change least, so identical atoms may be swapped where frames are far apart.

        Args:
            fields: one for each frame, with element channels and in a common coordinate system.
            mol_field: the definition of the fields; ``MolField()`` by default.
            times: one increasing number for each frame; 0, 1, 2, … by default.
            kind: ``"auto"``, ``"spline"`` or ``"arap"``.
            grid: where to sample fields that have neither a grid nor centers of their own.

        Raises:
            ValueError: atoms do not explain a field, the atoms of the fields differ, or an argument is not valid (see
                `FieldPath`).
        """
        return cls(frames_from_fields(fields, mol_field, grid), mol_field, times, kind)

    @property
    def times(self) -> Tensor:
        """The times [F] of the frames, float64."""
        return torch.tensor(self._frames.times)

    @property
    def z(self) -> Tensor:
        """The atomic numbers [N]; of a morph, those of the first molecule, then of atoms in the last one only."""
        return self._frames.z.clone() if self._fading is None else self._fading.z

    @property
    def is_morph(self) -> bool:
        """Whether atoms fade, because they are in one of two molecules only."""
        return self._fading is not None

    @property
    def matched(self) -> Tensor:
        """The atoms that move, as pairs [M, 2] of their numbers in the first and the last frame."""
        if self._morph is None:
            return torch.arange(len(self.z))[:, None].repeat(1, 2)
        return torch.tensor(self._morph.match.pairs)

    @property
    def unmatched(self) -> tuple[Tensor, Tensor]:
        """The atoms that fade out, by their numbers in the first molecule, and those that fade in, in the last one."""
        if self._morph is None:
            return torch.arange(0), torch.arange(0)
        return torch.tensor(self._morph.leaving), torch.tensor(self._morph.arriving)

    @property
    def superposition(self) -> tuple[Tensor, Tensor]:
        """R [3, 3] and t [3] in Å, float64, of x ↦ R x + t, by which ``match`` laid the last molecule on the first."""
        if self._morph is None:
            return torch.eye(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
        return torch.tensor(self._morph.match.rotation), torch.tensor(self._morph.match.translation)

    @property
    def _fading(self) -> Morph | None:
        return self._morph if self._morph is not None and self._morph.fades else None

    @property
    def roughness(self) -> float:
        """The roughness of the trajectory: 0 uniform motion, 1 a random walk, 3 unordered frames; ∞ for two frames."""
        return self._frames.roughness

    def __repr__(self) -> str:
        first, last = self._frames.times[[0, -1]]
        if self._fading is not None:
            leaving, arriving = map(len, self.unmatched)
            return (
                f"FieldPath(2 molecules, atoms: {len(self.matched)} move, {leaving} fade out, {arriving} fade in, "
                f"{first:g} to {last:g}, kind={self.kind!r}, match={self.match!r})"
            )
        return f"FieldPath({len(self._data)} frames of {len(self.z)} atoms, {first:g} to {last:g}, kind={self.kind!r})"

    def _repr_html_(self) -> str:
        ends = (self._data[0], self._data[-1]) if self._fading is None else (self._fading.first, self._fading.last)
        return path_card(self, ends)

    def locate(self, time: float) -> tuple[int, float]:
        """The index of the frame at or before ``time``, and the fraction of the interval to the next one.

        Raises:
            ValueError: the time is outside the path.
        """
        times = self._frames.times
        check_number("time", time)
        time = self._on_path(float(time))
        if not (math.isfinite(time) and times[0] <= time <= times[-1]):
            raise ValueError(f"time: expected {times[0]:g} to {times[-1]:g}, got {time}; choose a time on the path")
        before = min(int(times.searchsorted(time, "right")) - 1, len(times) - 2)
        return before, float((time - times[before]) / (times[before + 1] - times[before]))

    def positions(self, time: float) -> Tensor:
        """The positions [N, 3] in Å at ``time``, with the dtype of the first frame; atoms that fade do not move.

        Raises:
            ValueError: the time is outside the path.
        """
        pos = self._moving(time)
        return torch.from_numpy(pos).to(self._data[0].pos) if self._fading is None else self._fading.positions(pos)

    def occupancies(self, time: float) -> Tensor:
        """The share [N] of each atom at ``time``: 1, and of atoms that fade, from 1 to 0 or from 0 to 1.

        Raises:
            ValueError: the time is outside the path.
        """
        fraction = self.locate(time)[1]
        if self._fading is None:
            return self._data[0].pos.new_ones(len(self.z))
        return self._fading.occupancies(fraction)

    def data(self, time: float) -> Data:
        """The molecule at ``time``: the frame before it with interpolated positions and floating per-atom attributes.

        Forces and attributes of vector channels turn with the molecule as a whole.

        Periodic frames get the cell at that time too; atoms may lie outside of it. At the time of a frame all but the
        positions are its own.

        Pharmacophore features are left out; compute them anew.

        A morph gives its molecules at both ends. In between there is no molecule, because an atom that has half faded
        is no atom: `positions` and `occupancies` tell what there is.

        Raises:
            ValueError: the time is outside the path, or between the ends of a morph.
        """
        before, fraction = self.locate(time)
        if self._fading is not None:
            return self._end(time, fraction)
        after = self._data[before + 1]
        frame = after if fraction == 1 else self._data[before]
        result = frame.clone()
        for name, value in frame.items():
            if name in COLOR_KEYS:
                del result[name]
            elif 0 < fraction < 1 and name != "pos" and is_per_atom(frame, name) and _blend(value, after.get(name)):
                setattr(result, name, self._blended(name, value, after[name], before, time, fraction))
        result.pos = self.positions(time)
        if self._periodic is not None:
            result.cell = torch.from_numpy(self._cell(before, time, fraction)).to(frame.pos)[None]
        return result

    def field(self, time: float) -> Field:
        """The field at ``time``.

        Raises:
            ValueError: the time is outside the path, or a frame lacks an attribute that ``mol_field`` reads.
        """
        if self._fading is not None:
            return self._fading.field(self.mol_field, self._moving(time), self.locate(time)[1])
        return self.mol_field(self.data(time))

    def _blended(self, name: str, value: Tensor, other: Tensor, before: int, time: float, fraction: float) -> Tensor:
        """A per-atom attribute between those of two frames; vectors are blended in the frame of the molecule."""
        turns = name in vector_names(self.mol_field) and value.ndim == 2 and value.shape[1] == 3
        if self._periodic is not None or not turns:
            return torch.lerp(value, other, fraction)
        if isinstance(self._spline, SplinePath):
            ends = self._frames.times[before : before + 2].tolist()
            first, last, now = map(self._spline.rotation, (*ends, self._on_path(float(time))))
        else:
            first, last, now = map(self._segment(before).rotation, (0, 1, fraction))
        to_now = [torch.from_numpy(now @ one.T).to(value) for one in (first, last)]
        return torch.lerp(value @ to_now[0].T, other @ to_now[1].T, fraction)

    def _moving(self, time: float) -> Array:
        """The positions of the atoms that do not fade."""
        before, fraction = self.locate(time)
        return self._segment(before)(fraction) if self._spline is None else self._spline(self._on_path(float(time)))

    def _on_path(self, time: float) -> float:
        """The time, or the start or the end of the path where it misses that by rounding."""
        first, last = self._frames.times[[0, -1]].tolist()
        nearest = min(max(time, first), last)
        return nearest if abs(time - nearest) <= _ROUNDING * max(last - first, abs(nearest)) else time

    def _end(self, time: float, fraction: float) -> Data:
        """The molecule at an end of a morph."""
        assert self._fading is not None
        if fraction not in (0, 1):
            first, last = self._frames.times
            raise ValueError(
                f"time: expected {first:g} or {last:g}, the ends of a morph, got {time:g}, where atoms are half faded; "
                "use field(time), or positions(time) and occupancies(time)"
            )
        molecule = (self._fading.last if fraction else self._fading.first).clone()
        for name in COLOR_KEYS:
            if name in molecule:
                del molecule[name]
        return molecule

    def _cell(self, before: int, time: float, fraction: float) -> Array:
        """The cell at a time, in a frame its own; directions that are not periodic have vectors between those given."""
        assert self._periodic is not None
        assert self._frames.cells is not None
        given = [as_cells(one.cell, 1)[0].detach().cpu().double().numpy() for one in self._data[before : before + 2]]
        if fraction in (0, 1):
            return given[int(fraction)]
        between = (1 - fraction) * given[0] + fraction * given[1]
        return np.where(self._frames.cells.pbc[:, None], self._periodic.cell(time), between)

    def _segment(self, before: int) -> ArapPath:
        if before not in self._segments:
            start, end = self._frames.pos[before : before + 2]
            self._segments[before] = ArapPath(self._frames.z, start, end)
        return self._segments[before]


def _blend(value: Tensor, other: Any) -> bool:
    """Whether there is something between two values."""
    return (
        isinstance(other, Tensor)
        and value.shape == other.shape
        and (value.is_floating_point() and other.is_floating_point())
    )
