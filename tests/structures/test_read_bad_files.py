from pathlib import Path

import pytest
import torch
from ase.build import molecule
from ase.io import read as read_atoms
from ase.io import write

from tg_molfield.structures import SkippedRecordsWarning, StructureWarning, from_ase, read

REFUSED = {
    "all_atoms_at_origin.sdf": r"record 1 \('3nod_sci'\): pos: expected .* apart, got 300 closer pairs",
    "bad_columns.pdb": r"record 1: line 1: expected y in columns 39 to 46, got '1.00 27.'; .*fixed columns",
    "corrupt_tail.sdf.gz": "damaged or cut short",
    "count_mismatch.xyz": "record 1: line 1: expected 6 atoms to follow, got 3",
    "cube_without_atoms.cube": r"suffix '.cube'; .*use Volume.read",
    "dummy_atom.xyz": "record 1: atom line 1: expected a chemical element, got 'X'",
    "duplicate_positions.sdf": "got 1 closer pairs.* atoms 0 and 1",
    "empty.sdf": "expected content, got an empty file",
    "gnina_noelem.sdf": r"record 1 \('CHEMBL371307_PLANTS_09'\): atom line 2: expected a chemical element, got '\*'",
    "huge_offset.sdf": r"torch.float32 represents to 0.001 Å, got 10126.0 Å; centre .*float64",
    "nan_coords.sdf": "atom line 3: expected a finite x, got nan",
    "not_really_gz.sdf.gz": "expected a gzip file, got another format",
    "only_newlines.xyz": "expected content, got an empty file",
    "smiles_only.csv": r"suffix '.csv'; .*from_smiles",
    "truncated.cube": r"suffix '.cube'; .*use Volume.read",
    "truncated.sdf": r"record 4 \('1tcw_im1'\): atoms: expected 78 by the counts line, got 39",
    "two_d_only.sdf": r"record 1 \('MolID_1'\): conformer: expected 3D coordinates, got a 2D drawing",
    "unknown_element.sdf": "atom line 1: expected a chemical element, got 'Xx'",
}

READ = {
    "altlocs.pdb": [60],
    "models_differ.pdb": [20, 17],
    "no_elements.pdb": [240],
    "non_utf8_name.sdf": [23],
    "planar.sdf": [25],
    "real_unsanitizable_1aj7_ligand.sdf": [32],
    "single_atom.xyz": [1],
    "tiny_cell.xyz": [2],
}

WARNED = {"inf_forces.xyz": (2, "record 1: forces: expected finite numbers .* left out")}

SKIPPED = {
    "corrupt_tail.sdf.gz": (39, r"expected 41 readable records, got 39"),
    "truncated.sdf": (3, r"expected 4 readable records, got 3; .*\n.*record 4"),
}


def test_every_bad_file_has_a_decision(data_dir):
    assert {path.name for path in (data_dir / "bad").iterdir()} == REFUSED.keys() | READ.keys() | WARNED.keys()


@pytest.mark.parametrize(("name", "message"), REFUSED.items())
def test_refused(data_dir, name, message, capfd):
    path = data_dir / "bad" / name
    with pytest.raises(ValueError, match=message) as caught:
        read(path)
    assert str(caught.value).startswith(str(path))
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("name", sorted(REFUSED.keys() - SKIPPED.keys()))
def test_nothing_left_is_an_error(data_dir, name):
    with pytest.raises(ValueError, match=name):
        read(data_dir / "bad" / name, errors="skip")


@pytest.mark.filterwarnings("ignore:.*planar.sdf.*all atoms in one plane")
@pytest.mark.parametrize(("name", "atoms"), READ.items())
def test_read(data_dir, name, atoms, capfd):
    assert [data.num_nodes for data in read(data_dir / "bad" / name)] == atoms
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(("name", "expected"), WARNED.items())
def test_read_with_a_warning(data_dir, name, expected):
    with pytest.warns(StructureWarning, match=expected[1]):
        assert [data.num_nodes for data in read(data_dir / "bad" / name)] == [expected[0]]


@pytest.mark.parametrize(("name", "expected"), SKIPPED.items())
def test_skip_keeps_the_good_records(data_dir, name, expected):
    with pytest.warns(SkippedRecordsWarning, match=expected[1]) as caught:
        molecules = read(data_dir / "bad" / name, errors="skip")
    assert len(molecules) == expected[0]
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_huge_offset_reads_in_float64(data_dir):
    far = read(data_dir / "bad" / "huge_offset.sdf", dtype=torch.float64)[0]
    with pytest.warns(StructureWarning, match="all atoms in one plane"):
        near = read(data_dir / "bad" / "planar.sdf", dtype=torch.float64)[0]
    assert far.pos[0].tolist() == [10120.39, 10115.47, 10034.934]
    assert torch.equal(far.z, near.z)


def test_latin_1_title(data_dir):
    assert read(data_dir / "bad" / "non_utf8_name.sdf")[0].name.startswith("Ethanol-")


def test_elements_from_atom_names(data_dir):
    blank = read(data_dir / "bad" / "no_elements.pdb")[0]
    assert torch.bincount(blank.z)[[1, 6, 7, 8]].sum() == 240
    assert blank.z[:6].tolist() == [7, 6, 6, 8, 6, 8]


def test_alternate_locations_are_those_of_higher_occupancy(data_dir):
    data = read(data_dir / "bad" / "altlocs.pdb", dtype=torch.float64)[0]
    assert data.pos[:2].tolist() == [[13.575, -6.718, 18.494], [12.134, -6.776, 18.458]]


def test_many_atoms_in_one_place_take_no_memory(tmp_path):
    path = tmp_path / "heap.pdb"
    lines = [f"ATOM      1  C1  LIG A{i:>4}       0.000   0.000   0.000           C" for i in range(9999)]
    path.write_text("\n".join(lines))
    with pytest.raises(ValueError, match="got 49985001 closer pairs, the first atoms 0 and 1 at"):
        read(path)


def test_bad_frame_in_the_middle(tmp_path):
    path = tmp_path / "frames.xyz"
    path.write_text("1\n\nO 0 0 0\n1\n\nC 0 0 nan\n1\n\nQq 0 0 0\n1\n\nN 1 1 1\n")
    with pytest.raises(ValueError, match=r"record 2: pos: expected finite positions, got NaN or infinity for atom 0"):
        read(path)
    with pytest.warns(
        SkippedRecordsWarning, match=r"expected 4 readable records, got 2; .*\n.*record 2: pos.*\n.*record 3: .*'Qq'"
    ):
        assert [int(data.z) for data in read(path, errors="skip")] == [8, 7]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1\n\nC 0 0\n", "line 3: expected 4 columns, got 'C 0 0'"),
        ("1\n\nC 0 0 zero\n", "line 3: expected z as a number, got 'zero'"),
        ("0\n\n", "z: expected at least one atom, got none"),
        ("0", "z: expected at least one atom, got none"),
        ("1\n\nC 0 0 0\nC 1 1 1\n", "record 2: line 4: expected a number of atoms, got 'C 1 1 1'"),
        ("2\n\nC 0 0 0\nC 0 0 0.0001\n", "got 1 closer pairs"),
    ],
)
def test_xyz_that_is_none(tmp_path, content, message):
    path = tmp_path / "bad.xyz"
    path.write_text(content)
    with pytest.raises(ValueError, match=message):
        read(path)


@pytest.mark.parametrize("name", ["smallmol/gdb1k_300.sdf.gz", "smallmol/qm9_100.xyz.gz"])
@pytest.mark.parametrize("kept", [0.15, 0.37, 0.5, 0.501, 0.83, 0.999])
def test_a_cut_gzip_file_gives_only_whole_records(data_dir, tmp_path, name, kept):
    whole = (data_dir / name).read_bytes()
    path = tmp_path / Path(name).name
    path.write_bytes(whole[: int(kept * len(whole))])
    with pytest.raises(ValueError, match="damaged or cut short"):
        read(path)
    with pytest.warns(SkippedRecordsWarning, match="damaged or cut short"):
        found = read(path, errors="skip")
    expected = read(data_dir / name)
    assert kept * len(expected) * 0.5 < len(found) <= len(expected)
    for one, other in zip(found, expected, strict=False):
        assert torch.equal(one.z, other.z)
        assert torch.equal(one.pos, other.pos)


def test_a_cut_structure_file_is_not_trusted(data_dir, tmp_path):
    path = tmp_path / "cut.pdb.gz"
    path.write_bytes((data_dir / "complexes" / "1vsn_complex.pdb.gz").read_bytes()[:-200])
    with pytest.raises(ValueError, match="damaged or cut short"):
        read(path, errors="skip")


def test_the_way_to_frames_of_ase_is_told_without_a_topology(tmp_path):
    write(tmp_path / "a.traj", [molecule("H2O")] * 2)
    with pytest.raises(ValueError, match=r"got the trajectory .traj; .* \[from_ase\(atoms\) for atoms in") as told:
        read(tmp_path / "a.traj")
    assert "topology" not in str(told.value)
    frames = [from_ase(atoms) for atoms in read_atoms(tmp_path / "a.traj", ":")]
    assert [frame.z.tolist() for frame in frames] == [[8, 1, 1]] * 2


def test_arguments(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.sdf: expected an existing file, got none"):
        read(tmp_path / "nowhere.sdf")
    with pytest.raises(ValueError, match=r"errors: expected .* got 'ignore'"):
        read(tmp_path / "nowhere.sdf", errors="ignore")
    with pytest.raises(ValueError, match=r"expected a structure file \(.xyz.* got the suffix ''"):
        read(tmp_path)
