"""Bonds are no attributes of atoms, even where there are as many edges as atoms."""

import torch
from torch_geometric.data import Data

from tg_molfield import FieldPath, MolField
from tg_molfield.compare import pocket
from tg_molfield.structures import from_smiles, with_bonds
from tg_molfield.structures.keys import is_per_atom


def nitrogen_and_hydrogen_fluoride() -> Data:
    """4 atoms and 4 edges: triple bond and single bond."""
    pos = torch.tensor([[0.0, 0, 0], [1.1, 0, 0], [0, 3.0, 0], [0.92, 3.0, 0.0]], dtype=torch.float64)
    edge_index = torch.tensor([[0, 1, 2, 3], [1, 0, 3, 2]])
    return Data(z=torch.tensor([7, 7, 9, 1]), pos=pos, edge_index=edge_index, bond_order=torch.tensor([3, 3, 1, 1]))


def test_bond_orders_of_a_diatomic_molecule():
    data = with_bonds(from_smiles("F"))
    data.custom = torch.tensor([0.5, 0.1])
    assert data.is_node_attr("bond_order")
    assert not is_per_atom(data, "bond_order")
    assert not is_per_atom(data, "edge_index")
    assert not is_per_atom(data, "name")
    assert all(is_per_atom(data, name) for name in ("z", "pos", "donor", "custom"))


def test_bond_orders_stay_at_their_bonds_where_a_path_renumbers_atoms():
    first = nitrogen_and_hydrogen_fluoride()
    last = Data(z=first.z[[2, 3, 0, 1]], pos=first.pos[[2, 3, 0, 1]], edge_index=first.edge_index)
    last.bond_order = torch.tensor([1, 1, 3, 3])
    end = FieldPath([first, last], MolField("H N F"), match="field").data(1)
    assert end.z.tolist() == [7, 7, 9, 1]
    triple = end.edge_index[:, end.bond_order == 3]
    assert end.z[triple].tolist() == [[7, 7], [7, 7]]


def test_a_pocket_leaves_bonds_out():
    data = nitrogen_and_hydrogen_fluoride()
    data.part = torch.tensor([0, 0, 1, 1])
    assert set(pocket(data, 6.0).keys()) == {"z", "pos", "part"}
