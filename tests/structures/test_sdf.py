import time
from contextlib import suppress

import numpy as np
import pytest
import torch
from rdkit import Chem, RDLogger
from rdkit.Chem import rdDistGeom

from tg_molfield.structures import SkippedRecordsWarning, StructureWarning, from_rdkit, from_smiles, read

WATER = """water
  program         3D

  3  2  0  0  0  0  0  0  0  0999 V2000
    0.0000    0.0000    0.1170 O   0  0
    0.0000    0.7570   -0.4690 H   0  0
    0.0000   -0.7570   -0.4690 H   0  0
  1  2  1  0
  1  3  1  0
M  END
"""
WATER_V3000 = """water
  program         3D

  0  0  0     0  0            999 V3000
M  V30 BEGIN CTAB
M  V30 COUNTS 3 2 0 0 0
M  V30 BEGIN ATOM
M  V30 1 O 0 0 0.117 0
M  V30 2 H 0 -
M  V30 0.757 -0.469 0
M  V30 3 H 0 -0.757 -0.469 0
M  V30 END ATOM
M  V30 BEGIN BOND
M  V30 1 1 1 2
M  V30 2 1 1 3
M  V30 END BOND
M  V30 END CTAB
M  END
"""


def sdf(tmp_path, text: str):
    path = tmp_path / "some.sdf"
    path.write_text(text)
    return path


def molblock(smiles: str, code: str, positions=None) -> str:
    """A MOL block with hydrogens, at its own conformer or at ``positions``, with a dimension code of choice."""
    data = from_smiles(smiles, dtype=torch.float64)
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    conformer = Chem.Conformer(mol.GetNumAtoms())
    conformer.SetPositions(data.pos.numpy() if positions is None else positions)
    mol.AddConformer(conformer)
    lines = Chem.MolToMolBlock(mol, kekulize=True).split("\n")
    lines[1] = f"     program        {code}"
    return "\n".join(lines)


def in_plane(smiles: str) -> np.ndarray:
    """The geometry of a planar molecule in the plane z = 0."""
    pos = from_smiles(smiles, dtype=torch.float64).pos.numpy()
    pos = pos - pos.mean(0)
    rotated = pos @ np.linalg.svd(pos)[2].T
    return rotated * [1, 1, 0]


@pytest.mark.parametrize("smiles", ["O", "c1ccccc1", "C=C", "C#N", "[H][H]", "O=C=O", "C=O", "N#N", "Oc1ccccc1"])
def test_planar_molecules_of_a_quantum_program_are_geometries(tmp_path, smiles):
    flat = in_plane(smiles)
    (data,) = read(sdf(tmp_path, molblock(smiles, "", flat)), dtype=torch.float64)
    np.testing.assert_allclose(data.pos, flat, atol=1e-4)


@pytest.mark.parametrize("smiles", ["O", "c1ccccc1", "C=C", "OO", "C1CCCCC1", "CCO"])
@pytest.mark.parametrize("bond_length", [1.5, 0.825])
def test_drawings_with_hydrogens_are_no_geometries(tmp_path, smiles, bond_length):
    from rdkit.Chem import rdDepictor

    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    rdDepictor.Compute2DCoords(mol)
    pos = mol.GetConformer().GetPositions() * bond_length / 1.5
    path = sdf(tmp_path, molblock(smiles, "", pos))
    with pytest.raises(ValueError, match=r"got a 2D drawing; .*give dimension=3 \(command: --dimension 3"):
        read(path)
    assert len(read(path, dimension=3)) == 1


def test_a_code_of_2d_can_be_overruled(tmp_path):
    path = sdf(tmp_path, molblock("c1ccccc1", "2D", in_plane("c1ccccc1")))
    with pytest.raises(ValueError, match="2D drawing"):
        read(path)
    assert read(path, dimension=3)[0].num_nodes == 12


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_saturated_carbon_in_one_plane_warns_whatever_the_header_says(tmp_path, axis):
    from rdkit.Chem import rdDepictor

    mol = Chem.AddHs(Chem.MolFromSmiles("OC1CCCCC1"))
    rdDepictor.Compute2DCoords(mol)
    pos = np.roll(mol.GetConformer().GetPositions(), axis, axis=1)
    with pytest.warns(StructureWarning, match=r"record 1: pos: expected .*saturated carbon.* all atoms in one plane"):
        read(sdf(tmp_path, molblock("OC1CCCCC1", "3D", pos)))


def test_a_drawing_whose_header_says_3d_warns(data_dir):
    with pytest.warns(StructureWarning) as caught:
        read(data_dir / "reports" / "B51.sdf")
    assert sorted(str(warning.message).split(": ")[2] for warning in caught) == ["hydrogens", "pos"]


def test_water_without_a_code(data_dir):
    assert read(data_dir / "reports" / "B52.sdf")[0].z.tolist() == [8, 1, 1]


def test_a_saturated_molecule_in_space_does_not_warn(tmp_path):
    assert read(sdf(tmp_path, molblock("OC1CCCCC1", "")))[0].num_nodes == 19


def test_dimension_is_checked(tmp_path):
    path = sdf(tmp_path, WATER)
    with pytest.raises(ValueError, match="dimension: expected 3 or None, got 2"):
        read(path, dimension=2)
    (tmp_path / "a.xyz").write_text("1\n\nC 0 0 0\n")
    with pytest.raises(ValueError, match=r"format with drawings for dimension \(.sdf, .mol\), got .xyz"):
        read(tmp_path / "a.xyz", dimension=3)


@pytest.mark.parametrize(("smiles", "lacks"), [("CCO", True), ("O=C=O", False), ("ClC(Cl)(Cl)Cl", False), ("O", True)])
def test_missing_hydrogens_are_told_where_the_valences_need_some(tmp_path, smiles, lacks, recwarn):
    mol = Chem.MolFromMolBlock(molblock(smiles, "3D"))
    read(sdf(tmp_path, Chem.MolToMolBlock(mol)))
    assert [bool("hydrogens: expected" in str(warning.message)) for warning in recwarn] == [True] * lacks


@pytest.mark.parametrize(
    ("between", "records"), [("$$$$\n", 2), ("$$$$  \n", 2), (" $$$$\n", 2), ("> <a>\n$$$ 5\n\n$$$$\n", 2)]
)
def test_ends_of_records(tmp_path, between, records):
    assert len(read(sdf(tmp_path, WATER + between + WATER))) == records


@pytest.mark.parametrize("block", [WATER, WATER_V3000])
@pytest.mark.parametrize("between", ["", "$$$\n", "> <a>\n1\n\n", "> <a>\n1\n", "> <a>\n1\n\n$$$\n", "$$\n"])
def test_a_missing_end_of_record_is_no_lost_record(tmp_path, block, between):
    path = sdf(tmp_path, WATER + "$$$$\n" + block + between + block + "$$$$\n" + WATER)
    with pytest.raises(ValueError, match=r"record 2 .*MOL block: expected one before .* put '\$\$\$\$' between"):
        read(path)
    with pytest.warns(SkippedRecordsWarning, match="expected 3 readable records, got 2"):
        assert len(read(path, errors="skip")) == 2


@pytest.mark.parametrize("cut", range(5, 10))
def test_a_block_without_its_end_does_not_swallow_the_next(tmp_path, cut):
    start = "\n".join(WATER.split("\n")[:cut]) + "\n"
    with pytest.raises(ValueError, match=r"record 1 .*expected"):
        read(sdf(tmp_path, start + WATER))


@pytest.mark.parametrize("cut", [*range(1, 17)])
def test_a_v3000_block_cut_short(tmp_path, cut):
    with pytest.raises(ValueError, match=r"record 1 .*expected .*; "):
        read(sdf(tmp_path, "\n".join(WATER_V3000.split("\n")[:cut]) + "\n"))


def test_a_record_without_atoms_and_one_without_lines(tmp_path):
    empty = "none\n\n\n  0  0  0  0  0  0  0  0  0  0999 V2000\nM  END\n"
    with pytest.raises(ValueError, match=r"record 1 \('none'\): atoms: expected at least 1, got none"):
        read(sdf(tmp_path, empty))
    with pytest.raises(ValueError, match="record 2: MOL block: expected at least 4 lines, got 0"):
        read(sdf(tmp_path, WATER + "$$$$\n$$$$\n" + WATER))


@pytest.mark.parametrize("block", [WATER, WATER_V3000])
@pytest.mark.parametrize("lines", [2, 4])
def test_header_of_another_length(tmp_path, block, lines):
    text = block.split("\n", 1)[1] if lines == 2 else "\n" + block
    with pytest.raises(ValueError, match=rf"header: expected 3 lines before the counts line, got {lines}"):
        read(sdf(tmp_path, text))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("    0.7570", "   1_0.757", r"atom line 2: expected y in columns 11 to 20, got '1_0.757'"),
        ("    0.7570", "    ٠.7570", "atom line 2: expected y"),
        ("    0.7570", "\t   0.7570", "atom line 2: expected"),
        ("    0.7570", "      -inf", "atom line 2: expected a finite y, got -inf"),
        ("    0.1170 O", "    0.11700O", "atom line 1: expected a blank in column 31"),
        ("  3  2  0", "  2  2  0", "bond line 1: expected two atoms from 1 to 2"),
        ("  3  2  0", "  3  1  0", "counts line: expected all atoms and bonds in '  3  1', got more"),
        ("  3  2  0", "  ٣  2  0", "counts line: expected the numbers"),
        ("  1  3  1  0", "  1  4  1  0", "bond line 2: expected two atoms from 1 to 3"),
    ],
)
def test_fields_that_are_no_numbers_or_do_not_fit(tmp_path, old, new, message):
    assert old in WATER
    with pytest.raises(ValueError, match=message):
        read(sdf(tmp_path, WATER.replace(old, new, 1)))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("COUNTS 3 2", "COUNTS 2 2", "atoms: expected 2 by the counts line, got 3"),
        ("COUNTS 3 2", "COUNTS 3 3", "bonds: expected 3 by the counts line, got 2"),
        ("COUNTS 3 2", "COUNTS x 2", "counts line: expected"),
        ("COUNTS 3 2 0 0 0", "COUNTS", "counts line: expected"),
        ("0 -\n", "0\n", "atoms: expected 3 by the counts line, got 4"),
        ("0.117 0", "0.1_17 0", "atom line 1: expected z in its field, got '0.1_17'"),
        ("0.117 0", "nan 0", "atom line 1: expected a finite z, got nan"),
        ("1 O 0", "1 Qq 0", "atom line 1: expected a chemical element, got 'Qq'"),
        ("END ATOM", "END ATOMS", "expected one section"),
    ],
)
def test_faults_of_v3000(tmp_path, old, new, message):
    assert old in WATER_V3000
    with pytest.raises(ValueError, match=message):
        read(sdf(tmp_path, WATER_V3000.replace(old, new, 1)))


def test_v3000_continued_lines_and_line_ends(tmp_path):
    expected = torch.tensor([[0, 0, 0.117], [0, 0.757, -0.469], [0, -0.757, -0.469]])
    for end in ("\n", "\r\n", "\r"):
        path = tmp_path / "ends.sdf"
        path.write_bytes((WATER_V3000 + "$$$$\n" + WATER).replace("\n", end).encode())
        for data in read(path):
            assert torch.equal(data.pos, expected)


def test_counts_and_coordinates_that_touch(tmp_path):
    atoms = "".join(f"{1000 + i:10.4f}{-1000 - i:10.4f}{2 * i + 1000.5:10.4f} C   0\n" for i in range(100))
    bonds = "".join(f"{i + 1:3d}{(i + 1) % 100 + 1:3d}  2  0\n" for i in range(100)) + "".join(
        f"{i + 1:3d}{i + 51:3d}  1  0\n" for i in range(10)
    )
    text = f"t\n                    3D\n\n100110  0  0  0  0  0  0  0  0999 V2000\n{atoms}{bonds}M  END\n"
    (data,) = read(sdf(tmp_path, text), dtype=torch.float64)
    assert data.pos[7].tolist() == [1007.0, -1007.0, 1014.5]


def test_tags_that_occur_twice_or_have_two_lines_are_no_numbers(tmp_path):
    text = WATER + ">  <one> (1)\n1.5\n\n> 25 <two>\n1\n2\n\n> <three>\n1\n\n> <three>\n2\n\n> <four>\n\n$$$$\n"
    path = sdf(tmp_path, text)
    assert read(path, labels="one")[0].one.tolist() == [1.5]
    for name in ("two", "three", "four"):
        with pytest.raises(ValueError, match=f"label '{name}': expected a number"):
            read(path, labels=name)


@pytest.mark.parametrize("name", ["freesolv", "gdb1k_300", "pdb_ligands_300"])
def test_atoms_are_those_of_rdkit(data_dir, name):
    import gzip

    RDLogger.DisableLog("rdApp.*")
    path = data_dir / "smallmol" / f"{name}.sdf.gz"
    with gzip.open(path) as stream:
        supplier = Chem.ForwardSDMolSupplier(stream, sanitize=False, removeHs=False)
        for mol, data in zip(supplier, read(path, dtype=torch.float64), strict=True):
            assert [atom.GetAtomicNum() for atom in mol.GetAtoms()] == data.z.tolist()
            np.testing.assert_array_equal(mol.GetConformer().GetPositions(), data.pos)
    RDLogger.EnableLog("rdApp.*")


@pytest.mark.parametrize("space", [" ", "\u2028", "\u00a0"])
def test_a_space_in_a_number_of_a_v3000_block_is_refused(tmp_path, space):
    path = tmp_path / "a.mol"
    path.write_text(WATER_V3000.replace("3 H 0 -0.757 ", f"3 H 0 -0.{space}757 "), encoding="utf-8")
    with pytest.raises(ValueError, match=r"atom line 3: expected index, element, x, y, z and whole-number map, got"):
        read(path)


HOSTILE = {
    "a long tag": WATER + "> <text>\n" + 60_000 * ("x" * 80 + "\n") + "\n$$$$\n",
    "a tag of brackets": WATER + ">" + "<" * 60_000 + "\n\n$$$$\n",
    "a long line of digits": WATER.replace("M  END", "1" * 80 + "!\nM  END"),
    "numbers far apart": WATER.replace("M  END", (" " * 3000 + "1.0") * 3 + " " * 3000 + "!\nM  END"),
    "a long continued line": WATER_V3000.replace("0.117 0", "0.117 0 -" + 60_000 * ("\nM  V30 " + "A" * 70 + "-")),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_long_lines_take_linear_time(tmp_path, text):
    start = time.perf_counter()
    with suppress(ValueError):
        read(sdf(tmp_path, text))
    assert time.perf_counter() - start < 5


def test_formal_charges_do_not_depend_on_other_properties(tmp_path):
    mol = Chem.AddHs(Chem.MolFromSmiles("C[N+](=O)[O-]"))
    rdDistGeom.EmbedMolecule(mol, randomSeed=1)
    drawn = Chem.RWMol(mol)
    for atom in drawn.GetAtoms():
        atom.SetFormalCharge(0)
    drawn.GetBondBetweenAtoms(1, 3).SetBondType(Chem.BondType.DOUBLE)
    path = tmp_path / "nitromethane.sdf"
    path.write_text(Chem.MolToMolBlock(drawn, kekulize=False) + "$$$$\n")
    for properties in (None, ("formal_charge",), ("formal_charge", "aromatic")):
        charges = read(path, properties=properties)[0].formal_charge
        assert sorted(charges.tolist()) == [-1, 0, 0, 0, 0, 0, 1]
        assert charges[1] == 1
        assert torch.equal(charges, from_rdkit(drawn, properties=("formal_charge",)).formal_charge)
    assert drawn.GetAtomWithIdx(1).GetFormalCharge() == 0


@pytest.mark.filterwarnings("ignore:hydrogens:")
def test_formal_charges_of_what_is_not_sanitized():
    drawn = Chem.MolFromSmiles("C(C)(C)(C)(C)CN(=O)=O", sanitize=False)
    conformer = Chem.Conformer(9)
    conformer.SetPositions(np.random.default_rng(0).normal(size=(9, 3)) * 3)
    conformer.Set3D(True)
    drawn.AddConformer(conformer)
    charges = from_rdkit(drawn, properties=("formal_charge",)).formal_charge
    assert sorted(charges.tolist()) == [-1, *[0] * 7, 1]


def test_hydrogens_that_are_partly_missing_are_counted(tmp_path):
    mol = Chem.AddHs(Chem.MolFromMolBlock(molblock("CCCO", "3D"), removeHs=True), onlyOnAtoms=[3], addCoords=True)
    with pytest.warns(StructureWarning, match="hydrogens: expected those that the valences need, got 7 too few"):
        (data,) = read(sdf(tmp_path, Chem.MolToMolBlock(mol)))
    assert sorted(data.z.tolist()) == [1, 6, 6, 6, 8]


def test_metals_without_bonds_lack_no_hydrogens(tmp_path):
    mol = Chem.MolFromMolBlock(WATER, removeHs=False)
    with_ion = Chem.RWMol(mol)
    with_ion.GetConformer().SetAtomPosition(with_ion.AddAtom(Chem.Atom(11)), (3.0, 3.0, 3.0))
    assert 11 in read(sdf(tmp_path, Chem.MolToMolBlock(with_ion)))[0].z.tolist()


@pytest.mark.parametrize("code", ["3D", "2D", "  "])
def test_spellings_of_elements_that_rdkit_does_not_read_are_named(tmp_path, code):
    text = molblock("CO", code).replace(" C  ", " c  ", 1)
    with pytest.raises(ValueError, match=r"atom line 1: expected an element that RDKit reads, .* write C"):
        read(sdf(tmp_path, text))
