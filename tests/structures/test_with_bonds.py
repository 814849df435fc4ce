"""Bonds that are added to molecules."""

import pytest
import torch
from ase.build import molecule
from torch_geometric.data import Batch, Data

from tg_molfield.structures import from_ase, from_smiles, with_bonds
from tg_molfield.structures.keys import validate


def bonds(data: Data) -> dict[tuple[int, int], int]:
    return dict(zip(map(tuple, data.edge_index.T.tolist()), data.bond_order.tolist(), strict=True))


def test_bonds_have_both_directions_and_their_orders():
    data = from_ase(molecule("C2H4"))
    found = with_bonds(data)
    assert "edge_index" not in data
    heavy = (found.z > 1).nonzero()[:, 0].tolist()
    given = bonds(found)
    assert given[tuple(heavy)] == given[tuple(heavy[::-1])] == 2
    assert sorted(given.values()) == [1] * 8 + [2] * 2
    assert all(given[two, one] == order for (one, two), order in given.items())
    assert validate(found) is found


def test_aromatic_rings_have_single_and_double_bonds_in_turn():
    found = with_bonds(from_smiles("c1ccccc1"))
    carbon = (found.z[found.edge_index] == 6).all(0)
    orders = torch.zeros(found.num_nodes, dtype=torch.long).index_add(
        0, found.edge_index[0, carbon], found.bond_order[carbon]
    )
    assert orders[found.z == 6].tolist() == [3] * 6
    assert sorted(found.bond_order[carbon].tolist()) == [1] * 6 + [2] * 6


def test_batches_number_atoms_on():
    one, two = with_bonds(from_smiles("O")), with_bonds(from_smiles("C#N"))
    batch = Batch.from_data_list([one, two])
    assert torch.equal(batch.edge_index, torch.cat([one.edge_index, two.edge_index + 3], dim=1))
    again = batch.to_data_list()[1]
    assert torch.equal(again.edge_index, two.edge_index)
    assert torch.equal(again.bond_order, two.bond_order)


def test_other_edges_are_left_out():
    data = from_smiles("CO")
    data.edge_index, data.edge_attr = torch.tensor([[0, 1], [1, 0]]), torch.ones(2, 4)
    found = with_bonds(data)
    assert "edge_attr" not in found
    assert found.edge_index.size(1) == found.bond_order.numel() == 10


def test_one_atom_has_none():
    found = with_bonds(Data(z=torch.tensor([10]), pos=torch.zeros(1, 3)))
    assert (list(found.edge_index.shape), list(found.bond_order.shape)) == ([2, 0], [0])
    assert found.edge_index.dtype == found.bond_order.dtype == torch.int64


def test_wrong_bonds_are_told():
    with pytest.raises(ValueError, match="data: expected bonds for"):
        with_bonds(Data(z=torch.tensor([6, 1]), pos=torch.tensor([[0.0, 0, 0], [1.1, 0, 0]])))
    found = with_bonds(from_smiles("O"))
    found.bond_order = found.bond_order[:3]
    with pytest.raises(
        ValueError, match=r"bond_order: expected shape \[E\] with E = 4 bonds in both directions, got \[3\]"
    ):
        validate(found)
