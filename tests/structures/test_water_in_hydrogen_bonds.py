"""Water gives and takes hydrogen bonds, though Lipinski's patterns, made for drugs, leave it out."""

import pytest
from rdkit import Chem
from rdkit.Chem import rdDistGeom

from tg_molfield.structures import from_rdkit, from_smiles


@pytest.mark.parametrize(("smiles", "oxygens"), [("O", 1), ("CCO.O", 2), ("[2H]O[2H]", 1), ("O.O.O", 3)])
def test_water_is_donor_and_acceptor(smiles, oxygens):
    data = from_smiles(smiles)
    for name in ("donor", "acceptor"):
        assert data[name].sum() == oxygens
        assert data[name][data.z == 8].all()


@pytest.mark.filterwarnings("ignore:hydrogens:")
def test_water_with_implicit_hydrogens_is_too():
    mol = Chem.MolFromSmiles("O")
    rdDistGeom.EmbedMolecule(mol, randomSeed=1)
    data = from_rdkit(mol)
    assert data.donor.tolist() == data.acceptor.tolist() == [1]


@pytest.mark.parametrize("smiles", ["[OH-]", "[OH3+]", "S", "O=O"])
def test_others_are_as_the_patterns_say(smiles):
    assert not from_smiles(smiles).donor.any()
