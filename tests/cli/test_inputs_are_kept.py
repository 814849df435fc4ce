"""What is read is not overwritten."""

import pytest
from commands import refused, run, sdf

from tg_molfield import Grid, MolField, Volume, from_smiles
from tg_molfield.structures.library import Library


@pytest.fixture
def cube(tmp_path):
    data = from_smiles("C")
    path = tmp_path / "truth.npz"
    MolField("C H")(data).on(Grid.around(data.pos, 0.6)).save(path)
    return path


def test_superresolution(cube):
    before = cube.read_bytes()
    message = refused("superres", cube, "--method", "spline", "--output", cube.parent)
    assert "--output: expected a folder in which" in message
    assert cube.read_bytes() == before
    run("superres", cube, "--method", "spline", "--output", cube.parent / "finer")
    model = cube.parent / "finer" / "model.safetensors"
    message = refused("reconstruct", cube, "-o", cube, "--model", model, "--finer", 2)
    assert "is not overwritten" in message
    assert cube.read_bytes() == before
    bracketed = cube.rename(cube.parent / "truth[1].npz")
    assert "is not overwritten" in refused("reconstruct", bracketed, "-o", bracketed, "--model", model, "--finer", 2)
    assert bracketed.read_bytes() == before


def test_paths_and_samples(tmp_path):
    near = sdf(tmp_path / "samples.sdf", ["CCO"])
    assert "is not overwritten" in refused("sample", "qm9-latent", "-o", tmp_path, "--near", near)
    (tmp_path / "step_000.xyz").write_text("1\n\nC 0 0 0\n1\n\nC 0 0 1\n")
    assert "is not overwritten" in refused("interpolate", tmp_path / "step_000.xyz", "--output", tmp_path)


def test_files_that_hold_one_channel_are_told_by_their_names(tmp_path):
    text = run("field", "CO", "-o", tmp_path / "f.ccp4", "--channels", "C O", "--spacing", 1)
    assert "f.C.ccp4" in text
    assert "f.O.ccp4" in text
    assert not (tmp_path / "f.ccp4").exists()


@pytest.mark.parametrize("every", [1, 2])
def test_periodic_densities_stay_periodic(every, tmp_path):
    from ase.build import bulk

    from tg_molfield import from_ase

    salt = from_ase(bulk("NaCl", "rocksalt", a=5.64, cubic=True))
    volume = MolField.preset("promolecule")(salt).on(Grid.from_cell(salt.cell, (24, 24, 25)))
    volume.save(tmp_path / "salt.npz")
    run("superres", tmp_path / "salt.npz", "--method", "spline", "--every", every, "--output", tmp_path / "finer")
    found = Volume.read(tmp_path / "finer" / "reconstruction.npz")
    if every == 1:
        assert (found.periodic, found.grid.shape) == ((True, True, True), (48, 48, 50))
        electrons = [float(one.values.sum() * one.grid.voxel_volume) for one in (volume, found)]
        assert electrons[0] == pytest.approx(electrons[1], rel=1e-3)
    else:
        assert (found.periodic, found.grid.shape) == ((True, True, False), (24, 24, 25))


def test_files_of_an_earlier_run_are_told(tmp_path):
    frames = tmp_path / "frames.xyz"
    frames.write_text("2\n\nC 0 0 0\nO 0 0 1.2\n2\n\nC 0 0 0\nO 0 0 1.4\n")
    options = ("--output", tmp_path / "path", "--spacing", 1)
    run("interpolate", frames, *options, "--steps", 4)
    with pytest.warns(UserWarning, match=r"expected files of this run alone, got step_003\.cube and 1 more"):
        run("interpolate", frames, *options, "--steps", 2)
    run("interpolate", frames, *options, "--steps", 4)


def test_extensions_of_smiles_are_no_title(tmp_path):
    (tmp_path / "a.smi").write_text("CCO |$_AV:a;b;c$| ethanol\nC |x|\nCC ethane\n")
    assert [one.title for one in Library(tmp_path / "a.smi")] == ["ethanol", "", "ethane"]
