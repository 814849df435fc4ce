"""What is drawn of the atoms: bonds by distance, balls, their principal axes and the formula."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from tg_molfield.fields.atoms import AtomList
from tg_molfield.fields.elements import element_property, symbols

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

_SLACK = 0.4
_LAST_RADIUS = 96


def positions(atoms: AtomList) -> Array:
    """The positions [N, 3] in Å."""
    return atoms.pos.detach().cpu().double().numpy()


def bonds(atoms: AtomList) -> Indices:
    """The pairs [B, 2] of atoms no further apart than their covalent radii and 0.4 Å; dummy atoms have none."""
    from scipy.spatial import cKDTree

    pos = positions(atoms)
    if len(pos) < 2:
        return np.empty((0, 2), dtype=np.int64)
    radii = element_property("covalent_radius", atoms.z.cpu().clamp(1, _LAST_RADIUS)).numpy()
    pairs = cKDTree(pos).query_pairs(2 * float(radii.max()) + _SLACK, output_type="ndarray")
    first, second = pairs.T
    near = np.linalg.norm(pos[first] - pos[second], axis=1) <= radii[first] + radii[second] + _SLACK
    real = atoms.z.cpu().numpy() > 0
    return pairs[near & real[first] & real[second]].astype(np.int64)


def principal_axes(pos: Array) -> Array:
    """The right-handed principal axes [3, 3] of positions [N, 3], one a row, the longest extent first."""
    centred = pos - pos.mean(0)
    axes = np.linalg.eigh(centred.T @ centred)[1].T[::-1].copy()
    for axis in axes[:2]:
        axis *= np.sign(axis[np.abs(axis).argmax()])
    axes[2] = np.cross(axes[0], axes[1])
    return axes


def formula(atoms: AtomList) -> str:
    """The formula in Hill's order, with subscripts: ``C₂H₆O``."""
    counts = Counter(symbols()[int(z)] for z in atoms.z)
    head = [symbol for symbol in ("C", "H") if "C" in counts and symbol in counts]
    order = head + sorted(set(counts) - set(head))
    digits = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
    return "".join(symbol + (str(counts[symbol]).translate(digits) if counts[symbol] > 1 else "") for symbol in order)


def ball(subdivisions: int) -> tuple[Array, Indices]:
    """The unit sphere as an icosahedron whose triangles are split in four ``subdivisions`` times.

    Returns:
        Vertices [V, 3] and faces [F, 3], seen counter-clockwise from outside.
    """
    golden = (1 + 5**0.5) / 2
    corners = [(0.0, a, b * golden) for a in (-1, 1) for b in (-1, 1)]
    vertices = np.array([np.roll(corner, shift) for corner in corners for shift in range(3)])
    faces = _hull(vertices)
    for _ in range(subdivisions):
        edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
        unique, where = np.unique(edges, axis=0, return_inverse=True)
        ab, bc, ca = where.reshape(3, -1) + len(vertices)
        a, b, c = faces.T
        vertices = np.concatenate([vertices, vertices[unique].mean(1)])
        faces = np.concatenate([np.stack(face, 1) for face in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))])
    return vertices / np.linalg.norm(vertices, axis=1, keepdims=True), faces


def _hull(vertices: Array) -> Indices:
    from scipy.spatial import ConvexHull

    faces = ConvexHull(vertices).simplices.astype(np.int64)
    inward = np.linalg.det(vertices[faces]) < 0
    faces[inward] = faces[inward][:, ::-1]
    return faces
