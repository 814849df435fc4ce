"""Donors and acceptors do not depend on whether hydrogens are atoms of the molecule."""

import pytest
import torch
from rdkit import Chem
from rdkit.Chem import rdDistGeom

from tg_molfield.structures import from_rdkit

SMILES = [
    "CC(=O)O", "NC(=O)O", "CS(=O)(=O)O", "CP(=O)(O)O", "OC(=S)C", "CC(=O)NO", "CCO", "C[C@H](N)C(=O)O", "CC=N",
    "Oc1ccccc1", "c1c[nH]cn1", "C[NH3+]", "CC(=O)[O-]", "[2H]OC(C)=O", "[H][H]"
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:hydrogens:")
@pytest.mark.parametrize("smiles", SMILES)
def test_hydrogens_do_not_count_as_neighbours(smiles):
    whole = Chem.AddHs(Chem.MolFromSmiles(smiles))
    rdDistGeom.EmbedMolecule(whole, randomSeed=1)
    data = from_rdkit(whole, properties=["donor", "acceptor"])
    heavy = [atom.GetIdx() for atom in whole.GetAtoms() if atom.GetAtomicNum() > 1]
    bare = Chem.MolFromSmiles(smiles.replace("[2H]", ""))
    bare.AddConformer(Chem.Conformer(bare.GetNumAtoms()))
    positions = whole.GetConformer().GetPositions()[heavy] if heavy else whole.GetConformer().GetPositions()
    bare.GetConformer().SetPositions(positions)
    implicit = from_rdkit(bare, properties=["donor", "acceptor"])
    for name in ("donor", "acceptor"):
        assert torch.equal(data[name][heavy], implicit[name][: len(heavy)])
        assert not data[name][data.z == 1].any()


def test_the_hydroxyl_of_an_acid_is_a_donor_alone():
    mol = Chem.AddHs(Chem.MolFromSmiles("CC(=O)O"))
    rdDistGeom.EmbedMolecule(mol, randomSeed=1)
    data = from_rdkit(mol, properties=["donor", "acceptor"])
    assert data.acceptor[2:4].tolist() == [1, 0]
    assert data.donor[2:4].tolist() == [0, 1]
