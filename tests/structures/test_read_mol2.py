"""MOL2 as people write it: charges of the file, force-field types, comments, titles, sections in any order."""

import re
import time

import numpy as np
import pytest
import torch
from rdkit import Chem
from rdkit.Chem import Crippen

from tg_molfield.structures import PROPERTIES, DroppedKeysWarning, StructureWarning, from_rdkit, read, to_rdkit
from tg_molfield.structures.formats.mol2.types import element_of

WATER = [("O", "O.3", "-0.834"), ("H1", "H", "0.417"), ("H2", "H", "0.417")]
PLACES = [(0.0, 0.0, 0.1173), (0.0, 0.7572, -0.4692), (0.0, -0.7572, -0.4692), (2.1, 0.3, 0.2), (-2.2, 0.1, 0.4)]


def mol2(atoms=WATER, bonds=((1, 2, "1"), (1, 3, "1")), title="m", charge_type="USER_CHARGES", extra=""):
    rows = "".join(
        f"{i} {name} {' '.join(map(str, place))} {kind} 1 LIG {charge}\n"
        for i, ((name, kind, charge), place) in enumerate(zip(atoms, PLACES, strict=False), start=1)
    )
    ends = "".join(f"{i} {a} {b} {kind}\n" for i, (a, b, kind) in enumerate(bonds, start=1))
    return (
        f"@<TRIPOS>MOLECULE\n{title}\n{len(atoms)} {len(bonds)} 1 0 0\nSMALL\n{charge_type}\n\n"
        f"@<TRIPOS>ATOM\n{rows}{extra}@<TRIPOS>BOND\n{ends}"
    )


def read_text(tmp_path, text, **options):
    path = tmp_path / "made.mol2"
    path.write_text(text)
    return read(path, dtype=torch.float64, **options)


ACETATE = """@<TRIPOS>MOLECULE
acetate
 7 6 1 0 0
SMALL
GASTEIGER

@<TRIPOS>ATOM
      1 C1        0.8888    0.0410   -0.0200 C.3    1 LIG -0.0252
      2 C2        0.3894    1.3831   -0.5268 C.2    1 LIG 0.0387
      3 O1       -0.3295    1.3341   -1.5632 O.co2  1 LIG -0.5501
      4 O2        0.7592    2.3789    0.1566 O.co2  1 LIG -0.5501
      5 H1        0.5354   -0.7789   -0.6526 H      1 LIG 0.0289
      6 H2        0.5288   -0.1291    0.9991 H      1 LIG 0.0289
      7 H3        1.9828    0.0282   -0.0170 H      1 LIG 0.0289
@<TRIPOS>UNITY_ATOM_ATTR
4 1
charge -1
@<TRIPOS>BOND
     1 1 2 1
     2 2 3 ar
     3 2 4 ar
     4 1 5 1
     5 1 6 1
     6 1 7 1
"""


def test_formal_charges_are_those_of_the_file(tmp_path):
    data = read_text(tmp_path, ACETATE)[0]
    assert data.formal_charge.tolist() == [0, 0, 0, -1, 0, 0, 0]
    assert Chem.MolToSmiles(Chem.RemoveHs(to_rdkit(data))) == "CC(=O)[O-]"


def test_formal_charges_that_the_file_does_not_give_are_left_out(tmp_path):
    text = re.sub(r"@<TRIPOS>UNITY_ATOM_ATTR\n4 1\ncharge -1\n", "", ACETATE)
    data = read_text(tmp_path, text)[0]
    assert set(data.keys()) == {"z", "pos", "name", "partial_charge"}
    with pytest.raises(ValueError, match=r"with net charge 0, RDKit got none .*; give the net charge as charge="):
        to_rdkit(data, charge=0)
    assert Chem.MolToSmiles(Chem.RemoveHs(to_rdkit(data, charge=-1))) == "CC(=O)[O-]"
    assert Chem.GetFormalCharge(to_rdkit(data)) == round(float(data.partial_charge.sum())) == -1


def test_formal_charges_that_are_asked_for_are_said_to_be_derived(tmp_path):
    text = re.sub(r"@<TRIPOS>UNITY_ATOM_ATTR\n4 1\ncharge -1\n", "", ACETATE)
    with pytest.warns(StructureWarning, match="formal_charge: expected charges in the section UNITY_ATOM_ATTR"):
        data = read_text(tmp_path, text, properties=["formal_charge"])[0]
    assert data.formal_charge.sum() == -1


def test_records_with_and_without_formal_charges_share_their_keys(tmp_path):
    with pytest.warns(DroppedKeysWarning, match="expected formal_charge in every record, got none in record 2"):
        molecules = read_text(tmp_path, ACETATE + mol2())
    assert all("formal_charge" not in data for data in molecules)


@pytest.mark.parametrize(
    ("section", "charges"),
    [
        ("1 2\nAtomExpr [#8]\ncharge +1\n3 1\ncharge   -1\n", [1, 0, -1]),
        ("# none\n2 1\nCHARGE 1\n\n", [0, 1, 0]),
        ("1 1\nAtomExpr [#8]\n", None),
        ("", None),
    ],
)
def test_attributes_of_atoms(tmp_path, section, charges):
    data = read_text(tmp_path, mol2(extra=f"@<TRIPOS>UNITY_ATOM_ATTR\n{section}"))[0]
    assert ("formal_charge" in data) == (charges is not None)
    assert charges is None or data.formal_charge.tolist() == charges


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("1\n", "expected an atom and its number of attributes, got '1'"),
        ("1 x\n", "expected an atom and its number of attributes"),
        ("1 1\ncharge high\n", "expected a charge of atom 1 up to 99, got 'high'"),
        ("1 1\ncharge -inf\n", "expected a charge of atom 1 up to 99, got '-inf'"),
        ("1 1\ncharge 1e9\n", "expected a charge of atom 1 up to 99, got '1e9'"),
        ("9 1\ncharge 1\n", "expected atoms of the record, got '9'"),
        ("1 99999999999999999999\ncharge 1\n", None),
    ],
)
def test_attributes_that_are_none(tmp_path, section, message):
    text = mol2(extra=f"@<TRIPOS>UNITY_ATOM_ATTR\n{section}")
    if message is None:
        assert read_text(tmp_path, text)[0].formal_charge.tolist() == [1, 0, 0]
        return
    with pytest.raises(ValueError, match=rf"record 1 \('m'\): UNITY_ATOM_ATTR: {message}"):
        read_text(tmp_path, text)


def test_charges_of_the_file_win_over_computed_ones(tmp_path):
    chosen = [name for name in PROPERTIES if name != "formal_charge"]
    data = read_text(tmp_path, mol2(), properties=chosen)[0]
    assert data.partial_charge.tolist() == [-0.834, 0.417, 0.417]
    expected = from_rdkit(to_rdkit(data), properties=chosen, dtype=torch.float64)
    assert expected.partial_charge[0] == pytest.approx(-0.411, abs=1e-3)
    for name in chosen:
        assert name == "partial_charge" or data[name].tolist() == pytest.approx(expected[name].tolist()), name


def test_charges_are_computed_where_the_file_has_none(tmp_path):
    text = mol2(charge_type="NO_CHARGES")
    assert "partial_charge" not in read_text(tmp_path, text)[0]
    computed = read_text(tmp_path, text, properties="partial_charge")[0].partial_charge
    assert computed[0] == pytest.approx(-0.411, abs=1e-3)
    with pytest.warns(StructureWarning, match="the file's in some records and computed ones"):
        read_text(tmp_path, mol2() + text, properties="partial_charge")


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("", ""),
        ("  ", ""),
        ("set_NO_CHARGES_7", "set_NO_CHARGES_7"),
        ("# made by hand\n\n# twice", ""),
        ("#1 ligand", "#1 ligand"),
        ("# comment\nm", "m"),
        ("1234", "1234"),
        ("m\n# counts follow", "m"),
        ("C:\\ligands\\", "C:\\ligands\\"),
        ("a @<TRIPOS>MOLECULE", "a @<TRIPOS>MOLECULE"),
    ],
)
def test_titles(tmp_path, title, name):
    first, second = read_text(tmp_path, mol2(title=title) + mol2(title="next"))
    assert (first.name, second.name) == (name, "next")
    assert first.partial_charge.tolist() == [-0.834, 0.417, 0.417]


def test_a_title_that_is_missing(tmp_path):
    assert read_text(tmp_path, mol2().replace("\nm\n", "\n", 1))[0].name == ""


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("@<TRIPOS>BOND", "# bonds follow\n@<TRIPOS>BOND"),
        lambda text: text.replace("2 H1", "# the hydrogens\n\n2 H1"),
        lambda text: text.replace("O.3 1", "O.3 \\\n1"),
        lambda text: text.replace("1 O 0.0", "1 O \\\n 0.0"),
        lambda text: "# a\n" + text + "# the end\n",
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "@<TRIPOS>COMMENT\nof the file\n" + text + "@<TRIPOS>SUBSTRUCTURE\n1 LIG 1\n",
        lambda text: text.replace("@<TRIPOS>ATOM", "@<TRIPOS>FF_PBC\n1 2 3\n@<TRIPOS>ATOM"),
        lambda text: re.sub(r"(@<TRIPOS>ATOM\n(?:\d.*\n)+)(@<TRIPOS>BOND\n(?:\d.*\n)+)", r"\2\1", text),
        lambda text: re.sub(r"(LIG \S+)\n", r"\1 BACKBONE|DICT\n", text),
        lambda text: re.sub(r"(LIG \S+)\n", r"\1 ****\n", text),
        lambda text: text.replace("LIG", "LIG 12"),
        lambda text: text.replace("0.7572", "7.572D-01"),
        lambda text: text.replace("USER_CHARGES", "GASTEIGER"),
        lambda text: text.replace("USER_CHARGES\n", "\n"),
        lambda text: text.replace("3 2 1 0 0", "   3"),
        lambda text: text.removesuffix("\n"),
    ],
)
def test_the_same_record_written_otherwise(tmp_path, change):
    text = change(mol2())
    assert text != mol2()
    path = tmp_path / "made.mol2"
    path.write_bytes(text.encode())
    (data,) = read(path, dtype=torch.float64)
    assert data.z.tolist() == [8, 1, 1]
    assert data.pos.tolist() == [list(place) for place in PLACES[:3]]
    assert data.partial_charge.tolist() == [-0.834, 0.417, 0.417]
    assert data.name == "m"


@pytest.mark.parametrize(
    ("change", "keys"),
    [
        (lambda text: text.replace("USER_CHARGES", "no_charges"), set()),
        (lambda text: re.sub(r" 1 LIG \S+\n", "\n", text), set()),
        (lambda text: re.sub(r"LIG \S+\n", "LIG\n", text), set()),
    ],
)
def test_records_without_charges(tmp_path, change, keys):
    data = read_text(tmp_path, change(mol2()))[0]
    assert set(data.keys()) == {"z", "pos", "name"} | keys


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("-0.834", ""), "expected a charge in every atom row, got '' for atom 1"),
        (lambda text: text.replace("-0.834", "x"), "expected a charge in every atom row, got 'x' for atom 1"),
        (lambda text: text.replace("-0.834", "nan"), "expected finite numbers"),
    ],
)
def test_charges_that_do_not_fit_are_left_out_with_a_warning(tmp_path, change, message):
    with pytest.warns(StructureWarning, match=f"partial_charge: {message}.* left out"):
        data = read_text(tmp_path, change(mol2()))[0]
    assert "partial_charge" not in data


def test_charges_that_are_all_zero_are_told(tmp_path):
    with pytest.warns(StructureWarning, match=r"partial_charge: expected charges that differ from 0, .* USER_CHARGES"):
        data = read_text(tmp_path, re.sub(r"LIG \S+", "LIG 0.0", mol2()))[0]
    assert data.partial_charge.tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("kind", "name", "is_bonded", "number"),
    [
        ("C.ar", "C1", True, 6),
        ("C.AR", "C1", True, 6),
        ("c.3", "X", True, 6),
        ("CL", "CL1", True, 17),
        ("Cl", "C1", True, 17),
        ("cl", "Cl1", True, 17),
        ("BR", "Q", True, 35),
        ("CL.x", "Q", True, 17),
        ("Ca", "CA", False, 20),
        ("Ca", "Q", None, 20),
        ("ca", "C7", True, 6),
        ("ca", "CA", True, 6),
        ("CA", "CG", True, 6),
        ("no", "N1", True, 7),
        ("na", "N2", True, 7),
        ("cd", "CD1", True, 6),
        ("ne", "N", None, 7),
        ("ni", "N9", True, 7),
        ("ho", "HO", True, 1),
        ("hs", "HS1", True, 1),
        ("os", "O3", True, 8),
        ("pb", "P1", True, 15),
        ("Os", "O4", True, 8),
        ("Ho", "H4O", True, 1),
        ("OS", "O4'", True, 8),
        ("c3", "C1", True, 6),
        ("2C", "CB", True, 6),
        ("C*", "CG", True, 6),
        ("N*", "N9", True, 7),
        ("OW", "O", True, 8),
        ("IM", "CL", False, 17),
        ("IP", "NA", False, 11),
        ("C0", "CA", False, 20),
        ("Na+", "NA", False, 11),
        ("Cl-", "CL", False, 17),
        ("Zn2+", "ZN", False, 30),
        ("ZN", "ZN", False, 30),
        ("D", "D1", True, 1),
        ("Co.oh", "CO", True, 27),
        ("S.o2", "S1", True, 16),
        ("N.pl3", "N1", True, 7),
        ("B", "B1", True, 5),
        ("k", "K1", False, 19),
    ],
)
def test_elements_of_types_that_are_sure(kind, name, is_bonded, number):
    assert element_of(kind, name, is_bonded) == (number, "")


@pytest.mark.parametrize(
    ("kind", "name", "is_bonded", "number"),
    [
        ("CA", "CA", False, 20),
        ("ca", "CA", False, 20),
        ("CA", "CA", None, 6),
        ("NA", "NA", False, 11),
        ("Os", "OS1", True, 76),
        ("w", "O1", True, 74),
    ],
)
def test_elements_of_types_that_are_guessed_are_told(kind, name, is_bonded, number):
    found, note = element_of(kind, name, is_bonded)
    assert found == number
    assert note.startswith(f"elements: expected Sybyl types, got {kind!r} for the atom named {name!r}")


def test_guessed_elements_warn(tmp_path):
    atoms = [("C1", "ca", "0.1"), ("CL1", "cl", "-0.1"), ("N1", "no", "0.0"), ("CA", "CA", "2.0")]
    with pytest.warns(StructureWarning, match=r"record 1 \('m'\): elements: .* 'CA' for .* 'CA', .* taken as Ca"):
        data = read_text(tmp_path, mol2(atoms))[0]
    assert data.z.tolist() == [6, 17, 7, 20]


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("Du", "got the dummy type 'Du'; remove the atom"),
        ("DU.C", "got the dummy type 'DU.C'"),
        ("Hal", "got the dummy type 'Hal'"),
        ("CG2R61", "got 'CG2R61'; write Sybyl types"),
        ("opls_145", "got 'opls_145'"),
        ("Q.3", "got 'Q.3'"),
        ("?", r"got '\?'"),
    ],
)
def test_types_without_an_element_name_the_atom(tmp_path, kind, message):
    atoms = [WATER[0], ("H1", kind, "0.417"), WATER[2]]
    with pytest.raises(ValueError, match=rf"record 1 \('m'\): atom 2 'H1': expected .*{message}"):
        read_text(tmp_path, mol2(atoms))


def test_lone_pairs_are_no_atoms(tmp_path):
    atoms = [("O", "O.3", "0.0"), *WATER[1:], ("EP", "EP", "-0.834"), ("L", "LP", "0.0")]
    bonds = ((1, 2, "1"), (1, 3, "1"), (1, 4, "1"), (1, 5, "1"))
    with pytest.warns(StructureWarning, match=r"got -0.834 e at lone pairs or extra points; they were left out"):
        data = read_text(tmp_path, mol2(atoms, bonds), properties=["tpsa"])[0]
    assert data.z.tolist() == [8, 1, 1]
    assert data.tpsa.tolist() == pytest.approx([31.5, 0, 0], abs=0.01)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.split("3 H2")[0], "atoms: expected 3 by line 3 of the record, got 2"),
        (lambda text: text.split("@<TRIPOS>BOND")[0], "bonds: expected 2 by line 3 of the record, got 0"),
        (lambda text: text.split("2 1 3 1")[0], "bonds: expected 2 by line 3 of the record, got 1"),
        (lambda text: text.replace("3 2 1", "x 2 1"), "line 3 of the record: expected the number of atoms first"),
        (lambda text: text.replace("3 2 1", "9" * 9000), "atoms: expected 9999999999 by line 3"),
        (lambda text: text.replace("0.7572 -0.4692 H 1 LIG 0.417", ""), "atom line 2: expected number, name, x, y, z"),
        (lambda text: text.replace("0.7572", "O.7572"), "atom line 2: expected x, y and z after the name, got '2 H1"),
        (lambda text: text.replace("0.7572", "1_0.5"), "atom line 2: expected x, y and z after the name"),
        (lambda text: text.replace("0.7572", "nan"), "pos: expected finite positions"),
        (lambda text: "@<TRIPOS>MOLECULE\n", "line 3 of the record: expected the number of atoms first, got ''"),
    ],
)
def test_records_that_are_broken(tmp_path, change, message):
    with pytest.raises(ValueError, match=message) as caught:
        read_text(tmp_path, change(mol2()))
    assert len(str(caught.value)) < 400


GAFF = [("N1", "n4", "0.4"), *((f"H{i}", "hn", "0.15") for i in range(4))]
TO_ALL = tuple((1, i, "1") for i in range(2, 6))


@pytest.mark.parametrize("header", ["@<TRIPOS>MOLECULE'", "@<TRIPOSMOLECULE", "#@<TRIPOS>MOLECULE"])
@pytest.mark.parametrize("place", [0, 1])
def test_no_record_is_lost_with_its_header(tmp_path, header, place):
    records = [mol2(title="a"), mol2(title="b")]
    records[place] = records[place].replace("@<TRIPOS>MOLECULE", header)
    with pytest.raises(ValueError, match=r"made\.mol2: (record|line) .*: expected "):
        read_text(tmp_path, "".join(records))


def test_no_record_is_lost_with_all_its_headers(tmp_path):
    damaged = mol2(title="b").replace("\n", "\N{GREEK SMALL LETTER PI}\n")
    with pytest.raises(
        ValueError, match=r"record 1 \('a'\): section: expected a name of the format, got '@<TRIPOS>MOLECULEπ'"
    ):
        read_text(tmp_path, mol2(title="a") + damaged)


def test_properties_of_force_field_types_need_charges_and_bonds(tmp_path):
    with pytest.raises(ValueError, match=r"properties: expected .* write Sybyl types, or SDF"):
        read_text(tmp_path, mol2(GAFF, TO_ALL), properties=["donor"])
    charged = mol2(GAFF, TO_ALL, extra="@<TRIPOS>UNITY_ATOM_ATTR\n1 1\ncharge 1\n")
    data = read_text(tmp_path, charged, properties=["formal_charge", "tpsa"])[0]
    assert data.formal_charge.tolist() == [1, 0, 0, 0, 0]
    assert data.tpsa[0] == pytest.approx(36.5, abs=0.01)
    with pytest.raises(ValueError, match=r"properties: expected bonds and charges that complete every valence"):
        read_text(tmp_path, mol2(GAFF[:4], TO_ALL[:2]), properties=["donor"])


@pytest.mark.parametrize("bond", ["1 1 9 1", "1 1 2 nc", "1 1", "1 1 1 1", "1 3 1 2"])
def test_properties_need_bonds_between_atoms(tmp_path, bond):
    text = mol2().replace("1 1 2 1\n", f"{bond}\n")
    assert read_text(tmp_path, text)[0].z.tolist() == [8, 1, 1]
    with pytest.raises(ValueError, match=r"bonds: expected two other atoms each and a type .* got "):
        read_text(tmp_path, text, properties=["tpsa"])


def test_atoms_numbered_otherwise(tmp_path):
    text = mol2().replace("\n1 O", "\n70 O").replace("1 1 2 1", "1 70 2 1").replace("2 1 3 1", "2 70 3 1")
    assert read_text(tmp_path, text, properties=["tpsa"])[0].tpsa[0] == pytest.approx(31.5, abs=0.01)


def test_a_record_without_hydrogens_is_told(tmp_path):
    atoms = [("C1", "C.3", "0.1"), ("C2", "C.3", "-0.1")]
    with pytest.warns(StructureWarning, match="hydrogens: expected those that the valences need, got none"):
        data = read_text(tmp_path, mol2(atoms, ((1, 2, "1"),)), properties=["logp"])[0]
    assert float(data.logp.sum()) == pytest.approx(Crippen.MolLogP(Chem.MolFromSmiles("CC")))


@pytest.mark.filterwarnings("ignore:.*hydrogens. expected those that the valences need")
def test_a_drawing_is_told(tmp_path):
    atoms = [("C1", "C.3", "0.1"), ("C2", "C.3", "0.1"), ("C3", "C.3", "0.1"), ("H", "H", "-0.3")]
    text = mol2(atoms, ((1, 2, "1"), (1, 3, "1"), (1, 4, "1")))
    flat = re.sub(r"(\d \S+ \S+ \S+) \S+ (\S+ 1 LIG)", r"\1 0.0 \2", text)
    with pytest.warns(StructureWarning, match="pos: expected a molecule with saturated carbon to extend"):
        read_text(tmp_path, flat)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\nm\n", "\n" + "#\n" * 500_000 + "m\n"),
        lambda text: text.replace("-0.834", "-0.834" + " ****" * 300_000),
        lambda text: text.replace("H 1 LIG 0.417\n3", "H 1 LIG \\\n" + "\\\n" * 500_000 + "0.417\n3"),
        lambda text: text + "@<TRIPOS>UNITY_ATOM_ATTR\n" + "1 999999999\n" * 100_000,
        lambda text: text + "@<TRIPOS>SET\n" * 100_000,
    ],
)
def test_long_records_take_linear_time(tmp_path, change):
    start = time.perf_counter()
    data = read_text(tmp_path, change(mol2()))[0]
    assert data.partial_charge.tolist() == [-0.834, 0.417, 0.417]
    assert time.perf_counter() - start < 5


def test_every_record_as_rdkit_reads_it(data_dir):
    path = data_dir / "screening" / "fabp4" / "crystal_ligand.mol2"
    mol = Chem.MolFromMol2File(str(path), sanitize=False, removeHs=False)
    data = read(path, dtype=torch.float64)[0]
    assert data.z.tolist() == [atom.GetAtomicNum() for atom in mol.GetAtoms()]
    np.testing.assert_array_equal(data.pos, mol.GetConformer().GetPositions())
    charges = [float(atom.GetProp("_TriposPartialCharge")) for atom in mol.GetAtoms()]
    assert data.partial_charge.tolist() == charges
