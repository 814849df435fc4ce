import torch
from ase.build import bulk

from tg_molfield.chem.atoms import AtomList
from tg_molfield.chem.bonds import bonds, drawn_bonds


def test_bonds_by_covalent_radii():
    pos = torch.tensor([[0.0, 0.0, 0.1], [0.0, 0.76, -0.48], [0.0, -0.76, -0.48]])
    assert sorted(map(tuple, bonds(AtomList(torch.tensor([8, 1, 1]), pos)).tolist())) == [(0, 1), (0, 2)]


def test_dummy_and_single_atoms_have_no_bonds():
    assert bonds(AtomList(torch.tensor([0, 6]), torch.tensor([[0.0, 0, 0], [1.0, 0, 0]]))).shape == (0, 2)
    assert bonds(AtomList(torch.tensor([6]), torch.zeros(1, 3))).shape == (0, 2)


def test_metals_of_a_salt_are_drawn_without_bonds_to_each_other():
    salt = bulk("MgO", "rocksalt", a=4.21, cubic=True) * (2, 2, 2)
    atoms = AtomList(torch.from_numpy(salt.numbers), torch.from_numpy(salt.positions))
    kinds = [{tuple(sorted(atoms.z[list(pair)].tolist())) for pair in found(atoms)} for found in (bonds, drawn_bonds)]
    assert kinds == [{(8, 12), (12, 12)}, {(8, 12)}]
    metal = bulk("Cu", cubic=True) * (2, 2, 2)
    copper = AtomList(torch.from_numpy(metal.numbers), torch.from_numpy(metal.positions))
    assert len(drawn_bonds(copper)) == len(bonds(copper)) > 0
