"""Bond orders between united atoms, as targets of a network."""

import torch
from ase.build import molecule
from torch_geometric.data import Batch, Data

from tg_molfield.nn.ops.united_atoms import membership
from tg_molfield.structures import from_ase, with_bonds
from tg_molfield.training.bond_targets import bond_error, bond_targets


def targets(batch: Data, size: int, number: int) -> torch.Tensor:
    member = membership(batch.z, batch.pos, batch.batch, number)
    heavy = torch.bincount(batch.batch[batch.z > 1], minlength=number)
    return bond_targets(batch, batch.batch, member, torch.arange(size) < heavy.unsqueeze(1))


def test_bonds_of_heavy_atoms_are_wanted_and_others_are_none():
    batch = Batch.from_data_list([with_bonds(from_ase(molecule(name))) for name in ("CH3CHO", "HCN")])
    found = targets(batch, 4, 2)
    kinds = [batch.z[(batch.batch == row) & (batch.z > 1)].tolist() for row in (0, 1)]
    carbonyl = kinds[0].index(8)
    assert found[0, carbonyl, :3].sum() - found[0, carbonyl, carbonyl] == 2
    assert found[1, 0, 1] == found[1, 1, 0] == 3
    assert (found.diagonal(dim1=1, dim2=2) < 0).all()
    assert (found[0, 3] < 0).all()
    assert torch.equal(found, found.transpose(1, 2))


def test_a_hydrogen_between_two_heavy_atoms_makes_no_bond_of_them():
    data = Data(z=torch.tensor([14, 1, 7]), pos=torch.tensor([[0.0, 0, 0], [1.35, 0, 0], [2.6, 0, 0]]))
    data.edge_index, data.bond_order = torch.tensor([[0, 1], [1, 0]]), torch.tensor([1, 1])
    assert targets(Batch.from_data_list([data]), 2, 1)[0, 0, 1] == 0


def test_errors_are_those_of_atoms_in_another_order():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 3, 3, 4, generator=generator)
    orders = torch.tensor([[[-100, 1, 2], [1, -100, 0], [2, 0, -100]], [[-100, 3, -100], [3, -100, -100], [-100] * 3]])
    place = torch.tensor([[2, 0, 1], [1, 0, 2]])
    expected = 0.0
    for row in range(2):
        for one in range(3):
            for two in range(3):
                wanted = int(orders[row, place[row, one], place[row, two]])
                if wanted >= 0:
                    expected -= float(logits[row, one, two].log_softmax(0)[wanted])
    torch.testing.assert_close(float(bond_error(logits, orders, place)), expected)
