"""Salts from SMILES whose ions the force fields bring to a hydrogen, or drive off."""

import pytest
import torch
from rdkit import Chem

from tg_molfield import from_smiles
from tg_molfield.chem.ion_pairs import ion_pairs

SALTS = {
    "[K+].[OH-]": 2.32,
    "[Ca+2].[OH-].[OH-]": 2.08,
    "[Mg+2].[OH-].[OH-]": 1.74,
    "[Zn+2].[OH-].[OH-]": 1.85,
    "[Fe+3].[OH-].[OH-].[OH-]": 1.83,
    "[K+].[SH-]": 3.33,
    "[Na+].[SH-]": 2.93,
}
"""Å from the cation to the charged atom of each anion, by MMFF94."""


@pytest.mark.parametrize("smiles", SALTS)
@pytest.mark.parametrize("seed", [0, 1])
def test_anions_turn_their_charge_to_the_cation(smiles, seed):
    data = from_smiles(smiles, seed=seed)
    distances = (data.pos - data.pos[0]).norm(dim=1)
    anions = data.formal_charge < 0
    assert torch.allclose(distances[anions], torch.tensor(SALTS[smiles]), atol=0.02)
    assert distances[data.z == 1].min() > SALTS[smiles]


def test_every_conformer_is_a_salt():
    for data in from_smiles("[K+].[OH-]", conformers=3):
        assert float((data.pos[1] - data.pos[0]).norm()) == pytest.approx(2.32, abs=0.02)


def pairs_of(smiles):
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    return ion_pairs(Chem.GetMolFrags(mol), [atom.GetFormalCharge() for atom in mol.GetAtoms()])


def test_anions_go_where_charges_are_left():
    assert pairs_of("[Na+].[Ca+2].[Cl-].[Cl-].[Cl-].O") == [[(0,), (3,)], [(1,), (2,), (4,)]]
    assert pairs_of("[Na+].O") == []
    assert pairs_of("[NH4+].[OH-]") == []
