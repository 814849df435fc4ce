"""Smooth paths through a trajectory: cubic splines in the body frame, a rotation spline for its orientation."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import CubicHermiteSpline, CubicSpline

from tg_molfield.paths.frames import Array, Frames
from tg_molfield.paths.rotation_spline import RotationSpline
from tg_molfield.paths.superposition import superpose_frames

_ZERO = 1e-12
_ROUGHNESS_LIMIT = 2.8


def slopes_at_frames(times: Array, values: Array) -> Array:
    """Time derivatives at the frames, by a cubic spline for smooth atoms and by Akima's rule for others.

    With second differences d₂ and third differences d₃, the ratio Σ|d₃|² / Σ|d₂|² of an atom is small for a finely
    sampled curve, 3 for a random walk or a single jump, and 10/3 for noise. Below 2.8 the derivatives are those of the
    natural cubic spline through all frames, otherwise `akima_slopes`, where a jump affects at most two frames on
    either side.

    Args:
        times: [F], increasing, F ≥ 2.
        values: [F, N, 3].

    Returns:
        [F, N, 3] in units of ``values`` over those of ``times``.
    """
    local = akima_slopes(times, values)
    if len(times) < 4:
        return local
    bends = np.diff(np.diff(values, axis=0) / np.diff(times)[:, None, None], axis=0)
    changes = np.diff(bends, axis=0)
    smooth = np.square(changes).sum((0, 2)) < _ROUGHNESS_LIMIT * np.square(bends).sum((0, 2))
    spline = CubicSpline(times, values, bc_type="natural").derivative()(times)
    return np.where(smooth[:, None], spline, local)


def akima_slopes(times: Array, values: Array) -> Array:
    """Time derivatives at the frames by the method of Akima, Journal of the ACM 17, 589 (1970), for vectors.

    With m₁ and m₂ the slopes of the two intervals before a frame and m₃ and m₄ those of the two after it, the
    derivative is (|m₄ − m₃| m₂ + |m₂ − m₁| m₃) / (|m₄ − m₃| + |m₂ − m₁|), or the mean of m₂ and m₃ where this is 0/0.
    The absolute values are vector norms, so the method is rotation-equivariant.

    Args:
        times: [F], increasing, F ≥ 2.
        values: [F, N, 3].

    Returns:
        [F, N, 3] in units of ``values`` over those of ``times``.
    """
    slopes = np.diff(values, axis=0) / np.diff(times)[:, None, None]
    one, last = slopes[0], slopes[-1]
    two, before = (slopes[1], slopes[-2]) if len(slopes) > 1 else (one, last)
    ahead = [3 * one - 2 * two, 2 * one - two]
    behind = [2 * last - before, 3 * last - 2 * before]
    slopes = np.stack([*ahead, *slopes, *behind])
    bends = np.linalg.norm(np.diff(slopes, axis=0), axis=-1, keepdims=True)
    left, right = bends[2:], bends[:-2]
    total = left + right
    bent = total > _ZERO
    weight = np.where(bent, left / np.where(bent, total, 1.0), 0.5)
    return weight * slopes[1:-2] + (1 - weight) * slopes[2:-1]


class SplinePath:
    """Positions between the frames of a smooth trajectory.

    Each frame is superposed on the one before it. The superposed positions and the centroids follow cubic Hermite
    splines with the derivatives of `slopes_at_frames`; the rotations follow a `RotationSpline`, with continuous
    angular acceleration. The path goes through every frame, and frames in reverse order have the reverse path, except
    where a molecule is turned by 180° from one frame to the next, which is as near one way as the other. With two
    frames, atoms move along straight lines in the rotating body frame.

    Args:
        frames: at least two.
    """

    def __init__(self, frames: Frames) -> None:
        bodies, rotations, centers = superpose_frames(frames.pos)
        times, middle = frames.times, centers[:, None]
        self._body = CubicHermiteSpline(times, bodies, slopes_at_frames(times, bodies))
        self._center = CubicHermiteSpline(times, middle, slopes_at_frames(times, middle))
        self._orientation = RotationSpline(times, rotations)

    def __call__(self, time: float) -> Array:
        """The positions [N, 3] in Å."""
        return self._body(time) @ self.rotation(time).T + self._center(time)

    def rotation(self, time: float) -> Array:
        """The rotation [3, 3] of the molecule since the first frame."""
        return self._orientation(time).as_matrix()


class PeriodicSplinePath:
    """Positions and cells between the frames of a trajectory in periodic cells.

    The cell follows a cubic Hermite spline with the derivatives of `slopes_at_frames`, and so do the atoms in
    fractional coordinates, times the mean cell; nothing is rotated.

    Args:
        frames: at least two, with cells.
    """

    def __init__(self, frames: Frames) -> None:
        assert frames.cells is not None
        times, cells = frames.times, frames.cells.vectors
        mean = cells.mean(0)
        steps = frames.pos @ np.linalg.inv(cells) @ mean
        self._inverse = np.linalg.inv(mean)
        self._steps = CubicHermiteSpline(times, steps, slopes_at_frames(times, steps))
        self._cell = CubicHermiteSpline(times, cells, slopes_at_frames(times, cells))

    def __call__(self, time: float) -> Array:
        """The positions [N, 3] in Å."""
        return self._steps(time) @ self._inverse @ self._cell(time)

    def cell(self, time: float) -> Array:
        """The cell [3, 3] in Å, one vector a row."""
        return self._cell(time)
