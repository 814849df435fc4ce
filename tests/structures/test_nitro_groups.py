"""Nitro groups drawn without a double bond, as the structures of FreeSolv have them."""

import csv

import pytest
from rdkit import Chem, rdBase

from tg_molfield.structures import read
from tg_molfield.structures.formats.sdf.nitro import settle_nitro_groups
from tg_molfield.structures.library import Library, smiles_of_entry


def drawn_without_double_bond(smiles: str) -> Chem.Mol:
    mol = Chem.RWMol(Chem.MolFromSmiles(smiles))
    Chem.Kekulize(mol, clearAromaticFlags=True)
    for match in mol.GetSubstructMatches(Chem.MolFromSmarts("[N+](=O)[O-]")):
        nitrogen, oxygen, _ = match
        mol.GetAtomWithIdx(nitrogen).SetFormalCharge(0)
        mol.GetAtomWithIdx(oxygen).SetFormalCharge(-1)
        mol.GetBondBetweenAtoms(nitrogen, oxygen).SetBondType(Chem.BondType.SINGLE)
    return mol


@pytest.mark.parametrize(
    "smiles", ["C[N+](=O)[O-]", "O=[N+]([O-])c1ccc([N+](=O)[O-])cc1", "CO[N+](=O)[O-]", "O=[N+]([O-])[O-]"]
)
def test_they_are_nitro_groups(smiles):
    mol = drawn_without_double_bond(smiles)
    assert Chem.GetFormalCharge(mol) < Chem.GetFormalCharge(Chem.MolFromSmiles(smiles))
    settle_nitro_groups(mol)
    with rdBase.BlockLogs():
        Chem.SanitizeMol(mol)
    assert Chem.MolToSmiles(mol) == Chem.CanonSmiles(smiles)


@pytest.mark.parametrize("smiles", ["CN([O-])C", "CN(C)[O-].[O-]C", "C[N+](=O)[O-]", "ON(O)C", "C[N+](C)(C)[O-]"])
def test_others_stay(smiles):
    mol = Chem.MolFromSmiles(smiles)
    settle_nitro_groups(mol)
    assert Chem.MolToSmiles(mol) == Chem.CanonSmiles(smiles)


def test_freesolv_is_neutral_and_has_its_smiles(data_dir):
    path = data_dir / "smallmol" / "freesolv.sdf.gz"
    assert not any(data.formal_charge.sum() for data in read(path))
    with (data_dir / "smallmol" / "freesolv.csv").open() as stream:
        given = [Chem.MolFromSmiles(row["smiles"]) for row in csv.DictReader(stream)]
    found = [Chem.MolFromSmiles(smiles_of_entry(entry)) for entry in Library(path)]
    plain = [[Chem.MolToSmiles(mol, isomericSmiles=False) for mol in mols] for mols in (found, given)]
    differ = [(one, other) for one, other in zip(*plain, strict=True) if one != other]
    assert differ == [("O=S1(=O)CCCC1", "[O-][S+2]1([O-])CCCC1")]
