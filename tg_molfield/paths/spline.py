"""Smooth motion through many frames: cubics in the molecule's frame, a rotation spline for the frame itself."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import CubicHermiteSpline, CubicSpline
from scipy.spatial.transform import Rotation, RotationSpline

from tg_molfield.paths.frames import Array, Frames
from tg_molfield.paths.superposition import superposed

_STILL = 1e-12
_ROUGH = 2.8


def slopes_at_frames(times: Array, values: Array) -> Array:
    """Derivatives at the frames, each atom's by the rule that suits it.

    With d₂ and d₃ the second and third differences, Σ|d₃|² / Σ|d₂|² is small for a curve sampled finely, 3 for a
    random walk and for a single jump, and 10/3 for noise. Below 2.8 the derivatives are those of the natural cubic
    spline through all frames, else `akima_slopes`, which spread nothing further than two frames.

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
    smooth = np.square(changes).sum((0, 2)) < _ROUGH * np.square(bends).sum((0, 2))
    spline = CubicSpline(times, values, bc_type="natural").derivative()(times)
    return np.where(smooth[:, None], spline, local)


def akima_slopes(times: Array, values: Array) -> Array:
    """Derivatives at the frames by Akima, Journal of the ACM 17, 589 (1970), for vectors.

    With the slopes m of the two intervals before and after a frame, the derivative is
    (|m₄ − m₃| m₂ + |m₂ − m₁| m₃) / (|m₄ − m₃| + |m₂ − m₁|); the mean of m₂ and m₃ where that is 0/0. The absolute
    values are lengths of vectors, so that the rule turns with them. A jump is felt no more than two frames away.

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
    bent = total > _STILL
    weight = np.where(bent, left / np.where(bent, total, 1.0), 0.5)
    return weight * slopes[1:-2] + (1 - weight) * slopes[2:-1]


class SplinePath:
    """Positions between frames that follow each other smoothly.

    Each frame is superposed on the one before it; what is left and the centroids follow cubic polynomials with the
    derivatives of `slopes_at_frames`, the rotations a spline with continuous angular acceleration (scipy's
    `RotationSpline`). The path goes through every frame; two frames are joined by a straight line in the turning frame.

    Args:
        frames: at least two.
    """

    def __init__(self, frames: Frames) -> None:
        bodies, turns, centers = superposed(frames.pos)
        times, middle = frames.times, centers[:, None]
        self._body = CubicHermiteSpline(times, bodies, slopes_at_frames(times, bodies))
        self._center = CubicHermiteSpline(times, middle, slopes_at_frames(times, middle))
        self._turn = RotationSpline(times, Rotation.from_matrix(turns))

    def __call__(self, time: float) -> Array:
        """The positions [N, 3] in Å."""
        return self._body(time) @ self._turn(time).as_matrix().T + self._center(time)
