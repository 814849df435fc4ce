"""What a scene shows beside the surfaces of a field: its atoms and its cell."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from tg_molfield.chem.atoms import AtomList
from tg_molfield.chem.principal_axes import Array, positions
from tg_molfield.display.colors import LIGAND_CARBON
from tg_molfield.fields.volume import Volume
from tg_molfield.viz.parts import Parts, parts_of
from tg_molfield.viz.ribbons import ribbon
from tg_molfield.viz.scenes import outwards, scene_name
from tg_molfield.viz.traces import atom_traces, bond_trace, ribbon_trace
from tg_molfield.viz.unit_cell import atoms_in_cell, cell_corners, cell_trace

_NEAR, _BALL = 1.0, 0.4
"""Å: how far from a grid atoms are seen, and the room for the ball of one."""


def add_surroundings(figure: Any, atoms: AtomList | None, volume: Volume, number: int) -> list[Array]:
    """Add the atoms, those in its cell of a periodic volume, and the outline of the cell to a scene.

    Args:
        figure: a plotly figure.
        atoms: of the field.
        volume: the samples that are shown.
        number: of the scene, from 0.

    Returns:
        The points [N, 3] that they take, near the grid where it covers a part of them.
    """
    content = []
    if atoms is not None:
        content.append(_add_atoms(figure, atoms, volume, number))
    if len(corners := cell_corners(volume)):
        content.append(corners)
        figure.add_trace(cell_trace(corners, showlegend=number == 0, scene=scene_name(number)))
    return content


def _add_atoms(figure: Any, atoms: AtomList, volume: Volume, number: int) -> Array:
    """Add polymers as ribbons and other molecules as balls and sticks, and return where they are."""
    inside, index = atoms_in_cell(atoms, volume)
    drawn = parts_of(inside) if not any(volume.periodic) else Parts.of_one_kind(inside)
    scene: dict[str, Any] = {"scene": scene_name(number)}
    for kind, chains in drawn.ribbons.items():
        figure.add_trace(
            ribbon_trace(*ribbon(chains, inside), name=kind, legendgroup=kind, showlegend=number == 0, **scene)
        )
    for name, rows in drawn.balls.items():
        hidden = {"visible": "legendonly"} if name in drawn.hidden else {}
        options: dict[str, Any] = {"name": name, "legendgroup": name, **scene, **hidden}
        part = AtomList(inside.z.cpu()[rows], inside.pos.cpu()[rows])
        figure.add_trace(bond_trace(part, showlegend=number == 0, **options))
        if name not in drawn.lines:
            carbon = LIGAND_CARBON if drawn.ribbons else None
            figure.add_traces(atom_traces(part, index[rows], carbon, showlegend=False, **options))
    return _near_grid(positions(inside), volume)


def _near_grid(pos: Array, volume: Volume) -> Array:
    """Points around the atoms within `_NEAR` of the box of a grid; around all if there are none or it is periodic."""
    steps = volume.grid.axes_tensor().numpy()
    slack = _NEAR / np.maximum(np.linalg.norm(steps, axis=1), 1e-9)
    at = volume.grid.fractional(torch.from_numpy(pos)).numpy()
    near = ((at > -slack) & (at < np.array(volume.grid.shape) - 1 + slack)).all(1)
    return outwards(pos[near] if near.any() and not any(volume.periodic) else pos, _BALL)
