import gzip

import numpy as np
import pytest
import torch
from ase.build import molecule
from ase.io.cube import read_cube

from tg_molfield import Grid, MolField, Volume
from tg_molfield.convert import from_ase
from tg_molfield.io.files import atomic_write

AXES = ((0.4, 0.1, 0.0), (-0.2, 0.5, 0.1), (0.0, 0.3, 0.6))
GRIDS = {
    "orthogonal": Grid.cube((1.0, -2.0, 0.5), 6.0, 9),
    "sheared": Grid((-2.0, -2.0, -3.0), AXES, (7, 8, 9)),
    "one node thick": Grid((0.0, 0.0, 0.0), AXES, (1, 5, 1)),
}
TOLERANCE = {".cube": 5e-6, ".npz": 0.0}


def ethanol(channels: str, grid: Grid) -> Volume:
    return MolField(channels)(from_ase(molecule("CH3CH2OH"), dtype=torch.float64)).on(grid)


@pytest.mark.parametrize("suffix", [".cube", ".npz", ".cube.gz", ".npz.gz"])
@pytest.mark.parametrize("channels", ["C", "H C O all"])
@pytest.mark.parametrize("grid", GRIDS)
def test_saved_and_read_is_the_same(tmp_path, grid, channels, suffix):
    volume = ethanol(channels, GRIDS[grid])
    path = tmp_path / f"a{suffix}"
    volume.save(path)
    back = Volume.read(path, dtype=torch.float64)
    tolerance = TOLERANCE["." + suffix.split(".")[1]]
    assert torch.allclose(back.values, volume.values, rtol=tolerance, atol=1e-99)
    assert back.channels == volume.channels
    for ours, theirs in ((back.grid.origin, volume.grid.origin), (back.grid.axes, volume.grid.axes)):
        assert np.abs(np.subtract(ours, theirs)).max() <= (0 if "npz" in suffix else 1e-8)
    assert back.atoms is not None
    assert torch.equal(back.atoms.z, volume.atoms.z)
    assert torch.allclose(back.atoms.pos, volume.atoms.pos, rtol=0, atol=1e-8)


@pytest.mark.parametrize("channels", ["C", "H C O"])
def test_ase_reads_the_cube_file(tmp_path, channels):
    volume = ethanol(channels, GRIDS["sheared"])
    volume.save(tmp_path / "a.cube")
    with open(tmp_path / "a.cube") as stream:
        content = read_cube(stream)
    assert np.allclose(content["datas"], volume.values, rtol=1e-5, atol=1e-99)
    assert np.allclose(content["origin"], volume.grid.origin, atol=1e-6)
    assert np.allclose(content["spacing"], volume.grid.axes, atol=1e-6)
    assert np.allclose(content["atoms"].positions, volume.atoms.pos, atol=1e-6)


def test_volume_without_atoms(tmp_path):
    volume = Volume(torch.rand(2, 3, 4, 5), Grid((0, 0, 0), AXES, (3, 4, 5)))
    volume.save(tmp_path / "a.cube")
    back = Volume.read(tmp_path / "a.cube")
    assert back.atoms is None
    assert torch.allclose(back.values, volume.values, rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "shape", "atoms"),
    [
        ("acrolein_density.cube.gz", (77, 69, 96), 8),
        ("h2o_dimer_dens.cube.gz", (14, 12, 14), 6),
        ("aelta_triclinic.cube.gz", (12, 12, 12), 72),
        ("benzene_mo21.cube.gz", None, 12),
    ],
)
def test_real_cube_files_agree_with_ase(data_dir, name, shape, atoms):
    path = data_dir / "volumes" / name
    volume = Volume.read(path, dtype=torch.float64)
    with gzip.open(path, "rt") as stream:
        content = read_cube(stream)
    assert shape is None or volume.grid.shape == shape
    assert volume.atoms is not None
    assert len(volume.atoms.z) == atoms
    assert np.allclose(volume.values[0], content["data"])
    assert np.allclose(volume.atoms.pos, content["atoms"].positions, atol=1e-6)
    assert np.allclose(volume.grid.axes, content["spacing"], atol=1e-7)


def test_density_integrates_to_its_electrons(data_dir):
    volume = Volume.read(data_dir / "volumes" / "acrolein_density.cube.gz")
    assert float(volume.integral()[0]) / 0.529177210544**3 == pytest.approx(22.026, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("truncated.cube", "2352 values, the file holds 1157; it is cut short"),
        ("cube_without_atoms.cube", "line 7 of the CUBE file should hold 5 numbers"),
        ("tiny_cell.xyz", "no volume format has the suffix '.xyz'"),
        ("missing.cube", "no such file"),
    ],
)
def test_bad_files(data_dir, name, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        Volume.read(data_dir / "bad" / name)


@pytest.mark.parametrize("suffix", [".cube", ".npz", ".cube.gz"])
def test_file_cut_in_half(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    ethanol("H C O", GRIDS["orthogonal"]).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match=f"a{suffix}: "):
        Volume.read(path)


def test_empty_file(tmp_path):
    (tmp_path / "a.cube").write_text("")
    with pytest.raises(ValueError, match="the file is empty"):
        Volume.read(tmp_path / "a.cube")


def test_values_that_are_not_finite_are_not_written(tmp_path):
    values = torch.zeros(1, 2, 2, 2)
    values[0, 0, 0, 0] = torch.nan
    with pytest.raises(ValueError, match="NaN"):
        Volume(values, Grid.cube((0, 0, 0), 1, 2)).save(tmp_path / "a.cube")
    assert not list(tmp_path.iterdir())


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.cube"
    path.write_text("old")
    with pytest.raises(TypeError), atomic_write(path) as stream:
        stream.writelines([b"new", None])
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.cube"]
