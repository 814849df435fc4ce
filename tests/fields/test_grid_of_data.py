"""`Grid.of`: the grid for the field of a molecule, a crystal, a slab or a chain, from ASE's structures."""

import numpy as np
import pytest
import torch
from ase.build import add_adsorbate, bulk, fcc111, graphene, molecule, nanotube

from tg_molfield import Grid, MolField
from tg_molfield.structures import from_ase


def slab():
    atoms = fcc111("Cu", (2, 2, 3), vacuum=8.0)
    add_adsorbate(atoms, molecule("CO"), 1.9, "ontop")
    return atoms


def turned(atoms):
    """The same with its cell along other Cartesian axes."""
    atoms.rotate(90, "y", rotate_cell=True)
    return atoms


@pytest.mark.parametrize(
    ("atoms", "shape"),
    [(bulk("NaCl", "rocksalt", 5.64, cubic=True), (12, 12, 12)), (bulk("Cu"), (6, 6, 6)), (slab(), (11, 11, 41))],
    ids=["crystal", "primitive cell", "slab"],
)
def test_the_cell_is_covered(atoms, shape):
    grid = Grid.of(from_ase(atoms, torch.float64), spacing=0.5)
    assert grid.shape == shape
    assert grid.origin == (0, 0, 0)
    np.testing.assert_allclose(grid.cell.numpy(), atoms.cell.array, atol=1e-12)


@pytest.mark.parametrize(
    "atoms",
    [
        graphene(vacuum=None), graphene(vacuum=1.0), nanotube(6, 0, length=2), nanotube(6, 0, length=2, vacuum=3.0),
        turned(nanotube(6, 0, length=2)), slab(),
    ],
    ids=["sheet without a third vector", "thin sheet", "tube", "tube in a box", "tube along x", "slab"],
)  # fmt: skip
def test_atoms_have_room_where_nothing_repeats(atoms):
    data = from_ase(atoms, torch.float64)
    grid = Grid.of(data, spacing=0.5, margin=4.0)
    assert float(torch.linalg.det(grid.axes_tensor())) > 0
    steps = grid.fractional(data.pos) / torch.tensor(grid.shape)
    heights = 1 / torch.linalg.inv(grid.cell).norm(dim=0)
    low, high = steps.amin(0) * heights, (1 - steps.amax(0)) * heights
    for axis, periodic in enumerate(atoms.pbc):
        if periodic:
            torch.testing.assert_close(grid.cell[axis], torch.from_numpy(atoms.cell[axis]))
        else:
            assert min(float(low[axis]), float(high[axis])) > 4 - 1e-9
    volume = MolField("all")(data).on(grid)
    assert volume.periodic == tuple(atoms.pbc.tolist())


def test_the_integral_over_the_cell_of_a_slab_is_that_of_its_atoms():
    data = from_ase(slab(), torch.float64)
    volume = MolField("C O Cu", widths=0.5, width_scale=1.0)(data).on(Grid.of(data, spacing=0.25))
    of_one = (2 * torch.pi) ** 1.5 * 0.5**3
    torch.testing.assert_close(
        volume.integral(), torch.tensor([1.0, 1.0, 12.0], dtype=torch.float64) * of_one, rtol=1e-6, atol=0
    )


def test_a_molecule_has_a_box_around_its_atoms():
    for atoms in (molecule("H2O"), molecule("H2O", vacuum=9.0)):
        data = from_ase(atoms)
        assert Grid.of(data, 0.4, 3.0) == Grid.around(data.pos, 0.4, 3.0)


def test_cells_are_taken_as_ase_and_data_hold_them():
    atoms = bulk("NaCl", "rocksalt", 5.64)
    expected = Grid.from_cell(atoms.cell.array.tolist(), spacing=0.4)
    assert Grid.from_cell(atoms.cell, spacing=0.4) == expected
    assert Grid.from_cell(from_ase(atoms, torch.float64).cell, spacing=0.4) == expected
    assert Grid.of(from_ase(atoms, torch.float64), 0.4) == expected


def test_wrong_cells_and_spacings_are_refused():
    atoms = graphene(vacuum=None)
    atoms.cell[1] = atoms.cell[0]
    with pytest.raises(ValueError, match="cell: expected independent periodic vectors"):
        Grid.of(from_ase(atoms))
    with pytest.raises(ValueError, match="margin: expected a finite number"):
        Grid.of(from_ase(slab()), margin=-1)
    for spacing in (1e-300, 1e-20):
        with pytest.raises(MemoryError, match=r"spacing: expected at most 1e\+12 nodes along an axis"):
            Grid.of(from_ase(slab()), spacing)
