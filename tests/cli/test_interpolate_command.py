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


def test_volumes_table_and_page(swing, tmp_path, figures_of):
    text = run(str(swing), "--steps", "4", "--spacing", "0.4", "--margin", "3", "-o", str(tmp_path / "path"))
    assert "all atoms found in 5 of 5 steps" in text
    assert "shortest contact none within 4 Å at the ends, none within 4 Å along the path" in text
    assert "kind='spline'" in text
    volumes = [Volume.read(tmp_path / "path" / f"step_00{number}.cube") for number in range(5)]
    assert all(volume.channels == ("H", "O") and volume.grid == volumes[0].grid for volume in volumes)
    assert float((volumes[2].integral() / volumes[0].integral() - 1).abs().max()) < 1e-3
    with open(tmp_path / "path" / "path.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["frame"] for row in rows] == ["1", "2", "3", "4", "5"]
    assert {row["atoms found"] for row in rows} == {"all"}
    (figure,) = figures_of((tmp_path / "path" / "path.html").read_text())
    assert [frame["name"] for frame in figure["frames"]] == ["1", "2", "3", "4", "5"]
    assert len(figure["layout"]["sliders"][0]["steps"]) == 5


def test_hydrogens_that_are_not_drawn_are_told(tmp_path):
    ring = molecule("C6H6")
    crowd = ring.copy()
    for _ in range(6):
        ring.translate((0, 0, 3.5))
        crowd += ring
    write(tmp_path / "one.xyz", [crowd, crowd])
    write(tmp_path / "few.xyz", [ring, ring])
    told = []
    for name in ("one", "few"):
        options = ("--steps", "1", "--spacing", "1", "--margin", "1", "--no-check", "-o", str(tmp_path / name))
        run(str(tmp_path / f"{name}.xyz"), *options)
        told.append(
            "The surface of H is left out, as of all paths with more than 80 atoms"
            in (tmp_path / name / "path.html").read_text()
        )
        assert Volume.read(tmp_path / name / "step_000.cube").channels == ("H", "C")
    assert told == [True, False]


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


def test_steps_are_called_by_the_frames_as_given(swing, tmp_path):
    def labels(*options: str) -> list[str]:
        output = tmp_path / "-".join(options)
        run(str(swing), *options, "--spacing", "0.5", "--margin", "2", "--format", "npz", "-o", str(output))
        with open(output / "path.csv", newline="") as stream:
            return [row["frame"] for row in csv.DictReader(stream)]

    assert labels("--frames", "1", "--frames", "5", "--steps", "3") == ["1", "2.3", "3.7", "5"]
    assert labels("--every", "2", "--steps", "4") == ["1", "2", "3", "4", "5"]
    assert labels("--frames", "4", "--frames", "2", "--steps", "2") == ["4", "3", "2"]
    assert labels("--frames", "1", "--frames", "5", "--frames", "2", "--steps", "4") == ["1", "1.5", "2", "2.5", "3"]
    page = (tmp_path / "--frames-1---frames-5---frames-2---steps-4" / "path.html").read_text()
    assert "Whole numbers count the frames 1, 5, 2 in this order." in page


@pytest.fixture
def two_molecules(tmp_path):
    for name in ("CH3CH2OH", "CH3CH2NH2"):
        write(tmp_path / f"{name}.xyz", molecule(name))
    return [str(tmp_path / f"{name}.xyz") for name in ("CH3CH2OH", "CH3CH2NH2")]


@pytest.mark.parametrize("match", ["mcs", "field"])
def test_a_morph_says_which_atoms_fade(two_molecules, tmp_path, match):
    output = tmp_path / "morph"
    options = ("--spacing", "0.4", "--margin", "3", "--steps", "4", "--format", "npz", "-o", str(output))
    text = run(*two_molecules, "--match", match, *options)
    assert "wrote" in text
    assert "path.html, atoms.csv, path.csv" in text
    with open(output / "atoms.csv", newline="") as stream:
        atoms = list(csv.DictReader(stream))
    lost, won = molecule("CH3CH2OH"), molecule("CH3CH2NH2")
    named = [[f"{symbol}{row}" for row, symbol in enumerate(one.symbols, 1)] for one in (lost, won)]
    for column, names in zip(("atom of the first", "atom of the last"), named, strict=True):
        assert sorted(row[column] for row in atoms if row[column]) == sorted(names)
    oxygen, nitrogen = (
        next(name for name in names if name[0] == which) for names, which in zip(named, "ON", strict=True)
    )
    fates = {row["atom of the first"] or row["atom of the last"]: row["fate"] for row in atoms if row["fate"] != "move"}
    assert fates[oxygen] == "fade out"
    assert fates[nitrogen] == "fade in"
    with open(output / "path.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["step"] for row in rows] == ["0 %", "25 %", "50 %", "75 %", "100 %"]
    assert [row["weight of atoms that fade in"] for row in rows] == ["0.0", "0.25", "0.5", "0.75", "1.0"]
    assert max(float(row["integral drift"]) for row in rows) < 1e-3
    page = (output / "path.html").read_text()
    assert re.search(rf"fade out:</strong>[^<]*{oxygen}", page)
    assert re.search(rf"fade in:</strong>[^<]*{nitrogen}", page)
    ends = [Volume.read(output / f"step_00{step}.npz") for step in (0, 4)]
    assert [sorted(volume.atoms.z.tolist()) for volume in ends] == [sorted(one.numbers) for one in (lost, won)]
    assert [bool(volume["N"].values.abs().max() > 0.1) for volume in ends] == [False, True]


def test_conformers_with_match_are_laid_on_each_other(tmp_path):
    atoms = molecule("CH3CH2OH")
    write(tmp_path / "a.xyz", atoms)
    atoms.rotate(70, "x")
    write(tmp_path / "b.xyz", atoms)
    options = ("--steps", "2", "--margin", "2", "-o", str(tmp_path / "path"))
    run(str(tmp_path / "a.xyz"), str(tmp_path / "b.xyz"), "--match", "mcs", *options)
    assert "the last laid on the first" in (tmp_path / "path" / "path.html").read_text()
    assert not (tmp_path / "path" / "atoms.csv").exists()
    steps = [Volume.read(tmp_path / "path" / f"step_00{step}.cube").values for step in range(3)]
    assert float((steps[0] - steps[2]).abs().max()) < 1e-3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("swing.xyz", "--frames", "1", "9"), "--frames: expected 1 to 5, got 9"),
        (("swing.xyz", "--every", "9"), "files: expected at least 2 frames, got 1 of 5"),
        (("swing.xyz", "--steps", "0"), "--steps: expected 1 or more, got 0"),
        (("swing.xyz", "--format", "png"), "--format: expected one of"),
        (("swing.xyz", "--kind", "linear"), "kind: expected one of auto, spline, arap, got 'linear'"),
        (("swing.xyz", "other.xyz"), "frame 6: expected 3 atoms as in frame 1, got 2"),
        (("swing.xyz", "other.xyz", "--match", "mcs"), "frames: expected 2 molecules with --match, got 6"),
        (
            ("swing.xyz", "--match", "mcs", "--blind"),
            "--match: expected the atoms of two molecules with it, got --blind",
        ),
        (
            ("swing.xyz", "volume.cube", "--match", "mcs"),
            "--match: expected the atoms of two molecules with it, got vol",
        ),
        (("missing.xyz",), "missing.xyz: expected an existing file, got none"),
    ],
)
def test_errors_say_what_to_change_and_leave_nothing(swing, tmp_path, arguments, message):
    write(tmp_path / "other.xyz", molecule("H2"))
    files = [str(tmp_path / word) if word.endswith(".xyz") else word for word in arguments]
    with pytest.raises((ValueError, OSError), match=re.escape(message)):
        run(*files, "-o", str(tmp_path / "path"))
    assert not (tmp_path / "path").exists()
