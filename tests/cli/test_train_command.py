import csv
import re
import sys

import pytest
import torch
from commands import refused, run, sdf
from safetensors.torch import load_file
from typer.testing import CliRunner

from tg_molfield import FieldAutoEncoder, MolField
from tg_molfield.cli.app import app
from tg_molfield.cli.train import training
from tg_molfield.datasets import MoleculeFields
from tg_molfield.files.locks import locked_folder
from tg_molfield.structures import StructureWarning
from tg_molfield.training import fit, folder_lock
from tg_molfield.transforms import MolFieldTransform

pytest.importorskip("yaml")

SMILES = ["CCO", "CC(=O)N", "c1ccccc1", "CC", "CCCO", "OCCO", "CC#N", "C1CCCCC1", "COC", "CCN", "NCCO", "CC=O"]
SMALL = (
    "--channels", "C N O", "--decoder", "siren", "--latent-dim", 8, "--encoder-options", "num_layers=1 out_channels=8",
    "--decoder-options", "width=8 num_layers=2", "--points", 16, "--batch-size", 4,
)  # fmt: skip
FLOW = (
    "--decoder", "flow", "--latent-dim", 16, "--pooling-options", "width=16 num_layers=1 heads=2", "--decoder-options",
    "width=16 num_layers=1 heads=2 num_tokens=4 num_steps=2",
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("set")
    MoleculeFields(folder, sdf(folder / "a.sdf", SMILES), progress=False)
    return folder


def losses(path):
    return load_file(path / "checkpoint.safetensors")["losses"].tolist()


def test_a_data_set_and_flags(tmp_path, folder):
    output = tmp_path / "run"
    text = run("train", folder, "-o", output, *SMALL, "--max-epochs", 2, "--fractions", "0.5,0.25,0.25", "--seed", 3)
    assert f"{output}: 6 molecules to train on, 3 to validate with; " in text
    assert re.search(r"4 steps in \d+ s, loss \S+; ended by all of the budget", text)
    assert re.search(r"best validation: loss \S+, \S+ dB, occupied \S+ dB, after step [24]\n", text)
    model = FieldAutoEncoder.from_pretrained(output)
    assert (model.latent_dim, model.channels) == (8, ("C", "N", "O"))
    with (output / "log.csv").open() as stream:
        assert [row["step"] for row in csv.DictReader(stream)] == ["2", "4"]
    with torch.random.fork_rng():
        torch.manual_seed(3)
        expected = FieldAutoEncoder(
            MolField("C N O"), 8, "siren", encoder_options={"num_layers": 1, "out_channels": 8},
            decoder_options={"width": 8, "num_layers": 2},
        )  # fmt: skip
    dataset = MoleculeFields(folder)
    parts = dataset.split_idx((0.5, 0.25, 0.25))
    transform = MolFieldTransform(expected.mol_field, 16)
    report = fit(
        expected, dataset[parts["train"]], valid=dataset[parts["valid"]], transform=transform, batch_size=4,
        max_epochs=2, seed=3,
    )  # fmt: skip
    assert losses(output) == report.losses


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")
def test_a_compiled_model_is_trained(tmp_path, folder, monkeypatch):
    graphs = []

    def backend(graph, inputs):
        graphs.append(graph)
        return graph.forward

    whole = FieldAutoEncoder.compile
    monkeypatch.setattr(FieldAutoEncoder, "compile", lambda model: whole(model, backend=backend))
    for name, flags in (("plain", ()), ("compiled", ("--compile",))):
        run("train", folder, "-o", tmp_path / name, *SMALL, "--max-steps", 3, *flags)
    assert graphs
    assert losses(tmp_path / "compiled") == pytest.approx(losses(tmp_path / "plain"), rel=1e-4)
    assert "compile: true" in (tmp_path / "compiled" / "config.yaml").read_text()
    monkeypatch.setattr(training.shutil, "which", lambda name: None)
    told = refused("train", folder, "-o", tmp_path / "none", *SMALL, "--compile")
    assert "--compile: expected a C++ compiler, one of g++, clang++, c++, cl, got none" in told
    assert not (tmp_path / "none").exists()


def test_the_configuration_repeats_the_training(tmp_path, folder):
    run("train", folder, "-o", tmp_path / "a", *SMALL, "--max-epochs", 2, "--lr", "1e-2", "--ema", 0.9)
    run("train", tmp_path / "a" / "config.yaml", "-o", tmp_path / "b")
    assert losses(tmp_path / "a") == losses(tmp_path / "b")
    first, second = (load_file(tmp_path / name / "model.safetensors") for name in "ab")
    assert all(torch.equal(first[name], second[name]) for name in first)
    run("train", tmp_path / "a", "-o", tmp_path / "c", "--seed", 1)
    assert losses(tmp_path / "c") != losses(tmp_path / "a")


def test_a_training_in_pieces_is_that_of_one_piece(tmp_path, folder):
    run("train", folder, "-o", tmp_path / "whole", *SMALL, "--max-epochs", 2)
    text = run("train", folder, "-o", tmp_path / "run", *SMALL, "--max-epochs", 2, "--max-seconds", "1e-6")
    assert "1 step in" in text
    assert f"tg-molfield train {tmp_path / 'run' / 'config.yaml'} --resume goes on" in text
    run("train", tmp_path / "run" / "config.yaml", "--resume")
    run("train", "--resume", "-o", tmp_path / "run")
    run("train", folder, "--max-seconds", 60, "--resume", "-o", tmp_path / "run")
    assert len(losses(tmp_path / "run")) == 6
    assert losses(tmp_path / "run") == losses(tmp_path / "whole")


def test_a_folder_with_a_training_is_not_overwritten(tmp_path, folder):
    output = tmp_path / "run"
    run("train", folder, "-o", output, *SMALL, "--max-steps", 1)
    message = refused("train", folder, "-o", output, *SMALL, "--max-steps", 1)
    assert "give --resume to go on, --force to begin anew, or another --output" in message
    message = refused("train", "--resume", "-o", output, "--lr", 1)
    assert "--lr: expected 0.001, as " in message
    assert "got 1.0; leave it out, or give --force" in message
    assert "source: expected (" in refused("train", output.parent, "--resume", "-o", output)
    assert "got both; give one" in refused("train", "--resume", "--force", "-o", output)
    before = losses(output)
    with locked_folder(output), pytest.MonkeyPatch.context() as patch:
        patch.setattr(folder_lock, "_PATIENCE", 0.0)
        message = refused("train", folder, "-o", output, *SMALL, "--max-steps", 1, "--force")
    assert "--output: expected one training at a time in " in message
    assert "give another --output" in message
    assert losses(output) == before
    run("train", folder, "-o", output, *SMALL, "--max-steps", 1, "--seed", 5, "--force")
    assert losses(output) != before
    (output / "config.yaml").unlink()
    assert "expected config.yaml beside checkpoint" in refused("train", folder, "-o", output, *SMALL, "--resume")


def test_molecules_that_are_built_for_it(tmp_path):
    table = tmp_path / "a.csv"
    table.write_text("smiles\n" + "\n".join(SMILES) + "\n")
    output = tmp_path / "run"
    options = ("--preset", "esp", "--properties", "logp", "--decoder", "atoms", "--max-steps", 1, "--by", "scaffold")
    run("train", table, "-o", output, *options, "--latent-dim", 8)
    data = MoleculeFields(output / "data")[0]
    assert {"partial_charge", "logp"} <= set(data.keys())
    assert "part test (scaffold, seed 0)" in run("evaluate", "--model", output, "--nodes", 8)
    assert "3 molecules at" in run("evaluate", output / "data", "--model", output, "--nodes", 8, "--split", "test",
                                   "--fractions", "0,0.75,0.25")  # fmt: skip
    run("train", output, "-o", tmp_path / "again")
    assert losses(output) == losses(tmp_path / "again")


@pytest.mark.parametrize(
    ("options", "loss"),
    [
        (["--channels", "C"], "matching"),
        (["--preset", "vdw"], "field"),
        (["--channels", "C", "--decoder", "siren"], "field"),
        (["--model", "organic-small"], "initial_guess"),
        (["--channels", "C", *FLOW], "flow"),
    ],
)
def test_the_loss_belongs_to_the_decoder(tmp_path, folder, options, loss):
    run("train", folder, "-o", tmp_path, *options, "--max-steps", 0)
    assert f'loss: "{loss}"' in (tmp_path / "config.yaml").read_text()


def test_molecules_without_room_in_the_code_are_left_out(tmp_path):
    MoleculeFields(tmp_path / "set", sdf(tmp_path / "a.sdf", [*SMILES, "C[GeH2]C", "CC[GeH2]C"]), progress=False)
    options = ("--fractions", "1,0,0", "--max-steps", 0)
    with pytest.warns(StructureWarning, match="2 of 14 molecules are left out: .*Ge"):
        text = run("train", tmp_path / "set", "-o", tmp_path / "a", "--decoder", "structure_factors", *options)
    assert "12 molecules to train on, 0 to validate with" in text
    with pytest.warns(StructureWarning, match=r"at most 12 atoms.*got 2 of 14 with more; .*num_slots=18"):
        run("train", tmp_path / "set", "-o", tmp_path / "b", "--decoder-options", "num_slots=12", *options)


def test_a_flow_is_trained_on_the_molecules_that_it_has_room_for(tmp_path):
    others = ["C" * 10, "C" * 12, "CS"]
    MoleculeFields(tmp_path / "set", sdf(tmp_path / "a.sdf", [*SMILES, *others]), progress=False)
    options = (*FLOW, "--channels", "C N O", "--batch-size", 8, "--fractions", "1,0,0")
    with pytest.warns(StructureWarning, match="left out") as told:
        text = run("train", tmp_path / "set", "-o", tmp_path / "run", *options, "--max-steps", 2)
    assert "12 molecules to train on, 0 to validate with" in text
    reasons = sorted(str(one.message) for one in told if one.category is StructureWarning)
    assert len(reasons) == 2
    assert re.match(r"1 of 15 molecules are left out: z: expected elements .*, got S; ", reasons[0])
    assert re.match(r"2 of 15 .*: expected at most 9 heavy atoms.*, got 1[02] / 1[02]; take another", reasons[1])
    assert torch.tensor(losses(tmp_path / "run")).isfinite().all()
    assert len(losses(tmp_path / "run")) == 2
    model = FieldAutoEncoder.from_pretrained(tmp_path / "run")
    assert len(model.sample(2)) == 2


def test_a_trained_model_is_trained_further(tmp_path, folder):
    run("train", folder, "-o", tmp_path / "a", *SMALL, "--max-steps", 1)
    run("train", folder, "-o", tmp_path / "b", "--model", tmp_path / "a", "--max-steps", 0)
    first, second = (load_file(tmp_path / name / "model.safetensors") for name in "ab")
    assert all(torch.equal(first[name], second[name]) for name in first)
    message = refused("train", folder, "-o", tmp_path / "c", "--model", tmp_path / "a", "--latent-dim", 9)
    assert "--latent-dim: expected a new model with it" in message
    message = refused("train", folder, "-o", tmp_path / "c", "--model", tmp_path / "a", "--canonical-frames")
    assert "--random-frames: expected a new model with it" in message


@pytest.mark.parametrize(
    ("end", "told", "status"),
    [
        (KeyboardInterrupt("interrupted after step 3; the model has x; give folder='a' again to go on"),
         "stopped by Ctrl-C; interrupted after step 3; the model has x; tg-molfield train", 130),
        (SystemExit(143), "stopped by SIGTERM; tg-molfield train", 143),
    ],
)  # fmt: skip
def test_who_stops_a_training_is_told_how_to_go_on(tmp_path, folder, monkeypatch, end, told, status):
    def interrupted(*_, **__):
        raise end

    monkeypatch.setattr(training, "fit", interrupted)
    found = CliRunner().invoke(app, ["train", str(folder), "-o", str(tmp_path), *map(str, SMALL), "--max-steps", "1"])
    assert f"{told} {tmp_path / 'config.yaml'} --resume goes on" in found.output
    assert found.exit_code == status


def test_a_yaml_file_needs_its_package(tmp_path, monkeypatch):
    (tmp_path / "a.yaml").write_text("data: a.csv\n")
    monkeypatch.setitem(sys.modules, "yaml", None)
    assert "run pip install 'tg_molfield[train]'" in refused("train", tmp_path / "a.yaml")


def test_options_that_do_not_fit_are_refused(tmp_path, folder):
    cases = [
        ([], "source: expected molecules to train on, got none"),
        ([folder, "--decoder", "mlp"], "decoder: expected 'rbf', 'siren'"),
        ([folder, "--encoder-options", "layers=3"], "layers"),
        ([folder, "--loss", "mse"], "--loss: expected one of field, matching, initial_guess, flow, got 'mse'"),
        ([folder, "--loss", "matching", "--points", 9], "--points: expected --loss field with it"),
        ([folder, "--loss", "flow"], "--loss: expected field or matching for RBFDecoder, got flow"),
        ([folder, *FLOW, "--loss", "matching"], "--loss: expected field or flow for FlowDecoder"),
        ([folder, "--preset-options", "beta=1"], "--preset-options: expected --preset with it"),
        ([folder, "--preset", "mnf", "--channels", "C"], "--channels: expected none with --preset"),
        ([folder, "--max-epochs", -1], "--max-epochs: expected 0 or more, got -1"),
        ([folder, "--lr", -1], "--lr: expected 0 or more, got -1"),
        ([folder, "--warmup", 2], "--warmup: expected a share"),
        ([folder, "--precision", "half"], "--precision: expected 'float32' or 'bfloat16'"),
        ([folder, "--fractions", "1,0,0", "--patience", 3], "give a share of them in --fractions"),
        ([folder, "--fractions", "0,1,0"], "--fractions: expected molecules to train on, got none of 12"),
        ([folder, "--by", "size"], "--by: expected 'random' or 'scaffold'"),
        ([folder, "--channels", "C logp"], "expected molecules with logp, got none; build the data set"),
        ([folder, "--conformer-seed", 3], "--conformer-seed: expected a source that is to be read with it"),
        ([folder, "--device", "tpu9"], "--device: expected cpu or a CUDA device"),
        ([tmp_path / "a.yaml"], "a.yaml: expected an existing file, got none"),
    ]
    for arguments, message in cases:
        assert message in refused("train", *arguments, "-o", tmp_path / "run")
        assert not (tmp_path / "run").exists()


def test_a_training_of_a_yaml_file_goes_on_by_that_file(tmp_path, folder):
    (tmp_path / "my run.yaml").write_text(
        f"data: {folder}\noutput: my run\nchannels: C N O\ndecoder: siren\nlatent_dim: 8\npoints: 16\nbatch_size: 4\n"
        "encoder_options: {num_layers: 1, out_channels: 8}\ndecoder_options: {width: 8, num_layers: 2}\nmax_steps: 2\n"
    )
    text = run("train", tmp_path / "my run.yaml")
    assert f"tg-molfield evaluate --model '{tmp_path / 'my run'}' tests it" in text
    assert "4 steps in" in run("train", tmp_path / "my run.yaml", "--resume", "--max-steps", 4)
    message = refused("train", tmp_path / "my run.yaml", "--resume", "--by", "scaffold")
    assert f"--by: expected random, as {tmp_path / 'my run' / 'config.yaml'} has, to go on, got scaffold" in message
    other = tmp_path / "by scaffold"
    run("train", tmp_path / "my run.yaml", "-o", other, "--by", "scaffold")
    message = refused("train", tmp_path / "my run.yaml", "-o", other, "--resume")
    assert f"--by: expected scaffold, as {other / 'config.yaml'} has, to go on, got random" in message
