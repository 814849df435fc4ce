import csv
import math
import re

import pytest
import torch
from commands import refused, run, sdf
from torch_geometric.data import Batch

from tg_molfield import FieldAutoEncoder, MolField, from_smiles, psnr
from tg_molfield.cli.evaluate.atoms import elements_of, found_atoms
from tg_molfield.cli.evaluate.measuring import Measure
from tg_molfield.datasets import MoleculeFields

SMILES = ["CCO", "CC(=O)N", "c1ccccc1", "CC", "CCCO", "OCCO", "CC#N", "C1CCCCC1", "COC", "CCN", "NCCO", "CC=O"]


def rows(path):
    with path.open() as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("set")
    MoleculeFields(folder, sdf(folder / "a.sdf", SMILES), progress=False)
    return folder


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    small(MolField("C N O")).save(folder / "model.safetensors")
    return folder


def small(mol_field, **options):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return FieldAutoEncoder(mol_field, 16, encoder_options={"num_layers": 1, "out_channels": 8}, **options).eval()


def test_figures_are_those_of_single_molecules(tmp_path, folder, model_folder):
    output = tmp_path / "a.csv"
    text = run("evaluate", folder, "--model", model_folder, "-o", output, "--nodes", 12)
    assert f"{folder}: 12 molecules at 12³ nodes of the cube around each" in text
    found, model = rows(output), FieldAutoEncoder.from_pretrained(model_folder).requires_grad_(False)
    assert [row["name"] for row in found] == [data.name for data in MoleculeFields(folder)]
    for index in (0, 3):
        data = MoleculeFields(folder)[index]
        grid = model.mol_field.grid(data, 12)
        learned, exact = (field.on(grid) for field in (model.field(data), model.mol_field(data)))
        expected = psnr(learned, exact, grid)
        assert float(found[index]["psnr"]) == pytest.approx(expected.all_nodes, abs=1e-2)
        assert float(found[index]["psnr_occupied"]) == pytest.approx(expected.occupied, abs=1e-2)
        carbon = (learned["C"].values - exact["C"].values) / exact["C"].values.abs().max()
        assert float(found[index]["rms_C"]) == pytest.approx(float(carbon.square().mean().sqrt()), rel=1e-3)
        assert float(found[index]["psnr_occupied_C"]) == pytest.approx(
            psnr(learned[["C"]], exact[["C"]], grid)[1], abs=1e-2
        )
    assert found[3]["rms_O"] == ""
    mean = re.search(r"PSNR, dB +([\d.]+)", text)[1]
    assert float(mean) == pytest.approx(sum(float(row["psnr"]) for row in found) / 12, abs=0.01)
    assert re.search(r"^ *O +7 ", text, re.M)


def test_a_part_of_the_data_set(tmp_path, folder, model_folder):
    options = ("--model", model_folder, "-o", tmp_path / "a.csv", "--nodes", 8)
    text = run("evaluate", folder, *options, "--split", "valid", "--by", "scaffold", "--fractions", "0.5,0.25,0.25")
    assert "part valid (scaffold, seed 0)" in text
    expected = MoleculeFields(folder).split_idx((0.5, 0.25, 0.25), "scaffold")["valid"].tolist()
    assert [int(row["index"]) for row in rows(tmp_path / "a.csv")] == expected
    run("evaluate", folder, *options, "--split", "test", "--split-seed", 5)
    assert [int(row["index"]) for row in rows(tmp_path / "a.csv")] == MoleculeFields(folder).split_idx(seed=5)[
        "test"
    ].tolist()


def test_points_are_functions_of_the_seed_and_the_molecule(tmp_path, folder, model_folder):
    def figures(*options):
        run("evaluate", folder, "--model", model_folder, "-o", tmp_path / "a.csv", "--points", 64, *options)
        return {row["index"]: row["psnr"] for row in rows(tmp_path / "a.csv")}

    every = figures("--seed", 3)
    assert figures("--seed", 3, "--batch-size", 5) == every
    part = figures("--seed", 3, "--split", "train")
    assert part == {index: every[index] for index in part}
    assert figures("--seed", 4) != every


def test_atoms_of_the_pretrained_model(tmp_path):
    table = tmp_path / "a.smi"
    table.write_text("CCO a\n[Fe] b\nCC(=O)Cl c\n")
    text = run("evaluate", table, "-o", tmp_path / "a.csv", "--nodes", 16)
    assert "elements right: 2 of 2, RMSD " in text
    assert "not encoded: 1 molecule\n  1: " in text
    found = rows(tmp_path / "a.csv")
    assert [row["atoms_right"] for row in found] == ["True", "", "True"]
    assert float(found[0]["rmsd"]) < 1e-4
    assert "Fe" in found[1]["failed"]
    assert found[1]["psnr"] == ""


def test_atoms_that_are_not_right():
    definition = MolField("C O other")
    exact = definition(from_smiles("CCO"))
    elements = elements_of(definition)
    assert elements == ["C", "O"]
    moved = definition(from_smiles("CCO"))
    moved = type(moved)(moved.centers + 0.3, moved.weights, moved.widths, moved.kernel, moved.channels)
    assert found_atoms(moved, exact, elements) == (True, pytest.approx(0.3 * math.sqrt(3), abs=1e-5))
    assert not found_atoms(definition(from_smiles("CCC")), exact, elements).right
    assert found_atoms(exact.on(definition.grid(from_smiles("CCO"), 8)), exact, elements) is None
    assert found_atoms(exact, definition(from_smiles("N")), elements) is None
    assert elements_of(MolField.preset("vdw")) == []


def test_refined_codes_come_nearer(tmp_path, folder, model_folder):
    def mean(*options):
        text = run("evaluate", folder, "--model", model_folder, "--split", "test", "--nodes", 8, *options)
        return float(re.search(r"PSNR, dB +([\d.]+)", text)[1])

    assert mean("--refine", 10) > mean() + 0.05


def test_molecules_unlike_those_of_the_training_are_counted(tmp_path, folder):
    model = small(MolField("C N O")).train()
    model.encode(from_smiles("CO"))
    model.save(tmp_path / "model.safetensors")
    text = run("evaluate", folder, "--model", tmp_path, "--nodes", 4, "-o", tmp_path / "a.csv")
    assert "unlike the molecules of the training: 12 molecules\n" in text
    assert re.search(r"\n  \d+: expected at most 6 atoms, as in training, got 9\n", text)
    assert "elements of the training set (H, C, O), got N" in rows(tmp_path / "a.csv")[1]["outside"]


def test_what_the_model_and_its_field_read(tmp_path, folder):
    small(MolField.preset("esp"), properties="logp").save(tmp_path / "model.safetensors")
    message = refused("evaluate", folder, "--model", tmp_path)
    assert "expected molecules with logp, partial_charge, got none; build the data set with --properties" in message
    assert "2 molecules" in run("evaluate", sdf(tmp_path / "b.sdf", ["CCO", "CC"]), "--model", tmp_path, "--nodes", 8)


def test_a_model_without_a_definition_needs_one(tmp_path, folder):
    small("C O").save(tmp_path / "model.safetensors")
    options = ("evaluate", folder, "--model", tmp_path, "--nodes", 8)
    assert "got none; give --channels, or --preset" in refused(*options)
    assert "expected C O, those of the model, got C N" in refused(*options, "--channels", "C N")
    assert "12 molecules" in run(*options, "--channels", "C O")


def test_digits_of_molecules_far_from_the_origin_are_kept():
    model = FieldAutoEncoder.from_pretrained("organic-small")
    data = from_smiles("CCO", dtype=torch.float64)
    far = data.clone()
    far.pos = far.pos + 1000.0
    near, other = Measure(model, model.mol_field, 16)([(0, data), (1, far)])
    assert other.occupied > 120
    assert near.occupied == pytest.approx(other.occupied, abs=15)


def test_a_field_that_is_0_around_all_molecules_is_an_error(tmp_path):
    small(MolField("Cl")).save(tmp_path / "model.safetensors")
    path = sdf(tmp_path / "a.sdf", ["CCO"])
    assert "got none among 1; the first: the field is 0" in refused("evaluate", path, "--model", tmp_path, "--nodes", 8)


def test_batches_and_single_molecules_give_the_same(folder, model_folder):
    model = FieldAutoEncoder.from_pretrained(model_folder).requires_grad_(False)
    molecules = list(enumerate(MoleculeFields(folder)))
    together = list(Measure(model, model.mol_field, 8)(molecules))
    single = [one for pair in molecules for one in Measure(model, model.mol_field, 8)([pair])]
    assert [one.psnr for one in together] == pytest.approx([one.psnr for one in single], abs=1e-3)
    assert Batch.from_data_list([data for _, data in molecules]).num_graphs == len(together)


def test_options_that_do_not_fit_are_refused(tmp_path, folder, model_folder):
    cases = [
        ([folder, "--seed", 1], "--seed: expected --points with it"),
        ([folder, "--points", 9, "--nodes", 8], "--nodes: expected a measurement at nodes with it"),
        ([folder, "--nodes", 1], "--nodes: expected at least 2, got 1"),
        ([folder, "--by", "scaffold"], "--by: expected --split with it, got none"),
        ([folder, "--split", "all"], "--split: expected one of train, valid, test, got 'all'"),
        ([folder, "--split", "test", "--by", "size"], "--by: expected 'random' or 'scaffold'"),
        ([folder, "--split", "test", "--fractions", "1"], "--fractions: expected three numbers"),
        ([folder, "--split", "test", "--fractions", "1,0,0"], "got none of 12; give other --fractions"),
        ([folder, "--timeout", 3], "--timeout: expected a source that is to be read with it"),
        ([folder, folder], "expected one data set alone"),
        ([folder, "--channels", "C N O"], "--channels, --preset: expected none with"),
        ([], "expected molecules, or the folder of a training as --model"),
        ([folder, "-o", tmp_path / "a.txt"], "one of the suffixes .csv, .parquet"),
    ]
    for arguments, message in cases:
        assert message in refused("evaluate", *arguments, "--model", model_folder)


def test_parquet(tmp_path, folder, model_folder):
    parquet = pytest.importorskip("pyarrow.parquet")
    run("evaluate", folder, "--model", model_folder, "-o", tmp_path / "a.parquet", "--nodes", 8)
    assert parquet.read_table(tmp_path / "a.parquet").num_rows == 12


def test_records_that_cannot_be_read_are_told(tmp_path, model_folder):
    table = tmp_path / "some.smi"
    table.write_text("CO\nbad(\nCC\n")
    printed = run("evaluate", table, "--model", model_folder, "--points", 8)
    assert "bad(" in printed
    assert "1 record failed" in printed
    assert "some.smi: 2 molecules" in printed
