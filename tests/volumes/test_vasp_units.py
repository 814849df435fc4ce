"""Names of VASP's files that say something else than the units of the values written."""

import warnings

import pytest
import torch

from tg_molfield import Grid, MolField, from_smiles
from tg_molfield.fields import VolumeWarning

CELL = ((8.0, 0.0, 0.0), (0.0, 8.0, 0.0), (0.0, 0.0, 8.0))


def periodic_volume(mol_field: MolField):
    water = from_smiles("O")
    water.cell, water.pbc = torch.tensor(CELL), torch.ones(3, dtype=torch.bool)
    return mol_field(water).on(Grid.from_cell(CELL, (8, 8, 8)))


@pytest.mark.parametrize(
    ("name", "kind"), [("LOCPOT", "potential energy of an electron"), ("ELFCAR.vasp", "localization function")]
)
def test_densities_in_files_of_another_kind_are_warned_of(tmp_path, name, kind):
    volume = periodic_volume(MolField.preset("promolecule"))
    with pytest.warns(VolumeWarning, match=f"{kind}.*are in e/Å³"):
        volume.save(tmp_path / name)


def test_distances_in_a_file_of_densities_are_warned_of(tmp_path):
    volume = periodic_volume(MolField("all", aggregate="distance"))
    with pytest.warns(VolumeWarning, match="densities.*are in Å"):
        volume.save(tmp_path / "CHGCAR")


@pytest.mark.parametrize("name", ["CHGCAR", "CHG_sum", "PARCHG", "AECCAR0", "crystal.vasp"])
def test_densities_in_files_of_densities_are_not(tmp_path, name):
    with warnings.catch_warnings():
        warnings.simplefilter("error", VolumeWarning)
        periodic_volume(MolField.preset("promolecule")).save(tmp_path / name)


def test_values_of_an_unknown_unit_are_not(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error", VolumeWarning)
        periodic_volume(MolField("all")).save(tmp_path / "LOCPOT")
