import csv
import re

import numpy as np
import pytest
from ase.build import molecule
from ase.io import write
from typer.testing import CliRunner

from tg_molfield import Volume
from tg_molfield.cli.app import app


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["interpolate", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


@pytest.fixture
def swing(tmp_path):
    """Five frames of water whose bonds swing."""
    atoms = molecule("H2O")
    frames = []
    for time in range(5):
        frame = atoms.copy()
        frame.positions[1] += [0.1 * np.sin(time), 0.1 * np.cos(time), 0.05 * time]
        frames.append(frame)
    write(tmp_path / "swing.xyz", frames)
    return tmp_path / "swing.xyz"


def test_volumes_table_and_page(swing, tmp_path):
    text = run(str(swing), "--steps", "4", "--spacing", "0.4", "--margin", "3", "-o", str(tmp_path / "path"))
    assert "all atoms found in 5 of 5 steps" in text
    assert "kind='spline'" in text
    volumes = [Volume.read(tmp_path / "path" / f"step_00{number}.cube") for number in range(5)]
    assert all(volume.channels == ("H", "O") and volume.grid == volumes[0].grid for volume in volumes)
    assert float((volumes[2].integral() / volumes[0].integral() - 1).abs().max()) < 1e-3
    with open(tmp_path / "path" / "path.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["frame"] for row in rows] == ["1", "2", "3", "4", "5"]
    assert {row["atoms found"] for row in rows} == {"all"}
    page = (tmp_path / "path" / "path.html").read_text()
    assert '"frames":[{' in page
    assert '"sliders":[{' in page


def test_chosen_frames_blind_and_other_formats(swing, tmp_path):
    output = tmp_path / "path"
    options = ("--spacing", "0.4", "--margin", "3", "--steps", "2", "--no-check")
    text = run(str(swing), "--frames", "1", "3", "--blind", "--format", "npz", "-o", str(output), *options)
    assert "2 frames of 3 atoms" in text
    assert sorted(path.name for path in output.iterdir()) == ["path.html", *(f"step_00{i}.npz" for i in range(3))]
    assert "the volumes of the frames, not their atoms" in (output / "path.html").read_text()

    volumes = [str(output / f"step_00{number}.npz") for number in (0, 2)]
    run(*volumes, "-o", str(tmp_path / "again"), "--format", "npz", *options)
    with pytest.raises(ValueError, match="--blind: expected structures with it, got volumes"):
        run(*volumes, "-o", str(tmp_path / "blind"), "--blind", *options)
    middle = [Volume.read(folder / "step_001.npz") for folder in (output, tmp_path / "again")]
    at = middle[0].grid.points()
    assert float((middle[0](at) - middle[1](at)).abs().max()) < 0.1


def test_two_structure_files(tmp_path):
    for name, distance in (("a", 0.7), ("b", 0.9)):
        atoms = molecule("H2")
        atoms.positions[1] = atoms.positions[0] + [0, 0, distance]
        write(tmp_path / f"{name}.xyz", atoms)
    options = ("--steps", "2", "--margin", "2", "--no-check", "-o", str(tmp_path / "path"))
    assert "kind='arap'" in run(str(tmp_path / "a.xyz"), str(tmp_path / "b.xyz"), *options)
    pos = Volume.read(tmp_path / "path" / "step_001.cube").atoms.pos
    assert float((pos[0] - pos[1]).norm()) == pytest.approx(0.8, abs=1e-3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("swing.xyz", "--frames", "1", "9"), "--frames: expected 1 to 5, got 9"),
        (("swing.xyz", "--every", "9"), "files: expected at least 2 frames, got 1 of 5"),
        (("swing.xyz", "--steps", "0"), "--steps: expected 1 or more, got 0"),
        (("swing.xyz", "--format", "png"), "--format: expected one of"),
        (("swing.xyz", "--kind", "linear"), "kind: expected one of auto, spline, arap, got 'linear'"),
        (("swing.xyz", "other.xyz"), "frames[5]: expected 3 atoms as in frames[0], got 2"),
        (("missing.xyz",), "missing.xyz: expected an existing file, got none"),
    ],
)
def test_errors_say_what_to_change_and_leave_nothing(swing, tmp_path, arguments, message):
    write(tmp_path / "other.xyz", molecule("H2"))
    files = [str(tmp_path / word) if word.endswith(".xyz") else word for word in arguments]
    with pytest.raises((ValueError, OSError), match=re.escape(message)):
        run(*files, "-o", str(tmp_path / "path"))
    assert not (tmp_path / "path").exists()
