"""Paths through frames of slabs and crystals, built by ASE."""

import warnings

import pytest
import torch
from ase.build import add_adsorbate, bulk, fcc111, molecule
from ase.geometry import find_mic, get_distances

from tg_molfield import FieldPath, Grid, MolField
from tg_molfield.paths import path_metrics
from tg_molfield.paths.periodic import grid_in_cell, images_within
from tg_molfield.structures import from_ase

FIELD = MolField("C O Cu", widths=0.6, width_scale=1.0)


def slab(shift=0.0, height=1.9):
    """A molecule on a surface, shifted along the first vector of the cell, all atoms inside the cell."""
    atoms = fcc111("Cu", (2, 2, 2), vacuum=6.0)
    add_adsorbate(atoms, molecule("CO"), height, "ontop")
    atoms.positions[-2:] += shift * atoms.cell[0]
    atoms.wrap()
    return atoms


def data(atoms):
    return from_ase(atoms, torch.float64)


@pytest.fixture(scope="module")
def sliding():
    """Frames of a molecule that slides once around the cell."""
    return [slab(step / 4) for step in range(5)]


def test_atoms_cross_the_border_of_the_cell(sliding):
    path = FieldPath([data(atoms) for atoms in sliding], FIELD)
    assert path.kind == "spline"
    cell = sliding[0].cell
    for number, atoms in enumerate(sliding):
        moved = path.data(number)
        _, apart = find_mic(moved.pos.numpy() - atoms.positions, cell, atoms.pbc)
        assert apart.max() < 1e-9
    between = path.positions(3.5)
    expected = path.positions(0)
    expected[-2:] += torch.from_numpy(3.5 / 4 * cell[0])
    torch.testing.assert_close(between, expected)


def test_the_field_half_way_is_that_of_the_cell(sliding):
    path = FieldPath([data(atoms) for atoms in sliding], FIELD)
    exact = FIELD(data(slab(3.5 / 4)))
    grid = Grid.of(data(sliding[0]), 0.5)
    found = path.field(3.5).on(grid)
    assert found.periodic == (True, True, False)
    torch.testing.assert_close(found.values, exact.on(grid).values, atol=1e-9, rtol=0)


def test_the_cell_goes_along():
    frames = [bulk("NaCl", "rocksalt", size, cubic=True) for size in (5.6, 5.8, 6.0)]
    path = FieldPath([data(atoms) for atoms in frames], MolField("Na Cl"))
    half = path.data(0.5)
    torch.testing.assert_close(half.cell[0], 5.7 * torch.eye(3, dtype=torch.float64))
    torch.testing.assert_close(half.pos, data(bulk("NaCl", "rocksalt", 5.7, cubic=True)).pos)


def test_directions_without_a_vector_stay_so():
    frames = []
    for height in (1.8, 1.9, 2.0):
        atoms = slab(height=height)
        atoms.cell[2] = 0
        frames.append(data(atoms))
    half = FieldPath(frames, FIELD).data(0.5)
    assert not half.cell[0, 2].any()
    torch.testing.assert_close(half.cell[0, :2], frames[0].cell[0, :2])


def test_metrics_take_the_nearest_images(sliding):
    frames = [data(atoms) for atoms in sliding]
    path = FieldPath(frames, FIELD)
    middle = path.data(3.5)
    volume = FIELD(middle).on(Grid.of(middle, 0.3))
    metrics = path_metrics(middle, frames[3:], FIELD, volume)
    assert metrics.integral_drift < 1e-9
    assert metrics.atoms_found
    assert metrics.rmsd < 1e-4
    assert metrics.bond_drift < 1e-9


def test_contacts_across_the_border_count():
    """Two molecules in a cell, nearest to each other across its border."""
    atoms = molecule("H2O") + molecule("H2O")
    atoms.set_cell([9.0, 7.0, 7.0])
    atoms.pbc = True
    atoms.positions[:3] += [0.9, 3, 3]
    atoms.positions[3:] += [7.6, 3, 3]
    one = data(atoms)
    field = MolField("H O", widths=0.4, width_scale=1.0)
    metrics = path_metrics(one, [one, one], field, field(one).on(Grid.of(one, 0.2)))
    _, apart = get_distances(atoms.positions[:3], atoms.positions[3:], atoms.cell, True)
    assert metrics.shortest_contact == pytest.approx(apart.min())
    assert metrics.shortest_contact < 2.5


def test_images_are_those_of_ase():
    from ase.neighborlist import primitive_neighbor_list

    atoms = bulk("Cu").repeat((2, 1, 1))
    index, periods = images_within(atoms.positions, atoms.cell.array, atoms.pbc, 6.0)
    first, other, shifts = primitive_neighbor_list("ijS", atoms.pbc, atoms.cell, atoms.positions, 6.0)
    expected = {(int(j), *map(int, shift)) for j, shift in zip(other, shifts, strict=True)} | {
        (0, 0, 0, 0),
        (1, 0, 0, 0),
    }
    assert {(int(i), *map(int, period)) for i, period in zip(index, periods, strict=True)} == expected
    assert len(first) > len(expected)


def test_a_grid_goes_along_with_the_cell():
    old, new = (data(bulk("Cu", a=size)) for size in (3.6, 3.8))
    grid = Grid.of(old, 0.4)
    moved = grid_in_cell(grid, old, new)
    assert moved.shape == grid.shape
    torch.testing.assert_close(moved.cell, new.cell[0])
    assert grid_in_cell(grid, old, old) is grid


def test_ways_that_are_not_certain_are_told():
    frames = [data(slab(shift)) for shift in (0, 0.45)]
    with pytest.warns(UserWarning, match=r"frames\[1\]: expected atoms that move by less than 0.4 of the cell"):
        FieldPath(frames, FIELD)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        FieldPath([data(slab(shift)) for shift in (0, 0.3)], FIELD)


def test_what_makes_no_sense_is_refused(sliding):
    frames = [data(atoms) for atoms in sliding]
    with pytest.raises(ValueError, match="kind: expected 'spline' for periodic frames"):
        FieldPath(frames, FIELD, kind="arap")
    other = frames[1].clone()
    other.pbc = torch.tensor([[True, True, True]])
    with pytest.raises(ValueError, match=r"frames\[1\].pbc: expected \[True, True, False\] as in frames\[0\], got"):
        FieldPath([frames[0], other], FIELD)
    del (lacking := frames[1].clone()).cell
    with pytest.raises(ValueError, match=r"frames\[1\].cell: expected one for the periodic directions"):
        FieldPath([frames[0], lacking], FIELD)
    fields = [FIELD(frame).on(Grid.of(frame, 0.4)) for frame in frames[:2]]
    with pytest.raises(ValueError, match=r"fields\[0\]: expected a field that is not periodic"):
        FieldPath.from_fields(fields, FIELD)


def salt(vectors=None, turned=0.0):
    """Rock salt, its lattice given by other vectors (whole multiples of those of the cubic cell), and turned."""
    atoms = bulk("NaCl", "rocksalt", a=5.64, cubic=True)
    if vectors is not None:
        atoms.set_cell(vectors @ atoms.cell.array)
    atoms.rotate(turned, "z", rotate_cell=True)
    return from_ase(atoms, dtype=torch.float64)


@pytest.mark.parametrize(
    "vectors",
    [[[1, 1, 0], [0, 1, 0], [0, 0, 1]], [[0, 1, 0], [1, 0, 0], [0, 0, 1]], [[0, 0, 1], [1, 0, 0], [0, 1, 0]]],
    ids=["tilted", "left-handed", "in another order"],
)
def test_one_lattice_by_other_vectors_stays(vectors):
    path = FieldPath([salt(), salt(vectors)], MolField("Na Cl"))
    at = path.positions(0.0) + 0.3
    for time in (0.0, 0.3, 1.0):
        torch.testing.assert_close(path.positions(time), path.positions(0.0), rtol=0, atol=1e-9)
        torch.testing.assert_close(path.field(time)(at), path.field(0.0)(at), rtol=0, atol=1e-9)
    torch.testing.assert_close(path.data(0.5).cell, salt().cell)
    torch.testing.assert_close(path.data(1.0).cell, salt(vectors).cell)


def test_a_path_through_tilted_vectors_goes_on():
    tilts = [0.3, 0.4, -0.5, -0.4]
    frames = []
    for tilt in tilts:
        atoms = bulk("NaCl", "rocksalt", a=5.64, cubic=True)
        atoms.set_cell([[5.64, 0, 0], [5.64 * tilt, 5.64, 0], [0, 0, 5.64]], scale_atoms=False)
        frames.append(from_ase(atoms, dtype=torch.float64))
    path = FieldPath(frames, MolField("Na Cl"))
    for time in (0.5, 1.5, 2.5):
        assert float(path.data(time).cell[0, 1, 0]) == pytest.approx(5.64 * (0.3 + 0.1 * time))


@pytest.mark.parametrize("degrees", [30.0, 60.0])
def test_cells_that_are_turned(degrees):
    with pytest.raises(
        ValueError, match=rf"frames\[1\].cell: expected about the orientation .* turned by {degrees:.0f}°"
    ):
        FieldPath([salt(), salt(turned=degrees)])


def test_cells_that_are_mirrored():
    frames = [salt(), salt()]
    frames[1].cell[0, 2] *= -2
    with pytest.raises(ValueError, match=r"frames\[1\].cell: expected about the orientation .* got a mirrored one"):
        FieldPath(frames)


def test_atoms_of_a_slab_stay_where_the_vacuum_grows():
    frames = [data(slab()), data(slab())]
    frames[1].cell[0, 2] *= 1.5
    path = FieldPath(frames, FIELD)
    torch.testing.assert_close(path.positions(0.5), frames[0].pos, rtol=0, atol=1e-9)
    torch.testing.assert_close(path.data(0.5).cell[0, 2], 1.25 * frames[0].cell[0, 2])
