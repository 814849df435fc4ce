"""The frames of a path: the same atoms in the same order, at increasing times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tg_molfield.chem.elements import symbols
from tg_molfield.chem.validation import check_atoms, check_data
from tg_molfield.paths.periodic import Array, Cells

Indices = NDArray[np.int64]

_RANDOM_WALK = 1.0


@dataclass(frozen=True)
class Frames:
    """Positions of one molecule, or of the atoms of a periodic cell, in F frames.

    Attributes:
        z: atomic numbers [N], int64.
        pos: [F, N, 3] in Å, float64; in periodic cells the nearest image to that in the frame before.
        times: [F], increasing.
        cells: those of periodic frames, else None.
    """

    z: Tensor
    pos: Array
    times: Array
    cells: Cells | None = None

    @classmethod
    def of(cls, frames: Sequence[Any], times: Sequence[float] | Tensor | None) -> Frames:
        """Read and check the frames; without ``times`` they are at 0, 1, 2, ….

        Raises:
            ValueError: see `FieldPath`.
        """
        if len(frames) < 2:
            raise ValueError(f"frames: expected at least 2, got {len(frames)}; a path needs a start and an end")
        for number, frame in enumerate(frames):
            _check_frame(number, frame, frames[0])
        pos = np.stack([frame.pos.detach().cpu().double().numpy() for frame in frames])
        cells = Cells.of(frames)
        if cells is not None:
            pos = cells.followed(pos) @ cells.vectors
        return cls(frames[0].z.cpu().clone(), pos, _times(times, len(frames)), cells)

    @property
    def roughness(self) -> float:
        """The roughness of the trajectory: 0 for uniform motion, 1 for a random walk, 3 for unordered frames.

        With h and h′ the intervals before and after a frame, it is Σ |h r₍ₖ₊₁₎ − (h + h′) r₍ₖ₎ + h′ r₍ₖ₋₁₎|² / h h′
        over Σ |r₍ₖ₊₁₎ − r₍ₖ₋₁₎|², and infinite for two frames.
        """
        if len(self.pos) < 3:
            return float("inf")
        spans = np.diff(self.times)[:, None, None]
        before, after = spans[:-1] / spans.mean(), spans[1:] / spans.mean()
        ahead, behind = self.pos[2:] - self.pos[1:-1], self.pos[1:-1] - self.pos[:-2]
        bend = (before * ahead - after * behind) / np.sqrt(before * after)
        move = self.pos[2:] - self.pos[:-2]
        return float(np.square(bend).sum() / max(np.square(move).sum(), 1e-300))

    @property
    def are_a_sequence(self) -> bool:
        """Whether the frames are smoother than a random walk."""
        return self.roughness < _RANDOM_WALK


def check_molecule(name: str, data: Any) -> None:
    """Raise an error unless ``data`` is one molecule with sound atoms.

    Raises:
        TypeError: it is something else than a ``Data``.
        ValueError: it is a batch, or see `check_atoms`.
    """
    check_data(data, name)
    if getattr(data, "batch", None) is not None:
        raise ValueError(f"{name}: expected one molecule, got a batch; pass batch.to_data_list()")
    check_atoms(data.z, data.pos, prefix=f"{name}.")


def _check_frame(number: int, frame: Any, first: Any) -> None:
    check_molecule(f"frames[{number}]", frame)
    z, expected = frame.z.cpu(), first.z.cpu()
    if len(z) != len(expected):
        raise ValueError(
            f"frames[{number}]: expected {len(expected)} atoms as in frames[0], got {len(z)}; remove atoms that are "
            "not in every frame, or give match='mcs' for two molecules"
        )
    if not torch.equal(z, expected):
        atom = int((z != expected).nonzero()[0])
        first_symbol, symbol = symbols()[int(expected[atom])], symbols()[int(z[atom])]
        raise ValueError(
            f"frames[{number}].z: expected {first_symbol} at atom {atom} as in frames[0], got {symbol}; "
            "give the atoms in the same order in every frame, or match='mcs' for two molecules"
        )


def _times(times: Sequence[float] | Tensor | None, count: int) -> Array:
    if times is None:
        return np.arange(count, dtype=np.float64)
    try:
        given = times.detach().cpu() if isinstance(times, Tensor) else times
        values = torch.as_tensor(given, dtype=torch.float64).numpy().copy()
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(
            f"times: expected {count} numbers, one for each frame, got {str(times)[:40]}; leave them out for 0, 1, 2, …"
        ) from error
    if values.shape != (count,):
        raise ValueError(
            f"times: expected {count} numbers, one for each frame, got shape {list(values.shape)}; "
            "leave times out for 0, 1, 2, …"
        )
    if not np.isfinite(values).all():
        raise ValueError("times: expected finite numbers, got NaN or infinity; remove those frames")
    wrong = np.flatnonzero(np.diff(values) <= 0)
    if len(wrong):
        k = int(wrong[0])
        raise ValueError(
            f"times[{k + 1}]: expected more than {values[k]:g}, got {values[k + 1]:g}; sort the frames by time"
        )
    return values
