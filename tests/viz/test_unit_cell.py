"""Periodic volumes are drawn with the cell that they cover."""

import numpy as np
import pytest
import torch
from ase.build import bulk, fcc111

from tg_molfield import Grid, MolField
from tg_molfield.structures import from_ase
from tg_molfield.viz import (
    animate_surfaces,
    isosurface,
    plot_colored_surfaces,
    plot_overlay,
    plot_slices,
    plot_surfaces,
)
from tg_molfield.viz.meshes import is_open
from tg_molfield.viz.planes import planes_through
from tg_molfield.viz.thinning import thinned
from tg_molfield.viz.unit_cell import atoms_in_cell, cell_corners, corners_of, cut_by_plane

pytest.importorskip("plotly", reason="needs the extra viz")
pytest.importorskip("skimage", reason="needs the extra viz")


@pytest.fixture(scope="module")
def salt():
    data = from_ase(bulk("NaCl", "rocksalt", 5.64, cubic=True), torch.float64)
    return MolField("Na Cl", widths=0.6, width_scale=1.0)(data).on(Grid.of(data, 0.5))


def cells(figure):
    return [trace for trace in figure.data if trace.name == "cell"]


def points(trace):
    found = np.stack([trace.x, trace.y, trace.z], 1)
    return np.unique(found[np.isfinite(found).all(1)], axis=0)


def test_every_figure_shows_the_cell(salt):
    expected = np.unique(cell_corners(salt), axis=0)
    assert sorted(map(tuple, expected)) == sorted((x, y, z) for x in (0, 5.64) for y in (0, 5.64) for z in (0, 5.64))
    data = from_ase(bulk("NaCl", "rocksalt", 5.64, cubic=True))
    figures = [
        plot_surfaces(salt), plot_colored_surfaces(salt, salt["Cl"], "Na"), animate_surfaces({"1": salt}),
        plot_overlay(data, data),
    ]  # fmt: skip
    for figure in figures:
        (trace,) = cells(figure)
        np.testing.assert_allclose(points(trace), expected, atol=1e-3)
    assert len(cells(plot_surfaces({"one": salt, "other": salt}))) == 2


def test_molecules_have_no_cell(salt):
    alone = salt.interpolated("linear", periodic=False)
    assert not cells(plot_surfaces(alone))
    assert len(cell_corners(alone)) == 0


def test_atoms_are_moved_into_the_cell_and_repeated_on_its_faces(salt):
    atoms, index = atoms_in_cell(salt.atoms, salt)
    assert len(atoms.z) == 27
    assert (atoms.z == 11).sum() == 14
    assert (salt.atoms.z[index] == atoms.z).all()
    assert atoms.pos.amin() > -0.06
    assert atoms.pos.amax() < 5.7
    shifted = salt.with_atoms(salt.atoms._replace(pos=salt.atoms.pos - 1.0 - 5.64))
    inside, _ = atoms_in_cell(shifted.atoms, shifted)
    assert len(inside.z) == 8
    assert inside.pos.amin() > 0


def test_atoms_of_a_slab_stay_where_nothing_repeats():
    data = from_ase(fcc111("Cu", (1, 1, 2), vacuum=6.0), torch.float64)
    data.pos[:, 2] -= 8.0
    volume = MolField("Cu")(data).on(Grid.of(data, 0.5))
    inside, _ = atoms_in_cell(volume.atoms, volume)
    assert set(inside.pos[:, 2].tolist()) == set(data.pos[:, 2].tolist())


def test_surfaces_reach_the_end_of_the_cell(salt):
    vertices, _ = isosurface(salt, "Na", 0.3)
    assert vertices.max() == pytest.approx(5.64, abs=1e-9)
    assert vertices.min() == pytest.approx(0, abs=1e-9)
    assert not is_open(salt, "Na", 0.3)
    assert is_open(salt.interpolated("linear", periodic=False), "Na", 0.3)


def test_a_coarser_volume_still_covers_the_cell(salt):
    coarse = thinned(salt, 6**3)
    assert coarse.periodic == (True, True, True)
    assert coarse.grid.shape == (6, 6, 6)
    torch.testing.assert_close(coarse.grid.cell, salt.grid.cell)


def test_slices_show_the_whole_cell(salt):
    axes = plot_slices(salt).axes[0]
    assert axes.get_xlim() == pytest.approx((0, 5.64))
    image = axes.images[0].get_array()
    assert np.isfinite(np.asarray(image)).all()
    outline = axes.lines[0].get_xydata()
    assert sorted(map(tuple, np.unique(outline.round(6), axis=0))) == [(0, 0), (0, 5.64), (5.64, 0), (5.64, 5.64)]


def test_planes_of_a_skewed_cell_are_those_of_its_first_two_vectors():
    data = from_ase(bulk("Cu"), torch.float64)
    volume = MolField("Cu")(data).on(Grid.of(data, 0.5))
    planes = planes_through(volume.grid, None, volume.atoms, volume.periodic)
    a, b = volume.grid.cell[:2].numpy()
    np.testing.assert_allclose(planes.rows[2] @ np.stack([a, b], 1), 0, atol=1e-12)


@pytest.mark.parametrize(
    ("height", "corners"), [(0.25, 4), (0.0, 4), (1.0, 4), (1.5, 0), (-0.1, 0)], ids=lambda value: str(value)
)
def test_a_plane_cuts_a_cell_in_a_polygon(height, corners):
    cell = corners_of(Grid.from_cell(torch.eye(3), (2, 2, 2)))
    polygon = cut_by_plane(cell, height)
    assert len(np.unique(polygon.round(6), axis=0)) == corners


def test_a_plane_across_the_diagonal_cuts_a_hexagon():
    rows = np.linalg.qr(np.array([[1.0, 1, 1], [1, -1, 0], [1, 1, -2]]).T)[0].T[[1, 2, 0]]
    cell = corners_of(Grid.from_cell(torch.eye(3), (2, 2, 2))) @ rows.T
    assert len(cut_by_plane(cell, float(cell[:, 2].mean()))) == 7


def test_levels_cross_fields_that_are_nowhere_low():
    data = from_ase(bulk("Cu"), torch.float64)
    volume = MolField("all", width_scale=0.8)(data).on(Grid.of(data, 0.4))
    assert float(volume.values.min()) > 0.3 * float(volume.values.max())
    assert any("all" in (trace.name or "") for trace in plot_surfaces(volume).data)
