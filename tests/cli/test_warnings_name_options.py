"""Warnings on the command line speak of options, and of frames as they are counted there."""

import warnings

import pytest
import typer
from ase.build import molecule
from ase.io import write
from commands import refused, run, sdf
from typer.testing import CliRunner

from tg_molfield.cli.commands import Command
from tg_molfield.cli.wording import worded


@pytest.fixture
def exchanged(tmp_path):
    """Methane twice, and with two hydrogens numbered the other way round."""
    atoms = molecule("CH4")
    write(tmp_path / "ch4.xyz", [atoms, atoms, atoms[[0, 2, 1, 3, 4]]])
    return tmp_path / "ch4.xyz"


def test_exchanged_atoms_are_told_by_frame_and_option(exchanged, tmp_path):
    with pytest.warns(UserWarning, match="handedness") as told:
        run("interpolate", exchanged, "--frames", 2, 3, "--steps", 1, "--no-check", "-o", tmp_path / "path")
    (text,) = [str(one.message) for one in told]
    assert text.startswith("frame 3: expected the handedness of frame 2 at each atom")
    assert "as --match mcs does for two frames" in text


def test_a_coarse_grid_is_told_by_its_option(tmp_path):
    frames = sdf(tmp_path / "frames.sdf", ["CCCO", "CCCO"])
    text = refused("interpolate", frames, "--blind", "--spacing", 1.5, "--steps", 1, "-o", tmp_path / "path")
    assert "frame 1: channel 'H': expected a sum of equal atoms" in text
    assert "give a smaller --spacing" in text


def test_the_subject_of_a_warning_is_the_option():
    app = typer.Typer()

    @app.command(cls=Command)
    def warned(how_much: int = 1) -> None:
        warnings.warn(f"how_much: expected 2, got {how_much}; give 2", stacklevel=1)
        warnings.warn("z: expected sound atoms, got others", stacklevel=1)

    with pytest.warns(UserWarning, match="expected") as told:
        CliRunner().invoke(app, [])
    assert [str(one.message)[:20] for one in told] == ["--how-much: expected", "z: expected sound at"]


def test_warnings_keep_their_kind_and_what_shows_them():
    show = warnings.showwarning
    with pytest.warns(RuntimeWarning, match="^two$"), worded({"one": "two"}):
        warnings.warn("one", RuntimeWarning, stacklevel=1)
    assert warnings.showwarning is show
