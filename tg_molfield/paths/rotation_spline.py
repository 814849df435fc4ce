"""Smooth interpolation of rotations that is the same forth and back in time."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import PPoly
from scipy.sparse import bsr_matrix, csc_matrix, diags
from scipy.sparse.linalg import splu
from scipy.spatial.transform import Rotation

from tg_molfield.paths.frames import Array

_SMALL_ANGLE = 1e-3
_MAX_ITER = 100
_TOLERANCE = 1e-12
_FAR = 1e3
"""Times the mean angular velocities: farther away, the iteration does not come back."""


class RotationSpline:
    """Rotations between frames, with continuous angular velocity and acceleration.

    With θ the rotation vector from a frame to the next one, the rotation in between is M exp(p), where M is half way
    and p a cubic polynomial in time from −θ/2 to θ/2. Intervals are thus described alike from either end, and frames
    in reverse order have the reverse path. The angular velocities at the first and the last frame are the mean ones of
    the first and the last interval. Where the equations for the others cannot be solved, as with large turns in
    intervals of very different length, each is the mean one of the two intervals around the frame, and the acceleration
    is not continuous.

    A rotation by 180° from one frame to the next goes one of two ways, of which rounding decides.

    Args:
        times: [F], increasing, F ≥ 2.
        rotations: [F, 3, 3].
    """

    def __init__(self, times: Array, rotations: Array) -> None:
        frames, spans = Rotation.from_matrix(rotations), np.diff(times)[:, None]
        half = (frames[:-1].inv() * frames[1:]).as_rotvec() / 2
        self._times = times
        self._middles = frames[:-1] * Rotation.from_rotvec(half)
        starts, ends = _slopes(half, _velocities(half, spans))
        mean = 2 * half / spans
        square, cube = (3 * mean - 2 * starts - ends) / spans, (starts + ends - 2 * mean) / spans**2
        self._vectors = PPoly(np.stack([cube, square, starts, -half]), times)

    def __call__(self, time: float) -> Rotation:
        """The rotation at ``time``."""
        interval = min(max(int(self._times.searchsorted(time, "right")) - 1, 0), len(self._times) - 2)
        return self._middles[interval] * Rotation.from_rotvec(self._vectors(time))


def _velocities(half: Array, spans: Array) -> Array:
    """The angular velocities [F, 3] in the body at the frames, with which the acceleration is continuous.

    Args:
        half: half of the rotation vector of each interval [F − 1, 3].
        spans: its duration [F − 1, 1].
    """
    inner = (half[:-1] + half[1:]) / (spans[:-1] + spans[1:])
    means = 2 * np.concatenate([half[:1] / spans[:1], inner, half[-1:] / spans[-1:]])
    if not len(inner):
        return means
    turns = Rotation.from_rotvec(half).as_matrix()
    solver = splu(_coupling(turns, spans))
    known = 12 * (half[:-1] / spans[:-1] ** 2 + half[1:] / spans[1:] ** 2)
    known[0] -= 2 / spans[0] * (means[0] @ turns[0])
    known[-1] -= 2 / spans[-1] * (turns[-1] @ means[-1])
    found, limit = means.copy(), _FAR * np.abs(means).max()
    for _ in range(_MAX_ITER):
        starts, ends = _slopes(half, found)
        curved = _curvature(-half[1:], starts[1:]) - _curvature(half[:-1], ends[:-1])
        before = found[1:-1].copy()
        found[1:-1] = solver.solve((known + curved).ravel()).reshape(-1, 3)
        largest = np.abs(found).max()
        if np.abs(found[1:-1] - before).max() <= _TOLERANCE * largest:
            return found
        if largest > limit:
            break
    return means


def _coupling(turns: Array, spans: Array) -> csc_matrix:
    """The matrix [3F − 6, 3F − 6] by which accelerations at inner frames depend on the velocities there."""
    count = len(spans) - 1
    steps = np.arange(count)
    blocks = 2 / spans[1:-1, :, None] * turns[1:-1]
    above = bsr_matrix((blocks, steps[1:], np.append(steps, count - 1)), shape=(3 * count, 3 * count))
    return csc_matrix(above + above.T + diags(np.repeat(4 / spans[:-1] + 4 / spans[1:], 3)))


def _slopes(half: Array, velocities: Array) -> tuple[Array, Array]:
    """The time derivatives [F − 1, 3] of the rotation vectors at the start and the end of the intervals."""
    starts: Array = np.einsum("kij,kj->ki", np.linalg.inv(_jacobian(-half)), velocities[:-1])
    ends: Array = np.einsum("kij,kj->ki", np.linalg.inv(_jacobian(half)), velocities[1:])
    return starts, ends


def _jacobian(vectors: Array) -> Array:
    """J [K, 3, 3], by which p′, the time derivative of a rotation vector p [K, 3], gives the angular velocity J p′."""
    angle = np.linalg.norm(vectors, axis=1).clip(_SMALL_ANGLE)[:, None, None]
    cross = np.cross(np.eye(3), vectors[:, None])
    first, second = (1 - np.cos(angle)) / angle**2, (angle - np.sin(angle)) / angle**3
    result: Array = np.eye(3) - first * cross + second * cross @ cross
    return result


def _curvature(vectors: Array, slopes: Array) -> Array:
    """J′ p′ [K, 3], which is the angular acceleration where p″ is zero."""
    angle = np.linalg.norm(vectors, axis=1).clip(_SMALL_ANGLE)[:, None]
    sine, cosine = np.sin(angle), np.cos(angle)
    along = (vectors * slopes).sum(1, keepdims=True)
    once = np.cross(vectors, slopes)
    first = along * (2 * (1 - cosine) - angle * sine) / angle**4 * once
    second = along * (3 * sine - 2 * angle - angle * cosine) / angle**5 * np.cross(vectors, once)
    return first + second + (angle - sine) / angle**3 * np.cross(slopes, once)
