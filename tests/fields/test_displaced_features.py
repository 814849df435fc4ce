"""Features that stay behind where atoms are moved alone are told."""

import warnings

import pytest
import torch
from torch_geometric.data import Batch
from torch_geometric.transforms import Center, RandomJitter, RandomRotate

from tg_molfield import MolField, from_smiles, read
from tg_molfield.fields import DisplacedFeaturesWarning

FIELD = MolField("all", centers="color", widths=1.0)
SMILES = ("CC(=O)Nc1ccc(O)cc1", "OCC(N)C(=O)O", "CCO", "CCC")


@pytest.fixture(scope="module")
def molecules():
    return [from_smiles(smiles, color=True) for smiles in SMILES]


@pytest.mark.parametrize("index", [0, 1])
def test_features_left_behind_by_a_rotation_are_told(molecules, index):
    data = molecules[index].clone()
    data.pos = data.pos + 3
    data.color_pos = data.color_pos + 3
    torch.manual_seed(0)
    moved = RandomRotate((90, 180), axis=2)(data.clone())
    told = "data.color_pos: expected donors and acceptors at atoms, got 100% at none in molecule 0, .*with_color"
    with pytest.warns(DisplacedFeaturesWarning, match=told):
        FIELD(moved)
    with pytest.warns(DisplacedFeaturesWarning, match=told):
        FIELD(Center()(data.clone()))


def test_the_molecule_of_a_batch_is_named(molecules):
    moved = molecules[1].clone()
    moved.pos = moved.pos + torch.tensor([0.0, 0.0, 5.0])
    batch = Batch.from_data_list([molecules[0], moved, molecules[2]])
    with pytest.warns(DisplacedFeaturesWarning, match=r"in molecule 1 \(1 of 3 molecules\)"):
        FIELD(batch)


def test_features_of_whole_molecules_pass(molecules, data_dir):
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        FIELD(Batch.from_data_list(molecules))
        FIELD(RandomJitter(0.1)(molecules[0].clone()))
        for data in read(data_dir / "smallmol" / "freesolv.sdf.gz", color=True)[::20]:
            FIELD(data)


def test_features_of_periodic_molecules_may_lie_in_another_cell(molecules):
    data = molecules[2].clone()
    data.cell, data.pbc = 20 * torch.eye(3)[None], torch.tensor([[True, True, True]])
    data.pos = data.pos + torch.tensor([20.0, 0, 0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        FIELD(data)
