"""What fields of crystals and of other kinds keep: periods, stresses, and derivatives by what they are of."""

import pytest
import torch
from torch_geometric.data import Data

from tg_molfield import Grid, MolField, RBFField, find_atoms, from_smiles, superresolve
from tg_molfield.compare import interaction
from tg_molfield.compare.interactions.pair_overlaps import pair_overlaps
from tg_molfield.paths import FieldPath

SLAB = torch.tensor([True, True, False])


def by_hand(value, x, step=1e-5):
    """The derivative [..] of a number by finite differences."""
    found = torch.zeros_like(x)
    for place in range(x.numel()):
        ends = []
        for sign in (1, -1):
            moved = x.detach().clone()
            moved.view(-1)[place] += sign * step
            ends.append(float(value(moved).detach()))
        found.view(-1)[place] = (ends[0] - ends[1]) / (2 * step)
    return found


@pytest.mark.parametrize("height", [0.0, 20.0])
def test_square_slabs_have_a_stress(height):
    pos = torch.tensor([[0.1, 0.2, 0.3]], dtype=torch.float64)
    point = torch.tensor([[3.7, 3.6, 0.5]], dtype=torch.float64)

    def value(cell):
        return RBFField(pos, torch.ones(1, 1).double(), 0.8, cell=cell, pbc=SLAB)(point).sum()

    cell = torch.diag(torch.tensor([4.0, 4.0, height], dtype=torch.float64)).requires_grad_()
    (stress,) = torch.autograd.grad(value(cell), cell)
    assert torch.allclose(stress[:2], by_hand(value, cell)[:2], atol=1e-7)


def crystal() -> Data:
    molecule = from_smiles("CCO")
    heavy = molecule.z > 1
    pos = molecule.pos[heavy].double()
    return Data(z=molecule.z[heavy], pos=pos - pos[0] + 0.3, cell=8.0 * torch.eye(3).double())


def test_superresolved_fields_repeat():
    field = MolField("C O")(crystal())
    found, _ = superresolve(field.on(Grid.from_cell(8.0 * torch.eye(3), (20, 20, 20))), "spline")
    finer = found.on(Grid.from_cell(8.0 * torch.eye(3), (40, 40, 40)))
    assert finer.periodic == (True, True, True)
    edge = torch.tensor([[7.9, 0.4, 0.3]], dtype=torch.float64)
    assert torch.allclose(finer(edge), field(edge), atol=0.02)


def test_images_are_no_atoms():
    data, mol_field = crystal(), MolField("C O")
    field = mol_field(data)
    once, twice = (
        Grid.from_cell(data.cell, (24, 24, 24)),
        Grid.from_cell(data.cell * torch.tensor([2.0, 1, 1])[:, None], (48, 24, 24)),
    )
    assert len(find_atoms(field - field * 0.0, once, mol_field).z) == 3
    assert len(find_atoms(field, twice, mol_field).z) == 6


@pytest.mark.parametrize("aggregate", ["maximum", "distance"])
def test_derivatives_of_every_field_can_be_differentiated_by_its_atoms(aggregate):
    pos = torch.tensor([[0.0, 0, 0], [1.1, 0.3, 0.2]], dtype=torch.float64)
    points = torch.tensor([[0.4, 0.5, 0.1], [1.4, -0.3, 0.6]], dtype=torch.float64)
    z = torch.tensor([6, 6])

    def value(pos):
        both = MolField("C")(Data(z=z, pos=pos)) + MolField("C", aggregate=aggregate)(Data(z=z, pos=pos))
        return both.gradient(points).square().sum() + both.laplacian(points).sum()

    pos.requires_grad_()
    (slope,) = torch.autograd.grad(value(pos), pos)
    assert torch.allclose(slope, by_hand(value, pos), atol=1e-5)
    with torch.no_grad():
        assert not MolField("C", aggregate=aggregate)(Data(z=z, pos=pos)).gradient(points).requires_grad


def test_channels_are_normalized_by_their_largest_absolute_value():
    data = from_smiles("CO")
    heavy = data.z > 1
    data = Data(z=data.z[heavy], pos=data.pos[heavy], charge=torch.tensor([-1.0, 0.1]), way=torch.eye(3)[:2])
    plain, divided = (MolField(["charge", "way:vector"], normalize_grid_size=size)(data) for size in (None, 16))
    ratio = divided.weights / plain.weights
    assert float(divided.on(MolField(["charge"]).grid(data, 16)).values[0].abs().max()) == pytest.approx(1, abs=1e-3)
    assert float(ratio[:, 0].amin()) > 0
    assert float((ratio[0, 1] - ratio[1, 2]).abs()) < 1e-6


def test_overlaps_of_unions_are_over_one_period():
    data = crystal()
    union = MolField("C O", aggregate="union")(data)
    found = pair_overlaps(union, union)
    grid = Grid.from_cell(data.cell, (32, 32, 32))
    expected = union.on(grid).values.flatten(1)
    assert torch.allclose(found.values[0, 0], expected @ expected.T * grid.voxel_volume, rtol=1e-2, atol=1e-3)


def test_shares_of_products_are_refused():
    data = from_smiles("CO")
    with pytest.raises(ValueError, match="per_atom: expected False for products of atoms, got True with order=2"):
        interaction(data, data, by="contact", mol_field=MolField(["shape"], order=2), per_atom=True)


@pytest.mark.parametrize("given", [{}, {"pbc": torch.ones(1, 3, dtype=torch.bool)}])
def test_ways_in_sheared_cells_are_the_shortest(given):
    from ase.geometry import find_mic

    cell = torch.tensor([[4.0, 0, 0], [3.9, 2.0, 0], [0, 0, 6.0]], dtype=torch.float64)
    places = torch.tensor([[0.05, 0.05, 0.5], [0.4, 0.4, 0.5]], dtype=torch.float64) @ cell
    frames = [Data(z=torch.tensor([6]), pos=one[None], cell=cell, **given) for one in places]
    path = FieldPath(frames, MolField("C"), kind="spline")
    way = path.data(1.0).pos - path.data(0.0).pos
    _, shortest = find_mic((places[1] - places[0]).numpy(), cell.numpy())
    assert float(way.norm()) == pytest.approx(float(shortest), abs=1e-6)
    assert Grid.of(frames[0], 0.5).shape[0] == 8
