"""What a second run of a command, or the same input twice, does."""

import pytest
from commands import refused, run, sdf

OLD = "expected files of this run alone, got {} of an earlier one"


def test_a_path_of_another_kind_leaves_files_that_are_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sdf(tmp_path / "a.sdf", ["CO"])
    sdf(tmp_path / "b.sdf", ["CCO"])
    words = ("interpolate", "a.sdf", "b.sdf", "-o", "path", "--steps", 1, "--spacing", 1)
    run(*words, "--model", "qm9-latent")
    with pytest.warns(UserWarning, match=OLD.format("path.sdf and 1 more")):
        run(*words, "--match", "mcs")
    for name in ("path.sdf", "path.xyz"):
        (tmp_path / "path" / name).unlink()
    with pytest.warns(UserWarning, match=OLD.format("atoms.csv")):
        run(*words, "--model", "qm9-latent")


def test_a_library_is_searched_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sdf(tmp_path / "a.sdf", ["CO", "CC"])
    message = refused("screen", "CCO", "a.sdf", tmp_path / "a.sdf", "-o", "hits.csv")
    assert f"library: expected different files, got {tmp_path / 'a.sdf'} twice; name each once" in message
    assert not (tmp_path / "hits.csv").exists()


def test_a_result_does_not_replace_the_checkpoint(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sdf(tmp_path / "a.sdf", ["C"])
    message = refused("superres", "a.sdf", "-o", "out", "--checkpoint", "out/model.safetensors")
    assert "in which out/model.safetensors, which is read, is not overwritten" in message
    assert not (tmp_path / "out").exists()
