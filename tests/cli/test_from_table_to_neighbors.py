"""From a table of SMILES to codes with neighbours, by commands alone."""

import csv

import pytest
from commands import run

pytest.importorskip("yaml")

TABLE = """name,smiles,logS
ethanol,CCO,1.1
propanol,CCCO,0.6
butanol,CCCCO,0.0
broken,CC(,0
phenol,c1ccccc1O,0.0
cresol,Cc1ccccc1O,-0.6
toluene,Cc1ccccc1,-2.2
acetamide,CC(=O)N,1.6
propanamide,CCC(=O)N,0.7
acetonitrile,CC#N,0.3
hexane,CCCCCC,-3.8
"""


def test_a_table_becomes_a_model_and_codes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "esol.csv").write_text(TABLE)
    assert "esol: 10 molecules, labels logS" in run("build", "esol.csv", "-o", "esol", "--labels", "logS")
    assert "logS" in run("info", "esol")
    options = ("--channels", "C N O", "--latent-dim", 16, "--encoder-options", "num_layers=1 out_channels=8")
    text = run(
        "train", "esol", *options, "--decoder-options", "num_slots=24", "--max-epochs", 2, "--summary-channels", 8
    )
    assert "run: 8 molecules to train on, 1 to validate with" in text
    assert "summary_channels  8" in run("info", "run")
    assert "the data set of run, part test" in run("evaluate", "--model", "run", "--nodes", 8)
    run("reconstruct", "CCO", "--model", "run", "-o", "ethanol.cube", "--spacing", 1)
    run("embed", "esol", "--model", "run", "-o", "codes.csv", "--neighbors", 2)
    with open("codes.csv", newline="") as stream:
        found = list(csv.DictReader(stream))
    assert len(found) == 10
    assert all({row["neighbor_1"], row["neighbor_2"]} <= set(map(str, range(1, 11))) for row in found)
    assert found[4]["logS"] == "-0.6"
    assert (tmp_path / "run" / "config.yaml").read_text().count('data: ["../esol"]') == 1
