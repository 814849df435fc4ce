"""Files and folders that cannot be written are refused before anything is calculated for them."""

import os

import pytest
from commands import refused, sdf

from tg_molfield import Grid, MolField, from_smiles
from tg_molfield.cli.superres import methods

FOLDER = "--output: expected the name of a file, got the folder "
FILE = "file: expected a folder that can be written to, got: a file; choose another output"


@pytest.fixture
def library(tmp_path):
    return sdf(tmp_path / "library.sdf", ["CCO", "CCN"])


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (("screen", "CCO", "library.sdf"), "d.csv"),
        (("embed", "library.sdf", "-o", "codes.csv"), "d.html"),
        (("align", "CCO", "CCN", "-o", "a.html"), "d.sdf"),
        (("similarity", "CCO", "CCN"), "d.csv"),
        (("evaluate", "library.sdf"), "d.csv"),
        (("field", "CCO", "-o", "a.cube"), "d.png"),
        (("reconstruct", "CCO"), "d.cube"),
    ],
)
def test_a_folder_is_no_file(tmp_path, monkeypatch, library, command, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).mkdir()
    (tmp_path / "file").touch()
    before = sorted(tmp_path.rglob("*"))
    assert f"{FOLDER}{name}; name a file in it" in refused(*command, "-o", name)
    assert FILE in refused(*command, "-o", f"file/{name}")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "command",
    [
        ("demo",),
        ("sample", "qm9-latent"),
        ("interpolate", "library.sdf"),
        ("interpolate", "library.sdf", "--model", "qm9-latent"),
        ("superres", "truth.npz"),
    ],
)
def test_a_file_is_no_folder_and_some_may_not_be_written(tmp_path, monkeypatch, library, command):
    data = from_smiles("C")
    MolField("C H")(data).on(Grid.around(data.pos, 0.6)).save(tmp_path / "truth.npz")
    monkeypatch.setattr(methods, "reconstruct", lambda *_: pytest.fail("it was calculated"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    assert FILE in refused(*command, "-o", "file")
    assert FILE.replace("file:", "file/new:") in refused(*command, "-o", "file/new")
    monkeypatch.setattr(os, "access", lambda _, mode, **__: not mode & os.W_OK)
    assert "new: expected a folder that can be written to, got: no permission to write" in refused(
        *command, "-o", "new"
    )
    assert not (tmp_path / "new").exists()


def test_a_file_is_named_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    message = refused("field", "CCO", "-o", "one.cube", "-o", "./one.cube", "-o", tmp_path / "one.cube")
    assert "--output: expected different files, got one.cube twice; name each once" in message
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["build", "train"])
def test_data_sets_and_trainings_name_the_option(tmp_path, library, command):
    (tmp_path / "file").touch()
    assert refused(command, library, "-o", tmp_path / "file" / "new").endswith("; give another --output")
