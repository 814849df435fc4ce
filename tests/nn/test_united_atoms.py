import pytest
import torch
from hard_molecules import batched, molecules

from tg_molfield.nn.ops.element_kinds import ElementKinds
from tg_molfield.nn.ops.united_atoms import membership, united_atoms

ELEMENTS = ElementKinds(("H", "B", "C", "N", "O", "F", "Ne", "S", "Cl"))


def united(z, pos, batch=None, max_atoms=12):
    batch = torch.zeros_like(z) if batch is None else batch
    size = int(batch.max()) + 1
    return united_atoms(membership(z, pos, batch, size), ELEMENTS(z), pos, batch, size, max_atoms)


def same_atoms(one, two):
    """Whether atoms are the same in any order."""
    (z, pos), (other, found) = one, two
    apart = torch.cdist(pos, found) + 1e3 * (z[:, None] != other)
    return len(z) == len(other) and float(apart.min(1).values.max()) < 1e-9 and float(apart.min(0).values.max()) < 1e-9


def test_united_atoms_are_the_atoms_again():
    items = list(molecules().values())
    z, pos, batch = batched(items)
    found = united(z, pos, batch)
    numbers, places, owners = found.atoms(ELEMENTS.numbers)
    assert bool((owners.diff() >= 0).all())
    for row, item in enumerate(items):
        assert same_atoms(item, (numbers[owners == row], places[owners == row]))
    assert torch.equal(found.number, torch.tensor([sum(int(n) > 1 for n in z) for z, _ in items]))


@pytest.mark.parametrize(
    ("name", "counts"), [("CH4", [4]), ("NH3", [3]), ("H2O", [2]), ("CO2", [0, 0, 0]), ("CH3CH2OH", [0, 1, 2, 3])]
)
def test_hydrogens_belong_to_the_heavy_atom_that_they_are_bound_to(name, counts):
    z, pos = molecules()[name]
    found = united(z, pos)
    assert sorted(found.counts[0, : len(counts)].tolist()) == counts
    lengths = found.hydrogens[found.used].norm(dim=1)
    assert len(lengths) == int((z == 1).sum())
    assert bool((lengths < 1.2).all())


def test_hydrogens_that_are_bound_to_none_stand_alone():
    z = torch.tensor([8, 1, 1, 1])
    pos = torch.tensor([[0.0, 0, 0], [0.96, 0, 0], [0, 3.0, 0], [0, 3.74, 0]])
    found = united(z, pos)
    assert found.number.tolist() == [3]
    assert found.counts[0, :3].tolist() == [1, 0, 0]
    assert ELEMENTS.numbers[found.kinds[0, :3]].tolist() == [8, 1, 1]


def test_a_fifth_hydrogen_stands_alone_and_it_is_the_farthest():
    z = torch.tensor([1, 6, 1, 1, 1, 1])
    pos = torch.tensor([[1.5, 0, 0], [0.0, 0, 0], [-1.0, 0, 0], [0, 1.0, 0], [0, -1.0, 0], [0, 0, 1.0]])
    found = united(z, pos)
    assert found.counts[0, :2].tolist() == [0, 4]
    assert found.pos[0, 0].tolist() == [1.5, 0, 0]


def test_hydrogens_at_equal_distances_are_all_kept():
    z = torch.tensor([6] + 6 * [1])
    pos = torch.cat([torch.zeros(1, 3), torch.eye(3), -torch.eye(3)])
    numbers, _, _ = united(z, pos).atoms(ELEMENTS.numbers)
    assert sorted(numbers.tolist()) == [1] * 6 + [6]


def test_too_many_are_refused_and_so_are_unknown_elements():
    z, pos = molecules()["C6H6"]
    with pytest.raises(ValueError, match=r"molecule 0: expected at most 5 heavy atoms, .* got 6"):
        united(z, pos, max_atoms=5)
    with pytest.raises(ValueError, match=r"z: expected elements that this model knows .* got Fe"):
        ELEMENTS(torch.tensor([26]))
    with pytest.raises(ValueError, match="elements: expected symbols of elements, none twice, got"):
        ElementKinds(("C", "C"))


@pytest.mark.parametrize("z", [[9, 1, 9], [8, 1, 9]])
def test_a_hydrogen_half_way_belongs_to_one_atom_whatever_the_order(z):
    pos = torch.tensor([[-1.14, 0.2, 0.1], [0.0, 0.0, 0.0], [1.14, -0.2, -0.1]], dtype=torch.float64)
    z, found = torch.tensor(z), []
    for order in ([0, 1, 2], [2, 1, 0], [1, 2, 0]):
        order = torch.tensor(order)
        anchor = order[membership(z[order], pos[order] + 1e-7 * torch.randn(3, 3), torch.zeros(3).long(), 1).anchor]
        found.append(int(anchor[order == 1]))
    assert found == [2, 2, 2]
