"""Strained cages, whose atoms are near each other across the cage without a bond."""

import pytest
import torch
from rdkit import Chem
from torch_geometric.data import Data

from tg_molfield.structures import from_smiles, to_rdkit
from tg_molfield.structures.whole_molecule import canonical_smiles


@pytest.mark.parametrize(
    "smiles",
    ["C1C2CC1C2", "OC(=O)C12CC(C1)(C2)c1ccccc1", "NC12CC(C1)C2", "C1C2C3C1C23", "C12C3C4C1C5C2C3C45", "C1C2CC12"],
)
def test_bonds_of_cages(smiles):
    data = from_smiles(smiles, properties=())
    found = canonical_smiles(to_rdkit(Data(z=data.z, pos=data.pos)))
    assert Chem.MolToSmiles(Chem.MolFromSmiles(found), isomericSmiles=False) == Chem.CanonSmiles(smiles)


def test_a_cage_that_lacks_a_hydrogen_is_refused():
    data = from_smiles("C1C2CC1C2", properties=())
    kept = torch.arange(len(data.z)) != int((data.z == 1).nonzero()[0])
    with pytest.raises(ValueError, match="check that every hydrogen is present"):
        to_rdkit(Data(z=data.z[kept], pos=data.pos[kept]))
