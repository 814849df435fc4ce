"""Ribbons along the backbones of proteins and nucleic acids."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tg_molfield.chem.atoms import AtomList
from tg_molfield.chem.backbones import Backbone
from tg_molfield.chem.principal_axes import Array, positions
from tg_molfield.viz.molecule import Indices

_WIDTH, _THICKNESS, _TUBE = 1.0, 0.22, 0.45
"""Half the width and the thickness of a protein's ribbon, and the radius of a nucleic acid's, in Å."""

_FINE, _COARSE = (6, 8), (3, 6)
"""Rings a residue and corners a ring, of up to `_MANY` residues and of more."""

_MANY = 800


def ribbon(chains: Sequence[Backbone], atoms: AtomList) -> tuple[Array, Indices]:
    """The vertices [V, 3] in Å and faces [F, 3] of a ribbon along each chain, through all atoms of its trace."""
    pos = positions(atoms)
    rings, corners = _FINE if sum(len(chain.trace) for chain in chains) <= _MANY else _COARSE
    vertices, faces, start = [], [], 0
    for chain in chains:
        path, across, up = _frames(pos, chain, rings)
        half = (_WIDTH, _THICKNESS) if len(chain.side) else (_TUBE, _TUBE)
        angles = 2 * np.pi * np.arange(corners) / corners
        circle = np.cos(angles)[:, None, None] * half[0] * across + np.sin(angles)[:, None, None] * half[1] * up
        vertices.append((path + circle).transpose(1, 0, 2).reshape(-1, 3))
        faces.append(start + _tube(len(path), corners))
        start += len(path) * corners
    return np.concatenate(vertices), np.concatenate(faces)


def _frames(pos: Array, chain: Backbone, rings: int) -> tuple[Array, Array, Array]:
    """Points [K, 3] along a chain, and two unit vectors [K, 3] across it at each."""
    from scipy.interpolate import CubicSpline

    knots = np.arange(len(chain.trace), dtype=np.float64)
    curve = CubicSpline(knots, pos[chain.trace])
    at = np.linspace(0, knots[-1], rings * (len(knots) - 1) + 1)
    along = _unit(curve(at, 1))
    if len(chain.side):
        sides = _smoothed(_unit(pos[chain.side] - pos[chain.trace]))
        across = np.stack([np.interp(at, knots, column) for column in sides.T], 1)
    else:
        across = np.broadcast_to(np.eye(3)[np.abs(along).sum(0).argmin()], along.shape)
    across = _unit(across - (across * along).sum(1, keepdims=True) * along)
    return curve(at), across, np.cross(along, across)


def _smoothed(sides: Array) -> Array:
    """Directions [R, 3], each turned to the half space of the one before, and averaged with its neighbours."""
    turned = sides.copy()
    for row in range(1, len(turned)):
        if turned[row] @ turned[row - 1] < 0:
            turned[row] = -turned[row]
    wide = np.concatenate([turned[:1], turned, turned[-1:]])
    return _unit(wide[:-2] + 2 * turned + wide[2:])


def _tube(length: int, corners: int) -> Indices:
    """The faces [F, 3] between ``length`` rings of vertices."""
    ring, corner = np.meshgrid(np.arange(length - 1), np.arange(corners), indexing="ij")
    a, b = ring * corners + corner, ring * corners + (corner + 1) % corners
    c, d = a + corners, b + corners
    return np.stack([np.stack([a, b, c], -1), np.stack([b, d, c], -1)]).reshape(-1, 3).astype(np.int64)


def _unit(vectors: Array) -> Array:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 1e-9, lengths, 1.0))
