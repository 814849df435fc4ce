import re
import xml.etree.ElementTree as ET

import pytest
from rdkit import Chem

from tg_molfield.structures.depiction import MAX_ATOMS, depict


def letters(svg):
    return "".join(text.text for text in ET.fromstring(svg).iter("text"))


def bond_ends(svg):
    return [path.get("d") for path in ET.fromstring(svg).iter("path")]


def test_letters_and_bonds_of_a_formula():
    drawn = depict("CC(=O)[O-].[NH4+]")
    assert sorted(letters(drawn.svg)) == sorted("OO-NH4+")
    assert drawn.heavy_atoms == 5
    assert len(drawn.svg) < 1000
    assert ET.fromstring(drawn.svg).get("viewBox").startswith("0 0 ")


def test_every_bond_is_drawn_within_the_picture():
    svg = depict("C1CCCCC1").svg
    courses = "".join(bond_ends(svg))
    assert courses.count("M") == 6
    across, down = map(float, ET.fromstring(svg).get("viewBox").split()[2:])
    points = [tuple(map(int, point)) for point in re.findall(r"(\d+) (\d+)", courses)]
    assert len(points) == 12
    assert all(0 <= x <= across and 0 <= y <= down for x, y in points)


def test_configurations_are_drawn_apart():
    assert len({depict(smiles).svg for smiles in ("CC(N)C(=O)O", "C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O")}) == 3
    assert depict("F/C=C/F").svg != depict("F/C=C\\F").svg


def test_black_follows_the_text_and_other_elements_keep_their_colours():
    svg = depict("CCO").svg
    assert "#000000" not in svg
    assert "currentColor" in svg
    assert "#FF0000" in svg


def test_hydrogens_of_a_molecule_are_left_out():
    mol = Chem.AddHs(Chem.MolFromSmiles("CCO"))
    assert sorted(letters(depict(mol).svg)) == ["H", "O"]
    assert len(bond_ends(depict(mol).svg)) == len(bond_ends(depict("CCO").svg))
    assert letters(depict("[H][H]").svg) == "HH"
    assert mol.GetNumAtoms() == 9


def test_molecules_that_were_not_sanitized():
    for smiles in ("c1ccccc1C(=O)O", "CN(C)(C)(C)C", "c1cccc1"):
        drawn = depict(Chem.MolFromSmiles(smiles, sanitize=False))
        assert "".join(bond_ends(drawn.svg)).count("M") >= 5
    assert letters(depict(Chem.MolFromSmiles("CC(=O)N", sanitize=False)).svg) == "ONH2"


def test_molecules_too_large_for_a_drawing():
    large = depict("C" * (MAX_ATOMS + 1))
    assert large == ("", MAX_ATOMS + 1)
    assert depict("C" * MAX_ATOMS).svg


def test_neither_smiles_nor_molecule():
    with pytest.raises(ValueError, match=r"expected a valid SMILES with atoms, got 'C1CC'"):
        depict("C1CC")
    with pytest.raises(ValueError, match="with atoms, got ''"):
        depict("")
    with pytest.raises(TypeError, match="expected a SMILES or an RDKit molecule, got int"):
        depict(3)
