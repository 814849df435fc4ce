import warnings

import gemmi
import numpy as np
import pytest
import torch
from ase.geometry import cellpar_to_cell
from crystal_text import CUBE, FRACT, HEXAGONAL, crystal, listed

from tg_molfield.structures import StructureWarning, read

CARBON = ["C1 C 0.1 0.2 0.3"]


@pytest.fixture
def cif(tmp_path):
    """Reads the one record of a CIF text in float64; warnings fail the test."""

    def one(text):
        path = tmp_path / "made.cif"
        path.write_text(text)
        (data,) = read(path, dtype=torch.float64)
        return data

    return one


def fractional(data):
    """The fractional coordinates in [0, 1), rounded to 0.001."""
    fract = data.pos.numpy() @ np.linalg.inv(data.cell[0].numpy())
    return sorted(tuple(row) for row in (np.round(fract % 1, 3) % 1).tolist())


def test_listed_operators_of_a_setting_that_no_table_has(data_dir):
    data = read(data_dir / "reports" / "B01.cif", dtype=torch.float64)[0]
    assert data.z.tolist() == [6, 6]
    assert fractional(data) == [(0.1, 0.1, 0.1), (0.9, 0.6, 0.4)]


@pytest.mark.parametrize(
    "operators",
    [
        ("x,y,z", "-x,1/2+y,1/2-z"),
        ("x, y, z", "-x, y+0.5, -z+.5"),
        ("X,Y,Z", "-X,+1/2+Y,1/2-Z"),
        ("x,y,z", "-x,1/4+y+1/4,-z-1/2"),
        ("x,y,z", "-x,y+1/2,-z+1/2", "x+1,y,z", "-1*x,y+1/2,-z+3/2"),
    ],
)
@pytest.mark.parametrize("tag", ["_symmetry_equiv_pos_as_xyz", "_space_group_symop_operation_xyz"])
def test_operators_as_people_write_them(cif, operators, tag):
    assert fractional(cif(crystal(CARBON, listed(*operators, tag=tag)))) == [(0.1, 0.2, 0.3), (0.9, 0.7, 0.2)]


def test_operators_with_a_number_column_and_without_quotes(cif):
    expected = [(0.1, 0.2, 0.3), (0.9, 0.8, 0.7)]
    numbered = "loop_\n_space_group_symop_id\n_space_group_symop_operation_xyz\n1 'x,y,z'\n2 '-x,-y,-z'"
    bare = "loop_\n_symmetry_equiv_pos_as_xyz\nx, y, z\n-x, -y, -z"
    assert fractional(cif(crystal(CARBON, numbered))) == expected
    assert fractional(cif(crystal(CARBON, bare))) == expected
    assert len(cif(crystal(CARBON, "_symmetry_equiv_pos_as_xyz x,y,z")).z) == 1


@pytest.mark.parametrize("parts", [5, 7, 10, 16])
def test_translations_of_any_fraction(cif, parts):
    data = cif(crystal(CARBON, listed(*(f"x+{step}/{parts},y,z" for step in range(parts)))))
    np.testing.assert_allclose(np.sort(data.pos[:, 0]), 1 + 10 * np.arange(parts) / parts, atol=1e-9)


@pytest.mark.parametrize(("third", "thirds"), [("0.33", "0.67"), ("0.333", "0.666"), ("0.33333", "0.66667")])
def test_decimal_translations_are_the_fractions_that_they_round(cif, third, thirds):
    operators = listed("x,y,z", f"-y,x-y,z+{third}", f"-x+y,-x,z+{thirds}")
    z = np.sort(cif(crystal(CARBON, operators, HEXAGONAL)).pos[:, 2])
    np.testing.assert_allclose(np.diff(z), 4.0, atol=1e-9)


@pytest.mark.parametrize(
    ("operators", "message"),
    [
        (["-x,-y,-z"], "expected x,y,z among them"),
        (["x,y,z", "-x,y+1/4,-z"], r"without the product of operators 2 and 2 \(-x,y\+1/4,-z and -x,y\+1/4,-z\)"),
        (["x,y,z", "y,x,-z"], "expected lengths and angles of the cell that they keep, got y,x,-z"),
        (["x,y,z", "-y,x-y,z", "-x+y,-x,z"], "expected lengths and angles .* got -y,x-y,z"),
        (["x,y,z", "x,y"], "expected one such as .* got 'x,y'"),
        (["x,y,z", "x,y,z,t"], "expected one such as .* got 'x,y,z,t'"),
        (["x,y,z", "x,y,z+1/0"], "expected one such as .* got 'x,y,z.1/0'"),
        (["x,y,z", "xy,y,z"], "expected one such as"),
        (["x,y,z", "x,y,z+"], "expected one such as"),
        (["x,y,z", "x,y," + "z" * 5000], "got 'x,y,z{36}'"),
        (["x,y,z", "x,y,2z"], "expected a rotation or reflection"),
        (["x,y,z", "x,x,x"], "expected a rotation or reflection"),
        ([f"x+{step}/2000,y,z" for step in range(2000)], "expected at most 1024, got 2000"),
    ],
)
def test_operators_that_are_no_group_of_the_cell(cif, operators, message):
    with pytest.raises(ValueError, match=r"record 1 \('t'\): symmetry operators: .*" + message):
        cif(crystal(CARBON, listed(*operators), (10, 11, 12, 90, 90, 90)))


def test_two_lists_of_operators_agree_or_are_refused(cif):
    first = listed("x,y,z", "-x,-y,-z")
    second = listed("-x,-y,-z", "x,y,z+1", tag="_space_group_symop_operation_xyz")
    assert len(cif(crystal(CARBON, f"{first}\n{second}")).z) == 2
    with pytest.raises(ValueError, match="expected one list, got two that differ"):
        cif(crystal(CARBON, first + "\n" + listed("x,y,z", tag="_space_group_symop_operation_xyz")))


def test_listed_operators_count_before_the_named_group(cif):
    n_glide = listed("x,y,z", "-x+1/2,y+1/2,-z+1/2", "-x,-y,-z", "x+1/2,-y+1/2,z+1/2")
    named = "_space_group_name_H-M_alt 'P 21/c'\n_space_group_IT_number 14\n"
    assert (0.4, 0.7, 0.2) in fractional(cif(crystal(CARBON, named + n_glide)))
    with pytest.warns(StructureWarning, match="expected 4 of P 21/c, got 1 that are not those of another setting"):
        assert len(cif(crystal(CARBON, named + listed("x,y,z"))).z) == 1
    without_centring = listed("x,y,z", "-x,y,-z+1/2", "-x,-y,-z", "x,-y,z+1/2")
    centred = listed("x,y,z", "-x,-y,z+1/2", "x+1/2,y+1/2,z", "-x+1/2,-y+1/2,z+1/2")
    assert len(cif(crystal(CARBON, "_space_group_IT_number 4\n" + centred)).z) == 4
    with pytest.warns(StructureWarning, match="expected 8 of C 2/c, got 4"):
        assert len(cif(crystal(CARBON, "_space_group_name_H-M_alt 'C 2/c'\n" + without_centring)).z) == 4


def orbit(group, site, vectors):
    """The images of a site in the cell, each atom once, and the distance of the closest two."""
    atoms = np.array([site])
    closest = np.inf
    for operator in group.operations():
        shift = atoms - operator.apply_to_xyz(list(site))
        distance = np.linalg.norm((shift - np.rint(shift)) @ vectors, axis=1).min()
        if distance > 0.05:
            closest = min(closest, distance)
            atoms = np.concatenate([atoms, [operator.apply_to_xyz(list(site))]])
    return atoms, closest


def random_crystal(group, generator):
    """A cell that the group keeps, and the orbits of a special and a general site that do not come close."""
    a, b, c = generator.uniform(14, 18, 3)
    angle, axis = generator.uniform(95, 105), group.monoclinic_unique_axis()
    cell = {
        "triclinic": (a, b, c, 80, 95, 100),
        "monoclinic": (a, b, c, *(angle if axis == name else 90 for name in "abc")),
        "orthorhombic": (a, b, c, 90, 90, 90),
        "tetragonal": (a, a, c, 90, 90, 90),
        "cubic": (a, a, a, 90, 90, 90),
    }.get(group.crystal_system_str(), (a, a, c, 90, 90, 120))
    cell = (a, a, a, 75, 75, 75) if group.ext == "R" else cell
    vectors = cellpar_to_cell(cell)
    while True:
        special = generator.choice([0, 0.25, 0.5, 1 / 3, 2 / 3, 0.125], 3)
        general = generator.uniform(0.05, 0.95, 3)
        (one, first), (other, second) = orbit(group, special, vectors), orbit(group, general, vectors)
        shift = one[:, None] - other
        apart = np.linalg.norm((shift - np.rint(shift)) @ vectors, axis=2).min()
        if min(first, second, apart) > 0.8:
            return cell, vectors, one, other


SETTINGS = sorted(
    np.random.default_rng(11).choice(len(list(gemmi.spacegroup_table())) - 30, 24, replace=False).tolist()
)
"""Rows of gemmi's table of space group settings, of which the last ones have names that are gemmi's own."""


@pytest.mark.parametrize("row", SETTINGS)
def test_settings_of_space_groups(cif, row):
    group = list(gemmi.spacegroup_table())[row]
    cell, vectors, special, general = random_crystal(group, np.random.default_rng(row))
    sites = [f"O1 O {' '.join(f'{x:.4f}' for x in special[0])}", f"C1 C {' '.join(f'{x:.6f}' for x in general[0])}"]
    hall = group.hall
    quote = "'" if '"' in hall else '"'
    for symmetry in (
        listed(*(operator.triplet() for operator in group.operations())),
        f"_space_group_name_H-M_alt '{group.xhm()}'",
        f"_space_group_name_Hall {quote}{hall}{quote}",
    ):
        data = cif(crystal(sites, symmetry, cell))
        assert data.z.tolist() == [8] * len(special) + [6] * len(general)
        np.testing.assert_allclose(data.cell[0], vectors, atol=1e-6)
        fract = data.pos.numpy() @ np.linalg.inv(vectors)
        for number, atoms in ((8, special), (6, general)):
            shift = fract[data.z.numpy() == number][:, None] - atoms
            distance = np.linalg.norm((shift - np.rint(shift)) @ vectors, axis=2)
            assert distance.min(axis=0).max() < 0.005
            assert distance.min(axis=1).max() < 0.005


def test_number_alone_is_the_reference_setting(cif, data_dir):
    data = read(data_dir / "reports" / "B05.cif", dtype=torch.float64)[0]
    expected = cif(crystal(["C1 C 0.1 0.1 0.1"], "_space_group_name_H-M_alt 'P 1 21/c 1'"))
    assert fractional(data) == fractional(expected)
    assert len(fractional(data)) == 4
    for tag in ("_symmetry_Int_Tables_number", "_space_group.IT_number"):
        assert len(cif(crystal(CARBON, f"{tag} 2")).z) == 2


def test_rhombohedral_groups_take_their_axes_from_the_cell(cif):
    rhombohedral, site = (6, 6, 6, 46, 46, 46), ["C1 C 0.25 0.25 0.25"]
    for symmetry in ("_space_group_IT_number 167", "_space_group_name_H-M_alt 'R -3 c'"):
        assert len(cif(crystal(site, symmetry, rhombohedral)).z) == 2
        assert len(cif(crystal(["C1 C 0 0 0.25"], symmetry, HEXAGONAL)).z) == 6
    with pytest.raises(ValueError, match="expected lengths and angles of the cell that they keep"):
        cif(crystal(site, "_space_group_name_H-M_alt 'R -3 c:H'", rhombohedral))


DIAMOND = (3.567, 3.567, 3.567, 90, 90, 90)
SPINEL = (8.08, 8.08, 8.08, 90, 90, 90)


@pytest.mark.parametrize("symmetry", ["_space_group_IT_number 227", "_space_group_name_H-M_alt 'F d -3 m'"])
@pytest.mark.parametrize(
    ("sites", "cell", "origin", "atoms", "shortest"),
    [
        (["C1 C 0 0 0"], DIAMOND, 1, 8, 1.5446),
        (["C1 C 0.125 0.125 0.125"], DIAMOND, 2, 8, 1.5446),
        (["Mg1 Mg 0.125 0.125 0.125", "Al1 Al 0.5 0.5 0.5", "O1 O 0.2624 0.2624 0.2624"], SPINEL, 2, 56, 1.923),
        (["Mg1 Mg 0 0 0", "Al1 Al 0.625 0.625 0.625", "O1 O 0.3874 0.3874 0.3874"], SPINEL, 1, 56, 1.923),
        (["C1 C 0.1 0.21 0.33"], SPINEL, 2, 192, None),
    ],
)
def test_one_of_two_origins_is_chosen_with_a_warning(cif, symmetry, sites, cell, origin, atoms, shortest):
    with pytest.warns(StructureWarning, match=f"has two, got none; choice {origin} was taken"):
        data = cif(crystal(sites, symmetry, cell))
    assert len(data.z) == atoms
    if shortest:
        shift = (data.pos[:, None] - data.pos[None]) @ torch.linalg.inv(data.cell[0])
        distance = ((shift - shift.round()) @ data.cell[0]).norm(dim=-1)
        assert float(distance[distance > 1e-6].min()) == pytest.approx(shortest, abs=2e-3)


@pytest.mark.parametrize(
    ("name", "atoms"),
    [
        ("F d -3 m:1", 8),
        ("F d -3 m S", 8),
        ("Fd-3mZ", 16),
        ("F d -3 m :2", 16),
        ("F d 3 m (origin choice 2)", 16),
        ("Fd-3m:2", 16),
    ],
)
def test_names_with_an_origin(cif, name, atoms):
    assert len(cif(crystal(["C1 C 0 0 0"], f"_space_group_name_H-M_alt '{name}'", DIAMOND)).z) == atoms


@pytest.mark.parametrize(
    ("name", "atoms"),
    [("P2(1)/c", 4), ("P 2_1/c", 4), ("P21/c", 4), ("p 21/C", 4), ("P2<sub>1</sub>/c", 4), ("Pbca", 8)],
)
def test_names_as_programs_write_them(cif, name, atoms):
    assert len(cif(crystal(CARBON, f"_symmetry_space_group_name_H-M '{name}'")).z) == atoms


@pytest.mark.parametrize(
    ("symmetry", "message"),
    [
        ("_space_group_name_H-M_alt 'garbage'", "expected a space group or symmetry operations, got 'garbage'"),
        ("_space_group_IT_number 999", "got '999', which is none"),
        ("_symmetry_equiv_pos_as_xyz ?", "expected a space group or symmetry operations, got none"),
        ("_space_group_IT_number 2\n_space_group_name_H-M_alt 'P 21/c'", "expected one, got P 21/c and .* number 2"),
        ("_space_group_name_Hall '-P 1'\n_space_group_name_H-M_alt 'P 21/c'", "expected one, got -P 1 and P 21/c"),
    ],
)
def test_symmetry_that_is_none(cif, symmetry, message):
    with pytest.raises(ValueError, match=message):
        cif(crystal(CARBON, symmetry))


def test_name_that_is_none_beside_a_number(cif):
    with pytest.warns(StructureWarning, match="got 'P foo'; the reference setting of number 2 was used"):
        assert len(cif(crystal(CARBON, "_space_group_IT_number 2\n_space_group_name_H-M_alt 'P foo'")).z) == 2


@pytest.mark.parametrize("written", ["0.33333 0.66667", "0.3333 0.6667", "0.333 0.667", "0.33 0.67"])
def test_rounded_coordinates_on_special_positions_are_one_atom(cif, written):
    data = cif(crystal([f"C1 C {written} 0.25"], "_space_group_name_H-M_alt 'P 63/m m c'", HEXAGONAL))
    assert fractional(data) == [(0.333, 0.667, 0.25), (0.667, 0.333, 0.75)]


def test_site_near_a_special_position_is_put_there_with_a_warning(cif):
    with pytest.warns(StructureWarning, match=r"site 'C1': .* got a site 0\.15 Å off one; it was put there"):
        data = cif(crystal(["C1 C 0.015 0 0"], "_space_group_name_H-M_alt 'P -1'"))
    assert fractional(data) == [(0, 0, 0)]


def test_sites_that_symmetry_relates_are_taken_once(cif):
    sites = ["C1 C 0.1 0.2 0.3", "C2 C 0.9 0.8 0.7", "O1 O 0.5 0.5 0.5"]
    with pytest.warns(StructureWarning, match="site 'C2': .* got 2 atoms a second time; each was taken once"):
        data = cif(crystal(sites, "_space_group_name_H-M_alt 'P -1'"))
    assert data.z.tolist() == [6, 6, 8]
    with pytest.raises(ValueError, match=r"site 'C1': expected no other element in its place, got 'N1' at 0\.00 Å"):
        cif(crystal(["C1 C 0.1 0.2 0.3", "N1 N 0.9 0.8 0.7"], "_space_group_name_H-M_alt 'P -1'"))


def test_atoms_that_are_too_close_are_told_across_the_faces_of_the_cell(cif):
    with pytest.warns(StructureWarning, match="expected atoms at least 0.6 Å apart, got 'N1' at 0.50 Å"):
        assert len(cif(crystal(["C1 C 0.02 0 0", "N1 N 0.97 0 0"])).z) == 2


@pytest.mark.parametrize(
    ("type_symbol", "number"),
    {
        "Fe3+": 26,
        "O2-": 8,
        "O1-": 8,
        "Na+1": 11,
        "Cl-": 17,
        "BR": 35,
        "Si1.5+": 14,
        "D": 1,
        "T": 1,
        "C1": 6,
        "?": 6,
    }.items(),
)
def test_type_symbols(cif, type_symbol, number):
    assert cif(crystal([f"C1 {type_symbol} 0 0 0"])).z.tolist() == [number]


@pytest.mark.parametrize("type_symbol", ["Xx", "Q", "Cg", "X", "Wa", "Du1", "12"])
def test_unknown_elements_are_told_with_their_site(cif, type_symbol):
    with pytest.raises(ValueError, match=f"site 'C7': expected a chemical element, got '{type_symbol}'"):
        cif(crystal([f"C7 {type_symbol} 0 0 0"]))


UNTYPED = "label fract_x fract_y fract_z"


@pytest.mark.parametrize(
    ("label", "formula", "number"),
    [
        ("C1A", "", 6),
        ("Ca1", "", 20),
        ("Fe(1)", "", 26),
        ("ZN1", "", 30),
        ("H12A", "", 1),
        ("D1", "", 1),
        ("CA1", "C2 H6 O", 6),
        ("CA1", "Ca O", 20),
        ("HO1", "C H4 O", 1),
    ],
)
def test_elements_of_labels(cif, label, formula, number):
    symmetry = "_space_group_name_H-M_alt 'P 1'" + (f"\n_chemical_formula_sum '{formula}'" if formula else "")
    assert cif(crystal([f"{label} 0 0 0"], symmetry, columns=UNTYPED)).z.tolist() == [number]


@pytest.mark.parametrize(
    ("label", "symbol", "number"), [("CA1", "Ca", 20), ("CL1", "Cl", 17), ("HO1", "H", 1), ("OW1", "O", 8)]
)
def test_guessed_elements_are_told(cif, label, symbol, number):
    with pytest.warns(StructureWarning, match=f"got none for 1; they were guessed, {symbol} for '{label}'"):
        assert cif(crystal([f"{label} 0 0 0"], columns=UNTYPED)).z.tolist() == [number]


def test_dummy_sites_are_no_atoms(cif):
    sites = ["C1 C 0 0 0 d", "Cg1 Cg 0.2 0.2 0.2 dum", "X1 ? ? ? ? dum"]
    assert cif(crystal(sites, columns=f"{FRACT} calc_flag")).z.tolist() == [6]
    with pytest.raises(ValueError, match="expected atoms, got none"):
        cif(crystal(sites[1:], columns=f"{FRACT} calc_flag"))


def test_hydrogens_that_are_not_there_are_told(cif):
    with pytest.warns(StructureWarning, match="site 'H1': expected coordinates, got none for 2 hydrogens"):
        assert cif(crystal([*CARBON, "H1 H ? ? ?", "D1 D . . ."])).z.tolist() == [6]
    with pytest.warns(StructureWarning, match="expected every hydrogen as a site, got 1 sites with hydrogens"):
        cif(crystal(["C1 C 0 0 0 3", "N1 N 0.2 0 0 0"], columns=f"{FRACT} attached_hydrogens"))


def test_uncertainties(cif):
    data = cif(crystal(["C1 C 0.1230(4) -.1(12) 1.(3)"], cell=("10.00(1)", "1.0e1(2)", 10, 90, "90.00(3)", "90.")))
    np.testing.assert_allclose(data.pos, [[1.23, -1, 10]], atol=1e-9)


@pytest.mark.parametrize("written", ["nan", "1_0", "0.1.2", "1/3", "0.1(", "x", "1e999", "0x1"])
def test_coordinates_that_are_no_numbers(cif, written):
    with pytest.raises(ValueError, match="_atom_site_fract_y: expected a number"):
        cif(crystal([f"C1 C 0.1 {written} 0.1"]))


@pytest.mark.parametrize(
    "cell",
    [
        (0, 10, 10, 90, 90, 90),
        (-10, 10, 10, 90, 90, 90),
        (1, 1, 1, 90, 90, 90),
        (10, 10, 10, 90, 90, 180),
        (10, 10, 10, 60, 60, 120),
        (10, 10, 10, 90, 90, 500),
        (10, 10, 10, 3, 3, 3),
        (10, 10, 10, 90, 1e-320, 90),
        (1e300, 10, 10, 90, 90, 90),
        ("?", 10, 10, 90, 90, 90),
    ],
)
def test_cells_that_no_crystal_has(cif, cell):
    with pytest.raises(
        ValueError, match="_cell_length_a: expected the cell of the crystal, got one that no crystal has"
    ):
        cif(crystal(CARBON, cell=cell))


def test_missing_angles_are_right_angles_with_a_warning(cif):
    with pytest.warns(StructureWarning, match="_cell_angle_beta: expected three angles, got 1; 90° was taken"):
        data = cif(crystal(CARBON, cell=(10, 10, 10, 90, "?", ".")))
    np.testing.assert_allclose(data.cell[0], 10 * np.eye(3), atol=1e-9)


def test_volume_that_is_not_that_of_the_cell_is_told(cif):
    volume = "_space_group_name_H-M_alt 'P 1'\n_cell_volume"
    assert len(cif(crystal(CARBON, f"{volume} 1001(3)")).z) == 1
    with pytest.warns(StructureWarning, match=r"_cell_volume: expected the 1000\.0 Å³ .* got 940"):
        cif(crystal(CARBON, f"{volume} 940"))


def test_multiplicities_that_are_not_those_of_the_sites_are_told(cif):
    columns, mirror = f"{FRACT} symmetry_multiplicity", "_space_group_name_H-M_alt 'P 1 2/m 1'"
    for on_mirror, general in ((2, 4), (2, 1)):
        assert (
            len(cif(crystal([f"C1 C 0.1 0 0.3 {on_mirror}", f"O1 O 0.3 0.2 0.3 {general}"], mirror, columns=columns)).z)
            == 6
        )
    with pytest.warns(StructureWarning, match="site 'C1': expected 8 images in the cell, .* got 4"):
        cif(crystal(["C1 C 0.1 0.2 0.3 8"], mirror, columns=columns))


@pytest.mark.parametrize(("multiplicity", "origin"), [(96, 1), (48, 2)])
def test_multiplicities_tell_the_origin(cif, multiplicity, origin):
    site, columns = [f"C1 C 0.125 0.125 0.2 {multiplicity}"], f"{FRACT} site_symmetry_multiplicity"
    with pytest.warns(StructureWarning, match=f"choice {origin} was taken"):
        assert len(cif(crystal(site, "_space_group_IT_number 227", SPINEL, columns)).z) == multiplicity


CARTESIAN = "label type_symbol Cartn_x Cartn_y Cartn_z"


def test_cartesian_coordinates_in_a_crystal(cif):
    site, inversion = ["C1 C 1 2 3"], "_space_group_name_H-M_alt 'P -1'"
    np.testing.assert_allclose(cif(crystal(site, inversion, columns=CARTESIAN)).pos, [[1, 2, 3], [-1, -2, -3]])
    triclinic = (10, 11, 12, 80, 95, 100)
    with pytest.warns(StructureWarning, match="a was taken along x and b in the xy plane"):
        np.testing.assert_allclose(cif(crystal(site, cell=triclinic, columns=CARTESIAN)).pos, [[1, 2, 3]], atol=1e-9)
    matrix = np.array([[0, 11, 0], [10, 0, 0], [0, 0, -12.0]])
    for kind, values in (("Cartn", matrix), ("fract", np.linalg.inv(matrix))):
        tags = "".join(
            f"\n_atom_sites_{kind}_tran_matrix_{i + 1}{j + 1} {values[i, j]}" for i in range(3) for j in range(3)
        )
        data = cif(crystal(site, inversion + tags, (10, 11, 12, 90, 90, 90), CARTESIAN))
        np.testing.assert_allclose(data.pos[0], [2, 1, -3], atol=1e-9)


def test_cartesian_coordinates_without_a_cell_are_a_molecule(cif):
    data = cif(crystal(["C1 C 1 2 3", "O1 O 2.2 2 3"], "", None, CARTESIAN))
    assert sorted(data.keys()) == ["name", "pos", "z"]
    np.testing.assert_allclose(data.pos, [[1, 2, 3], [2.2, 2, 3]])
    for sites, symmetry, columns in ((CARBON, "", FRACT), (["C1 C 1 2 3"], "_space_group_IT_number 2", CARTESIAN)):
        with pytest.raises(ValueError, match="_cell_length_a: expected the cell of the crystal, got none"):
            cif(crystal(sites, symmetry, None, columns))
    disordered = ["C1 C 1 2 3 1 .", "O1 O 2.2 2 3 0.6 1", "O2 O 2.2 2.4 3 0.4 2"]
    data = cif(crystal(disordered, "", None, f"{CARTESIAN} occupancy disorder_group"))
    np.testing.assert_allclose(data.pos, [[1, 2, 3], [2.2, 2, 3]])


@pytest.mark.parametrize(
    ("columns", "row", "message"),
    [
        ("fract_x fract_y fract_z", "0 0 0", "got neither this column nor _atom_site_label"),
        ("label fract_x fract_y", "C1 0 0", "_atom_site_fract_z: expected this column, got none"),
        ("label fract_x", "C1 0", "add _atom_site_fract_y, _atom_site_fract_z"),
    ],
)
def test_missing_columns_are_named(cif, columns, row, message):
    with pytest.raises(ValueError, match=message):
        cif(crystal([row], columns=columns))


def test_each_block_is_a_record(tmp_path):
    blocks = [crystal([site]).replace("data_t", f"data_{name}") for name, site in zip("abc", SITES, strict=True)]
    path = tmp_path / "three.cif"
    path.write_text("".join(["data_global\n_journal_name 'none'\n", *blocks]))
    with pytest.raises(ValueError, match=r"record 2 \('b'\): site 'C1': expected finite coordinates"):
        read(path)
    with pytest.warns(StructureWarning, match="expected 3 readable records, got 2"):
        assert [data.name for data in read(path, errors="skip")] == ["a", "c"]


SITES = ("C1 C 0 0 0", "C1 C 0 ? 0", "O1 O 0 0 0")


def test_blocks_may_share_a_name_and_hold_letters_that_cif_does_not_have(tmp_path):
    path = tmp_path / "two.cif"
    colour = (
        "_space_group_name_H-M_alt 'P 1'\n_exptl_crystal_colour grün\n_publ_author_name 'Müller'\n_publ_author_name ?"
    )
    path.write_text(crystal(CARBON, colour) + crystal(["O1 O 0 0 0"]), encoding="latin-1")
    assert [data.z.tolist() for data in read(path)] == [[6], [8]]
    for text, message in (("_cell_length_a 11", "expected _cell_length_a once"), ("_publ_x", "_publ_x has no value")):
        path.write_text(crystal(CARBON, f"_space_group_name_H-M_alt 'P 1'\n{text}\n_publ_y 1"))
        with pytest.raises(ValueError, match=message):
            read(path)
    path.write_text(crystal(["C1 C \N{MINUS SIGN}0.1 0 0"]))
    with pytest.raises(ValueError, match=r"_atom_site_fract_x: expected a number .* got '\?0\.1'"):
        read(path)


def test_names_with_dots_are_those_of_crystals_too(cif):
    text = crystal(CARBON, "_space_group_name_H-M_alt 'P -1'")
    for category in ("_atom_site", "_cell", "_space_group"):
        text = text.replace(f"{category}_", f"{category}.")
    assert fractional(cif(text)) == [(0.1, 0.2, 0.3), (0.9, 0.8, 0.7)]


def test_many_atoms_in_one_place_are_refused_before_their_pairs_are_listed(cif):
    with pytest.raises(ValueError, match=r"pairs closer than 0\.60 Å; correct the coordinates or the cell"):
        cif(crystal([f"C{row} C 0.1 0.1 0.1" for row in range(5000)]))


def test_cells_of_too_many_atoms_are_refused_first(cif):
    sites = [f"C{row} C 0.1 0.2 0.3" for row in range(12_000)]
    with pytest.raises(
        ValueError, match="expected at most 2000000 atoms in the cell, got 12000 sites and 192 operators"
    ):
        cif(crystal(sites, "_space_group_name_H-M_alt 'F m -3 m'"))


def test_no_warning_for_a_sound_crystal(cif):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = cif(crystal(CARBON, "_space_group_name_H-M_alt 'P 21/c'\n" + "_space_group_IT_number 14", CUBE))
    assert data.z.tolist() == [6] * 4
