"""CCP4 and MRC maps compared with gemmi, an independent reader, and with the atoms of their structures."""

import gzip
import struct

import gemmi
import numpy as np
import pytest
import torch
from ase.build import molecule

from tg_molfield import Grid, MolField, Volume
from tg_molfield.fields import AtomList
from tg_molfield.structures import from_ase
from tg_molfield.volumes.ccp4_header import HEADER

ANGLES = ((6.0, 0, 0), (-1.5, 5.0, 0), (0.8, 1.2, 7.0))


def numbers(path, **changes) -> None:
    """Set words of the header by name."""
    content = bytearray(path.read_bytes())
    for name, value in changes.items():
        header = np.frombuffer(content, HEADER, 1).copy()
        header[name] = value
        content[:1024] = header.tobytes()
    path.write_bytes(content)


def random_volume(grid, **options) -> Volume:
    return Volume(torch.randn(1, *grid.shape, generator=torch.Generator().manual_seed(0)), grid, ("rho",), **options)


def gemmi_map(path) -> gemmi.Ccp4Map:
    content = gemmi.read_ccp4_map(str(path))
    content.setup(0.0)
    return content


@pytest.mark.parametrize("name", ["3nzd.ccp4.gz", "iota_yzx.ccp4.gz", "emd_3001.map.gz"])
def test_nodes_and_values_agree_with_gemmi(data_dir, name):
    path = data_dir / "volumes" / name
    volume = Volume.read(path)
    full = gemmi.read_ccp4_map(str(path))
    full.setup(float("nan"))
    nodes = volume.grid.points(torch.float64)
    pick = torch.randperm(len(nodes), generator=torch.Generator().manual_seed(0))[:2000]
    for position, value in zip(nodes[pick].tolist(), volume.values.flatten()[pick].tolist(), strict=True):
        u, v, w = full.grid.unit_cell.fractionalize(gemmi.Position(*position)).tolist()
        index = [round(f * n) for f, n in zip((u, v, w), full.grid.shape, strict=True)]
        assert np.abs(np.array((u, v, w)) * full.grid.shape - index).max() < 1e-3
        assert full.grid.get_value(*index) == pytest.approx(value, abs=1e-6)


@pytest.mark.parametrize("suffix", [".ccp4", ".map.gz", ".dx", ".npz"])
@pytest.mark.parametrize("name", ["3nzd.ccp4.gz", "iota_yzx.ccp4.gz", "emd_3001.map.gz"])
def test_real_maps_are_written_as_they_were_read(tmp_path, data_dir, name, suffix):
    volume = Volume.read(data_dir / "volumes" / name)
    back = Volume.read(volume.save(tmp_path / f"a{suffix}"))
    assert torch.equal(back.values, volume.values)
    assert back.periodic == volume.periodic
    assert np.allclose(back.grid.points(), volume.grid.points(), rtol=0, atol=1e-4)


def test_order_of_axes(data_dir):
    volume = Volume.read(data_dir / "volumes" / "iota_yzx.ccp4.gz")
    assert volume.grid.shape == (4, 1, 2)
    assert volume.grid.axes == ((30.0, 0.0, 0.0), (0.0, 22.0, 0.0), (0.0, 0.0, 20.0))
    assert volume.grid.origin == (30.0, 440.0, -60.0)
    assert volume.periodic == (False, False, False)


def test_density_is_where_the_atoms_are(data_dir):
    volume = Volume.read(data_dir / "volumes" / "3nzd.ccp4.gz").interpolated("cubic")
    structure = gemmi.read_structure(str(data_dir / "volumes" / "3nzd.cif.gz"))
    atoms = [site.atom for site in structure[0].all() if site.atom.element.name in "CNO" and site.atom.b_iso < 30]
    pos = torch.tensor([atom.pos.tolist() for atom in atoms])
    at_atoms = volume(pos)[:, 0]
    elsewhere = volume(pos + torch.tensor([4.0, 3.0, -5.0]))[:, 0]
    assert len(pos) > 500
    assert float(at_atoms.median()) > 1.2
    assert abs(float(elsewhere.median())) < 0.3


def test_map_of_more_than_a_cell_is_periodic(data_dir):
    path = data_dir / "volumes" / "emd_3001.map.gz"
    volume, theirs = Volume.read(path), gemmi_map(path)
    assert volume.grid.shape == (40, 12, 72)
    assert volume.periodic == (True, True, True)
    cell = torch.tensor(theirs.grid.unit_cell.orth.mat.tolist()).T
    lattice = 2 * cell[0] - 3 * cell[1] + cell[2]
    x = volume.grid.points()[::37]
    assert torch.allclose(volume(x + lattice), volume(x), atol=2e-4)


ORIGINS = {
    "zero": (0.0, 0.0, 0.0),
    "whole steps": tuple((np.array((3, -4, 20)) @ (np.array(ANGLES) / [[12], [10], [14]])).tolist()),
    "anywhere": (-3.21, 40.4, 0.017),
}


@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("origin", ORIGINS)
def test_gemmi_finds_every_value_at_its_node(tmp_path, origin, periodic):
    volume = random_volume(Grid.from_cell(ANGLES, (12, 10, 14), ORIGINS[origin]), periodic=periodic)
    (path,) = volume.save(tmp_path / "a.ccp4")
    theirs = gemmi_map(path).grid
    count = [n if periodic else n + 1 for n in volume.grid.shape]
    assert list(theirs.shape) == count
    nodes = volume.grid.points(torch.float64).numpy()
    found = [theirs.unit_cell.fractionalize(gemmi.Position(*node)).tolist() for node in nodes]
    steps = np.array(found) * count
    off = np.abs(steps - np.rint(steps)).max()
    assert off < 1e-3 if origin != "anywhere" else off <= 0.501
    start = gemmi.read_ccp4_map(str(path)).header_i32(5), gemmi.read_ccp4_map(str(path)).header_i32(6)
    first = np.rint(steps[0])
    assert tuple(first[:2].astype(int)) == start
    whole = first + np.stack(np.meshgrid(*(np.arange(n) for n in volume.grid.shape), indexing="ij"), -1).reshape(-1, 3)
    values = [theirs.get_value(*map(int, index)) for index in whole]
    assert np.array_equal(np.array(values, np.float32), volume.values.flatten().numpy())


@pytest.mark.parametrize(
    ("origin", "words"),
    [("zero", (0, 0, 0)), ("whole steps", (0, 0, 0)), ("anywhere", (-3.21, 40.4, 0.017))],
)
def test_origin_words(tmp_path, origin, words):
    (path,) = random_volume(Grid.from_cell(ANGLES, (12, 10, 14), ORIGINS[origin])).save(tmp_path / "a.mrc")
    header = np.frombuffer(path.read_bytes()[:1024], HEADER)[0]
    expected = np.rint(np.array(ORIGINS[origin]) @ np.linalg.inv(np.array(ANGLES) / [[12], [10], [14]]))
    assert tuple(header["start"]) == tuple(expected)
    assert np.allclose(header["origin"], words)
    assert Volume.read(path).grid.origin == pytest.approx(ORIGINS[origin], abs=1e-5)


def test_maxima_are_at_the_atoms_for_gemmi(tmp_path):
    data = from_ase(molecule("CH3CH2OH"))
    grid = Grid((-3.0, -3.0, -3.0), ((0.1, 0, 0), (0, 0.1, 0), (0, 0, 0.1)), (60, 60, 60))
    MolField("O", width_scale=0.3)(data).on(grid).save(tmp_path / "a.ccp4")
    theirs = gemmi_map(tmp_path / "a.ccp4").grid
    top = np.unravel_index(theirs.array.argmax(), theirs.shape)
    place = np.array(theirs.point_to_position(theirs.get_point(*map(int, top))).tolist())
    cell = np.array([theirs.unit_cell.a, theirs.unit_cell.b, theirs.unit_cell.c])
    away = place - data.pos[data.z == 8][0].numpy()
    assert np.abs(away - cell * np.rint(away / cell)).max() < 0.051


@pytest.mark.parametrize(("suffix", "expected"), [(".ccp4", True), (".map", True), (".mrc", False)])
def test_only_crystal_maps_are_periodic(tmp_path, suffix, expected):
    volume = random_volume(Grid.from_cell(ANGLES, (6, 5, 7), (0.1, 0.1, 0.1)), periodic=True)
    (path,) = volume.save(tmp_path / f"a{suffix}")
    assert Volume.read(path).periodic == (True, True, True)
    numbers(path, labels=0)
    assert Volume.read(path).periodic == (False, False, False)
    numbers(path, origin=0)
    assert Volume.read(path).periodic == (expected,) * 3
    assert Volume.read(volume.interpolated("linear", periodic=False).save(tmp_path / "b.ccp4")).periodic == (False,) * 3


def test_start_and_origin_that_contradict(tmp_path):
    (path,) = random_volume(Grid.from_cell(ANGLES, (6, 5, 7), ANGLES[0])).save(tmp_path / "a.map")
    numbers(path, origin=(100.0, 0.0, 0.0))
    assert Volume.read(path).grid.origin == pytest.approx(ANGLES[0])
    numbers(path, start=0)
    assert Volume.read(path).grid.origin == pytest.approx((100, 0, 0))


def test_skewed_map_is_turned_back(tmp_path):
    """Xo(map) = S·(Xo(atoms) − t)."""
    volume = random_volume(Grid.from_cell(ANGLES, (6, 5, 7)))
    (path,) = volume.save(tmp_path / "a.ccp4")
    turn = np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1.0]])
    numbers(path, skew=1, skew_matrix=turn, skew_shift=(1.0, 2.0, 3.0))
    skew = gemmi.read_ccp4_map(str(path)).get_skew_transformation()
    back = Volume.read(path).grid
    for node, moved in zip(
        volume.grid.points(torch.float64).tolist(), back.points(torch.float64).tolist(), strict=True
    ):
        assert np.allclose(skew.mat.multiply(gemmi.Vec3(*moved) - skew.vec).tolist(), node, atol=1e-5)


def test_big_endian(tmp_path):
    (path,) = random_volume(Grid.from_cell(ANGLES, (6, 5, 7))).save(tmp_path / "a.ccp4")
    before = Volume.read(path)
    content = path.read_bytes()
    header = np.frombuffer(content[:1024], HEADER).astype(HEADER.newbyteorder(">"))
    path.write_bytes(header.tobytes() + np.frombuffer(content[1024:], "<f4").astype(">f4").tobytes())
    after = Volume.read(path)
    assert torch.equal(after.values, before.values)
    assert after.grid == before.grid


@pytest.mark.parametrize(("mode", "kind"), [(0, "i1"), (1, "<i2"), (6, "<u2"), (12, "<f2")])
def test_other_numbers(tmp_path, mode, kind):
    (path,) = random_volume(Grid.from_cell(ANGLES, (2, 1, 3))).save(tmp_path / "a.ccp4")
    header = path.read_bytes()[:1024]
    path.write_bytes(header + b"\0" * 80 + np.array([0, 1, 2, 3, 4, 100]).astype(kind).tobytes())
    numbers(path, mode=mode, extra_bytes=80)
    assert Volume.read(path).values[0].permute(2, 1, 0).flatten().tolist() == [0, 1, 2, 3, 4, 100]


def test_old_files_without_axis_order(tmp_path):
    (path,) = random_volume(Grid.from_cell(ANGLES, (2, 1, 3))).save(tmp_path / "a.mrc")
    before = Volume.read(path)
    numbers(path, order=0, map=b"", stamp=0)
    assert torch.equal(Volume.read(path).values, before.values)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"mode": 4}, "expected mode 0, 1, 2, 6, 12, got mode 4"),
        ({"mode": -7}, "expected a CCP4 or MRC map"),
        ({"order": (1, 1, 3)}, r"order in the header: .* got \[1, 1, 3\]"),
        ({"count": (0, 2, 3)}, r"count in the header: .* got \[0, 2, 3\]"),
        ({"count": (2**20, 2**20, 2**20)}, "by the header, got 210; .* cut short"),
        ({"intervals": (0, 2, 3)}, "intervals"),
        ({"cell": 0}, r"cell in the header: .* got \[0.0, 0.0, 0.0\]"),
        ({"angles": 180}, "angles"),
        ({"extra_bytes": -5}, "extra_bytes in the header: .* got -5"),
        ({"extra_bytes": 80}, "by the header, got 190; .* cut short"),
        ({"space_group": 401}, "stack of volumes"),
    ],
)
def test_damaged_header(tmp_path, words, message):
    (path,) = random_volume(Grid.from_cell(ANGLES, (6, 5, 7))).save(tmp_path / "a.ccp4")
    numbers(path, **words)
    with pytest.raises(ValueError, match=rf"a\.ccp4: .*{message}"):
        Volume.read(path)


def test_real_map_cut_in_half(tmp_path, data_dir):
    content = gzip.decompress((data_dir / "volumes" / "emd_3001.map.gz").read_bytes())
    (path := tmp_path / "a.map").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"73×43×25 nodes = 78475 values by the header, got 39089; .* cut short"):
        Volume.read(path)


def test_atoms_are_no_obstacle(tmp_path):
    atoms = AtomList(torch.tensor([6]), torch.zeros(1, 3))
    (path,) = random_volume(Grid.from_cell(ANGLES, (2, 2, 2)), atoms=atoms).save(tmp_path / "a.ccp4")
    assert struct.unpack("<3i", path.read_bytes()[:12]) == (2, 2, 2)
    assert Volume.read(path).channels == ("rho",)
