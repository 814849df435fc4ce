import pytest
import torch

from tg_molfield.structures import StructureWarning, read


def atom(
    name, residue="ALA", number=1, x=0.0, element="", chain="A", altloc=" ", occupancy=1.0, segment="", record="ATOM"
):
    """An atom line; names of residues with four letters fill column 21."""
    place = f"{residue:>3}{chain:>{5 - max(len(residue), 3)}}"
    return (
        f"{record:6}    1 {name:4}{altloc}{place}{number:>4}    {x:8.3f}   0.000   0.000{occupancy:6.2f}  0.00      "
        f"{segment:4}{element:>2}"
    )


def atoms(path):
    """The atomic number and x of each atom of a file with one model."""
    (data,) = read(path, dtype=torch.float64)
    return list(zip(data.z.tolist(), data.pos[:, 0].tolist(), strict=True))


REPORTS = {
    "B13.pdb": ([7, 6, 6, 8], [0.0, 1.5, 3.0, 4.2]),
    "B15.pdb": ([11, 19, 17, 20, 55], [0.0, 5.0, 10.0, 15.0, 20.0]),
    "B17.pdb": ([7, 6, 6, 8, 8, 1, 8], [0.0, 1.5, 8.0, 9.2, 20.0, 20.96, 25.0]),
    "B23.pdb": ([7, 6], [17.047, 16.967]),
}


@pytest.mark.parametrize(("name", "expected"), REPORTS.items())
def test_reported_files(data_dir, name, expected):
    assert atoms(data_dir / "reports" / name) == list(zip(*expected, strict=True))


def test_frames_ended_by_end_are_records(data_dir):
    frames = read(data_dir / "reports" / "B20.pdb", dtype=torch.float64)
    assert [frame.pos[:, 0].tolist() for frame in frames] == [[0.0, 1.5], [0.1, 1.6]]


@pytest.mark.parametrize(
    ("residue", "name", "element", "expected"),
    [
        ("SOD", " SOD", "", 11), ("LIT", " LIT", "", 3), ("RUB", " RUB", "", 37), ("BAR", " BAR", "", 56),
        ("ZN2", " ZN2", "", 30), ("CAD", " CAD", "", 48), ("MG", "MG  ", "", 12), ("Na+", "Na+ ", "", 11),
        ("Cl-", "Cl- ", "", 17), ("K+", " K+ ", "", 19), ("MG2", "MG2 ", "", 12), ("IB", "IB  ", "", 11),
        ("NA", " NA ", "", 11), ("CL", " CL ", "", 17), ("ION", "NA+ ", "", 11), ("CA", " CA ", "", 20),
        ("CA", "CA  ", "CA", 20), ("CLA", " CLA", "C", 17), ("SOD", " SOD", "S", 11), ("ALA", " CA ", "", 6),
        ("ALA", "CA  ", "CA", 6), ("HEM", " CA ", "C", 6), ("IOD", " I  ", "I", 53), ("FE2", "FE  ", "FE", 26),
        ("CAD", "AS  ", "AS", 33),
    ],
)  # fmt: skip
def test_ions_are_what_their_residue_says(pdb_file, residue, name, element, expected):
    assert atoms(pdb_file(atom(name, residue, element=element))) == [(expected, 0.0)]


@pytest.mark.parametrize(
    ("residue", "name", "element", "expected"),
    [
        ("SER", " HG ", "", 1), ("SER", "HG  ", "HG", 1), ("LEU", "HD11", "", 1), ("LEU", "1HD1", "", 1),
        ("MSE", "SE  ", "", 34), ("HSD", " CA ", "", 6), ("CYX", " CA ", "", 6), ("NALA", " CA ", "", 6),
        ("DA5", "HO5'", "HO", 1), ("DA5", " O5'", "", 8),
        ("RA", "HO'2", "HO", 1), ("ACE", " CH3", "", 6), ("ALA", " D  ", "D", 1), ("UNK", "CL1 ", "CL", 17),
        ("HOH", " O  ", "", 8), ("POPC", "C210", "", 6), ("POPC", "H12A", "", 1), ("POPC", " P  ", "", 15),
        ("LIG", " C1 ", "c", 6), ("LIG", "CL1 ", "Cl", 17), ("LIG", " C1 ", "T", 1),
    ],
)  # fmt: skip
def test_residues_with_known_atoms_need_no_element_columns(pdb_file, residue, name, element, expected):
    assert atoms(pdb_file(atom(name, residue, element=element))) == [(expected, 0.0)]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([" C1 ", "CL1 ", "BR2 ", " CA ", "HN11", "1H2 ", "CL12", " F1 ", " N  "], [6, 17, 35, 6, 1, 1, 17, 9, 7]),
        (["C1  ", "CL1 ", "CA  ", "HG1 ", "Br1 ", "NA1 ", "OS  "], [6, 17, 6, 1, 35, 7, 8]),
        (["FE  ", " NA ", " C1A", " CAA", "HHA "], [26, 7, 6, 6, 1]),
        (["ZN  ", " O1 ", "O210"], [30, 8, 8]),
    ],
)
def test_guessed_elements_follow_the_columns_and_are_told(pdb_file, names, expected):
    path = pdb_file(*(atom(name, "LIG", x=2.0 * row) for row, name in enumerate(names)))
    with pytest.warns(
        StructureWarning,
        match=f"elements: expected elements that fit the atom names, got none or others for {len(names)}",
    ):
        assert [z for z, _ in atoms(path)] == expected


@pytest.mark.parametrize(
    ("name", "neighbours", "expected"),
    [
        (" CL1", [(" C1 ", 1.74)], 17), (" CL ", [(" C1 ", 1.79)], 17), (" BR ", [(" C1 ", 1.90)], 35),
        (" BR2", [(" C1 ", 1.96)], 35), (" CL1", [(" S1 ", 2.07)], 17),
        (" CL1", [(" C1 ", 1.53)], 6), (" CL1", [(" S1 ", 1.81)], 6), (" CL1", [(" C1 ", 1.74), (" C2 ", -1.40)], 6),
        (" BR ", [(" C1 ", 1.57), (" O1 ", -1.37)], 5), (" CLA", [(" C1 ", 1.74)], 6), (" CL1", [], 6),
    ],
)  # fmt: skip
def test_bonds_tell_halogens_that_start_in_the_second_column(pdb_file, name, neighbours, expected):
    lines = [atom(other, "LIG", x=x) for other, x in neighbours]
    path = pdb_file(atom(name, "LIG"), *lines, atom(" C9 ", "LIG", x=9.0), atom(" C8 ", "LIG", 2, x=1.5))
    symbol = {5: "B", 6: "C", 17: "Cl", 35: "Br"}[expected]
    with pytest.warns(StructureWarning, match=f"check what they were taken for: {name.strip()} as {symbol}"):
        assert atoms(path)[0] == (expected, 0.0)


def test_halogens_in_two_locations_have_one_bond_each(pdb_file):
    lines = [
        atom(name, "LIG", x=x, altloc=location, occupancy=0.5)
        for name, location, x in ((" C1 ", "A", 1.76), (" C1 ", "B", -1.74), (" CL1", "A", 0.0), (" CL1", "B", 0.01))
    ]
    with pytest.warns(StructureWarning, match="CL1 as Cl"):
        assert [z for z, _ in atoms(pdb_file(*lines))] == [6, 17]


def test_elements_that_do_not_fit_the_names_are_told(pdb_file):
    names = {" C1 ": "C", " HO3": "HO", " CA ": "CA", "CL1 ": "CL", "FE  ": "FE"}
    path = pdb_file(*(atom(name, "LIG", x=2.0 * i, element=names[name]) for i, name in enumerate(names)))
    with pytest.warns(
        StructureWarning, match="for 2 atoms of LIG; check what they were taken for: HO3 as H, CA as Ca$"
    ):
        assert [z for z, _ in atoms(path)] == [6, 1, 20, 17, 26]


@pytest.mark.parametrize("name", [" UNK", " Q1 ", " DUM", " X  "])
def test_names_that_tell_no_element(pdb_file, name):
    with pytest.raises(ValueError, match=rf"atom {name.strip()!r} of LIG/A/1: expected a chemical element, got ''"):
        read(pdb_file(atom(name, "LIG")))


def test_columns_of_autodock(pdb_file):
    types = {" C1 ": " C ", " C2 ": " A ", " N1 ": " NA", " O1 ": " OA", "CL1 ": " Cl", " H1 ": " HD"}
    lines = [
        f"{atom(name, 'LIG', x=2.0 * row)[:66]}    {0.176:6.3f}{kind}" for row, (name, kind) in enumerate(types.items())
    ]
    with pytest.warns(StructureWarning, match="got none or others for 1 atoms of LIG; .*: C2 as C"):
        assert [z for z, _ in atoms(pdb_file(*lines))] == [6, 6, 7, 8, 17, 1]


SITES = {
    "SOL": [" OW ", " HW1", " HW2", " MW "],
    "WAT": [" O  ", " H1 ", " H2 ", " EPW"],
    "TP5": [" O  ", " H1 ", " H2 ", " LP1", " LP2"],
    "TIP4": [" OH2", " H1 ", " H2 ", " OM "],
    "SWM4": [" OH2", " H1 ", " H2 ", "DOH2", " LP1", " OM "],
}


@pytest.mark.parametrize(("residue", "names"), SITES.items())
def test_sites_without_mass_are_no_atoms(pdb_file, residue, names):
    path = pdb_file(*(atom(name, residue, x=0.9 * row) for row, name in enumerate(names)))
    with pytest.warns(
        StructureWarning, match=rf"virtual sites: .* got {len(names) - 3} sites without mass, .* of {residue}"
    ):
        assert [z for z, _ in atoms(path)] == [8, 1, 1]


def test_drude_particles_and_lone_pairs_of_a_protein(pdb_file):
    names = [" N  ", " DN ", " CA ", " DCA", " LPA", " C  "]
    with pytest.warns(StructureWarning, match="got 3 sites without mass, DN of ALA, DCA of ALA, LPA of ALA"):
        assert [z for z, _ in atoms(pdb_file(*(atom(n, x=i + 1.0) for i, n in enumerate(names))))] == [7, 6, 6]


def test_deuterium_is_no_drude_particle(pdb_file):
    names = [" N  ", " D  ", " CA ", " DA "]
    assert [z for z, _ in atoms(pdb_file(*(atom(n, x=i + 1.0) for i, n in enumerate(names))))] == [7, 1, 6, 1]


@pytest.mark.parametrize("record", ["ATOM", "HETATM"])
@pytest.mark.parametrize(
    ("residue", "name", "hetero", "water"),
    [
        *((name, " O  ", True, True) for name in "HOH WAT DOD H2O SOL TIP TIP3 TIP4 TP3 SPC SPCE T3P T4P OPC".split()),  # noqa: SIM905
        ("POPC", " P  ", True, False),
        ("SOD", " SOD", True, False),
        ("HEM", " NA ", True, False),
        ("NAG", " C1 ", True, False),
        ("LIG", " C1 ", True, False),
        ("OPC", " C1 ", True, False),
        ("DAN", " C1 ", True, False),
        ("ADE", " N9 ", True, False),
        ("UNK", " C1 ", True, False),
        ("ALA", " CA ", False, False),
        ("MSE", " CA ", False, False),
        ("HSD", " CA ", False, False),
        ("CGLU", " CA ", False, False),
        ("ACE", " CH3", False, False),
        ("DA", " P  ", False, False),
        ("RG5", " C1'", False, False),
        ("ADE", " C1'", False, False),
    ],
)
def test_what_a_residue_is(pdb_file, record, residue, name, hetero, water):
    (data,) = read(pdb_file(atom(name, residue, element=name.strip()[0], record=record)))
    if residue == "SOD":
        assert data.z.tolist() == [11]
    assert (data.hetero.tolist(), data.water.tolist()) == ([hetero], [water])


def test_unknown_amino_acids_belong_to_the_chain_they_are_bonded_to(pdb_file):
    backbone = [" N  ", " CA ", " C  "]
    unit = [atom(n, "XAA", 1, 1.3 * i, n.strip()[0], record="HETATM") for i, n in enumerate(backbone)]
    next_unit = [atom(n, "GLY", 2, 3.9 + 1.3 * i, n.strip()[0]) for i, n in enumerate(backbone)]
    alone = [line[:30] + f"{60 + 1.3 * i:8.3f}" + line[38:] for i, line in enumerate(unit)]
    assert read(pdb_file(*unit, *next_unit))[0].hetero.tolist() == [False] * 6
    assert read(pdb_file(*alone, *next_unit))[0].hetero.tolist() == [True] * 3 + [False] * 3


@pytest.mark.parametrize(
    ("columns", "chains"),
    [
        (["TIP3W", "TIP3W", "ALA P"], [0, 0, 1]),
        (["POPCA", "DPPCA", "ALA A"], [0, 0, 0]),
        (["ALAAB", "ALAAC", "HOHAB"], [0, 1, 0]),
        (["HISDA", "ALA A", "ALA A"], [0, 0, 0]),
        (["HISDA", "ALADA", "ALADB"], [0, 0, 1]),
        (["HEMEA", "ALA A", "ALA B"], [0, 0, 1]),
        (["TIP3 ", "POPC ", "ALA  "], [0, 0, 0]),
    ],
)
def test_four_letter_residues_and_two_letter_chains(pdb_file, columns, chains):
    lines = [atom(" CA ", x=3.0 * i, number=i, element="C") for i in range(3)]
    lines = [line[:17] + column + line[22:] for line, column in zip(lines, columns, strict=True)]
    (data,) = read(pdb_file(*lines))
    assert data.chain.tolist() == chains


def test_segments_stand_in_for_blank_chains(pdb_file):
    lines = [atom(" CA ", chain=" ", segment=segment, x=x) for segment, x in (("PROA", 0.0), ("PROB", 5.0))]
    assert read(pdb_file(*lines))[0].chain.tolist() == [0, 1]
