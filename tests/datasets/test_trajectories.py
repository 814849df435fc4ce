"""Trajectories with a topology; all are written by MDAnalysis or SciPy from positions that are known."""

import struct

import numpy as np
import pytest
import torch

from tg_molfield.datasets import EnsembleFields
from tg_molfield.structures import DroppedKeysWarning, SkippedRecordsWarning, StructureWarning

pytest.importorskip("MDAnalysis", reason="needs the extra trajectories")
FORMATS = ("xtc", "trr", "dcd", "nc")
CELL = np.array([[20.0, 0, 0], [3, 22, 0], [-4, 5, 24]])
WATER = np.array([[0.0, 0, 0], [0.957, 0, 0], [-0.24, 0.927, 0]])
METHANOL = np.array([[0.0, 0, 0], [1.42, 0, 0], [-0.4, 1, 0], [-0.4, -0.5, 0.9], [-0.4, -0.5, -0.9], [1.7, 0.9, 0]])
ATOMS = [("MOH", 1, name) for name in ("C1", "O1", "H1", "H2", "H3", "H4")] + [
    ("HOH", number, name) for number in (2, 3) for name in ("O", "H1", "H2")
]
Z = [6, 8, 1, 1, 1, 1, 8, 1, 1, 8, 1, 1]


def pdb(path, positions, atoms=ATOMS, elements=True):
    rows = [
        f"HETATM{i:5d} {name:>4s} {residue} A{number:4d}    {x:8.3f}{y:8.3f}{z:8.3f}  1.00  0.00"
        + (f"{name[0]:>12s}" if elements else "")
        for i, ((residue, number, name), (x, y, z)) in enumerate(zip(atoms, positions, strict=True), start=1)
    ]
    path.write_text("\n".join([*rows, "END\n"]))
    return path


def molecules(count=20):
    """[count, 12, 3] methanol and two waters, which all move through the cell."""
    generator = np.random.default_rng(1)
    places = generator.uniform(-30, 60, (count, 3, 3))
    parts = [METHANOL, WATER, WATER]
    return np.concatenate([places[:, i, None] + part for i, part in enumerate(parts)], 1)


def wrapped(positions, cell=CELL):
    return (positions @ np.linalg.inv(cell) % 1) @ cell


def written(path, positions, cell=CELL, dt=0.5):
    """A trajectory in the format of the suffix; frames are ``dt`` ps apart, from 0."""
    atoms = positions.shape[1]
    if path.suffix in (".xtc", ".trr"):
        from MDAnalysis.lib.formats.libmdaxdr import TRRFile, XTCFile

        box = np.zeros((3, 3)) if cell is None else cell
        with (XTCFile if path.suffix == ".xtc" else TRRFile)(str(path), "w") as file:
            for i, pos in enumerate(positions.astype(np.float32)):
                if path.suffix == ".xtc":
                    file.write(pos / 10, (box / 10).astype("f4"), i, i * dt, 1000)
                else:
                    file.write(pos / 10, None, None, (box / 10).astype("f4"), i, i * dt, 0.0, atoms)
    elif path.suffix == ".dcd":
        from MDAnalysis.lib.formats.libdcd import DCDFile

        a, b, c, alpha, beta, gamma = parameters(cell)
        with DCDFile(str(path), "w") as file:
            file.write_header("made", atoms, 0, 100, dt / 100 / 0.04888821, 1)
            for pos in positions.astype(np.float32):
                file.write(pos, [a, gamma, b, beta, alpha, c])
    else:
        netcdf(path, positions, cell, dt)
    return path


def netcdf(path, positions, cell, dt):
    from scipy.io import netcdf_file

    with netcdf_file(str(path), "w", version=2) as file:
        file.Conventions, file.ConventionVersion = "AMBER", "1.0"
        for name, size in (("frame", None), ("spatial", 3), ("atom", positions.shape[1]), ("cell", 3)):
            file.createDimension(name, size)
        shapes = {"coordinates": ("frame", "atom", "spatial"), "time": ("frame",)}
        shapes |= dict.fromkeys(("cell_lengths", "cell_angles"), ("frame", "cell"))
        units = {"coordinates": "angstrom", "time": "picosecond", "cell_lengths": "angstrom", "cell_angles": "degree"}
        variables = {name: file.createVariable(name, "f4" if name == "time" else "f8", shapes[name]) for name in shapes}
        for name, unit in units.items():
            variables[name].units = unit
        for i, pos in enumerate(positions):
            values = parameters(cell)
            variables["coordinates"][i], variables["time"][i] = pos, i * dt
            variables["cell_lengths"][i], variables["cell_angles"][i] = values[:3], values[3:]


def parameters(cell):
    """Lengths in Å and angles in degrees of a cell."""
    from ase.geometry import cell_to_cellpar

    return np.zeros(6) if cell is None else cell_to_cellpar(cell)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A folder with a topology, and the same trajectory in all formats, wrapped into the cell."""
    folder = tmp_path_factory.mktemp("run")
    pdb(folder / "top.pdb", molecules()[0])
    for suffix in FORMATS:
        written(folder / f"run.{suffix}", wrapped(molecules()))
    return folder


@pytest.mark.parametrize("suffix", FORMATS)
def test_units_times_cells_and_whole_molecules(run, tmp_path, suffix):
    dataset = EnsembleFields(tmp_path, run / f"run.{suffix}", run / "top.pdb")
    assert len(dataset) == 20
    inside = wrapped(molecules())
    for number, (data, pos) in enumerate(zip(dataset, molecules(), strict=True)):
        assert data.z.tolist() == Z
        np.testing.assert_allclose(data.cell[0], CELL, rtol=0, atol=2e-5)
        assert data.pbc.tolist() == [[True] * 3]
        assert data.time.dtype == torch.float64
        assert data.time.tolist() == pytest.approx([number / 2], abs=1e-6)
        for rows in (slice(0, 6), slice(6, 9), slice(9, 12)):
            expected = pos[rows] - pos[rows][0] + inside[number, rows][0]
            np.testing.assert_allclose(data.pos[rows], expected, rtol=0, atol=0.011)
    assert dataset[0].water.tolist() == [False] * 6 + [True] * 6
    assert dataset[0].residue_number.tolist() == [1] * 6 + [2] * 3 + [3] * 3
    assert dataset[7].name == "run frame 7"


@pytest.mark.parametrize("suffix", FORMATS)
def test_positions_are_those_of_the_file_if_molecules_are_not_made_whole(run, tmp_path, suffix):
    dataset = EnsembleFields(tmp_path, run / f"run.{suffix}", run / "top.pdb", whole=False)
    for data, pos in zip(dataset, wrapped(molecules()), strict=True):
        np.testing.assert_allclose(data.pos, pos, rtol=0, atol=0.0051 if suffix == "xtc" else 1e-5)


@pytest.mark.parametrize("suffix", FORMATS)
def test_frames_without_a_cell(tmp_path, suffix):
    path = written(tmp_path / f"run.{suffix}", molecules(3), None)
    dataset = EnsembleFields(tmp_path / "root", path, pdb(tmp_path / "top.pdb", molecules()[0]))
    assert "cell" not in dataset[0]
    assert "pbc" not in dataset[0]
    np.testing.assert_allclose(dataset[2].pos, molecules(3)[2], rtol=0, atol=0.0051)


@pytest.mark.parametrize("suffix", ["dcd", "nc"])
def test_a_cell_of_two_directions(tmp_path, suffix):
    cell = np.diag([20.0, 22, 0])
    inside = molecules(3)
    inside[..., :2] %= [20.0, 22.0]
    path = written(tmp_path / f"run.{suffix}", inside, cell)
    dataset = EnsembleFields(tmp_path / "root", path, pdb(tmp_path / "top.pdb", molecules()[0]))
    for data, pos, there in zip(dataset, molecules(3), inside, strict=True):
        np.testing.assert_allclose(data.cell[0], cell, rtol=0, atol=1e-5)
        assert data.pbc.tolist() == [[True, True, False]]
        np.testing.assert_allclose(data.pos[:6], pos[:6] - pos[0] + there[0], rtol=0, atol=1e-4)


def test_atoms_and_frames_are_selected(run, tmp_path):
    options = {"selection": "resname MOH and not name H*", "start": 1, "stop": 12, "stride": 4}
    dataset = EnsembleFields(tmp_path, run / "run.trr", run / "top.pdb", **options)
    assert [data.frame for data in dataset] == [1, 5, 9]
    assert [data.time.item() for data in dataset] == [0.5, 2.5, 4.5]
    whole = EnsembleFields(tmp_path / "all", run / "run.trr", run / "top.pdb")
    assert all(torch.equal(data.pos, whole[data.frame].pos[:2]) for data in dataset)
    assert dataset[0].z.tolist() == [6, 8]
    for selection, message in (
        ("resname XXX", r"selection: expected atoms of top\.pdb, got none; correct 'resname XXX'"),
        ("protien", r"expected words that MDAnalysis knows, .* got 'protien' \(Unknown selection token: 'protien'\)"),
    ):
        with pytest.raises(ValueError, match=message):
            EnsembleFields(tmp_path / "other", run / "run.trr", run / "top.pdb", selection=selection)


@pytest.mark.parametrize("suffix", ["xtc", "trr", "dcd"])
def test_a_cut_trajectory_has_what_was_read(run, tmp_path, suffix):
    content = (run / f"run.{suffix}").read_bytes()
    whole = EnsembleFields(tmp_path / "whole", run / f"run.{suffix}", run / "top.pdb")
    path = tmp_path / f"cut.{suffix}"
    for size in (len(content) // 2 + 7, len(content) - 3):
        path.write_bytes(content[:size])
        with pytest.warns(SkippedRecordsWarning, match="expected complete frames, got the end of the file within one"):
            dataset = EnsembleFields(tmp_path / f"root{size}", path, run / "top.pdb")
        assert len(dataset) == 19 if size == len(content) - 3 else 7 < len(dataset) < 12
        assert [one.record for one in dataset.failed] == [len(dataset) + 1]
        assert all(torch.equal(one.pos, other.pos) for one, other in zip(dataset, whole, strict=False))
    for size in (60, 20, 0):
        path.write_bytes(content[:size])
        with pytest.raises(ValueError, match=rf"cut\.{suffix}: expected|cut\.{suffix}.*expected complete frames"):
            EnsembleFields(tmp_path / "other", path, run / "top.pdb")


def test_a_cut_netcdf_file_is_refused(run, tmp_path):
    content = (run / "run.nc").read_bytes()
    for size in (len(content) - 3, len(content) // 2, 100, 0):
        (tmp_path / "cut.nc").write_bytes(content[:size])
        with pytest.raises(ValueError, match=r"cut\.nc: expected"):
            EnsembleFields(tmp_path / "root", tmp_path / "cut.nc", run / "top.pdb")


def test_damaged_frames_fail_and_the_others_stay(run, tmp_path):
    content = bytearray((run / "run.xtc").read_bytes())
    sizes = struct.unpack(">i", content[88:92])[0]
    second = 92 + (sizes + 3) // 4 * 4
    content[second + 84 : second + 88] = b"\x7f\xff\xff\xff"
    (tmp_path / "bad.xtc").write_bytes(content)
    with pytest.warns(SkippedRecordsWarning, match=r"bad\.xtc: record 2: expected a frame, got a damaged one"):
        dataset = EnsembleFields(tmp_path / "root", tmp_path / "bad.xtc", run / "top.pdb")
    assert [data.frame for data in dataset] == [0, *range(2, 20)]


@pytest.mark.parametrize("suffix", ["trr", "dcd", "nc"])
def test_frames_that_are_not_sound_fail(run, tmp_path, suffix):
    positions = molecules(5)
    positions[0, 3, 2], positions[2] = np.nan, 0
    path = written(tmp_path / f"run.{suffix}", positions)
    with pytest.warns(SkippedRecordsWarning, match="expected 5 readable records, got 3"):
        dataset = EnsembleFields(tmp_path / "root", path, run / "top.pdb")
    assert [data.frame for data in dataset] == [1, 3, 4]
    assert "atom 3" in dataset.failed[0].reason
    assert "apart" in dataset.failed[1].reason


def test_a_topology_of_other_atoms(run, tmp_path):
    for name, atoms, message in (
        ("fewer", ATOMS[:-3], "expected 9 atoms, as fewer.pdb has, got 12; give the topology that the trajectory was"),
        ("text", [], "text.pdb: expected a topology"),
    ):
        top = pdb(tmp_path / f"{name}.pdb", molecules()[0][: len(atoms)], atoms)
        with pytest.raises(ValueError, match=message):
            EnsembleFields(tmp_path / "root", run / "run.xtc", top)
    order = [6, 7, 8, 0, 1, 2, 3, 4, 5, 9, 10, 11]
    top = pdb(tmp_path / "order.pdb", molecules()[0][order], [ATOMS[i] for i in order])
    with pytest.warns(
        StructureWarning, match=r"bonds: expected the atoms that are bonded in order\.pdb beside each othe"
    ):
        EnsembleFields(tmp_path / "root", run / "run.xtc", top)


PSF = """PSF

       1 !NTITLE
 REMARKS made

{count:8d} !NATOM
{rows}

{bonds:8d} !NBOND: bonds
{pairs}

"""


def psf(path, atoms, bonds):
    """A PSF of (residue, atom name, charge in e, mass in u), with bonds counted from 1."""
    rows = "\n".join(
        f"{i:8d} SYS  1    {residue:<4s} {name:<4s} X    {charge:10.6f}    {mass:10.4f}           0"
        for i, (residue, name, charge, mass) in enumerate(atoms, start=1)
    )
    pairs = "".join(f"{a:8d}{b:8d}" for a, b in bonds)
    path.write_text(PSF.format(count=len(atoms), rows=rows, bonds=len(bonds), pairs=pairs))
    return path


def test_charges_bonds_and_elements_of_a_psf(tmp_path):
    atoms = [
        ("LIG", "CL1", -0.1, 35.45), ("LIG", "CA", 0.3, 12.011), ("LIG", "Q7", -0.4, 14.007), ("LIG", "H1", 0.2, 1.008)
    ]  # fmt: skip
    positions = np.array([[[0.0, 0, 0], [1.7, 0, 0], [2.4, 1.2, 0], [2.1, -1.0, 0]]]) + 19.0
    top = psf(tmp_path / "top.psf", atoms, [(1, 2), (2, 3), (2, 4)])
    path = written(tmp_path / "run.trr", wrapped(positions, np.eye(3) * 20), np.eye(3) * 20)
    dataset = EnsembleFields(tmp_path / "root", path, top)
    assert dataset[0].z.tolist() == [17, 6, 7, 1]
    assert dataset[0].partial_charge.tolist() == pytest.approx([-0.1, 0.3, -0.4, 0.2])
    np.testing.assert_allclose(dataset[0].pos, positions[0], rtol=0, atol=1e-5)
    beads = psf(tmp_path / "beads.psf", [("LIG", "BB", 0.0, 72.0), ("LIG", "SC1", 0.0, 72.0)], [(1, 2)])
    path = written(tmp_path / "beads.trr", positions[:, :2])
    with pytest.raises(
        ValueError, match=r"beads\.psf: expected a chemical element for atom 'BB' of LIG/SYS/1, got none"
    ):
        EnsembleFields(tmp_path / "beads", path, beads)


def test_sites_without_mass_are_left_out(tmp_path):
    atoms = [("HOH", 1, "O"), ("HOH", 1, "H1"), ("HOH", 1, "H2"), ("HOH", 1, "MW")]
    positions = np.concatenate([WATER, [[0.1, 0.1, 0]]])[None] + 5
    path = written(tmp_path / "run.trr", positions)
    top = pdb(tmp_path / "top.pdb", positions[0], atoms, elements=False)
    with pytest.warns(StructureWarning, match="virtual sites: expected atoms only, got 1 sites without mass"):
        dataset = EnsembleFields(tmp_path / "root", path, top)
    assert dataset[0].z.tolist() == [8, 1, 1]


def test_times_that_the_header_does_not_have_are_left_out(run, tmp_path):
    path = written(tmp_path / "run.dcd", molecules(2), dt=100 * 0.04888821)
    with pytest.warns(
        StructureWarning, match="time: expected a step in the header, below 49 fs in .* got 1; times are left"
    ):
        dataset = EnsembleFields(tmp_path / "root", path, run / "top.pdb")
    assert "time" not in dataset[0]
    both = [path, run / "run.dcd"]
    with (
        pytest.warns(StructureWarning, match="time: expected a step"),
        pytest.warns(DroppedKeysWarning, match="expected time in every molecule, got none in some"),
    ):
        assert len(EnsembleFields(tmp_path / "both", both, run / "top.pdb")) == 22


def test_other_units_and_other_files_are_refused(run, tmp_path):
    content = (run / "run.nc").read_bytes()
    (tmp_path / "units.nc").write_bytes(content.replace(b"angstrom", b"nanomete"))
    with pytest.raises(ValueError, match=r"units\.nc: expected coordinates in angstrom, got b'nanomete'; convert"):
        EnsembleFields(tmp_path / "root", tmp_path / "units.nc", run / "top.pdb")
    (tmp_path / "new.nc").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    with pytest.raises(ValueError, match=r"new\.nc: expected netCDF 3, as AMBER writes it, got HDF5"):
        EnsembleFields(tmp_path / "root", tmp_path / "new.nc", run / "top.pdb")
    for suffix in FORMATS:
        (tmp_path / f"text.{suffix}").write_text("no trajectory at all\n" * 20)
        with pytest.raises(ValueError, match=rf"text\.{suffix}: expected"):
            EnsembleFields(tmp_path / "root", tmp_path / f"text.{suffix}", run / "top.pdb")
    assert not list(run.glob(".*"))


def with_bytes_turned(content: bytes) -> bytes:
    """A DCD file as a machine with the other order of bytes writes it."""
    found, place, number, has_cell = [], 0, 0, struct.unpack("<i", content[48:52])[0] != 0
    while place < len(content):
        (size,) = struct.unpack("<i", content[place : place + 4])
        body = content[place + 4 : place + 4 + size]
        kept = 4 if number == 0 else 0
        width = 8 if has_cell and number > 2 and (number - 3) % 4 == 0 else 4
        words = body[kept:4] if number == 1 else body[kept:]
        turned = np.frombuffer(words, f"<u{width}").byteswap().tobytes()
        ends = struct.pack(">i", size)
        found.append(ends + body[:kept] + turned + (body[4:] if number == 1 else b"") + ends)
        place, number = place + size + 8, number + 1
    return b"".join(found)


def test_bytes_of_another_machine_have_the_same_times(run, tmp_path):
    (tmp_path / "turned.dcd").write_bytes(with_bytes_turned((run / "run.dcd").read_bytes()))
    one, two = (
        EnsembleFields(tmp_path / name, path, run / "top.pdb")
        for name, path in (("one", run / "run.dcd"), ("two", tmp_path / "turned.dcd"))
    )
    assert one[1].time == two[1].time > 0
    assert torch.equal(one[1].pos, two[1].pos)
