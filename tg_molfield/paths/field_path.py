"""`FieldPath`: fields and atoms between the frames of a trajectory or an ensemble."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, final

import torch
from torch import Tensor
from torch_geometric.data import Data
from typing_extensions import Self

from tg_molfield.fields import Field, Grid, MolField
from tg_molfield.paths.arap import ElasticPath
from tg_molfield.paths.frames import Frames
from tg_molfield.paths.matching import found_frames
from tg_molfield.paths.spline import SplinePath

KINDS = ("auto", "spline", "arap")


@final
class FieldPath:
    """A path of fields through frames of one molecule.

    The latent of a frame is its list of atoms, the decoder a `MolField`; in between the atoms move, so that every
    channel keeps its integral exactly wherever weights and widths are the same in all frames (a definition that
    divides by the peak on a grid does not).

    ``"spline"`` is for frames in sequence: each atom follows a smooth curve through several frames on either side,
    and the turning of the molecule is kept apart (`tg_molfield.paths.spline.SplinePath`). ``"arap"`` joins
    conformers that are far apart, two at a time: bonds keep their lengths and atoms do not pass through each other
    (`tg_molfield.paths.arap.ElasticPath`). ``"auto"`` takes the spline for three or more frames that are
    smoother than a random walk, else the elastic path.

    Motion that is faster than the frames is lost: of a vibration, what has a period below twice their distance.

    Args:
        frames: at least two `Data` with ``z`` [N] and ``pos`` [N, 3] in Å, the same atoms in the same order.
        mol_field: what makes fields of atoms; ``MolField()`` if not given.
        times: one for each frame, increasing, in any unit; 0, 1, 2, … if not given.
        kind: ``"auto"``, ``"spline"`` or ``"arap"``.

    Raises:
        ValueError: fewer than two frames, other atoms or another order in one of them, a periodic one, positions or
            times that are not finite, times that do not increase, or an unknown kind.
    """

    def __init__(
        self,
        frames: Sequence[Data],
        mol_field: MolField | None = None,
        times: Sequence[float] | Tensor | None = None,
        kind: str = "auto",
    ) -> None:
        if kind not in KINDS:
            raise ValueError(f"kind={kind!r}: choose from {', '.join(KINDS)}")
        self.mol_field = mol_field if mol_field is not None else MolField()
        self._data = list(frames)
        self._frames = Frames.of(self._data, times)
        if kind == "auto":
            kind = "spline" if self._frames.are_a_sequence else "arap"
        self.kind = kind
        self._spline = SplinePath(self._frames) if kind == "spline" else None
        self._pieces: dict[int, ElasticPath] = {}

    @classmethod
    def from_fields(
        cls,
        fields: Sequence[Field],
        mol_field: MolField | None = None,
        times: Sequence[float] | Tensor | None = None,
        kind: str = "auto",
        grid: Grid | None = None,
    ) -> Self:
        """The path through fields or volumes whose atoms are not given.

        Atoms are found in each field with `tg_molfield.find_atoms`, and those of neighbouring fields are paired so
        that they move and change their bonds least; which of two equal atoms is which is therefore a guess where
        frames are far apart.

        Args:
            fields: of element channels, one for each frame; no molecule may have left its place between two.
            mol_field: the definition that they follow; ``MolField()`` if not given.
            times: as above.
            kind: as above.
            grid: where to sample fields that are no `Volume`, if they do not tell it themselves.

        Raises:
            ValueError: atoms do not explain a field, fields hold different atoms, or as above.
        """
        return cls(found_frames(fields, mol_field, grid), mol_field, times, kind)

    @property
    def times(self) -> Tensor:
        """The times [F] of the frames, float64."""
        return torch.from_numpy(self._frames.times)

    @property
    def z(self) -> Tensor:
        """The atomic numbers [N]."""
        return self._frames.z

    @property
    def roughness(self) -> float:
        """How little the frames are a sequence: 0 uniform motion, 1 a random walk, 3 no order; ∞ for two frames."""
        return self._frames.roughness

    def __repr__(self) -> str:
        first, last = self._frames.times[[0, -1]]
        return f"FieldPath({len(self._data)} frames of {len(self.z)} atoms, {first:g} to {last:g}, kind={self.kind!r})"

    def neighbors(self, time: float) -> tuple[int, float]:
        """The number of the frame before ``time``, and the share of the way from there to the next.

        Raises:
            ValueError: the time does not lie on the path.
        """
        times = self._frames.times
        if not (math.isfinite(time) and times[0] <= time <= times[-1]):
            raise ValueError(f"time={time}: the path runs from {times[0]:g} to {times[-1]:g}")
        before = min(int(times.searchsorted(time, "right")) - 1, len(times) - 2)
        return before, float((time - times[before]) / (times[before + 1] - times[before]))

    def positions(self, time: float) -> Tensor:
        """The positions [N, 3] in Å at ``time``, of the type of the first frame's.

        Raises:
            ValueError: the time does not lie on the path.
        """
        before, share = self.neighbors(time)
        pos = self._piece(before)(share) if self._spline is None else self._spline(time)
        return torch.from_numpy(pos).to(self._data[0].pos)

    def data(self, time: float) -> Data:
        """The molecule at ``time``: the frame before it with new positions, floating per-atom attributes in between.

        Raises:
            ValueError: the time does not lie on the path.
        """
        before, share = self.neighbors(time)
        frame, after = self._data[before], self._data[before + 1]
        result = frame.clone()
        for name, value in frame.items():
            if name != "pos" and _are_per_atom((value, getattr(after, name, None)), len(self.z)):
                setattr(result, name, torch.lerp(value, after[name], share))
        result.pos = self.positions(time)
        return result

    def field(self, time: float) -> Field:
        """The field at ``time``.

        Raises:
            ValueError: the time does not lie on the path, or a frame lacks what ``mol_field`` reads.
        """
        return self.mol_field(self.data(time))

    def _piece(self, before: int) -> ElasticPath:
        if before not in self._pieces:
            start, end = self._frames.pos[before : before + 2]
            self._pieces[before] = ElasticPath(self.z, start, end)
        return self._pieces[before]


def _are_per_atom(values: tuple[Any, Any], count: int) -> bool:
    return all(isinstance(value, Tensor) and value.is_floating_point() and value.ndim > 0 for value in values) and (
        values[0].shape == values[1].shape and len(values[0]) == count
    )
