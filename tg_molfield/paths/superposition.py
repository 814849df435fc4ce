"""Superposition of point sets: Kabsch, Acta Crystallographica A 32, 922 (1976)."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy.spatial.transform import Rotation

from tg_molfield.paths.frames import Array

_DEGENERATE = 1e-6


def best_rotation(points: Array, target: Array) -> Array:
    """The proper rotation R [3, 3] about the origin that minimises Σ |R pᵢ − qᵢ|².

    For collinear points, where the rotation about the line is undefined, R is the smallest rotation; for points at
    the origin it is the identity.

    Args:
        points: p [N, 3].
        target: q [N, 3].
    """
    u, s, v = np.linalg.svd(points.T @ target)
    if s[0] < 1e-300:
        return np.eye(3)
    if s[1] < _DEGENERATE * s[0]:
        return smallest_rotation(u[:, 0], v[0])
    handed = np.sign(np.linalg.det(u @ v))
    return (v.T * [1.0, 1.0, handed]) @ u.T


def smallest_rotation(direction: Array, target: Array) -> Array:
    """The rotation [3, 3] by the smallest angle that takes the unit vector ``direction`` [3] to ``target`` [3]."""
    axis, cosine = np.cross(direction, target), float(direction @ target)
    sine = float(np.linalg.norm(axis))
    if sine < _DEGENERATE:
        if cosine > 0:
            return np.eye(3)
        axis = np.cross(direction, np.eye(3)[np.abs(direction).argmin()])
    axis = axis / np.linalg.norm(axis)
    return Rotation.from_rotvec(np.arctan2(sine, cosine) * axis).as_matrix()


def superpose_frames(pos: Array) -> tuple[Array, Array, Array]:
    """Superpose each frame on the one before it: r₍ₖᵢ₎ = R₍ₖ₎ b₍ₖᵢ₎ + c₍ₖ₎.

    Args:
        pos: r [F, N, 3].

    Returns:
        b [F, N, 3], centred; R [F, 3, 3]; the centroids c [F, 3].
    """
    centers = pos.mean(1)
    placed, rotations = pos - centers[:, None], [np.eye(3)]
    for before, frame in pairwise(placed):
        rotations.append(best_rotation(before, frame) @ rotations[-1])
    return placed @ np.stack(rotations), np.stack(rotations), centers
