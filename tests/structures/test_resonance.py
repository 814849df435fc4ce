import pytest
import torch
from rdkit import Chem
from torch_geometric.data import Data

from tg_molfield.structures import from_smiles, to_rdkit, with_properties
from tg_molfield.structures.resonance import with_usual_charges
from tg_molfield.structures.whole_molecule import canonical_smiles


def perceived(smiles):
    data = from_smiles(smiles, properties=("formal_charge",))
    charge = int(data.formal_charge.sum())
    return canonical_smiles(to_rdkit(Data(z=data.z, pos=data.pos), charge))


@pytest.mark.parametrize(
    "smiles",
    [
        "[N-]=[N+]=Nc1ccccc1",
        "[N-]=[N+]=Nc1ccc([N+](=O)[O-])cc1",
        "O=[N+]([O-])c1cc[n+]([O-])cc1",
        "CC(=O)C=[N+]=[N-]",
        "N#CC=[N+]=[N-]",
        "[O-][n+]1onc2ccccc21",
        "[N-]=[N+]=Nc1ccc(N=[N+]=[N-])cc1",
        "[O-][n+]1cc[n+]([O-])c2ccccc21",
        "[O-][n+]1ccc(-c2cc[n+]([O-])cc2)cc1",
    ],
)
def test_neutral_molecules_have_their_usual_structure(smiles):
    assert perceived(smiles) == Chem.CanonSmiles(smiles)


@pytest.mark.parametrize(
    "smiles",
    [
        "O=[N+]([O-])c1ccc([O-])cc1",
        "[N-]=[N+]=[N-]",
        "O=C1[N-]S(=O)(=O)c2ccccc21",
        "CC(=O)[N-]S(C)(=O)=O",
        "CS(=O)(=O)[N-]c1ccccc1",
        "[CH2-]c1ccccc1",
        "N#C[CH-]C#N",
        "C[n+]1ccccc1",
        "NC(N)=[NH2+]",
        "O=C1CSC(=O)[N-]1",
        "CNC(=O)[N-]S(C)(=O)=O",
        "CC(=O)[N-]O",
        "C[n+]1ccc(N)cc1",
        "Nc1cc[nH+]cc1",
        "c1c[nH]c[nH+]1",
    ],
)
def test_ions_have_their_usual_structure(smiles):
    assert perceived(smiles) == Chem.CanonSmiles(smiles)


@pytest.mark.parametrize(
    "smiles", ["[n-]1nnnc1", "c1ccc(cc1)-c1nn[n-]n1", "c1n[n-]cn1", "c1cn[n-]c1", "c1ccc2c(c1)[n-]nn2"]
)
def test_azoles_have_their_charge_at_nitrogen(smiles):
    data = from_smiles(smiles)
    found = with_properties(Data(z=data.z, pos=data.pos), ("formal_charge", "aromatic"), charge=-1)
    assert data.z[found.formal_charge != 0].tolist() == [7]
    torch.testing.assert_close(found.aromatic, data.aromatic)


@pytest.mark.parametrize("smiles", ["CC(=O)[O-]", "C[N+](C)(C)CC(=O)[O-]", "[C-]#[O+]", "c1cc[o+]cc1", "CCO"])
def test_structures_that_are_the_usual_ones_stay(smiles):
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    assert with_usual_charges(mol) is mol


def test_configurations_stay():
    smiles = "C[C@H](N=[N+]=[N-])c1ccc([N+](=O)[O-])cc1"
    assert perceived(smiles) == Chem.CanonSmiles(smiles)


@pytest.mark.parametrize(
    "smiles",
    [
        "O=[N+]([O-])c1ccc([N+](=O)[O-])cc1",
        "O=[N+]([O-])c1cccc([N+](=O)[O-])c1",
        "O=[N+]([O-])c1ccc2cc([N+](=O)[O-])ccc2c1",
        "Nc1ccc([N+](=O)[O-])cc1C(=O)O",
        "C[C@@H](N)c1cc([N+](=O)[O-])ccc1/C=C/[N+](=O)[O-]",
    ],
)
def test_bonds_do_not_depend_on_the_order_of_atoms(smiles):
    data = from_smiles(smiles, properties=())
    generator = torch.Generator().manual_seed(0)
    for order in (torch.arange(len(data.z)), torch.randperm(len(data.z), generator=generator)):
        mol = to_rdkit(Data(z=data.z[order], pos=data.pos[order], name="one"))
        assert mol.GetProp("_Name") == "one"
        assert canonical_smiles(mol) == Chem.CanonSmiles(smiles)
        assert [atom.GetAtomicNum() for atom in mol.GetAtoms()] == data.z[order].tolist()


def test_what_has_no_bonds_is_told_with_the_given_numbers_of_atoms():
    data = from_smiles("C[P+](C)(C)C", properties=())
    with pytest.raises(ValueError, match="valence of atom 1 "):
        to_rdkit(Data(z=data.z, pos=data.pos), charge=0)
