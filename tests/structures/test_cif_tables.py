import numpy as np
import pytest
import torch

from tg_molfield.structures import StructureWarning, read, read_complex

IDEAL = [f"pdbx_model_Cartn_{axis}_ideal" for axis in "xyz"]
MODEL = [f"model_Cartn_{axis}" for axis in "xyz"]


@pytest.fixture
def cif(tmp_path):
    """The path of a CIF file with one loop."""

    def write(category, columns, *rows):
        path = tmp_path / "table.cif"
        path.write_text("\n".join(["data_t", "loop_", *(f"{category}.{name}" for name in columns), *rows]) + "\n")
        return path

    return write


def test_elements_and_positions_alone(data_dir):
    (data,) = read(data_dir / "reports" / "B10.cif", dtype=torch.float64)
    assert data.z.tolist() == [8, 1, 1]
    assert sorted(data.keys()) == ["name", "pos", "z"]
    np.testing.assert_allclose(data.pos, [[0, 0, 0], [0.96, 0, 0], [-0.24, 0.93, 0]])


PLAIN = ["id", "type_symbol", "Cartn_x", "Cartn_y", "Cartn_z"]


def test_models_of_a_plain_table(cif):
    rows = ["1 O 0 0 0 1", "2 H 1 0 0 1", "3 O 0 0 5 2"]
    first, second = read(cif("_atom_site", [*PLAIN, "pdbx_PDB_model_num"], *rows))
    assert (first.z.tolist(), second.z.tolist()) == ([8, 1], [8])


@pytest.mark.parametrize(
    ("columns", "row", "message"),
    [
        (["id", "Cartn_x", "Cartn_y", "Cartn_z"], "1 0 0 0", "_atom_site.type_symbol: expected elements"),
        (["id", "type_symbol", "Cartn_x"], "1 O 0", "add _atom_site.Cartn_y, _atom_site.Cartn_z"),
        (PLAIN, "1 O 0 0 x", "_atom_site.Cartn_z: expected a number"),
        (PLAIN, "1 O 0 0 ?", "expected finite positions"),
        (PLAIN, "1 Xx 0 0 0", "expected a chemical element, got 'Xx'"),
    ],
)
def test_what_a_plain_table_lacks(cif, columns, row, message):
    with pytest.raises(ValueError, match=message):
        read(cif("_atom_site", columns, row))


def test_residues_without_the_columns_that_gemmi_needs(cif):
    columns = "group_PDB type_symbol label_atom_id label_comp_id auth_asym_id auth_seq_id Cartn_x Cartn_y Cartn_z"
    rows = ["ATOM N N ALA B 7 0 0 0", "HETATM O O HOH B 8 3 0 0"]
    (data,) = read(cif("_atom_site", columns.split(), *rows))
    assert data.z.tolist() == [7, 8]
    assert data.residue_number.tolist() == [7, 8]
    assert data.water.tolist() == [False, True]


@pytest.mark.parametrize(("column", "value"), [("occupancy", "0.5"), ("label_alt_id", "A")])
def test_alternatives_without_names_are_refused(cif, column, value):
    with pytest.raises(ValueError, match="atom 1: expected full occupancy and one location, got a part"):
        read(cif("_atom_site", [*PLAIN, column], f"1 O 0 0 0 {value}"))


def test_a_residue_of_a_table_without_residues(cif):
    with pytest.raises(ValueError, match=r"_atom_site\.label_atom_id: expected residues, got no such column"):
        read_complex(str(cif("_atom_site", PLAIN, "1 O 0 0 0")), "LIG")


def test_component_of_the_dictionary(data_dir):
    (data,) = read(data_dir / "reports" / "B12.cif", dtype=torch.float64)
    assert data.z.tolist() == [6, 8]
    assert data.name == "LIG"
    np.testing.assert_allclose(data.pos, [[0, 0, 0], [1.2, 0, 0]])


def test_ideal_coordinates_then_those_of_the_model(cif):
    columns = ["comp_id", "type_symbol", "charge", *MODEL, *IDEAL]
    rows = ["A N 1 0 0 0 0 0 7", "A CL -1 0 0 2 0 0 9", "B H 0 1 1 1 ? ? ?", "B D 0 1 1 2 1 1 5"]
    with pytest.warns(StructureWarning, match="got them for 1 of 2; the model coordinates were used"):
        first, second = read(cif("_chem_comp_atom", columns, *rows), dtype=torch.float64)
    assert (first.name, second.name) == ("A", "B")
    assert (first.z.tolist(), second.z.tolist()) == ([7, 17], [1, 1])
    assert (first.formal_charge.tolist(), second.formal_charge.tolist()) == ([1, -1], [0, 0])
    assert (first.pos[:, 2].tolist(), second.pos[:, 2].tolist()) == ([7, 9], [1, 2])


def test_ideal_coordinates_that_are_all_zero_are_none(cif):
    rows = ["A N 0 0 1 0 0 0", "A C 0 0 2.5 0 0 0"]
    with pytest.warns(StructureWarning, match="got them for 0 of 2; the model coordinates were used"):
        (data,) = read(cif("_chem_comp_atom", ["comp_id", "type_symbol", *MODEL, *IDEAL], *rows))
    assert data.pos[:, 2].tolist() == [1, 2.5]


def test_monomer_library(cif):
    (data,) = read(cif("_chem_comp_atom", ["comp_id", "type_symbol", "x", "y", "z"], "A N 0 0 0", "A C 0 0 1.5"))
    assert data.z.tolist() == [7, 6]
    assert "formal_charge" not in data


@pytest.mark.parametrize(
    ("columns", "rows", "message"),
    [
        (
            ["type_symbol", *MODEL, *IDEAL],
            ["N 0 0 0 0 0 ?", "C 0 0 ? 0 0 1"],
            "got ideal ones of 1 atoms, model ones of 1",
        ),
        (["comp_id", *MODEL], ["A 0 0 0"], "_chem_comp_atom.type_symbol: expected this column"),
        (["comp_id", "type_symbol"], ["A N"], "got a component without coordinates"),
    ],
)
def test_components_that_are_none(cif, columns, rows, message):
    with pytest.raises(ValueError, match=message):
        read(cif("_chem_comp_atom", columns, *rows))


def test_reflections_are_called_so(cif):
    with pytest.raises(ValueError, match="got reflections; give the file of the structure"):
        read(cif("_refln", ["index_h", "index_k"], "1 2"))


def test_components_of_one_table(cif):
    rows = ["A N 0 0 0", "B O 0 0 0", "A C 0 0 1.5"]
    first, second = read(cif("_chem_comp_atom", ["comp_id", "type_symbol", "x", "y", "z"], *rows))
    assert (first.name, first.z.tolist(), second.name, second.z.tolist()) == ("A", [7, 6], "B", [8])


def test_charges_of_some_atoms_alone_are_told(cif):
    columns = ["comp_id", "type_symbol", "charge", "x", "y", "z"]
    with pytest.warns(StructureWarning, match=r"charge: expected the formal charge of every atom, got it for 1 of 2"):
        (data,) = read(cif("_chem_comp_atom", columns, "A N ? 0 0 0", "A O -1 0 0 1.3"))
    assert "formal_charge" not in data
