"""XYZ as people write it: free text, extended XYZ, other number formats, QM9's raw files, labels that do not fit."""

import io
import re
import time
import warnings

import numpy as np
import pytest
import torch
from ase.io import read as ase_read
from ase.io.extxyz import write_xyz

from tg_molfield.files import Lines
from tg_molfield.structures import SkippedRecordsWarning, StructureWarning, from_ase, read
from tg_molfield.structures.formats.records import ReadOptions
from tg_molfield.structures.formats.text_file import read_text
from tg_molfield.structures.formats.xyz import xyz_records, xyz_streamed
from tg_molfield.structures.formats.xyz.qm9 import PROPERTIES
from tg_molfield.structures.library import Library
from tg_molfield.text_numbers import parse_number, parse_numbers

ATOMS = "O 0 0 0\nH 0.96 0 0\nH -0.24 0.93 0\n"
WATER = "Properties=species:S:1:pos:R:3"


def xyz(tmp_path, comment="", atoms=ATOMS, count=None):
    path = tmp_path / "made.xyz"
    number = len(atoms.splitlines()) if count is None else count
    path.write_text(f"{number}\n{comment}\n{atoms}")
    return path


TEXTS = [
    "DFT energy -76.4 Hartree",
    "Properties of water",
    "water dipole moment",
    "stress free geometry",
    "Lattice energy study",
    "= relaxed =",
    "=",
    "===",
    "Lattice energy = -5.2",
    "energy = -76.4 Hartree",
    "step 3 energy=-76.4 forces=0.1",
    "free_energy -1.0 stress magmom",
    "Lattice = fcc, a = 5.4",
    "Properties = see the paper",
    "pbc yes",
    'quoted "Lattice" and an open " mark',
    "{a [b =c] d}",
    "\\ energy\\=",
    "pbc=maybe text",
    "charge=1 spin",
    "énergie = −76,4",
]


@pytest.mark.parametrize("comment", TEXTS)
def test_the_comment_of_a_plain_file_is_text(tmp_path, comment):
    data = read(xyz(tmp_path, comment))[0]
    assert set(data.keys()) == {"z", "pos"}
    assert data.z.tolist() == [8, 1, 1]


@pytest.mark.parametrize(
    "comment",
    [
        "energy=-76.4",
        "energy = -76.4",
        "i = 0, time = 0.000, energy = -76.4",
        'energy="-76.4" charge=0',
        "energy={-76.4}",
        f"{WATER} step relaxed energy=-76.4",
        f"energy=-76.4D+00 {WATER}",
        'Lattice="9 0 0 0 9 0 0 0 9" energy=-76.4 pbc="F F F"',
    ],
)
def test_keys_count_in_extended_xyz_and_in_lines_of_pairs(tmp_path, comment):
    data = read(xyz(tmp_path, comment), dtype=torch.float64)[0]
    assert data.energy.tolist() == [-76.4]
    assert set(data.keys()) <= {"z", "pos", "energy", "cell", "pbc"}


def test_bare_words_are_not_true(tmp_path):
    data = read(xyz(tmp_path, f"{WATER} energy magmom free_energy=-1.0 pbc"))[0]
    assert set(data.keys()) == {"z", "pos", "free_energy"}


def test_periodic_directions_in_words_are_left_out(tmp_path):
    with pytest.warns(StructureWarning, match=r"pbc: expected three of T and F, got 'none'; .* left out"):
        data = read(xyz(tmp_path, "pbc = none"))[0]
    assert set(data.keys()) == {"z", "pos"}
    with pytest.raises(ValueError, match="pbc: expected three of T and F, got 'none'"):
        read(xyz(tmp_path, f"{WATER} pbc=none"))


@pytest.mark.parametrize("unit", ["units=bohr", "Unit='a.u.'", "length_unit=nm"])
def test_other_units_of_length_are_told(tmp_path, unit):
    with pytest.warns(
        StructureWarning, match=r"(?i)unit.*: expected positions in Å, got '.*'; convert them, Å were taken"
    ):
        assert read(xyz(tmp_path, f"{unit} charge=0"))[0].z.tolist() == [8, 1, 1]


@pytest.mark.parametrize("unit", ["units=Angstrom", "unit=Å", "units=eV"])
def test_angstroms_and_units_of_energy_need_no_word(tmp_path, unit):
    assert read(xyz(tmp_path, f"{unit} charge=0"))[0].z.tolist() == [8, 1, 1]


def test_pairs_of_a_text_are_labels_when_they_are_named(tmp_path):
    path = xyz(tmp_path, "frame 3 E = -76.4 eV, gap=0.2 a=1 a=2")
    data = read(path, labels=["E", "gap"], dtype=torch.float64)[0]
    assert data.E.tolist() == [-76.4]
    assert data.gap.tolist() == [0.2]
    with pytest.raises(ValueError, match=r"label 'a': expected one of the values of the comment line \(E, gap\)"):
        read(path, labels="a")


def test_a_result_that_is_named_as_a_label_must_be_there(tmp_path):
    assert read(xyz(tmp_path, "energy=-1"), labels="energy")[0].energy.tolist() == [-1.0]
    with pytest.raises(ValueError, match="label 'energy': expected a finite number, got nan"):
        read(xyz(tmp_path, "energy=nan"), labels="energy")


@pytest.mark.parametrize(
    ("comment", "cell", "pbc"),
    [
        ('Lattice="1 2 3 4 5 7 7 8 10"', [[1, 2, 3], [4, 5, 7], [7, 8, 10]], [True] * 3),
        ('lattice="1 2 3 4 5 7 7 8 10" pbc="T F 1"', [[1, 2, 3], [4, 5, 7], [7, 8, 10]], [True, False, True]),
        ("Lattice=[[1,2,3],[4,5,7],[7,8,10]] pbc=[F,F,T]", [[1, 2, 3], [4, 5, 7], [7, 8, 10]], [False, False, True]),
        ('Lattice = "9 0 0 0 9 0 0 0 9" with words', np.eye(3) * 9, [True] * 3),
        ('Lattice="9 0 0 0 9 0 0 0 9" pbc=F', np.eye(3) * 9, [False] * 3),
    ],
)
def test_cells(tmp_path, comment, cell, pbc):
    data = read(xyz(tmp_path, comment))[0]
    np.testing.assert_array_equal(data.cell[0], cell)
    assert data.pbc.tolist() == [pbc]


@pytest.mark.parametrize(
    ("comment", "message"),
    [
        ('Lattice="9 0 0 0 9 0 0 0"', "Lattice: expected nine numbers, got 8"),
        (f'Lattice="a b c" {WATER}', "Lattice: expected nine numbers, got 'a b c'"),
        ('Lattice="9 0 0 0 9 0 0 0 9" pbc="T T"', "pbc: expected three of T and F, got 'T T'"),
        ("Properties=species:S:1:pos:R", "Properties: expected name:type:count of each column"),
        ("Properties=species:S:1:pos:Q:3", "Properties: expected name:type:count of each column"),
        ('Lattice="9 0 0 0 9 0 0 0 9" Properties=spec', "Properties: expected name:type:count of each column"),
        ("Properties=species:S:1:pos:R:2", "Properties: expected the column pos:R:3"),
        ("Properties=pos:R:3", "Properties: expected the column species:S:1 or Z:I:1"),
        ("Properties=species:S:1:pos:R:3:pos:R:3", "Properties: expected each column once"),
        (f"{WATER} Properties=pos:R:3:species:S:1", "Properties: expected it once, got it again"),
        (f"{WATER} pbc=T pbc=F", "pbc: expected it once, got it again"),
        (f"{WATER}:forces:R:3", "line 3: expected 7 columns, got 'O 0 0 0'"),
        (f"{WATER}:x:R:300000000", "line 3: expected 300000004 columns, got 'O 0 0 0'"),
        (f"{WATER}:x:R:{'9' * 5000}", "line 3: expected 10000000003 columns"),
    ],
)
def test_extended_xyz_that_is_none(tmp_path, comment, message):
    path = xyz(tmp_path, comment)
    start = time.perf_counter()
    with pytest.raises(ValueError, match=f"record 1: {message}") as caught:
        read(path)
    assert len(str(caught.value)) < 400
    path.write_text(path.read_text() + "3\nplain\n" + ATOMS)
    with pytest.warns(SkippedRecordsWarning, match="expected 2 readable records, got 1"):
        assert len(read(path, errors="skip")) == 1
    assert time.perf_counter() - start < 5


def test_a_lattice_without_quotation_marks_is_told(tmp_path):
    with pytest.warns(StructureWarning, match=r"Lattice: expected nine numbers, .* got one; .* the cell was left out"):
        data = read(xyz(tmp_path, "Lattice=9 0 0 0 9 0 0 0 9"))[0]
    assert "cell" not in data


@pytest.mark.parametrize(
    ("properties", "row"),
    [
        ("pos:R:3:species:S:1", "1 2 3 O"),
        ("Z:I:1:pos:R:3", "8 1 2 3"),
        ("id:I:1:species:S:1:tag:S:1:pos:R:3:mass:R:1", "7 O a 1 2 3 16.0"),
        ("species:S:1:pos:R:3:Z:I:1", "OW 1 2 3 8"),
        ("species:S:1:pos:I:3", "8 1 2 3"),
    ],
)
@pytest.mark.parametrize("key", ["Properties", "properties"])
def test_columns_in_any_order(tmp_path, properties, row, key):
    data = read(xyz(tmp_path, f"{key}={properties}", row))[0]
    assert data.z.tolist() == [8]
    assert data.pos.tolist() == [[1.0, 2.0, 3.0]]


def test_columns_become_attributes(tmp_path):
    columns = "charge:R:1:forces:R:3:magmoms:R:1:tags:I:1:partial_charge:R:1:momenta:R:3"
    row = "O 0 0 0 -0.8 1 2 3 1.5 4 -0.7 9 9 9\nH 1 0 0 0.8 4 5 6 0.5 2 0.7 9 9 9"
    data = read(xyz(tmp_path, f"{WATER}:{columns}", row), dtype=torch.float64)[0]
    assert data.charges.tolist() == [-0.8, 0.8]
    assert data.forces.tolist() == [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    assert data.magmoms.tolist() == [1.5, 0.5]
    assert data.tags.tolist() == [4, 2]
    assert data.partial_charge.tolist() == [-0.7, 0.7]
    assert "momenta" not in data


def test_columns_that_nothing_names_are_left_out_with_a_warning(tmp_path):
    path = xyz(tmp_path, "velocities", "O 0 0 0 1 2 3\nH 1 0 0 4 5 6\n")
    with pytest.warns(StructureWarning, match=r"record 1: columns: expected 4 in an atom line, got 7; .* left out"):
        data = read(path)[0]
    assert data.pos.tolist() == [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]


@pytest.mark.parametrize(
    ("comment", "row", "name"),
    [
        (f"{WATER}:magmoms:R:3", "O 0 0 0 0 0 2", "magmoms"),
        (f"{WATER}:forces:R:3", "O 0 0 0 inf 0 0", "forces"),
        (f"{WATER}:forces:R:3", "O 0 0 0 a b c", "forces"),
        (f"{WATER}:forces:R:1", "O 0 0 0 1.0", "forces"),
        (f"{WATER} energy=nan", "O 0 0 0", "energy"),
        (f"{WATER} energy=low", "O 0 0 0", "energy"),
        (f"{WATER} energy=-1 energy=-2", "O 0 0 0", "energy"),
        (f"{WATER} energy=T", "O 0 0 0", "energy"),
        (f'{WATER} energy="1 2"', "O 0 0 0", "energy"),
        ("dipole=1.85", "O 0 0 0", "dipole"),
        (f'{WATER} stress="1 2 3 4"', "O 0 0 0", "stress"),
        (f'{WATER} stress="1 2 0 0 1 0 0 0 1"', "O 0 0 0", "stress"),
    ],
)
def test_labels_that_do_not_fit_are_left_out_with_a_warning(tmp_path, comment, row, name):
    with pytest.warns(StructureWarning, match=rf"made.xyz: record 1: {name}: expected .* left out$"):
        data = read(xyz(tmp_path, comment, row))[0]
    assert set(data.keys()) == {"z", "pos"}


@pytest.mark.parametrize("stress", ["1 6 5 6 2 4 5 4 3", "1 2 3 4 5 6", "[[1,6,5],[6,2,4],[5,4,3]]"])
def test_stress_is_voigt(tmp_path, stress):
    data = read(xyz(tmp_path, f'{WATER} stress="{stress}"'))[0]
    assert data.stress.tolist() == [[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]]


@pytest.mark.parametrize(
    ("rows", "numbers"),
    [("8 0 0 0\n1 1 0 0\n17 0 3 0", [8, 1, 17]), ("o 0 0 0\nD 1 0 0\nT 0 3 0\nCL 5 5 5", [8, 1, 1, 17])],
)
def test_elements(tmp_path, rows, numbers):
    assert read(xyz(tmp_path, "", rows))[0].z.tolist() == numbers


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1.0D+00", 1.0),
        ("-1.5d-3", -0.0015),
        ("5.1*^-6", 5.1e-6),
        ("2.*^3", 2000.0),
        ("+.5E1", 5.0),
        ("7.", 7.0),
        ("-0", -0.0),
    ],
)
def test_exponents_of_other_languages(tmp_path, text, number):
    assert parse_number(text) == number
    assert parse_numbers(["1", text]) == [1.0, number]
    assert read(xyz(tmp_path, "", f"O 1 2 {text}"), dtype=torch.float64)[0].pos.tolist() == [[1.0, 2.0, number]]


@pytest.mark.parametrize("text", ["1_0.5", "1,5", "١", "0x10", "1e", "--1", "1.0D", "*^2", "1..2"])
def test_what_is_no_number(tmp_path, text):
    with pytest.raises(ValueError, match="expected a number"):
        parse_numbers(["1", text])
    with pytest.raises(ValueError, match=rf"record 1: line 4: expected y as a number, got '{re.escape(text)}'"):
        read(xyz(tmp_path, "", f"H 0 0 0\nO 1 {text} 2"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("+1\n\nO 0 0 0\n", r"got '\+1'"),
        ("-1\n\nO 0 0 0\n", "got '-1'"),
        ("1 extra\n\nO 0 0 0\n", "got '1 extra'; correct the count"),
        ("١\n\nO 0 0 0\n", "expected a number of atoms"),
        ("9999999999\n\nO 0 0 0\n", "expected a number of atoms, got '9999999999'"),
        ("999999999\n\nO 0 0 0\n", "expected 999999999 atoms to follow, got 1"),
        ("$coord\n 0 0 0 o\n$end\n", r"got '\$coord'; this is a file of Turbomole, in bohr"),
        ("2 water\n 1 O 0.0 0.0 0.0 1 2\n 2 H 1.0 0.0 0.0 2 1\n", "got '2 water'; this is a file of Tinker"),
        ("O 0 0 0\n", "got 'O 0 0 0'; correct the count"),
        ("1\n\nO 0 0\n", "line 3: expected 4 columns, got 'O 0 0'"),
        ("1\n\nO, 0, 0, 0\n", "expected a chemical element, got 'O,'"),
        ("1\n\nTv 0 0 0\n", "atom line 1: expected a chemical element, got 'Tv'"),
    ],
)
def test_files_that_are_no_xyz(tmp_path, content, message):
    path = tmp_path / "made.xyz"
    path.write_text(content)
    with pytest.raises(ValueError, match=message):
        read(path)


def test_atom_types_of_lammps_are_no_atomic_numbers(tmp_path):
    with pytest.raises(ValueError, match="line 1: expected a chemical element, got '1', an atom type of LAMMPS"):
        read(xyz(tmp_path, "Atoms. Timestep: 0", "1 0 0 0\n2 0.96 0 0\n2 -0.24 0.93 0\n"))
    assert read(xyz(tmp_path, "Atoms. Timestep: 0"))[0].z.tolist() == [8, 1, 1]


def test_cell_vectors_after_the_atoms(tmp_path):
    path = xyz(tmp_path, "energy of a slab", "C 0 0 0\nC 1 0 0\nVEC1 3 0 0\nVEC2 1 4 0\n", count=2)
    path.write_text(path.read_text() * 2)
    first, second = read(path)
    np.testing.assert_array_equal(first.cell[0], [[3, 0, 0], [1, 4, 0], [0, 0, 0]])
    assert first.pbc.tolist() == second.pbc.tolist() == [[True, True, False]]
    for wrong in ("VEC2 1 0 0\n", "VEC1 1 0\n"):
        with pytest.raises(ValueError, match="expected up to three lines VEC1 x y z"):
            read(xyz(tmp_path, "", f"C 0 0 0\n{wrong}", count=1))


HEADER = [157.7118, 157.70997, 157.70699, 0.0, 13.21, -0.3877, 0.1171, 0.5048, 35.3641, 0.044749]
ENERGIES = [-40.47893, -40.476062, -40.475117, -40.498597, 6.469]


def raw_qm9(number=1):
    values = "\t".join(map(repr, HEADER + ENERGIES))
    atoms = "C\t-0.0127\t 1.0858\t 0.008\t-0.535689\nH\t 2.1*^-3\t-0.006\t 5.1*^-6\t 0.133921\n"
    return f"2\ngdb {number}\t{values}\t\n{atoms}1341.307\t1341.3284\nC\tC\t\nInChI=1S/CH4/h1H4\tInChI=1S/CH4/h1H4\n"


def test_raw_files_of_qm9(tmp_path):
    path = tmp_path / "dsgdb9nsd.xyz"
    path.write_text(raw_qm9() + "\n" + raw_qm9(2))
    first, second = read(path, labels=PROPERTIES, dtype=torch.float64)
    assert (first.name, second.name) == ("gdb_1", "gdb_2")
    assert first.z.tolist() == [6, 1]
    assert first.pos[1].tolist() == [0.0021, -0.006, 5.1e-6]
    assert first.charges.tolist() == [-0.535689, 0.133921]
    assert [float(first[name]) for name in PROPERTIES] == HEADER + ENERGIES


def test_the_header_of_qm9_has_the_values_of_the_data_set(data_dir, tmp_path):
    table = np.load(data_dir / "qm9" / "properties.npz")
    names = [str(name).split("_")[0] for name in table["names"]]
    path = tmp_path / "dsgdb9nsd_000001.xyz"
    path.write_text(raw_qm9())
    data = read(path, labels=names, dtype=torch.float64)[0]
    assert [float(data[name]) for name in names] == pytest.approx(table["y"][table["index"] == 1][0].tolist(), rel=1e-6)


@pytest.mark.parametrize("header", ["gdb 1\t157.7\t0.\t13.2", "gdb_9", "gdb 7 text"])
def test_a_short_header_of_qm9_has_no_labels(tmp_path, header):
    path = xyz(tmp_path, header, "C 0 0 0 0.1\n")
    data = read(path, dtype=torch.float64)[0]
    assert data.charges.tolist() == [0.1]
    with pytest.raises(ValueError, match=r"label 'mu': expected one of the values of the comment line \(none\)"):
        read(path, labels="mu")


def test_keys_count_beside_a_name_of_qm9(tmp_path):
    data = read(xyz(tmp_path, "gdb_1 Properties=pos:R:3:species:S:1 energy=-1", "1 2 3 O"))[0]
    assert data.pos.tolist() == [[1.0, 2.0, 3.0]]
    assert data.energy.tolist() == [-1.0]


def test_frames_that_ase_wrote_are_those_that_ase_reads(data_dir, tmp_path):
    for name in ("ensembles/ethanol_md_forces_100.xyz.gz", "smallmol/qm9_100.xyz.gz"):
        found = read(data_dir / name, dtype=torch.float64)
        for data, atoms in zip(found, ase_read(data_dir / name, ":", format="extxyz"), strict=True):
            expected = from_ase(atoms, dtype=torch.float64)
            assert set(data.keys()) == set(expected.keys())
            assert all(torch.equal(data[key], expected[key]) for key in expected.keys())  # noqa: SIM118


def test_a_crystal_that_ase_wrote(tmp_path):
    from ase.build import bulk
    from ase.calculators.singlepoint import SinglePointCalculator

    atoms = bulk("NaCl", "rocksalt", a=5.64) * (2, 1, 1)
    rng = np.random.default_rng(0)
    atoms.pbc = [True, False, True]
    atoms.set_tags([1, 2, 3, 4])
    atoms.set_initial_charges(rng.normal(size=4))
    atoms.info["comment"] = 'with "quotes" = and more'
    stress = rng.normal(size=6)
    atoms.calc = SinglePointCalculator(atoms, energy=-1.5, forces=rng.normal(size=(4, 3)), stress=stress)
    text = io.StringIO()
    write_xyz(text, [atoms])
    path = tmp_path / "crystal.extxyz"
    path.write_text(text.getvalue())
    data, expected = read(path, dtype=torch.float64)[0], from_ase(ase_read(path), dtype=torch.float64)
    assert set(data.keys()) == set(expected.keys())
    assert all(torch.equal(data[key], expected[key]) for key in expected.keys())  # noqa: SIM118
    np.testing.assert_allclose(data.stress[0], stress, atol=1e-7)


def test_long_comments_take_linear_time(tmp_path):
    start = time.perf_counter()
    for comment in ('="' * 300_000, "a " * 300_000, "=[[a]" * 200_000, "a=" * 300_000, "{" * 500_000 + "="):
        assert set(read(xyz(tmp_path, comment))[0].keys()) == {"z", "pos"}
    assert time.perf_counter() - start < 10


@pytest.mark.parametrize(
    "text",
    [
        "1\n\nHe 0 0 0\n2\n\nH 0 0 0\nH 0 0 1\n",
        "\n\n1\nname=a energy=-1.5\nHe 0 0 0\n\n1\n\nHe 0 0 x\n1\n\nHe 0 0 0",
        "2\n\nHe 0 0 0\n\n2\n\nH 0 0 0\nH 0 0 1\n",
        "1\n\nHe 0 0 0\nno count\nHe 0 0 0\n",
        "0\n\n1\n\nHe 0 0 0\n",
        "1\n\nHe 0 0 0\nVEC1 1 0 0\nVEC2 0 1 0\n1\n\nHe 0 0 0\n",
        "1\ngdb 1 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15\nHe 0 0 0 0.5\n1.0\nHe He\nInChI=1 InChI=1\n1\n\nHe 0 0 0\n",
        "1\r\n\r\nHe 0 0 0\r\n1\r\nü\r\nHe 0 0 1\r\n",
        "5\n",
        "$coord\n 0 0 0 c\n",
        "2\n1 C 0.0 0.0 0.0 1 2\n2 C 1.0 0.0 0.0 1 1\n",
    ],
)
def test_frames_that_are_streamed_are_those_of_the_whole_file(tmp_path, text):
    path = tmp_path / "a.xyz"
    path.write_text(text, newline="")
    whole = [outcome(record) for record in xyz_records(read_text(path)[0], ReadOptions())]
    assert [outcome(record) for record in xyz_streamed(Lines(path), ReadOptions())] == whole
    entries = list(Library(path))
    assert [(entry.file, entry.record) for entry in entries] == [("a.xyz", i) for i in range(1, len(whole) + 1)]
    assert [entry.content if entry.kind == "failed" else entry.content.pos.tolist() for entry in entries] == [
        one if isinstance(one, str) else one[0] for one in whole
    ]


def outcome(record):
    """The positions, the name, the labels and the notes of a record, or what is wrong."""
    try:
        data = record.build()
    except ValueError as error:
        return str(error)
    return data.pos.tolist(), getattr(data, "name", ""), dict(record.labels), list(record.notes)


def test_names_of_atoms_that_are_other_elements_are_told_of(tmp_path):
    path = tmp_path / "names.xyz"
    rows = [f"{name} {place}.5 0 0" for place, name in enumerate(("N", "CA", "C", "O", "CD", "HO", "H"))]
    path.write_text("\n".join([str(len(rows)), "from VMD", *rows]) + "\n")
    with pytest.warns(StructureWarning, match="atoms: expected symbols of elements, got CA, CD, HO, which may"):
        data = read(path)[0]
    assert data.z.tolist() == [7, 20, 6, 8, 48, 67, 1]


def test_capitals_alone_are_no_doubt(tmp_path):
    path = tmp_path / "salt.xyz"
    path.write_text("5\nsalt\nNA 0 0 0\nCL 3 0 0\nC 6 0 0\nN 7.2 0 0\nBR 9 0 0\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read(path)[0].z.tolist() == [11, 17, 6, 7, 35]
