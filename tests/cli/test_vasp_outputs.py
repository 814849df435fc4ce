"""Files of VASP hold crystals alone, which commands find out before they write anything."""

import pytest
from ase.build import bulk
from ase.io import write
from commands import refused, run, sdf

from tg_molfield import Grid, MolField, from_smiles

PERIODIC = "expected a volume that is periodic along all axes, as files of VASP are"


@pytest.mark.parametrize("name", ["CHGCAR", "a.vasp"])
@pytest.mark.parametrize("command", ["field", "reconstruct"])
def test_of_a_molecule_nothing_is_written(tmp_path, monkeypatch, command, name):
    monkeypatch.chdir(tmp_path)
    message = refused(command, "C", "-o", "a.cube", "-o", "a.png", "-o", name, "--spacing", 1)
    assert f"{name}: {PERIODIC}" in message
    assert not list(tmp_path.iterdir())


def test_of_a_crystal_in_other_numbers_of_channels_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write("salt.extxyz", bulk("NaCl", "rocksalt", a=5.64, cubic=True))
    words = ("field", "salt.extxyz", "-o", "a.xsf", "-o", "CHGCAR", "--spacing", 1, "--channels")
    assert "CHGCAR: expected 1, 2 or 4 channels, got 3" in refused(*words, "Na Cl all")
    assert [path.name for path in tmp_path.iterdir()] == ["salt.extxyz"]
    assert "CHGCAR: 6×6×6 nodes, channels Na Cl\n" in run(*words, "Na Cl")


@pytest.mark.parametrize("options", [(), ("--model", "qm9-latent"), ("--blind",)])
def test_of_a_path_between_molecules_nothing_is_written(tmp_path, monkeypatch, options):
    monkeypatch.chdir(tmp_path)
    sdf(tmp_path / "two.sdf", ["CO", "CO"])
    message = refused("interpolate", "two.sdf", "-o", "path", "--format", "vasp", "--spacing", 1, *options)
    assert f"step_000.vasp: {PERIODIC}" in message
    assert not (tmp_path / "path").exists()


@pytest.mark.parametrize("source", ["a.sdf", "a.npz"])
def test_of_a_reconstruction_nothing_is_written(tmp_path, monkeypatch, source):
    monkeypatch.chdir(tmp_path)
    data = from_smiles("C")
    sdf(tmp_path / "a.sdf", ["C"])
    MolField("C")(data).on(Grid.around(data.pos, 0.8)).save("a.npz")
    message = refused("superres", source, "--method", "spline", "-o", "finer", "--format", "vasp")
    assert f"reconstruction.vasp: {PERIODIC}" in message
    assert not (tmp_path / "finer").exists()
