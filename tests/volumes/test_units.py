"""The units of values in the first line of text formats."""

import pytest
from torch_geometric.data import Data

from tg_molfield import MolField, Volume, from_smiles
from tg_molfield.cli.info.volume import volume_facts
from tg_molfield.volumes.comments import format_title, parse_title
from tg_molfield.volumes.registry import read_volume

WATER = from_smiles("O")


def saved(path, mol_field: MolField, data: Data = WATER) -> Volume:
    volume = mol_field(data).on(mol_field.grid(data, 6))
    volume.save(path)
    return volume


@pytest.mark.parametrize("suffix", [".cube", ".dx", ".xsf", ".cube.gz"])
def test_densities_say_so(suffix, tmp_path):
    path = tmp_path / f"water{suffix}"
    saved(path, MolField.preset("promolecule"))
    assert read_volume(path).units == ("e/Å³",)
    assert volume_facts(path)["unit"] == "e/Å³"


def test_the_first_line_is_ascii(tmp_path):
    saved(tmp_path / "water.cube", MolField.preset("promolecule"))
    first = (tmp_path / "water.cube").read_text(encoding="ascii").splitlines()[0]
    assert first == "Written by tg_molfield, lengths in Bohr; values in e/A^3"


@pytest.mark.parametrize("suffix", [".cube", ".dx", ".xsf"])
def test_fields_without_a_unit_do_not(suffix, tmp_path):
    path = tmp_path / f"water{suffix}"
    saved(path, MolField("O"))
    assert read_volume(path).units == ()
    assert "unit" not in volume_facts(path)


def test_each_channel_has_its_own_unit():
    for units in (("e/Å³", ""), ("Å", "V", "e/Å³"), ("V",), ("V", "V")):
        assert parse_title(format_title("Bohr", units), len(units)) == units
    assert parse_title(format_title("Bohr", ("V", "")), 3) == ()
    assert parse_title("Another title; values in V", 1) == ()
