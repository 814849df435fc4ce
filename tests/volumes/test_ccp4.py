"""CCP4 and MRC maps compared with gemmi, an independent reader, and with the atoms of their structures."""

import gzip
import io
import struct
import warnings
from contextlib import nullcontext

import gemmi
import numpy as np
import pytest
import torch
from ase.build import molecule

from tg_molfield import Grid, MolField, Volume
from tg_molfield.fields import AtomList, VolumeWarning
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


@pytest.mark.parametrize("name", ["3nzd.ccp4.gz", "iota_yzx.ccp4.gz", "emd_3001.map.gz"])
def test_values_agree_with_mrcfile(data_dir, name):
    mrcfile = pytest.importorskip("mrcfile")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of headers that mrcfile finds unusual
        content = mrcfile.open(data_dir / "volumes" / name, permissive=True)
    order = [int(content.header[word]) for word in ("maps", "mapr", "mapc")]
    values = content.data.transpose(np.argsort(order))
    volume = Volume.read(data_dir / "volumes" / name)
    nx, ny, nz = volume.grid.shape
    assert np.array_equal(volume.values[0], values[:nx, :ny, :nz])
    sizes = [float(content.voxel_size[axis]) for axis in "xyz"]
    assert volume.grid.axes_tensor().norm(dim=1).tolist() == pytest.approx(sizes, rel=1e-6)


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
    with pytest.warns(VolumeWarning) if origin == "anywhere" else nullcontext():
        (path,) = volume.save(tmp_path / "a.ccp4")
    theirs = gemmi_map(path).grid
    back = Volume.read(path)
    assert list(theirs.shape) == [n if periodic else n + 1 for n in back.grid.shape]
    nodes = back.grid.points(torch.float64).numpy()
    found = [theirs.unit_cell.fractionalize(gemmi.Position(*node)).tolist() for node in nodes]
    steps = np.array(found) * theirs.shape
    assert np.abs(steps - np.rint(steps)).max() < 1e-3
    values = np.array([theirs.get_value(*map(int, index)) for index in np.rint(steps)])
    assert np.array_equal(values.astype(np.float32), back.values.flatten().numpy())
    exact = volume if origin != "anywhere" else volume.interpolated("cubic")
    assert np.allclose(values, exact(torch.from_numpy(nodes).float())[:, 0], rtol=0, atol=1e-3)


NODE = (-3.1, 0.2, 0.3)


def readers(path) -> dict[str, list[float]]:
    """The position of the first node for the programs that read a map of this suffix."""
    if path.suffix == ".mrc":
        mrcfile = pytest.importorskip("mrcfile")
        mrcfile.validate(str(path), print_file=io.StringIO())
        with mrcfile.open(path) as content:
            assert content.nstart.tolist() == (0, 0, 0)
            places = {"mrcfile": list(content.header.origin.tolist())}
    else:
        content = gemmi.read_ccp4_map(str(path))
        assert [content.header_float(word) for word in (50, 51, 52)] == [0, 0, 0]
        start, cell = [content.header_i32(word) for word in (5, 6, 7)], content.grid.unit_cell
        lengths, counts = (cell.a, cell.b, cell.c), [content.header_i32(word) for word in (8, 9, 10)]
        places = {"gemmi": [s * a / n for s, a, n in zip(start, lengths, counts, strict=True)]}
    grid_data_formats = pytest.importorskip("gridData")
    return {**places, "GridDataFormats": grid_data_formats.Grid(str(path), file_format="mrc").origin.tolist()}


@pytest.mark.parametrize("suffix", [".mrc", ".ccp4", ".map"])
def test_every_reader_finds_the_first_node_where_it_is(tmp_path, suffix):
    """On steps of 0.1 Å the origin is a whole number of steps; on steps of 0.5 Å it is not."""
    for step in (0.1, 0.5):
        volume = random_volume(Grid(NODE, ((step, 0, 0), (0, step, 0), (0, 0, step)), (6, 5, 7)))
        moves = step == 0.5 and suffix != ".mrc"
        with pytest.warns(VolumeWarning, match="moved by .0.1, 0.3, 0.2. Å") if moves else nullcontext():
            (path,) = volume.save(tmp_path / f"a{suffix}")
        back = Volume.read(path)
        node = (-3.0, 0.5, 0.5) if moves else NODE
        assert back.grid.origin == pytest.approx(node, abs=1e-5)
        assert back.grid.shape == ((5, 4, 6) if moves else (6, 5, 7))
        for reader, place in readers(path).items():
            assert place == pytest.approx(node, abs=1e-5), reader


def test_a_moved_field_is_where_its_atoms_are(tmp_path):
    """The error of moving nodes is that of the spline; without moving, the field would be half a step off."""
    data = from_ase(molecule("CH3CH2OH"))
    field = MolField("C O")(data)
    volume = field.on(Grid.around(data.pos, spacing=0.3))
    with pytest.warns(VolumeWarning, match="interpolated at nodes moved by"):
        paths = volume.save(tmp_path / "a.ccp4")
    back = Volume.read(paths)
    exact = field.on(back.grid)
    assert float((back.values - exact.values).abs().max() / exact.values.max()) < 0.01


def test_an_origin_too_far_for_whole_steps(tmp_path):
    volume = random_volume(Grid((2.0**40, 0, 0), ((1, 0, 0), (0, 1, 0), (0, 0, 1)), (2, 2, 2)))
    with pytest.raises(ValueError, match=r"a\.ccp4: expected an origin within 2\^31 steps"):
        volume.save(tmp_path / "a.ccp4")
    assert Volume.read(volume.save(tmp_path / "a.mrc")).grid.origin == (2.0**40, 0, 0)


def test_a_single_plane_cannot_be_moved(tmp_path):
    volume = random_volume(Grid(NODE, ((0.5, 0, 0), (0, 0.5, 0), (0, 0, 0.5)), (6, 1, 7)))
    with pytest.raises(ValueError, match=r"a\.ccp4: expected an origin of whole steps .* save as \.mrc"):
        volume.save(tmp_path / "a.ccp4")
    assert not list(tmp_path.iterdir())


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
    volume = random_volume(Grid.from_cell(ANGLES, (6, 5, 7)), periodic=True)
    (path,) = volume.save(tmp_path / f"a{suffix}")
    numbers(path, origin=(0.1, 0.1, 0.1))
    assert Volume.read(path).periodic == (True, True, True)
    numbers(path, labels=0)
    assert Volume.read(path).periodic == (False, False, False)
    numbers(path, origin=0)
    assert Volume.read(path).periodic == (expected,) * 3
    assert Volume.read(volume.interpolated("linear", periodic=False).save(tmp_path / "b.ccp4")).periodic == (False,) * 3


@pytest.mark.parametrize(("suffix", "used"), [(".ccp4", "NSTART"), (".map", "NSTART"), (".mrc", "ORIGIN")])
def test_start_and_origin_that_contradict(tmp_path, suffix, used):
    (path,) = random_volume(Grid.from_cell(ANGLES, (6, 5, 7))).save(tmp_path / f"a{suffix}")
    by_start, by_origin = pytest.approx(np.array(ANGLES[0]) / 6), pytest.approx((100, 0, 0))
    numbers(path, start=(1, 0, 0))
    assert Volume.read(path).grid.origin == by_start
    numbers(path, origin=(100.0, 0.0, 0.0))
    with pytest.warns(
        VolumeWarning, match=rf"\(1, 0, 0\) Å by NSTART and at \(100, 0, 0\) Å by ORIGIN; {used} was used"
    ):
        volume = Volume.read(path)
    assert volume.grid.origin == (by_start if used == "NSTART" else by_origin)
    numbers(path, start=0)
    assert Volume.read(path).grid.origin == by_origin
    numbers(path, start=(100, 0, 0))
    assert Volume.read(path).grid.origin == by_origin


def test_file_without_voxel_size(tmp_path, data_dir):
    """As mrcfile leaves it, and finds it valid."""
    mrcfile = pytest.importorskip("mrcfile")
    path = data_dir / "reports" / "B56.mrc"
    with pytest.warns(VolumeWarning, match=r"B56\.mrc: the header gives no voxel size, 1 Å was assumed"):
        volume = Volume.read(path)
    assert volume.grid == Grid((0, 0, 0), ((1, 0, 0), (0, 1, 0), (0, 0, 1)), (4, 3, 2))
    with mrcfile.open(path) as content:
        assert np.array_equal(volume.values[0], content.data.transpose(2, 1, 0))


def test_what_the_header_leaves_open(tmp_path):
    grid = Grid((0, 0, 0), ((1.5, 0, 0), (0, 1.5, 0), (0, 0, 1.5)), (6, 5, 7))
    (path,) = random_volume(grid, periodic=True).save(tmp_path / "a.mrc")
    numbers(path, intervals=0, angles=0)
    with pytest.warns(VolumeWarning) as caught:
        assert Volume.read(path).grid == grid
    texts = sorted(str(warning.message).split(": ")[1] for warning in caught)
    assert texts == [
        "the header gives no cell angles, 90 degrees were assumed",
        "the header gives no intervals (MX, MY, MZ), the map was taken to span its cell",
    ]


def test_bytes_after_the_values_are_told_of(tmp_path):
    (path,) = random_volume(Grid.from_cell(ANGLES, (6, 5, 7))).save(tmp_path / "a.mrc")
    path.write_bytes(path.read_bytes() + bytes(12))
    with pytest.warns(VolumeWarning, match="12 bytes follow the values and were not read"):
        Volume.read(path)


def test_stack_of_volumes(tmp_path):
    mrcfile = pytest.importorskip("mrcfile")
    stack = np.random.default_rng(0).normal(size=(3, 4, 5, 6)).astype(np.float32)
    with mrcfile.new(tmp_path / "a.mrc") as content:
        content.set_data(stack)
        content.voxel_size = 1.5
    volume = Volume.read(tmp_path / "a.mrc")
    assert np.array_equal(volume.values, stack.transpose(0, 3, 2, 1))
    assert volume.channels == ("0", "1", "2")
    assert volume.grid.axes == ((1.5, 0, 0), (0, 1.5, 0), (0, 0, 1.5))


def test_unsigned_bytes_of_old_imod_files(tmp_path):
    (path,) = random_volume(Grid.from_cell(ANGLES, (2, 1, 3))).save(tmp_path / "a.mrc")
    path.write_bytes(path.read_bytes()[:1024] + bytes([0, 1, 127, 128, 254, 255]))
    for flags, expected in ((0, [0, 1, 127, 128, 254, 255]), (1, [0, 1, 127, -128, -2, -1])):
        numbers(path, mode=0, unused=(0, 1146047817, flags, *[0] * 9))
        assert Volume.read(path).values[0].permute(2, 1, 0).flatten().tolist() == expected


def test_expanded_map_agrees_with_gemmi(data_dir):
    path = data_dir / "volumes" / "3nzd.ccp4.gz"
    theirs = gemmi.read_ccp4_map(str(path))
    theirs.setup(float("nan"))
    volume = Volume.read(path, expand=True)
    assert volume.periodic == (True, True, True)
    assert volume.grid.origin == (0, 0, 0)
    apart = np.abs(volume.values[0].numpy() - theirs.grid.array)
    assert apart.max() < 0.021, "equivalent nodes of the file differ by up to 0.0204"
    assert np.quantile(apart, 0.9) == 0
    cell = theirs.grid.unit_cell
    for index in ((1, 0, 0), (0, 1, 0), (0, 0, 1)):
        step = cell.orthogonalize(gemmi.Fractional(*(i / n for i, n in zip(index, theirs.grid.shape, strict=True))))
        assert volume.grid.axes[index.index(1)] == pytest.approx(step.tolist(), abs=1e-6)
    part = Volume.read(path)
    nodes = part.grid.points()[::1009]
    assert torch.allclose(volume(nodes), part(nodes), atol=2e-3)
    operator = theirs.grid.spacegroup.operations().sym_ops[1]
    fractional = [cell.fractionalize(gemmi.Position(*x)).tolist() for x in nodes.tolist()]
    copies = [cell.orthogonalize(gemmi.Fractional(*operator.apply_to_xyz(x))).tolist() for x in fractional]
    copies = torch.tensor(copies)
    assert torch.allclose(volume(copies), part(nodes), atol=2e-3)


def crystal(path, group: str, counts, part, write=gemmi.Ccp4Map):
    """A map of the fractional box ``part`` of a random density with the symmetry of ``group``, as gemmi writes it."""
    content = write()
    grid = gemmi.FloatGrid(*counts)
    grid.spacegroup = gemmi.SpaceGroup(group)
    a = 9.0 if grid.spacegroup.number > 74 else 8.0
    grid.set_unit_cell(gemmi.UnitCell(9, a, 11, 90, 90, 120 if 143 <= grid.spacegroup.number <= 194 else 90))
    grid.array[:] = np.random.default_rng(0).normal(size=counts)
    grid.symmetrize_sum()
    content.grid = grid
    content.update_ccp4_header(2)
    whole = grid.array.copy()
    box = gemmi.FractionalBox()
    box.minimum, box.maximum = (gemmi.Fractional(*corner) for corner in part)
    content.set_extent(box)
    content.write_ccp4_map(str(path))
    return whole


@pytest.mark.parametrize(
    ("group", "counts", "part"),
    [
        ("P 1", (6, 5, 7), ((0, 0, 0), (0.99, 0.99, 0.99))),
        ("P 21 21 21", (12, 8, 16), ((0, 0, 0), (0.51, 0.51, 0.99))),
        ("P 41 21 2", (8, 8, 16), ((0, 0, 0), (1, 1, 0.13))),
        ("R 3", (12, 12, 9), ((0, 0, 0), (0.7, 0.7, 0.34))),
        ("P 61 2 2", (12, 12, 12), ((-0.5, 0, 0), (0.5, 0.99, 0.1))),
        ("C 1 2 1", (8, 6, 6), ((0, 0, 0), (0.5, 0.5, 0.99))),
    ],
)
def test_any_part_that_covers_the_asymmetric_unit_is_expanded(tmp_path, group, counts, part):
    whole = crystal(tmp_path / "a.ccp4", group, counts, part)
    volume = Volume.read(tmp_path / "a.ccp4", expand=True)
    assert volume.grid.shape == counts
    assert np.allclose(volume.values[0], whole, rtol=0, atol=1e-6)


def test_a_map_of_less_than_the_asymmetric_unit_is_not_expanded(tmp_path):
    crystal(tmp_path / "a.ccp4", "P 21 21 21", (12, 8, 16), ((0, 0, 0), (0.3, 0.2, 0.9)))
    with pytest.raises(
        ValueError, match=r"expand: expected a map that covers the asymmetric unit .* leaves 1084 of 1536"
    ):
        Volume.read(tmp_path / "a.ccp4", expand=True)


def test_operators_of_the_extended_header_come_before_the_number(tmp_path):
    """P 1 21 1 with its axis along c, which the number 4 does not tell."""
    path = tmp_path / "a.ccp4"
    whole = crystal(path, "P 1 1 21", (6, 8, 8), ((0, 0, 0), (0.99, 0.99, 0.4)))
    assert np.allclose(Volume.read(path, expand=True).values[0], whole, rtol=0, atol=1e-6)
    numbers(path, space_group=4)
    assert np.allclose(Volume.read(path, expand=True).values[0], whole, rtol=0, atol=1e-6)
    without_extension(path)
    with pytest.raises(ValueError, match="expand: expected a map that covers"):
        Volume.read(path, expand=True)
    numbers(path, space_group=1004)
    assert np.allclose(Volume.read(path, expand=True).values[0], whole, rtol=0, atol=1e-6)


def without_extension(path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:1024] + content[1024 + struct.unpack("<i", content[92:96])[0] :])
    numbers(path, extra_bytes=0)


def test_maps_that_contradict_their_symmetry(tmp_path):
    for counts in ((6, 6, 6), (5, 6, 6)):
        path = tmp_path / f"{counts[0]}.ccp4"
        crystal(path, "P 1", counts, ((0, 0, 0), (0.99, 0.99, 0.99)))
        without_extension(path)
        numbers(path, space_group=19)
    with pytest.warns(VolumeWarning, match="the values at equivalent nodes differ by up to"):
        Volume.read(tmp_path / "6.ccp4", expand=True)
    with pytest.raises(ValueError, match=r"expand: expected numbers of intervals that the operator .* maps"):
        Volume.read(tmp_path / "5.ccp4", expand=True)


def test_huge_numbers_are_expanded_or_refused_without_overflow(tmp_path):
    path = tmp_path / "a.mrc"
    crystal(path, "P 1", (6, 6, 6), ((0, 0, 0), (0.99, 0.99, 0.99)))
    content = np.frombuffer(path.read_bytes(), "<f4").copy()
    content[-216:] *= 1e30
    path.write_bytes(content.tobytes())
    assert torch.equal(Volume.read(path, expand=True).values, Volume.read(path).values)
    content[-216:] = np.inf
    path.write_bytes(content.tobytes())
    numbers(path, space_group=2)
    with pytest.raises(ValueError, match="expected finite values"):
        Volume.read(path, expand=True)
    numbers(path, origin=(1e30, 0.0, 0.0))
    with pytest.raises(ValueError, match=r"expand: expected a first node within 2\^31 steps .*, got 6.*e\+29; read it"):
        Volume.read(path, expand=True)


def test_only_maps_are_expanded(tmp_path):
    random_volume(Grid.from_cell(ANGLES, (2, 2, 2))).save(tmp_path / "a.cube")
    with pytest.raises(ValueError, match=r"a\.cube: expand: expected a CCP4 or MRC map"):
        Volume.read(tmp_path / "a.cube", expand=True)


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
        ({"count": (2**31 - 1,) * 3}, "2147483647×2147483647×2147483647 nodes = 99035203[0-9]* values by the header"),
        ({"intervals": (-1, 2, 3)}, "intervals"),
        ({"cell": (-1, 2, 3)}, r"cell in the header: .* got \[-1.0, 2.0, 3.0\]"),
        ({"angles": 180}, "angles"),
        ({"extra_bytes": -5}, "extra_bytes in the header: .* got -5"),
        ({"extra_bytes": 80}, "by the header, got 190; .* cut short"),
        ({"space_group": 401, "intervals": (6, 5, 4)}, "expected a stack of volumes of 4 sections"),
        ({"space_group": 300}, "space_group in the header"),
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
