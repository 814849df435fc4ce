import warnings

import pytest
from rdkit import Chem, rdBase
from rdkit.Chem import rdDistGeom
from torch_geometric.data import Data

from tg_molfield.structures import StructureWarning, from_rdkit, from_smiles, to_rdkit, with_properties
from tg_molfield.structures.charge_pairs import doubtful_cation, without_charge_pairs
from tg_molfield.structures.rdkit_mol import perceived
from tg_molfield.structures.whole_molecule import canonical_smiles, whole_molecule


def bare(smiles):
    data = from_smiles(smiles, properties=())
    return Data(z=data.z, pos=data.pos)


@pytest.mark.parametrize(
    "smiles",
    [
        "CSC=O",
        "CSc1ccccc1C=O",
        "CS/C=C/C=O",
        "CS/C=C\\C=O",
        "S=C=S",
        "O=Cc1cccs1",
        "CSC(C)=S",
        "PP",
        "PPP",
        "CPPC",
        "C[C@H](F)SC=O",
        "CS(C)=O",
        "CC[S@](=O)c1ccccc1",
        "O=S=O",
        "O=S(O)O",
        "O=S(Cl)Cl",
        "C[Se](C)=O",
        "C[As](C)(C)=O",
    ],
)
def test_charges_that_a_shift_cancels_are_cancelled(smiles):
    assert canonical_smiles(to_rdkit(bare(smiles))) == Chem.CanonSmiles(smiles)
    assert canonical_smiles(whole_molecule(bare(smiles))) == Chem.CanonSmiles(smiles)


@pytest.mark.parametrize(
    "smiles",
    ["C[N+](=O)[O-]", "CN=[N+]=[N-]", "[C-]#[O+]", "[C-]#[N+]C", "O=[O+][O-]", "CN=C=S", "CSSC", "C[N+](C)(C)[O-]"],
)
def test_charges_that_belong_there_stay(smiles):
    assert canonical_smiles(to_rdkit(bare(smiles))) == Chem.CanonSmiles(smiles)


@pytest.mark.parametrize("smiles", ["C[n+]1ccc(-c2ccc([O-])cc2)cc1", "O=c1cccccc1", "C[n+]1cccc([O-])c1"])
def test_aromatic_rings_are_not_given_up_for_charges(smiles):
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    assert without_charge_pairs(mol) is mol


def test_what_cannot_be_sanitized_stays_as_it_was():
    mol = Chem.AddHs(Chem.MolFromSmiles("C[S+]=C[B-](C)(C)C"))
    with rdBase.BlockLogs():
        assert without_charge_pairs(mol) is mol


@pytest.mark.parametrize(
    ("smiles", "atom"),
    [
        ("C[S+]=CC[O-]", 1),
        ("C[O+]=CC[O-]", 1),
        ("C[S+]=C", None),
        ("C[CH+]CC[O-]", 1),
        ("[O-][I+2]([O-])[c-]1[cH+][cH-][cH+][cH-][cH+]1", 4),
        ("C[CH+]C", None),
        ("[C-]#[O+]", None),
        ("C[O+]=CC[N+](=O)[O-]", None),
        ("C[S+]=C.[Cl-]", None),
        ("C[n+]1ccccc1.[O-]C", None),
    ],
)
def test_which_cations_are_doubtful(smiles, atom):
    assert doubtful_cation(Chem.MolFromSmiles(smiles)) == atom


def test_separated_charges_that_stay_are_told():
    mol = Chem.AddHs(Chem.MolFromSmiles("C[S+]=CC[O-]"))
    rdDistGeom.EmbedMolecule(mol, randomSeed=1)
    data = from_rdkit(mol, properties=())
    assert doubtful_cation(perceived(data)) == 1
    with pytest.warns(StructureWarning, match=r"got S\+ with a multiple bond \(atom 1\) beside an anion"):
        to_rdkit(data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        whole_molecule(data)


def test_properties_of_a_perceived_sulfoxide_are_those_of_its_smiles():
    names = ("formal_charge", "tpsa", "logp")
    perceived_data, given = with_properties(bare("CS(C)=O"), names), from_smiles("CS(C)=O", properties=names)
    for name in names:
        assert perceived_data[name].tolist() == pytest.approx(given[name].tolist())
