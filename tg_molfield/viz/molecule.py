"""Parts of plots that come from the atoms: spheres and the formula."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from tg_molfield.chem.atoms import AtomList
from tg_molfield.chem.elements import symbols
from tg_molfield.chem.principal_axes import Array

Indices = NDArray[np.int64]


def formula(atoms: AtomList) -> str:
    """The formula in Hill order, with subscripts: ``C₂H₆O``."""
    counts = Counter(symbols()[int(z)] for z in atoms.z)
    head = [symbol for symbol in ("C", "H") if "C" in counts and symbol in counts]
    order = head + sorted(set(counts) - set(head))
    digits = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
    return "".join(symbol + (str(counts[symbol]).translate(digits) if counts[symbol] > 1 else "") for symbol in order)


def ball(subdivisions: int) -> tuple[Array, Indices]:
    """The unit sphere as an icosahedron, each triangle split into four ``subdivisions`` times.

    Returns:
        Vertices [V, 3] and faces [F, 3], counter-clockwise seen from outside.
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
