"""Trajectories whose atoms a topology names, on the command line."""

import numpy as np
import pytest
from ase.build import molecule
from ase.io import read
from commands import refused, run

libmdaxdr = pytest.importorskip("MDAnalysis.lib.formats.libmdaxdr", reason="needs the extra trajectories")


@pytest.fixture
def frames(tmp_path):
    """Methanol at three places, in run.xtc and run.trr, beside start.pdb."""
    atoms = molecule("CH3OH")
    atoms.write(tmp_path / "start.pdb")
    places = np.stack([atoms.positions + shift for shift in (0.0, 1.5, 3.0)])
    box = np.zeros((3, 3), dtype=np.float32)
    with (
        libmdaxdr.XTCFile(str(tmp_path / "run.xtc"), "w") as xtc,
        libmdaxdr.TRRFile(str(tmp_path / "run.trr"), "w") as trr,
    ):
        for step, pos in enumerate((places / 10).astype(np.float32)):
            xtc.write(pos, box, step, float(step), 1000)
            trr.write(pos, None, None, box, step, float(step), 0.0, len(pos))
    return places


@pytest.mark.parametrize("name", ["run.xtc", "run.trr"])
def test_the_field_of_one_frame(tmp_path, frames, name):
    command = ("field", tmp_path / name, "--topology", tmp_path / "start.pdb", "-o", tmp_path / "a.cube")
    text = run(*command, "--record", "3", "--spacing", "0.8")
    assert "record 3 of 3" in text
    found = read(tmp_path / "a.cube")
    assert found.get_chemical_symbols() == ["C", "O", "H", "H", "H", "H"]
    np.testing.assert_allclose(found.positions, frames[2], atol=0.006)  # XTC rounds to 0.01 Å
    assert "--record: expected 1 to 3" in refused(*command, "--record", "4")


def test_the_field_of_a_selection(tmp_path, frames):
    command = ("field", tmp_path / "run.trr", "--topology", tmp_path / "start.pdb", "-o", tmp_path / "a.cube")
    run(*command, "--selection", "element C O", "--spacing", "0.8")
    assert read(tmp_path / "a.cube").get_chemical_symbols() == ["C", "O"]
    assert "selection: expected words that MDAnalysis knows" in refused(*command, "--selection", "carbon")
    assert "--selection: expected an xtc" in refused("field", "CCO", "--selection", "all", "-o", tmp_path / "b.cube")


def test_a_topology_is_asked_for_where_it_is_needed(tmp_path, frames):
    output = ("-o", tmp_path / "a.cube")
    assert "--topology: expected the file that names the atoms" in refused("field", tmp_path / "run.xtc", *output)
    for other in ("CCO", tmp_path / "start.pdb"):
        assert "--topology: expected an xtc" in refused("field", other, "--topology", tmp_path / "start.pdb", *output)
    reconstructed = refused("reconstruct", tmp_path / "run.xtc", *output)
    assert "--topology: expected the file that names the atoms" in reconstructed
    embedded = refused("embed", tmp_path / "run.xtc", "-o", tmp_path / "a.csv")
    assert "got the trajectory .xtc; read it with EnsembleFields or tg-molfield build and its topology" in embedded
    embedded = refused("embed", tmp_path / "run.traj", "-o", tmp_path / "a.csv")
    assert "got the trajectory .traj; read it with EnsembleFields or tg-molfield build, or" in embedded


def test_the_reconstruction_of_one_frame(tmp_path, frames):
    command = ("reconstruct", tmp_path / "run.trr", "--topology", tmp_path / "start.pdb", "-o", tmp_path / "a.cube")
    assert "record 2 of 3" in run(*command, "--record", "2", "--spacing", "0.8")
    np.testing.assert_allclose(read(tmp_path / "a.cube").positions, frames[1], atol=1e-3)


def test_what_is_in_a_trajectory(tmp_path, frames):
    text = run("info", tmp_path / "run.xtc")
    assert "trajectory (.xtc)" in text
    assert "frames  3" in text
    assert "6 a frame" in text
    assert "0 to 2 ps" in text


def test_a_trajectory_without_positions_is_named(tmp_path):
    with libmdaxdr.TRRFile(str(tmp_path / "a.trr"), "w") as trr:
        trr.write(None, np.zeros((3, 3), dtype=np.float32), None, np.zeros((3, 3), dtype=np.float32), 0, 0.0, 0.0, 3)
    assert "a.trr: expected positions, got a frame of velocities" in refused("info", tmp_path / "a.trr")
