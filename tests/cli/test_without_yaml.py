"""Trainings without PyYAML and tensorboardX, as installed without the extra ``train``."""

import math
import sys

import pytest
from commands import refused, run, sdf

from tg_molfield.cli.train.yaml_files import read_yaml, write_yaml

SMALL = ("--channels", "C", "--latent-dim", 8, "--encoder-options", "num_layers=1 out_channels=8", "--max-steps")


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    for module in ("yaml", "tensorboardX"):
        monkeypatch.setitem(sys.modules, module, None)


def test_a_training_goes_on_and_is_evaluated(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sdf(tmp_path / "a.sdf", ["CO", "CCO", "CC", "CN", "CCN", "CCC", "COC", "C=O", "CCCO", "CCCC"])
    run("train", "a.sdf", "-o", "run", *SMALL, 1)
    assert "2 steps in" in run("train", "run", "--resume", "--max-steps", 2)
    assert "part test (random, seed 0): 1 molecule at 4³ nodes" in run("evaluate", "--model", "run", "--nodes", 4)


def test_a_log_for_tensorboard_is_refused_before_molecules_are_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sdf(tmp_path / "a.sdf", ["CO"])
    assert "tensorboardX: expected an installed package, got none" in refused("train", "a.sdf", "--tensorboard")
    assert [path.name for path in tmp_path.iterdir()] == ["a.sdf"]


def test_files_are_read_as_they_were_written(tmp_path):
    values = {"a": 1e-5, "b": -math.inf, "c": "α: # \n", "d": [0.8, 1e-9], "e": {"f": {"g": None}}, "h": True, "i": 7}
    write_yaml(tmp_path / "a.yaml", values, "a comment")
    assert read_yaml(tmp_path / "a.yaml") == values


@pytest.mark.parametrize("text", ["a: b\n", "a: 1\na: 2\n", "a: 1\n  b: 2\n", "a:\n- 1\n", "- 1\n", "a: [1\n"])
def test_other_files_need_the_package(tmp_path, text):
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(ImportError, match="yaml: expected an installed package, got none"):
        read_yaml(tmp_path / "a.yaml")
