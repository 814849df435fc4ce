"""The same tests for every volume format: round trips, and errors for damaged files."""

import math
import os
import struct
import subprocess
import sys
import time
import zipfile

import numpy as np
import pytest
import torch
from ase.build import molecule

from tg_molfield import Grid, MolField, Volume
from tg_molfield.fields import AtomList, VolumeWarning
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
DIGITS = {".cube": 5e-6, ".npz": 0.0, ".dx": 0.0, ".xsf": 0.0, ".ccp4": 1e-6, ".mrc": 1e-6, ".map": 1e-6}
LENGTHS = {".cube": 1e-8, ".npz": 0.0, ".dx": 0.0, ".xsf": 1e-12, ".ccp4": 2e-5, ".mrc": 2e-5, ".map": 2e-5}
MAPS = (".ccp4", ".mrc", ".map")
ON_LATTICE = (".ccp4", ".map")
WITH_ATOMS = (".cube", ".npz", ".xsf")


def ethanol(channels: str, grid: Grid) -> Volume:
    return MolField(channels)(from_ase(molecule("CH3CH2OH"), dtype=torch.float64)).on(grid)


def wave(grid: Grid, channels=("C", "O"), **options) -> Volume:
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(len(channels), *grid.shape, generator=generator, dtype=torch.float64)
    return Volume(values, grid, channels, **options)


def on_lattice(grid: Grid) -> bool:
    steps = np.array(grid.origin) @ np.linalg.inv(grid.axes)
    return np.abs(steps - np.rint(steps)).max() < 1e-3


def test_every_format_is_tested():
    assert {FORMATS[suffix] for suffix in DIGITS} == set(FORMATS.values()) - {FORMATS[".vasp"]}


@pytest.mark.parametrize("gz", ["", ".gz"])
@pytest.mark.parametrize("suffix", DIGITS)
@pytest.mark.parametrize("channels", [("C",), ("H", "C", "O", "all")])
@pytest.mark.parametrize("grid", GRIDS)
def test_saved_and_read_is_the_same(tmp_path, grid, channels, suffix, gz):
    volume = wave(GRIDS[grid], channels)
    path = tmp_path / f"a{suffix}{gz}"
    if suffix == ".xsf" and grid == "one node thick":
        with pytest.raises(ValueError, match=r"expected at least 2 nodes along an axis .*, got \[1, 5, 1\]"):
            volume.save(path)
        return
    if suffix in MAPS and grid == "rotated":
        with pytest.raises(ValueError, match=r"resample the field with \.on\(Grid\.around"):
            volume.save(path)
        assert not list(tmp_path.iterdir())
        return
    if suffix in ON_LATTICE and not on_lattice(GRIDS[grid]):
        with pytest.warns(VolumeWarning, match=rf"a{suffix}{gz}: its nodes have to be whole .* save as \.mrc"):
            written = volume.save(path)
    else:
        written = volume.save(path)
    assert sorted(written) == sorted(tmp_path.iterdir())
    back = Volume.read(written if len(written) > 1 else written[0], dtype=torch.float64)
    assert back.channels == volume.channels
    assert back.periodic == (False, False, False)
    if suffix in ON_LATTICE and not on_lattice(GRIDS[grid]):
        moved = volume.interpolated("cubic").resampled(back.grid)
        assert on_lattice(back.grid)
        assert torch.allclose(back.values, moved.values, rtol=0, atol=1e-4)
        assert back.grid.num_nodes >= math.prod(n - 1 for n in volume.grid.shape if n > 1)
        return
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
    volume = wave(GRIDS["orthogonal"])
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


def test_channels_with_long_and_with_like_names(tmp_path):
    volume = wave(GRIDS["sheared"], ("é" * 300, "É" * 300, "b", "b_4", "B"))
    written = volume.save(tmp_path / ("x" * 200 + ".dx"))
    assert max(len(path.name.encode()) for path in written) <= 255
    assert Volume.read(written).channels == volume.channels
    assert [path.name[201:] for path in written[2:]] == ["b.dx", "b_4.dx", "B_4_.dx"]


def test_all_channels_are_written_or_none(tmp_path):
    volume = wave(GRIDS["orthogonal"], ("a", "b", "c"))
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
    with pytest.raises(ValueError, match=r"values: expected shape \[C, nx, ny, nz\] .*, got \[3\]"):
        Volume.read(tmp_path / "a.npz")


def test_nan_of_masked_maps_is_replaced_where_asked(tmp_path):
    values = np.zeros((1, 2, 2, 2))
    values[0, 0, 0] = np.nan
    np.savez(tmp_path / "a.npz", values=values, origin=np.zeros(3), axes=np.eye(3), channels=np.array(["a"]))
    with pytest.raises(
        ValueError, match=r"a\.npz: expected finite values, got NaN in 2 of 8 \(a masked map\?\); give fill"
    ):
        Volume.read(tmp_path / "a.npz")
    assert Volume.read(tmp_path / "a.npz", fill_nan=-1.0).values.sum() == -2
    values[0, 1, 0, 0] = np.inf
    np.savez(tmp_path / "a.npz", values=values, origin=np.zeros(3), axes=np.eye(3), channels=np.array(["a"]))
    with pytest.raises(ValueError, match="expected finite values within"):
        Volume.read(tmp_path / "a.npz", fill_nan=0.0)


def test_half_precision_is_saved(tmp_path):
    for dtype in (torch.float16, torch.bfloat16):
        volume = Volume(torch.ones(1, 2, 2, 2, dtype=dtype), Grid.cube((0, 0, 0), 1, 2))
        volume.save(tmp_path / "a.npz")
        assert torch.equal(Volume.read(tmp_path / "a.npz", dtype=dtype).values, volume.values)


SOUND = {
    "values": np.zeros((1, 2, 2, 2)),
    "origin": np.zeros(3),
    "axes": np.eye(3),
    "channels": np.array(["a"]),
    "numbers": np.array([6, 1]),
    "positions": np.zeros((2, 3)),
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"numbers": [6, -5]}, "atom 2: expected an atomic number from 1 to 118, got -5"),
        ({"numbers": [10**12, 1]}, "atom 1: expected an atomic number from 1 to 118, got 1000000000000"),
        ({"numbers": [6, -9 * 10**18]}, "atom 2: expected an atomic number"),
        ({"numbers": [6, 1.5]}, "atom 2: expected an atomic number from 1 to 118, got 1.5"),
        ({"numbers": [6, np.nan]}, "atom 2: expected an atomic number from 1 to 118, got nan"),
        ({"numbers": [[6, 1]]}, r"numbers: expected atomic numbers \[N\], got int64 \[1, 2\]"),
        ({"numbers": [6]}, r"positions: expected shape \[1, 3\], one row an atom, got \[2, 3\]"),
        ({"numbers": ["C", "H"]}, "numbers: expected atomic numbers"),
        ({"positions": [[0, 0, 0], [0, 0, np.nan]]}, "atom 2: expected a finite position"),
        ({"positions": np.zeros((2, 2))}, r"positions: expected shape \[2, 3\]"),
        ({"positions": None}, "atoms: expected numbers and positions, got only one"),
        ({"origin": [0, 0, np.inf]}, "origin: expected finite numbers"),
        ({"origin": [0, 0]}, r"origin: expected finite numbers of shape \[3\]"),
        ({"axes": np.zeros((3, 3))}, "axes: expected three step vectors that span space"),
        ({"axes": np.full((3, 3), np.nan)}, "axes: expected finite numbers"),
        ({"axes": np.eye(2)}, "axes: expected finite numbers"),
        ({"values": np.zeros((1, 0, 2, 2))}, "values: expected shape"),
        ({"values": np.zeros((1, 2, 2, 2), complex)}, "values: expected real numbers, got complex128"),
        ({"values": np.zeros((1, 2, 2, 2), "U3")}, "values: expected real numbers, got <U3"),
        ({"channels": ["a", "b"]}, "channels: expected 1 different names"),
        ({"channels": [[1]]}, r"channels: expected names \[C\], got int64"),
        ({"periodic": [1, 0, 0]}, "periodic: expected three booleans"),
        ({"values": np.array([[[[object()]]]])}, "values: expected numbers or names, got object"),
    ],
)
def test_what_does_not_fit_together_is_not_read(tmp_path, change, message):
    arrays = {name: np.asarray(value) for name, value in {**SOUND, **change}.items() if value is not None}
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(ValueError, match=rf"a\.npz: {message}"):
        Volume.read(tmp_path / "a.npz")


@pytest.mark.parametrize("kind", ["<f4", ">f8", "<f2", "<i2", "u1", "?"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_of_other_programs_are_read(tmp_path, kind, order):
    values = np.asarray(np.random.default_rng(0).normal(size=(2, 3, 4, 5)) * 3, kind, order=order)
    arrays = {**SOUND, "values": values, "channels": np.array(["a", "b"]), "numbers": np.array([6.0, 1.0], "f4")}
    np.savez_compressed(tmp_path / "a.npz", **arrays)
    volume = Volume.read(tmp_path / "a.npz", dtype=torch.float64)
    assert np.array_equal(volume.values, values.astype(float))
    assert volume.atoms.z.tolist() == [6, 1]


def test_ghost_atoms_are_left_out(tmp_path):
    np.savez(tmp_path / "a.npz", **{**SOUND, "numbers": np.array([0, 1])})
    with pytest.warns(
        VolumeWarning, match=r"a\.npz: 1 atoms with atomic number 0 .ghost or dummy atoms. were left out"
    ):
        volume = Volume.read(tmp_path / "a.npz")
    assert volume.atoms.z.tolist() == [1]


@pytest.mark.parametrize("suffix", DIGITS)
def test_atoms_that_are_none_are_not_written(tmp_path, suffix):
    volume = wave(GRIDS["orthogonal"])
    for z, x in ((-5, 0.0), (119, 0.0), (6, math.nan)):
        bad = volume.with_atoms(AtomList(torch.tensor([z]), torch.full((1, 3), x)))
        with pytest.raises(ValueError, match=rf"a{suffix}: atom 1: expected"):
            bad.save(tmp_path / f"a{suffix}")
    assert not list(tmp_path.iterdir())


def archive(path, header: bytes, size: int = 64) -> None:
    """An archive whose ``values`` have this header and ``size`` bytes."""
    np.savez(path, **{name: value for name, value in SOUND.items() if name != "values"})
    text = header.ljust(117) + b"\n"
    with zipfile.ZipFile(path, "a") as stream:
        stream.writestr("values.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + bytes(size))


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (
            b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000, 1000000000, 10000000000), }",
            "by the header",
        ),
        (
            b"{'descr': '<f8', 'fortran_order': False, 'shape': (1, 2, 2, 3), }",
            "expected 96 bytes by the header, got 64",
        ),
        (b"{'descr': '<U0', 'fortran_order': False, 'shape': (1000000000,), }", "expected numbers or names"),
        (b"{'descr': '<f8', 'fortran_order': False, 'shape': (1, 2, 2, 2)", "got a damaged header"),
        (b"((((((((((((((((((((((((((((((((((((((((", "got a damaged header"),
        (b"", "got a damaged header"),
    ],
)
def test_array_headers_that_lie(tmp_path, header, message):
    archive(tmp_path / "a.npz", header)
    with pytest.raises(ValueError, match=rf"a\.npz: values: .*{message}"):
        Volume.read(tmp_path / "a.npz")


def test_an_archive_that_unfolds_to_gigabytes_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", **{name: value for name, value in SOUND.items() if name != "values"})
    with zipfile.ZipFile(tmp_path / "a.npz", "a", zipfile.ZIP_DEFLATED, compresslevel=1) as stream:
        stream.writestr("values.npy", bytes(2**28))
    with pytest.raises(ValueError, match=r"a\.npz: expected arrays of at most 256 MiB .*, got 268"):
        Volume.read(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.dx", b"\n" * 200_000),
        (
            "a.dx",
            b"origin " * 30_000 + b"\n" * 100_000 + b"object 3 class array type double rank 0 items 6 data follows\n",
        ),
        ("a.dx", b"channels: [" * 200_000 + b"\nobject 1 class array type double rank 0 items 1 data follows\n1\n"),
        ("a.cube", b"a\n" + b"channels: [" * 200_000 + b"\n1 0 0 0\n1 1 0 0\n1 0 1 0\n1 0 0 1\n1 1 0 0 0\n"),
        ("a.cube", b"\n" * 200_000),
        ("a.cube", b"a\n" + b"channels: " + b"[" * 1_000_000 + b"\n1 0 0 0\n1 1 0 0\n1 0 1 0\n1 0 0 1\n1 1 0 0 0\n"),
        ("a.cube", b"a\nb\n1000000000000 0 0 0\n1 1 0 0\n1 0 1 0\n1 0 0 1\n1 1 0 0 0\n1"),
        ("a.cube", b"a\nb\n2000000000 0 0 0\n1 1 0 0\n1 0 1 0\n1 0 0 1\n1 1 0 0 0\n1"),
        ("a.cube", b"a\nb\n-1 0 0 0\n1 1 0 0\n1 0 1 0\n1 0 0 1\n1 1 0 0 0\n" + b"9" * 5000 + b" 1"),
        ("a.cube", b"a\nb\n1 0 0 0\n1000000000 1 0 0\n1000000000 0 1 0\n1000000000 0 0 1\n1 1 0 0 0\n1 2 3"),
        ("a.cube", b"a\nb\n1 0 0 0\n1 1 0 0\n1 0 1 0\n1 0 0 1\n1_0 1 0 0 0\n1"),
        ("a.cube", b"a\nb\n0 0 0 0\n1 1 0 0\n1 0 1 0\n1 0 0 1\n1_0"),
        ("a.cube", b"a\nb\n0 0 0 0\n1.9 1 0 0\n1 0 1 0\n1 0 0 1\n1"),
        ("a.cube", b"a\nb\n1e300 0 0 0\n1 1 0 0\n1 0 1 0\n1 0 0 1\n1"),
        ("a.npz", b"\x93NUMPY\x01\x00v\x00" + b"(" * 1000),
        ("a.npz", b"PK\x03\x04" + bytes(1000)),
    ],
)
def test_what_took_forever_or_raised_something_else(tmp_path, name, content):
    """Time, and errors of one short line that start with the file's name."""
    path = tmp_path / name
    path.write_bytes(content)
    start = time.process_time()
    with pytest.raises(ValueError, match=rf"^{path}: expected|^{path}: line|^{path}: value") as caught:
        Volume.read(path)
    assert time.process_time() - start < 2
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("name", ["a.cube", "a.dx", "a.xsf", "CHGCAR"])
@pytest.mark.parametrize("filling", [b"\n", b" ", b"a ", b"1 "])
def test_megabytes_of_nothing_are_refused_in_little_time_and_memory(tmp_path, name, filling):
    """What precedes the filling is a sound start of the file."""
    starts = {
        "a.cube": b"a\nb\n2000000000 0 0 0\n1 1 0 0\n1 0 1 0\n1 0 0 1\n",
        "a.dx": b"object 1 class gridpositions counts 1 1 2\norigin 0 0 0\n",
        "a.xsf": b"ATOMS\n",
        "CHGCAR": b"a\n1\n1 0 0\n0 1 0\n0 0 1\nH\n2000000000\nDirect\n",
    }
    for start in (starts[name], b""):
        (tmp_path / name).write_bytes(start + filling * (2**22 // len(filling)) + b"x")
        before = time.process_time()
        with pytest.raises(ValueError, match=rf"{name}: .*expected") as caught:
            Volume.read(tmp_path / name)
        assert time.process_time() - before < 2
        assert len(str(caught.value)) < 400


KILLED = """
import os, random, signal, sys, time
import torch
from tg_molfield import Grid, Volume

folder, rng = sys.argv[1], random.Random(0)
path, names = os.path.join(folder, "x.dx"), list("abcdefghij")

def save(value):
    return Volume(torch.full((10, 12, 12, 12), float(value)), Grid.cube((0, 0, 0), 1, 12), names).save(path)

paths = save(0)
start = time.monotonic()
save(0)
duration, found = time.monotonic() - start, set()
for number in range(1, 21):
    child = os.fork()
    if not child:
        save(number)
        os._exit(0)
    if number % 5:
        time.sleep(rng.random() * 2 * duration)
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    values = Volume.read(paths).values
    assert len(values.unique()) == 1, values[:, 0, 0, 0]
    found.add(float(values[0, 0, 0, 0]))
save(21)
print(len(found), *sorted(os.listdir(folder)))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_killed_save_of_several_files_leaves_all_old_or_all_new(tmp_path):
    result = subprocess.run([sys.executable, "-c", KILLED, tmp_path], capture_output=True, text=True)
    assert not result.returncode, result.stderr
    saves, *names = result.stdout.split()
    assert names == [f"x.{name}.dx" for name in "abcdefghij"]
    assert 4 <= int(saves) <= 20
