import torch

from tg_molfield.chem.rotations import random_rotations


def test_random_rotations_are_proper():
    turns = random_rotations(50)
    torch.testing.assert_close(torch.linalg.det(turns), torch.ones(50).double())
    torch.testing.assert_close(turns @ turns.mT, torch.eye(3).double().expand(50, 3, 3))
