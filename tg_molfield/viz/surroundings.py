"""What a scene shows beside the surfaces of a field: its atoms and its cell."""

from __future__ import annotations

from typing import Any

from tg_molfield.chem.atoms import AtomList
from tg_molfield.chem.principal_axes import Array, positions
from tg_molfield.fields.volume import Volume
from tg_molfield.viz.scenes import scene_name
from tg_molfield.viz.traces import atom_traces, bond_trace
from tg_molfield.viz.unit_cell import atoms_in_cell, cell_corners, cell_trace


def add_surroundings(figure: Any, atoms: AtomList | None, volume: Volume, number: int) -> list[Array]:
    """Add the atoms, those in its cell of a periodic volume, and the outline of the cell to a scene.

    Args:
        figure: a plotly figure.
        atoms: of the field.
        volume: the samples that are shown.
        number: of the scene, from 0.

    Returns:
        The points [N, 3] that they take.
    """
    content = []
    if atoms is not None:
        options = {"name": "atoms", "legendgroup": "atoms", "scene": scene_name(number)}
        inside, index = atoms_in_cell(atoms, volume)
        content.append(positions(inside))
        figure.add_trace(bond_trace(inside, showlegend=number == 0, **options))
        figure.add_traces(atom_traces(inside, index, showlegend=False, **options))
    if len(corners := cell_corners(volume)):
        content.append(corners)
        figure.add_trace(cell_trace(corners, showlegend=number == 0, scene=scene_name(number)))
    return content
