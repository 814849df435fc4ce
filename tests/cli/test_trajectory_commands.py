"""Trajectories of slabs on the command line, written by ASE."""

import numpy as np
import pytest
from ase.build import add_adsorbate, fcc111, molecule
from ase.io import read, write
from commands import refused, run

from tg_molfield import Volume

OPTIONS = ("--steps", "2", "--spacing", "0.8", "--format", "npz", "--no-check")


@pytest.fixture
def frames():
    found = []
    for shift in (0.0, 0.3, 0.6):
        atoms = fcc111("Cu", (1, 1, 2), vacuum=8.0)
        add_adsorbate(atoms, molecule("CO"), 1.9, "ontop")
        atoms.info.clear()
        atoms.positions[-2:] += shift * atoms.cell[0]
        found.append(atoms)
    return found


@pytest.mark.parametrize("name", ["slab.traj", "slab.xyz"])
def test_fields_over_time(tmp_path, frames, name, figures_of):
    pytest.importorskip("plotly", reason="needs the extra viz")
    pytest.importorskip("skimage", reason="needs the extra viz")
    write(tmp_path / name, frames)
    run("interpolate", tmp_path / name, "-o", tmp_path / "out", *OPTIONS)
    for number in range(3):
        volume = Volume.read(tmp_path / "out" / f"step_{number:03d}.npz")
        assert volume.periodic == (True, True, False)
        np.testing.assert_allclose(volume.grid.cell.numpy(), frames[0].cell.array, atol=1e-5)
    assert "cell" in [
        trace.get("name") for trace in figures_of((tmp_path / "out" / "path.html").read_text())[0]["data"]
    ]


def test_frames_are_chosen(tmp_path, frames):
    pytest.importorskip("skimage", reason="needs the extra viz")
    write(tmp_path / "a.traj", frames)
    text = run("interpolate", tmp_path / "a.traj", "--frames", "1", "3", "-o", tmp_path / "out", *OPTIONS)
    assert "2 frames of 4 atoms" in text
    assert "--frames: expected 1 to 3, got 4" in refused(
        "interpolate", tmp_path / "a.traj", "--frames", "1", "4", "-o", tmp_path / "no"
    )
    assert "kind: expected 'spline' for periodic frames" in refused(
        "interpolate", tmp_path / "a.traj", "--kind", "arap", "-o", tmp_path / "no"
    )
    assert "--blind: expected frames that are not periodic" in refused(
        "interpolate", tmp_path / "a.traj", "--blind", "-o", tmp_path / "no"
    )
    assert not (tmp_path / "no").exists()


def test_the_field_of_one_frame(tmp_path, frames):
    write(tmp_path / "a.traj", frames)
    text = run("field", tmp_path / "a.traj", "--record", "3", "-o", tmp_path / "a.cube", "--spacing", "0.8")
    assert "record 3 of 3" in text
    found = read(tmp_path / "a.cube")
    np.testing.assert_allclose(found.positions, frames[2].positions, atol=1e-5)
    missing = refused("field", tmp_path / "a.traj", "--record", "4", "-o", tmp_path / "b.cube")
    assert "--record: expected 1 to 3" in missing
    assert "--timeout: expected a SMILES" in refused(
        "field", tmp_path / "a.traj", "--timeout", "4", "-o", tmp_path / "b.cube"
    )


def test_damaged_trajectories_are_refused(tmp_path, frames):
    write(tmp_path / "a.traj", frames[:1])
    content = (tmp_path / "a.traj").read_bytes()
    (tmp_path / "a.traj").write_bytes(content[: len(content) // 2])
    for command in ("field", "interpolate"):
        assert "a.traj" in refused(command, tmp_path / "a.traj", "-o", tmp_path / "out.cube")


def test_what_is_in_a_trajectory(tmp_path, frames):
    write(tmp_path / "a.traj", frames)
    text = run("info", tmp_path / "a.traj")
    assert "structures (.traj)" in text
    assert "4 a record, 12 in all" in text
    assert "3 of 3 records" in text
    assert "periodic along a b" in text
