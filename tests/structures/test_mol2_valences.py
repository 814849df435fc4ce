"""MOL2 records that lack hydrogens: which open valences are charges, and which are hydrogens."""

import warnings

import pytest
from mol2_records import read_made
from rdkit import Chem
from rdkit.Chem import Crippen

from tg_molfield.structures import StructureWarning

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*formal_charge. expected charges in the section UNITY_ATOM_ATTR"),
    pytest.mark.filterwarnings("ignore:.*hydrogens. expected those that the valences need"),
    pytest.mark.filterwarnings("ignore:.*formal_charge. expected charges, or hydrogens also beside carbon"),
]
PROPERTIES = ("formal_charge", "donor", "acceptor", "logp")


RING = "1-2:ar 2-3:ar 3-4:ar 4-5:ar 5-1:ar"
METHYL = "1-6:1 1-7:1 1-8:1"
METHYL5 = "1-5:1 1-6:1 1-7:1"
SIX = "1-2:ar 2-3:ar 3-4:ar 4-5:ar 5-6:ar 6-1:ar"


def check_against(smiles, data):
    mol = Chem.MolFromSmiles(smiles)
    assert data.formal_charge.sum() == Chem.GetFormalCharge(mol)
    assert sorted(data.formal_charge[data.z > 1].tolist()) == sorted(atom.GetFormalCharge() for atom in mol.GetAtoms())
    waters = len(mol.GetSubstructMatches(Chem.MolFromSmarts("[OH2;+0]")))  # which Lipinski's patterns leave out
    assert data.donor.sum() == len(mol.GetSubstructMatches(Chem.Lipinski.HDonorSmarts)) + waters
    assert data.acceptor.sum() == len(mol.GetSubstructMatches(Chem.Lipinski.HAcceptorSmarts)) + waters
    assert float(data.logp.sum()) == pytest.approx(Crippen.MolLogP(mol))


@pytest.mark.parametrize(
    ("kinds", "bonds", "smiles"),
    [
        ("O.3 C.3 C.3 N.3", "1-2:1 2-3:1 3-4:1", "OCCN"),
        ("C.3 C.2 O.2 N.am", "1-2:1 2-3:2 2-4:am", "CC(=O)N"),
        ("C.3 C.2 O.2 O.3", "1-2:1 2-3:2 2-4:1", "CC(=O)O"),
        ("C.3 C.2 O.co2 O.co2", "1-2:1 2-3:ar 2-4:ar", "CC([O-])=O"),
        ("C.3 S.3", "1-2:1", "CS"),
        ("C.3 C.2 N.2", "1-2:1 2-3:2", "CC=N"),
        ("C.3 N.4", "1-2:1", "C[NH3+]"),
        ("C.3 N.3 C.3 C.3 C.3", "1-2:1 2-3:1 2-4:1 2-5:1", "C[N+](C)(C)C"),
        ("C.cat N.pl3 N.pl3 N.pl3 C.3", "1-2:ar 1-3:ar 1-4:ar 4-5:1", "C(=[NH2+])(N)NC"),
        ("C.3 C.cat N.pl3 N.pl3", "1-2:1 2-3:ar 2-4:ar", "CC(N)=[NH2+]"),
        ("C.3 N.pl3 O.2 O.2", "1-2:1 2-3:2 2-4:2", "C[N+](=O)[O-]"),
        ("C.3 N.2 N.1 N.1", "1-2:1 2-3:1 3-4:3", "C[N-][N+]#N"),
        ("C.3 N.2 N.1 N.1", "1-2:1 2-3:2 3-4:2", "CN=[N+]=[N-]"),
        ("C.3 N.1 C.1", "1-2:1 2-3:3", "C[N+]#[C-]"),
        ("C.3 N.4 C.3 C.3 O.3", "1-2:1 2-3:1 2-4:1 2-5:1", "C[N+](C)(C)[O-]"),
        ("C.ar C.ar C.ar C.ar C.ar N.ar", SIX, "c1ccccn1"),
        ("C.ar C.ar C.ar C.ar C.ar N.ar O.2", f"{SIX} 6-7:1", "c1cccc[n+]1[O-]"),
        ("C.ar C.ar C.ar C.ar N.pl3", RING, "c1ccc[nH]1"),
        ("C.ar C.ar N.ar C.ar N.pl3", RING, "c1cnc[nH]1"),
        ("C.2 C.2 N.2 C.2 N.pl3", "1-2:2 2-3:1 3-4:2 4-5:1 5-1:1", "c1cnc[nH]1"),
        ("C.3 S.o2 O.2 O.2 O.3", "1-2:1 2-3:2 2-4:2 2-5:1", "CS(=O)(=O)O"),
        ("C.3 O.3 P.3 O.co2 O.co2 O.co2", "1-2:1 2-3:1 3-4:ar 3-5:ar 3-6:ar", "COP(=O)([O-])[O-]"),
        ("C.3 P.3 O.co2 O.co2 O.3", "1-2:1 2-3:ar 2-4:ar 2-5:1", "CP(=O)([O-])O"),
        ("C.2 O.co2 O.co2 O.co2", "1-2:ar 1-3:ar 1-4:ar", "C(=O)([O-])[O-]"),
        ("S.o2 O.co2 O.co2 O.co2 O.co2", "1-2:ar 1-3:ar 1-4:ar 1-5:ar", "S(=O)(=O)([O-])[O-]"),
        ("P.3 O.co2 O.co2 O.co2 O.co2", "1-2:2 1-3:1 1-4:1 1-5:1", "P(=O)([O-])([O-])[O-]"),
        ("C.3 O.3 P.3 O.2 O.co2 O.co2", "1-2:1 2-3:1 3-4:2 3-5:1 3-6:1", "COP(=O)([O-])[O-]"),
        ("C.3 P.3 O.2 O.co2 O.3", "1-2:1 2-3:2 2-4:1 2-5:1", "CP(=O)([O-])O"),
        ("C.3 C.2 O.co2 O.3", "1-2:1 2-3:2 2-4:1", "CC(=O)O"),
        ("C.3 S.O2 O.2 O.2 O.co2", "1-2:1 2-3:2 2-4:2 2-5:1", "CS(=O)(=O)[O-]"),
        ("C.3 S.O O.2 C.3", "1-2:1 2-3:2 2-4:1", "CS(=O)C"),
        ("C.3 B O.3 O.3", "1-2:1 2-3:1 2-4:1", "CB(O)O"),
        ("C.3 Si", "1-2:1", "C[SiH3]"),
        ("O.3", "", "O"),
    ],
)
def test_records_without_hydrogens_are_as_their_smiles(tmp_path, kinds, bonds, smiles):
    check_against(smiles, read_made(tmp_path, kinds, bonds, properties=PROPERTIES, color=True))


@pytest.mark.parametrize(
    ("kinds", "charge"), [("C.3 O.3", -1), ("C.3 N.3", 1), ("C.3 S.3", -1), ("C.3 N.4", 1), ("C.3 O.3", 0)]
)
def test_charges_that_a_record_without_hydrogens_states(tmp_path, kinds, charge):
    extra = f"@<TRIPOS>UNITY_ATOM_ATTR\n2 1\ncharge {charge}\n"
    data = read_made(tmp_path, kinds, "1-2:1", extra=extra, properties=PROPERTIES)
    symbol = {1: f"[{kinds[4]}H3+]", -1: f"[{kinds[4]}-]", 0: kinds[4]}[charge]
    assert float(data.logp.sum()) == pytest.approx(Crippen.MolLogP(Chem.MolFromSmiles(f"C{symbol}")))


def test_anions_that_the_charge_column_confirms_are_kept(tmp_path):
    kinds, bonds = "N.pl3 O.2 O.2 O.2", "1-2:2 1-3:1 1-4:1"
    data = read_made(tmp_path, kinds, bonds, [0.8, -0.6, -0.6, -0.6], properties=PROPERTIES)
    assert data.formal_charge.tolist() == [1, 0, -1, -1]


def test_anions_in_records_with_hydrogens_are_kept_but_not_impossible_ones(tmp_path):
    bonds = "1-2:1 1-3:1 1-4:1 1-5:1"
    assert read_made(tmp_path, "C.3 S.3 H H H", bonds, properties=PROPERTIES).formal_charge.tolist() == [0, -1, 0, 0, 0]
    water = read_made(tmp_path, "C.3 O.3 H H H O.3", bonds, properties=PROPERTIES)
    assert water.formal_charge.tolist() == [0, -1, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("kinds", "bonds", "smiles"),
    [
        ("C.3 C.3 O.3 H", "1-2:1 2-3:1 3-4:1", "CCO"),
        ("C.ar C.ar C.ar C.ar C.ar C.ar O.3 H", f"{SIX} 1-7:1 7-8:1", "c1ccccc1O"),
        ("C.3 C.2 O.2 N.am H H", "1-2:1 2-3:2 2-4:am 4-5:1 4-6:1", "CC(=O)N"),
    ],
)
def test_united_atoms_have_implicit_hydrogens(tmp_path, kinds, bonds, smiles):
    data = read_made(tmp_path, kinds, bonds, properties=PROPERTIES)
    assert not data.formal_charge.any()
    assert float(data.logp.sum()) == pytest.approx(Crippen.MolLogP(Chem.MolFromSmiles(smiles)))


@pytest.mark.parametrize(
    ("kinds", "bonds", "smiles"),
    [
        ("C.3 N.3 C.3 H H H H H H", "1-2:1 2-3:1 1-4:1 1-5:1 1-6:1 3-7:1 3-8:1 3-9:1", "CNC"),
        ("C.3 C.2 O.2 N.am C.3 H H H H H H", f"1-2:1 2-3:2 2-4:am 4-5:1 {METHYL} 5-9:1 5-10:1 5-11:1", "CC(=O)NC"),
        ("C.3 C.3 O.3 O.3 H H H H", "1-2:1 1-3:1 2-4:1 1-5:1 1-6:1 2-7:1 2-8:1", "OCCO"),
        ("C.3 C.2 N.2 H H H H", "1-2:1 2-3:2 1-4:1 1-5:1 1-6:1 2-7:1", "CC=N"),
        ("C.ar C.ar C.ar C.ar N.pl3 H H H H", f"{RING} 1-6:1 2-7:1 3-8:1 4-9:1", "c1ccc[nH]1"),
        ("C.cat N.pl3 N.pl3 N.pl3 C.3 H H H", "1-2:ar 1-3:ar 1-4:ar 4-5:1 5-6:1 5-7:1 5-8:1", "C(=[NH2+])(N)NC"),
        ("C.3 C.2 O.co2 O.co2 H H H", f"1-2:1 2-3:ar 2-4:ar {METHYL5}", "CC([O-])=O"),
        ("C.3 N.pl3 O.2 O.2 H H H", f"1-2:1 2-3:2 2-4:2 {METHYL5}", "C[N+](=O)[O-]"),
        ("C.3 N.2 N.1 N.1 H H H", f"1-2:1 2-3:1 3-4:3 {METHYL5}", "C[N-][N+]#N"),
    ],
)
def test_records_without_polar_hydrogens_are_as_their_smiles(tmp_path, kinds, bonds, smiles):
    check_against(smiles, read_made(tmp_path, kinds, bonds, properties=PROPERTIES, color=True))


@pytest.mark.parametrize(("kinds", "count"), [("C.3 N.3 H H H", 2), ("C.ar C.ar C.ar C.ar N.pl3 H H H H", 1)])
def test_missing_polar_hydrogens_are_counted(tmp_path, kinds, count):
    bonds = f"{RING} 1-6:1 2-7:1 3-8:1 4-9:1" if count == 1 else "1-2:1 1-3:1 1-4:1 1-5:1"
    with pytest.warns(StructureWarning, match=f"expected those that the valences need, got {count} too few"):
        read_made(tmp_path, kinds, bonds)


@pytest.mark.parametrize(("kinds", "bonds"), [("C.3 O.3 H H H", "1-2:1 1-3:1 1-4:1 1-5:1")])
def test_one_open_valence_beside_hydrogens_at_carbon_is_told(tmp_path, kinds, bonds):
    with pytest.warns(StructureWarning, match=r"got an open valence at 'O'; -1 was taken, add the hydrogen"):
        data = read_made(tmp_path, kinds, bonds, properties=["donor"])
    assert not data.donor.any()


MALONATE = "C.3 C.2 C.2 O.2 O.3 O.2 O.3 H H", "1-2:1 1-3:1 2-4:2 2-5:1 3-6:2 3-7:1 1-8:1 1-9:1"


def test_oxygens_of_groups_that_have_hydrogens_are_neutral(tmp_path):
    bonds = "1-2:ar 1-3:ar 1-4:1 1-5:1 4-6:1 5-7:1"
    data = read_made(tmp_path, "P.3 O.co2 O.co2 O.co2 O.co2 H H", bonds, properties=PROPERTIES)
    assert sorted(data.formal_charge[:3].tolist()) == [-1, 0, 0]
    assert not data.formal_charge[3:].any()


def test_several_open_valences_beside_hydrogens_at_carbon_are_told(tmp_path):
    told = r"formal_charge: expected charges, .*open valence at 'O' \(and 1 more\); hydrogen without charge was taken"
    with pytest.warns(StructureWarning, match=told):
        data = read_made(tmp_path, *MALONATE, properties=PROPERTIES)
    assert not data.formal_charge.any()


def test_dianions_that_a_record_with_hydrogens_at_carbon_states(tmp_path):
    extra = "@<TRIPOS>UNITY_ATOM_ATTR\n5 1\ncharge -1\n7 1\ncharge -1\n"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = read_made(tmp_path, *MALONATE, extra=extra, properties=PROPERTIES)
    check_against("C(C(=O)[O-])C(=O)[O-]", data)


@pytest.mark.filterwarnings("error::tg_molfield.structures.StructureWarning")
def test_anions_that_are_sure_are_not_told(tmp_path):
    bonds = "1-2:1 1-3:1 1-4:1 1-5:1"
    read_made(tmp_path, "C.3 O.3 H H H", bonds, [-0.3, -1.0, 0.1, 0.1, 0.1], properties=["donor"])
    extra = "@<TRIPOS>UNITY_ATOM_ATTR\n2 1\ncharge -1\n"
    read_made(tmp_path, "C.3 O.3 H H H", bonds, extra=extra, properties=["donor"])
    hydroxide = "C.3 O.3 H H H O.3 H"
    read_made(tmp_path, hydroxide, f"{bonds} 6-7:1", properties=["donor"])


@pytest.mark.parametrize(
    ("kinds", "bonds", "hydrogens"),
    [
        ("C.ar C.ar C.ar C.ar N.pl3 H H H H", f"{RING} 1-6:1 2-7:1 3-8:1 4-9:1", 1),
        ("C.3 S.o C.3 O.3 H H H H H H", "1-2:1 2-3:1 2-4:1 1-5:1 1-6:1 1-7:1 3-8:1 3-9:1 3-10:1", 0),
    ],
)
def test_pyrrole_and_sulfoxides_with_charges_are_not_told_as_anions(tmp_path, kinds, bonds, hydrogens):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        read_made(tmp_path, kinds, bonds, properties=["donor"])
    told = [str(one.message) for one in caught]
    assert not any("open valence" in one for one in told)
    assert sum("the valences need" in one for one in told) == hydrogens


def test_missing_hydrogens_are_counted(tmp_path):
    ethanol = "C.3 C.3 O.3 H"
    with pytest.warns(StructureWarning, match="expected those that the valences need, got 5 too few, .* lack them"):
        read_made(tmp_path, ethanol, "1-2:1 2-3:1 3-4:1")
    with pytest.warns(StructureWarning, match="expected those that the valences need, got none of 6"):
        read_made(tmp_path, "C.3 C.3 O.3", "1-2:1 2-3:1")


@pytest.mark.filterwarnings("error::tg_molfield.structures.StructureWarning")
@pytest.mark.parametrize(
    ("kinds", "bonds"),
    [("C.3 S.3 H H H", "1-2:1 1-3:1 1-4:1 1-5:1"), ("C.2 O.2 H H", "1-2:2 1-3:1 1-4:1"), ("O.3 H H Na", "1-2:1 1-3:1")],
)
def test_complete_records_are_silent(tmp_path, kinds, bonds):
    read_made(tmp_path, kinds, bonds)
