"""`plot_overlay`: two molecules laid on each other, with a surface of each one's field."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
import torch

from tg_molfield.arguments import check_integers
from tg_molfield.chem.atoms import AtomList
from tg_molfield.chem.cells import is_periodic, pbc_of
from tg_molfield.chem.principal_axes import Array, positions
from tg_molfield.fields.field import Field
from tg_molfield.fields.grid import Grid
from tg_molfield.fields.volume import Volume
from tg_molfield.optional import require
from tg_molfield.viz.inputs import as_volume, named_fields, one_channel, units_of
from tg_molfield.viz.levels import level_label, surface_levels, value_range
from tg_molfield.viz.meshes import is_open, isosurface
from tg_molfield.viz.molecule import Indices
from tg_molfield.viz.scenes import arrange, camera, cube_axes
from tg_molfield.viz.sticks import stick_traces, without_carbon_hydrogens
from tg_molfield.viz.thinning import thinned
from tg_molfield.viz.traces import surface_trace
from tg_molfield.viz.unit_cell import cell_trace, corners_of

_COLORS = (("#0f9d8a", "#0a5f54"), ("#e8a33d", "#9a5f0c"))
"""Of the fixed and of the mobile molecule: of its carbons and its surface, and of a surface at a negative level."""
_SPACING, _MARGIN = 0.4, 4.0
_FEWEST_NODES = 8


def plot_overlay(
    fixed: Any,
    mobile: Any,
    fields: tuple[Field, Field] | None = None,
    channel: str | None = None,
    level: float | None = None,
    *,
    names: tuple[str, str] = ("fixed", "mobile"),
    grid: Grid | None = None,
    unit: str | None = None,
    hydrogens: bool = False,
    opacity: float = 0.3,
    max_vertices: int = 1600,
    title: str = "",
    height: int = 420,
) -> Any:
    """Two molecules where they stand, in one scene, with a surface of each one's field at the same level.

    The molecules are sticks with carbons of two colours; the surfaces are translucent, in the colour of their
    molecule. The cell of a periodic ``fixed`` is drawn too. The legend shows and hides each. The camera looks at the
    broad side of ``fixed``, so that overlays on one molecule are seen from one side. With the default ``max_vertices``
    a figure takes about 120 kB of a page, so that 20 of them stay below 5 MB.

    Args:
        fixed: a molecule with ``z`` [N] and ``pos`` [N, 3] in Å: a ``Data`` or an `AtomList`.
        mobile: the molecule laid on it, for example ``align(mobile, fixed).moved``.
        fields: the fields of ``fixed`` and of ``mobile``, for example of ``MolField.preset("shape")``; if not given,
            no surfaces.
        channel: the channel whose surfaces are drawn; needed where there are several.
        level: the isovalue; by default 0 for a signed distance, else 0.3 of the largest absolute value in the field of
            ``fixed``, of both signs for a signed channel, darker below 0, or less for a density with high peaks at
            nuclei.
        names: the names of the two in the legend.
        grid: the grid on which fields are sampled; by default that of `Grid.of` for each molecule, or the grid of a
            volume.
        unit: unit of the level, shown in the legend; by default what the definition of the fields tells.
        hydrogens: whether hydrogens of carbons are drawn.
        opacity: opacity of the surfaces, between 0 and 1.
        max_vertices: surfaces with more vertices are drawn on a coarser grid.
        title: title of the figure.
        height: height in pixels.

    Returns:
        A plotly ``Figure``, for example for `Page.figure`.

    Raises:
        ValueError: no atoms, a batch, several channels and none chosen, a level outside the range of the field of
            ``fixed``, or values that are not finite.
        TypeError: a molecule lacks ``z`` or ``pos``, or ``fields`` are no fields.
        KeyError: a channel is not in a field.
        ImportError: plotly or scikit-image is missing.
    """
    check_integers(max_vertices=max_vertices)
    if max_vertices < 1:
        raise ValueError(f"max_vertices: expected at least 1, got {max_vertices}; the default is 1600")
    if len(names) != 2:
        raise ValueError(f"names: expected two, got {len(names)}; name the fixed and the mobile molecule")
    figure = require("plotly.graph_objects", "viz").Figure()
    molecules = [_atoms("fixed", fixed), _atoms("mobile", mobile)]
    content = [positions(atoms) for atoms in molecules]
    view = camera(molecules[0])
    notes = []
    for number, (atoms, name) in enumerate(zip(molecules, names, strict=True)):
        shown = atoms if hydrogens else without_carbon_hydrogens(atoms)
        label = escape(name, quote=False)
        figure.add_traces(stick_traces(shown, _COLORS[number][0], label, legendgroup=f"molecule {number}"))
    if fields is not None:
        volumes = _volumes(fields, grid, (fixed, mobile))
        chosen = one_channel(volumes[0], channel, "channel")
        levels = surface_levels(volumes[0], chosen, level)
        written = units_of(volumes[0], [chosen], unit)[chosen]
        for number, (volume, name, colors) in enumerate(zip(volumes, names, _COLORS, strict=True)):
            low, high = value_range(volume, chosen)
            drawn = [(one, color) for one, color in zip(levels, colors, strict=False) if low < one < high]
            for one, color in drawn:
                vertices, faces = _small_surface(volume[(chosen,)], chosen, one, max_vertices)
                content.append(vertices)
                label = f"{escape(name, quote=False)}: {level_label(volumes[0], chosen, one, written, len(levels) > 1)}"
                entry = {"name": label, "legendgroup": f"surface {number} {one}", "showlegend": True}
                figure.add_trace(surface_trace(vertices, faces, color, opacity, **entry))
            if not drawn:
                notes.append(f"{name}: no surface at this level")
            elif any(is_open(volume, chosen, one) for one, _ in drawn):
                notes.append(f"{name}: cut off at the border of the grid")
    if is_periodic(pbc_of(fixed)):
        corners = corners_of(Grid.of(fixed, _SPACING, _MARGIN))
        content.append(corners)
        figure.add_trace(cell_trace(corners, showlegend=True))
    arrange(figure, [("", "; ".join(notes))], cube_axes(np.concatenate(content)), view, title, height)
    return figure


def _atoms(argument: str, molecule: Any) -> AtomList:
    z, pos = getattr(molecule, "z", None), getattr(molecule, "pos", None)
    if not isinstance(z, torch.Tensor) or not isinstance(pos, torch.Tensor):
        got = type(molecule).__name__
        raise TypeError(f"{argument}: expected a molecule with z and pos, got {got}; give a Data or an AtomList")
    if not len(z):
        raise ValueError(f"{argument}: expected at least one atom, got none; give a molecule with atoms")
    batch = getattr(molecule, "batch", None)
    count = 1 if batch is None else len(batch.unique())
    if count != 1:
        raise ValueError(f"{argument}: expected one molecule, got {count} in a batch; take one, such as batch[0]")
    return AtomList(z, pos)


def _volumes(fields: tuple[Field, Field], grid: Grid | None, molecules: tuple[Any, Any]) -> list[Volume]:
    """The two fields on ``grid``, else volumes as they are and other fields on the grid of their molecule."""
    if not isinstance(fields, (tuple, list)) or len(fields) != 2:
        got = type(fields).__name__
        raise TypeError(f"fields: expected a pair, of the fixed and of the mobile molecule, got {got}; give (f, g)")
    named = named_fields(dict(zip(("fixed", "mobile"), fields, strict=True)), "fields")
    volumes = []
    for field, molecule in zip(named.values(), molecules, strict=True):
        box = grid
        if grid is None and not isinstance(field, Volume):
            box = Grid.of(molecule, _SPACING, _MARGIN)
        volumes.append(as_volume(field, box))
    return volumes


def _small_surface(volume: Volume, channel: str, level: float, max_vertices: int) -> tuple[Array, Indices]:
    """The isosurface, on a grid just coarse enough for ``max_vertices``, but not so coarse that it is lost."""
    fine = volume
    while True:
        vertices, faces = isosurface(volume, channel, level)
        if len(vertices) <= max_vertices or max(volume.grid.shape) <= _FEWEST_NODES:
            return vertices, faces
        nodes = int(volume.grid.num_nodes * min(0.9, 0.98 * max_vertices / len(vertices)) ** 1.5)
        coarser = thinned(fine, nodes)
        low, high = value_range(coarser, channel)
        if not low < level < high:
            return vertices, faces
        volume = coarser
