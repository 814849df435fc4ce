"""The same tests for every volume format: round trips, and errors for damaged files."""

import math

import numpy as np
import pytest
import torch
from ase.build import molecule

from tg_molfield import Grid, MolField, Volume
from tg_molfield.files import atomic_write
from tg_molfield.structures import from_ase
from tg_molfield.volumes.registry import FORMATS

SHEAR = ((0.5, 0.0, 0.0), (-0.2, 0.5, 0.0), (0.1, 0.3, 0.6))
TURNED = tuple(
    tuple(0.5 * x for x in row)
    for row in (
        (math.cos(0.3), math.sin(0.3), 0.0),
        (-math.sin(0.3) * math.cos(1), math.cos(0.3) * math.cos(1), math.sin(1)),
        (math.sin(0.3) * math.sin(1), -math.cos(0.3) * math.sin(1), math.cos(1)),
    )
)
GRIDS = {
    "orthogonal": Grid.cube((0.0, 0.0, 0.0), 6.0, 9),
    "shifted": Grid((-1.2345, 2.1, 37.77), ((0.4, 0, 0), (0, 0.5, 0), (0, 0, 0.6)), (7, 8, 9)),
    "sheared": Grid((-2.0, -2.0, -3.0), SHEAR, (7, 8, 9)),
    "rotated": Grid((-1.0, -1.0, -1.0), TURNED, (5, 6, 7)),
    "left-handed": Grid((-2.0, -2.0, 2.0), ((0.5, 0, 0), (0, 0.5, 0), (0, 0, -0.5)), (8, 7, 6)),
    "axes exchanged": Grid((-2.0, -2.0, -2.0), ((0, 0.5, 0), (0.4, 0, 0), (0, 0, 0.6)), (8, 7, 6)),
    "one node thick": Grid((0.0, 0.0, 0.0), SHEAR, (1, 5, 1)),
}
DIGITS = {".cube": 5e-6, ".npz": 0.0, ".dx": 0.0, ".ccp4": 1e-6, ".mrc": 1e-6, ".map": 1e-6}
LENGTHS = {".cube": 1e-8, ".npz": 0.0, ".dx": 0.0, ".ccp4": 2e-5, ".mrc": 2e-5, ".map": 2e-5}
MAPS = (".ccp4", ".mrc", ".map")
WITH_ATOMS = (".cube", ".npz")


def ethanol(channels: str, grid: Grid) -> Volume:
    return MolField(channels)(from_ase(molecule("CH3CH2OH"), dtype=torch.float64)).on(grid)


def wave(grid: Grid, channels=("C", "O"), **options) -> Volume:
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(len(channels), *grid.shape, generator=generator, dtype=torch.float64)
    return Volume(values, grid, channels, **options)


def test_every_format_is_tested():
    assert {FORMATS[suffix] for suffix in DIGITS} == set(FORMATS.values())


@pytest.mark.parametrize("gz", ["", ".gz"])
@pytest.mark.parametrize("suffix", DIGITS)
@pytest.mark.parametrize("channels", [("C",), ("H", "C", "O", "all")])
@pytest.mark.parametrize("grid", GRIDS)
def test_saved_and_read_is_the_same(tmp_path, grid, channels, suffix, gz):
    volume = wave(GRIDS[grid], channels)
    path = tmp_path / f"a{suffix}{gz}"
    if suffix in MAPS and grid == "rotated":
        with pytest.raises(ValueError, match=r"resample the field with \.on\(Grid\.around"):
            volume.save(path)
        assert not list(tmp_path.iterdir())
        return
    written = volume.save(path)
    assert sorted(written) == sorted(tmp_path.iterdir())
    back = Volume.read(written if len(written) > 1 else written[0], dtype=torch.float64)
    assert back.channels == volume.channels
    assert back.periodic == (False, False, False)
    if suffix in MAPS and grid in ("left-handed", "axes exchanged"):
        nodes = volume.grid.points(torch.float64)
        assert torch.allclose(back(nodes), volume(nodes), rtol=0, atol=1e-4)
        return
    assert torch.allclose(back.values, volume.values, rtol=DIGITS[suffix], atol=1e-99)
    for ours, theirs in ((back.grid.origin, volume.grid.origin), (back.grid.axes, volume.grid.axes)):
        assert np.abs(np.subtract(ours, theirs)).max() <= LENGTHS[suffix]


@pytest.mark.parametrize("suffix", WITH_ATOMS)
@pytest.mark.parametrize("channels", ["C", "C O"])
def test_atoms_are_kept(tmp_path, channels, suffix):
    volume = ethanol(channels, GRIDS["orthogonal"])
    (path,) = volume.save(tmp_path / f"a{suffix}")
    back = Volume.read(path, dtype=torch.float64)
    assert torch.equal(back.atoms.z, volume.atoms.z)
    assert torch.allclose(back.atoms.pos, volume.atoms.pos, rtol=0, atol=1e-8)


@pytest.mark.parametrize("suffix", DIGITS)
def test_volume_without_atoms(tmp_path, suffix):
    volume = wave(GRIDS["sheared"])
    assert Volume.read(volume.save(tmp_path / f"a{suffix}")).atoms is None


@pytest.mark.parametrize("suffix", DIGITS)
def test_periodic_axes_are_kept(tmp_path, suffix):
    volume = wave(Grid.from_cell(((6.0, 0, 0), (1.0, 5, 0), (0, 0.5, 4)), (12, 10, 9)), periodic=(True, False, True))
    back = Volume.read(volume.save(tmp_path / f"a{suffix}"), dtype=torch.float64)
    assert back.periodic == (True, False, True)
    x = 9 * torch.randn(20, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    assert torch.allclose(back(x), volume(x), atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("suffix", [".npz", ".dx"])
def test_exact_formats_lose_no_digit(tmp_path, suffix, dtype):
    values = torch.tensor([[[[1 / 3, -1e-30, 6.02214076e23], [0.1, -0.0, 1.0000001]]]], dtype=dtype)
    volume = Volume(values, Grid((0.1, 1 / 3, -7e-9), SHEAR, (1, 2, 3)))
    back = Volume.read(volume.save(tmp_path / f"a{suffix}"), dtype=dtype)
    assert torch.equal(back.values, values)
    assert back.grid == volume.grid


@pytest.mark.parametrize("gz", ["", ".gz"])
@pytest.mark.parametrize("suffix", DIGITS)
def test_file_cut_short_anywhere(tmp_path, suffix, gz):
    (whole,) = wave(Grid.cube((0, 0, 0), 3, 5), ("C",)).save(tmp_path / f"whole{suffix}{gz}")
    content = whole.read_bytes()
    path = tmp_path / f"a{suffix}{gz}"
    for part in (0.02, 0.1, 0.25, 0.5, 0.75):
        path.write_bytes(content[: int(part * len(content))])
        with pytest.raises(ValueError, match=rf"a{suffix}{gz}: .*(cut short|damaged|more than|archive|restore)"):
            Volume.read(path)


def test_a_channel_a_file(tmp_path):
    volume = wave(GRIDS["sheared"], ("C", "O/N *", "O?N !", "", "c"))
    written = volume.save(tmp_path / "new" / "v1.2.dx.gz")
    assert [path.name for path in written] == [f"v1.2.{x}.dx.gz" for x in ("C", "O_N_", "O_N__2", "_", "c_4")]
    back = Volume.read(written, dtype=torch.float64)
    assert back.channels == volume.channels
    assert torch.equal(back.values, volume.values)
    assert volume["C"].save(tmp_path / "c.dx") == [tmp_path / "c.dx"]


def test_all_channels_are_written_or_none(tmp_path):
    volume = wave(GRIDS["sheared"], ("a", "b", "c"))
    volume.values[2, 0, 0, 0] = 1e300
    with pytest.raises(ValueError, match=r"x\.c\.ccp4: expected values within single precision"):
        volume.save(tmp_path / "x.ccp4")
    assert not list(tmp_path.iterdir())


def test_files_of_foreign_programs_are_joined_by_name(tmp_path, data_dir):
    text = (data_dir / "volumes" / "tiny.dx").read_text()
    paths = [tmp_path / "esp.dx", tmp_path / "rho.dx"]
    for path in paths:
        path.write_text(text)
    assert Volume.read(paths).channels == ("esp", "rho")
    paths[1].write_text(text.replace("20.1", "20.2"))
    with pytest.raises(ValueError, match=r"rho\.dx: expected the grid of .*esp\.dx, got another one"):
        Volume.read(paths)
    with pytest.raises(ValueError, match="paths: expected at least one file"):
        Volume.read([])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("truncated.cube", "2352 values by the header, got 1157; .* cut short"),
        ("cube_without_atoms.cube", "line 7: expected 5 numbers"),
        (
            "tiny_cell.xyz",
            rf"expected a volume file \({', '.join(FORMATS)}, .*, got the suffix '.xyz'",
        ),
        ("missing.cube", "missing.cube: expected an existing file, got none"),
    ],
)
def test_bad_files(data_dir, name, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        Volume.read(data_dir / "bad" / name)


@pytest.mark.parametrize("suffix", DIGITS)
def test_another_content_than_the_suffix_says(tmp_path, suffix):
    for content in (b"3\nwater\nO 0 0 0\nH 0 0 1\nH 0 1 0\n" * 50, bytes(range(256)) * 8):
        path = tmp_path / f"a{suffix}"
        path.write_bytes(content)
        with pytest.raises(ValueError, match=rf"a{suffix}: "):
            Volume.read(path)


@pytest.mark.parametrize("suffix", DIGITS)
def test_empty_file(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_text("")
    with pytest.raises(ValueError, match="expected content, got an empty file"):
        Volume.read(path)


@pytest.mark.parametrize("suffix", DIGITS)
def test_values_that_are_not_finite_are_not_written(tmp_path, suffix):
    values = torch.zeros(1, 2, 2, 2)
    values[0, 0, 0, 0] = torch.nan
    with pytest.raises(ValueError, match="NaN"):
        Volume(values, Grid.cube((0, 0, 0), 1, 2)).save(tmp_path / f"a{suffix}")
    assert not list(tmp_path.iterdir())


def test_values_that_are_not_finite_are_not_read(tmp_path):
    volume = Volume(torch.full((1, 2, 2, 2), 1e300, dtype=torch.float64), Grid.cube((0, 0, 0), 1, 2))
    volume.save(tmp_path / "a.npz")
    assert Volume.read(tmp_path / "a.npz", dtype=torch.float64).values.max() == 1e300
    with pytest.raises(ValueError, match=r"a\.npz: expected finite values within torch\.float32"):
        Volume.read(tmp_path / "a.npz", dtype=torch.float32)


@pytest.mark.parametrize("suffix", DIGITS)
def test_no_channels_no_file(tmp_path, suffix):
    with pytest.raises(ValueError, match="no channels"):
        Volume(torch.zeros(0, 2, 2, 2), Grid.cube((0, 0, 0), 1, 2)).save(tmp_path / f"a{suffix}")


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.cube"
    path.write_text("old")
    with pytest.raises(TypeError), atomic_write(path) as stream:
        stream.writelines([b"new", None])
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.cube"]


def test_archive_that_is_no_volume(tmp_path):
    np.savez(tmp_path / "a.npz", values=np.zeros(3))
    with pytest.raises(ValueError, match="got none for origin, axes, channels"):
        Volume.read(tmp_path / "a.npz")
    np.savez(tmp_path / "a.npz", values=np.zeros(3), origin=np.zeros(3), axes=np.eye(3), channels=np.array(["a"]))
    with pytest.raises(ValueError, match="values: expected 4 dimensions, got shape"):
        Volume.read(tmp_path / "a.npz")
