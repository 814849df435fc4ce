"""Packages that outputs need are asked for before anything is calculated for them."""

import sys

import pytest
from commands import refused, run, sdf

from tg_molfield import Grid, MolField, from_smiles


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sdf(tmp_path / "a.sdf", ["CO", "CO"])
    data = from_smiles("C")
    MolField("C")(data).on(Grid.around(data.pos, 0.8)).save("a.npz")
    return tmp_path


@pytest.mark.parametrize("module", ["plotly", "skimage"])
@pytest.mark.parametrize(
    "words",
    [
        ("field", "C", "-o", "new.npz", "-o", "new.html"),
        ("reconstruct", "C", "-o", "new.npz", "-o", "new.html"),
        ("align", "C", "O", "-o", "new.sdf", "-o", "new.html"),
        ("screen", "C", "a.sdf", "-o", "new.sdf", "-o", "new.html"),
        ("interpolate", "a.sdf", "-o", "new"),
        ("interpolate", "a.sdf", "-o", "new", "--model", "qm9-latent"),
        ("sample", "qm9-latent", "-o", "new"),
        ("superres", "a.npz", "-o", "new"),
    ],
)
def test_pages_are_refused_without_their_packages(here, monkeypatch, module, words):
    before = sorted(here.rglob("*"))
    monkeypatch.setitem(sys.modules, module, None)
    assert f"{module}: expected an installed package, got none; run pip install" in refused(*words)
    assert sorted(here.rglob("*")) == before


@pytest.mark.parametrize("command", [("embed",), ("evaluate", "--nodes", 8)])
def test_tables_are_refused_without_their_package(here, monkeypatch, command):
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    message = refused(*command, "a.sdf", "-o", "new.csv", "-o", "new.parquet")
    assert "pyarrow: expected an installed package, got none" in message
    assert "PSNR" not in message
    assert sorted(path.name for path in here.iterdir()) == ["a.npz", "a.sdf"]


def test_a_map_needs_no_package(here, monkeypatch):
    monkeypatch.setitem(sys.modules, "plotly", None)
    run("embed", "a.sdf", "-o", "map.html")
    assert (here / "map.html").exists()
