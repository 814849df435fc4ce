"""The frames that a path goes through, checked: the same atoms in the same order, at increasing times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tg_molfield.chem.elements import symbols

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

_ROUGH = 1.0


@dataclass(frozen=True)
class Frames:
    """Positions of one molecule in F frames.

    Attributes:
        z: atomic numbers [N], int64.
        pos: [F, N, 3] in Å, float64.
        times: [F], increasing.
    """

    z: Tensor
    pos: Array
    times: Array

    @classmethod
    def of(cls, frames: Sequence[Any], times: Sequence[float] | Tensor | None) -> Frames:
        """Read and check the frames; without ``times`` they are counted from 0.

        Raises:
            ValueError: see `FieldPath`.
        """
        if len(frames) < 2:
            raise ValueError(f"frames: a path needs at least 2 frames, got {len(frames)}")
        for number, frame in enumerate(frames):
            _check_frame(number, frame, frames[0])
        pos = np.stack([frame.pos.detach().cpu().double().numpy() for frame in frames])
        return cls(frames[0].z.cpu(), pos, _times(times, len(frames)))

    @property
    def roughness(self) -> float:
        """How little the frames are a sequence: 0 uniform motion, 1 a random walk, 3 frames in no order.

        It is Σ |r₍ₖ₊₁₎ − 2 r₍ₖ₎ + r₍ₖ₋₁₎|² / Σ |r₍ₖ₊₁₎ − r₍ₖ₋₁₎|²; infinite for two frames.
        """
        if len(self.pos) < 3:
            return float("inf")
        bend = self.pos[2:] - 2 * self.pos[1:-1] + self.pos[:-2]
        move = self.pos[2:] - self.pos[:-2]
        return float(np.square(bend).sum() / max(np.square(move).sum(), 1e-300))

    @property
    def are_a_sequence(self) -> bool:
        """Whether they are smoother than a random walk."""
        return self.roughness < _ROUGH


def _check_frame(number: int, frame: Any, first: Any) -> None:
    for name in ("z", "pos"):
        if not isinstance(getattr(frame, name, None), Tensor):
            raise ValueError(f"frames[{number}] has no {name}; give Data with z [N] and pos [N, 3], or read()")
    if getattr(frame, "batch", None) is not None:
        raise ValueError(f"frames[{number}] is a batch; give its molecules, batch.to_data_list()")
    z, pos = frame.z.cpu(), frame.pos
    if not len(z) or pos.shape != (len(z), 3):
        raise ValueError(f"frames[{number}] has z {list(z.shape)} and pos {list(pos.shape)}; give [N], [N, 3]")
    if not pos.isfinite().all():
        atom = int((~pos.isfinite().all(1)).nonzero()[0])
        raise ValueError(f"frames[{number}]: atom {atom} has a NaN or infinite position; leave the frame out")
    pbc = getattr(frame, "pbc", None)
    if pbc is not None and bool(pbc.any()):
        raise ValueError(f"frames[{number}] is periodic; unwrap the molecule and set pbc to False")
    expected = first.z.cpu()
    if len(z) != len(expected):
        raise ValueError(
            f"frames[{number}] has {len(z)} atoms, frames[0] has {len(expected)}; a path needs the same atoms "
            "in the same order in every frame, so leave out what is not in all of them"
        )
    if not torch.equal(z, expected):
        atom = int((z != expected).nonzero()[0])
        was, is_now = symbols()[int(expected[atom])], symbols()[int(z[atom])]
        raise ValueError(
            f"frames[{number}]: atom {atom} is {is_now}, in frames[0] it is {was}; give the atoms in one "
            "order, or let FieldPath.from_fields find it"
        )


def _times(times: Sequence[float] | Tensor | None, count: int) -> Array:
    if times is None:
        return np.arange(count, dtype=np.float64)
    values = torch.as_tensor(times, dtype=torch.float64).cpu().numpy()
    if values.shape != (count,):
        raise ValueError(f"times: expected one for each of {count} frames, got shape {list(values.shape)}")
    if not np.isfinite(values).all():
        raise ValueError("times: some are NaN or infinite")
    wrong = np.flatnonzero(np.diff(values) <= 0)
    if len(wrong):
        k = int(wrong[0])
        raise ValueError(
            f"times: times[{k}] = {values[k]:g} is followed by {values[k + 1]:g}; give them in increasing order"
        )
    return values
