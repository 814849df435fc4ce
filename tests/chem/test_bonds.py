import torch

from tg_molfield.chem.atoms import AtomList
from tg_molfield.chem.bonds import bonds


def test_bonds_by_covalent_radii():
    pos = torch.tensor([[0.0, 0.0, 0.1], [0.0, 0.76, -0.48], [0.0, -0.76, -0.48]])
    assert sorted(map(tuple, bonds(AtomList(torch.tensor([8, 1, 1]), pos)).tolist())) == [(0, 1), (0, 2)]


def test_dummy_and_single_atoms_have_no_bonds():
    assert bonds(AtomList(torch.tensor([0, 6]), torch.tensor([[0.0, 0, 0], [1.0, 0, 0]]))).shape == (0, 2)
    assert bonds(AtomList(torch.tensor([6]), torch.zeros(1, 3))).shape == (0, 2)
