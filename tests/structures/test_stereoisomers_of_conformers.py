"""Configurations that a SMILES leaves open."""

import pytest
from rdkit import Chem

from tg_molfield.structures import from_smiles, to_rdkit
from tg_molfield.structures.whole_molecule import canonical_smiles


@pytest.mark.parametrize(
    "smiles",
    [
        "FC(Cl)(Br)I",
        "CC(O)C(N)C(=O)O",
        "CC=CC",
        "OC1CCC(O)CC1",
        "C[C@H](O)C(N)C",
        "C[C@H](O)C=C/C=C/C",
        "CC(O)CC.CC(F)Cl",
    ],
)
def test_all_conformers_are_of_one_stereoisomer(smiles):
    found = {canonical_smiles(to_rdkit(data)) for data in from_smiles(smiles, conformers=8)}
    assert found == {canonical_smiles(to_rdkit(from_smiles(smiles)))}


def test_the_seed_chooses_it():
    assert len({canonical_smiles(to_rdkit(from_smiles("FC(Cl)(Br)I", seed=seed))) for seed in range(8)}) == 2


@pytest.mark.parametrize("smiles", ["C[C@H](O)[C@@H](N)C(=O)O", "C/C=C\\C", "O[C@H]1CC[C@@H](O)CC1"])
def test_what_the_smiles_gives_is_kept(smiles):
    for data in from_smiles(smiles, conformers=4):
        assert canonical_smiles(to_rdkit(data)) == Chem.CanonSmiles(smiles)
