"""Formal charges of ions in MOL2, and net charges that differ from the charge column."""

import pytest
from mol2_records import read_made

from tg_molfield.structures import StructureWarning
from tg_molfield.structures.formats.mol2.types import ion_charge

DERIVED = "ignore:.*formal_charge. expected charges in the section UNITY_ATOM_ATTR"


@pytest.mark.filterwarnings(DERIVED)
@pytest.mark.parametrize(
    ("kind", "column", "charge"),
    [("Zn", 2.0, 2), ("Fe", 3.0, 3), ("Cu", 2.0, 2), ("Mn", 1.98, 2), ("Ni", 2.0, 2), ("Na", 1.0, 1), ("Cl", -1.0, -1)],
)
def test_ions_have_the_charge_of_the_column(tmp_path, kind, column, charge):
    data = read_made(tmp_path, kind, charges=[column], properties=("formal_charge", "donor"))
    assert data.formal_charge.tolist() == [charge]


@pytest.mark.filterwarnings(DERIVED)
@pytest.mark.parametrize(("kind", "charge"), [("Na", 1), ("K", 1), ("Cl", -1), ("Br", -1), ("Zn2+", 2), ("Na+", 1)])
def test_ions_without_a_column_whose_charge_is_sure(tmp_path, kind, charge):
    assert read_made(tmp_path, kind, properties=["formal_charge"]).formal_charge.tolist() == [charge]


@pytest.mark.filterwarnings(DERIVED)
@pytest.mark.parametrize(("kind", "charge"), [("Zn", 2), ("Fe", 2), ("Al", 3), ("Cr.oh", 3), ("Pt", 0)])
def test_usual_charges_are_told(tmp_path, kind, charge):
    with pytest.warns(StructureWarning, match=rf"a charge of the ion .* got '0.0'; \+{charge} was taken"):
        data = read_made(tmp_path, kind, properties=["formal_charge"])
    assert data.formal_charge.tolist() == [charge]


def test_the_attribute_of_an_ion_counts_first(tmp_path):
    extra = "@<TRIPOS>UNITY_ATOM_ATTR\n1 1\ncharge 3\n"
    data = read_made(tmp_path, "Fe", charges=[3.0], extra=extra, properties=["formal_charge", "donor"])
    assert data.formal_charge.tolist() == [3]


@pytest.mark.filterwarnings(DERIVED)
def test_another_net_charge_than_that_of_the_column_is_told(tmp_path):
    bonds, hydrogens = "1-2:1 1-3:1 1-4:1 1-5:1", [0.1, 0.1, 0.1]
    message = r"net charge \+0 of the charge column, got -1 by types and bonds"
    with pytest.warns(StructureWarning, match=message):
        read_made(tmp_path, "C.3 S.3 H H H", bonds, [-0.2, -0.1, *hydrogens], properties=["donor"])
    read_made(tmp_path, "C.3 S.3 H H H", bonds, [-0.3, -1.0, *hydrogens], properties=["donor"])


@pytest.mark.parametrize(("kind", "charge"), [("Zn2+", 2), ("Na+", 1), ("Cl-", -1), ("Fe+++", 3), ("Zn", 0), ("ca", 0)])
def test_charges_of_types(kind, charge):
    assert ion_charge(kind) == charge


@pytest.mark.filterwarnings(DERIVED)
@pytest.mark.parametrize("kind", ["Ge", "As", "Sb", "Te"])
def test_metalloids_are_ions_only_where_the_record_says_so(tmp_path, kind):
    assert read_made(tmp_path, kind, charges=[3.0], properties=["formal_charge", "donor"]).formal_charge.tolist() == [3]
    with pytest.warns(StructureWarning, match="those that the valences need, got none"):
        data = read_made(tmp_path, f"{kind} C.3", "1-2:1", properties=["formal_charge"])
    assert data.formal_charge.tolist() == [0, 0]


@pytest.mark.filterwarnings("error:.*charge of the ion")
@pytest.mark.filterwarnings(DERIVED)
@pytest.mark.parametrize("kind", ["Ge", "As", "Sb", "Te"])
def test_metalloids_without_bonds_and_charges_are_hydrides(tmp_path, kind):
    assert read_made(tmp_path, kind, properties=["formal_charge"]).formal_charge.tolist() == [0]
