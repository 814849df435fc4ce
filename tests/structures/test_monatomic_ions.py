"""Salts keep their ions where bonds are perceived from positions."""

import pytest
import torch
from rdkit import Chem

from tg_molfield.compare import screen
from tg_molfield.structures import from_smiles, read, to_rdkit, with_properties


@pytest.mark.parametrize(
    "smiles",
    [
        "[Na+].[Cl-]",
        "CC(=O)[O-].[Na+]",
        "C[NH3+].[Br-]",
        "[Mg+2].[Cl-].[Cl-]",
        "[K+].[O-]c1ccccc1",
        "[I-].C[N+](C)(C)C",
    ],
)
def test_bonds_and_charges_of_a_salt(smiles):
    data = from_smiles(smiles)
    mol = to_rdkit(data)
    assert [atom.GetAtomicNum() for atom in mol.GetAtoms()] == data.z.tolist()
    assert [atom.GetFormalCharge() for atom in mol.GetAtoms()] == data.formal_charge.tolist()
    torch.testing.assert_close(torch.from_numpy(mol.GetConformer().GetPositions()).float(), data.pos)
    assert Chem.MolToSmiles(Chem.RemoveHs(mol)) == Chem.CanonSmiles(smiles)
    assert mol.GetProp("_Name") == smiles


def test_properties_of_a_salt():
    data = from_smiles("CC(=O)[O-].[Na+]")
    acceptors = data.acceptor.clone()
    del data.acceptor
    assert with_properties(data, ["acceptor"]).acceptor.tolist() == acceptors.tolist()


def test_a_charge_that_the_ions_do_not_have_is_refused():
    with pytest.raises(ValueError, match="expected bonds for Cl1 Na1 with net charge 1, RDKit got none"):
        to_rdkit(from_smiles("[Na+].[Cl-]"), charge=1)


def test_salts_among_hits_are_written_with_their_charges(tmp_path):
    salt = from_smiles("CC(=O)[O-].[Na+]")
    screen(salt, [salt], "shape").to_sdf(tmp_path / "hits.sdf")
    (found,) = read(tmp_path / "hits.sdf")
    assert found.formal_charge.tolist() == salt.formal_charge.tolist()
