import csv

import ase.io
import numpy as np
import pytest
import torch
from commands import refused, run, sdf
from flows import save_flow
from rdkit import Chem
from torch_geometric.data import Batch, Data

from tg_molfield import MolField, from_smiles
from tg_molfield.cli.sample.drawing import Samples
from tg_molfield.cli.sample.outputs import summary, write_samples
from tg_molfield.nn import DecodedMolecules


@pytest.fixture(scope="module")
def flow(tmp_path_factory):
    return save_flow(tmp_path_factory.mktemp("flow") / "model.safetensors")


def table(folder):
    with open(folder / "samples.csv", newline="") as stream:
        return list(csv.DictReader(stream))


def frames(folder):
    return ase.io.read(folder / "samples.xyz", ":")


def test_samples_are_written_and_repeated_by_the_seed(flow, tmp_path):
    text = run("sample", flow, "-o", tmp_path / "a", "-n", 5, "--seed", 3)
    rows = table(tmp_path / "a")
    valid = sum(row["valid"] == "yes" for row in rows)
    assert f"5 molecules: {valid} valid" in text
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == [
        "page.html", "samples.csv", "samples.sdf", "samples.xyz",
    ]  # fmt: skip
    assert [row["name"] for row in rows] == [f"sample {place}" for place in range(1, 6)]
    assert [one.get_chemical_formula("hill") for one in frames(tmp_path / "a")] == [row["formula"] for row in rows]
    run("sample", flow, "-o", tmp_path / "b", "--number", 5, "--seed", 3)
    run("sample", flow, "-o", tmp_path / "c", "--number", 5)
    first, again, other = ((tmp_path / name / "samples.xyz").read_text() for name in "abc")
    assert first == again
    assert first != other


def test_molecules_have_bonds_and_others_are_told(tmp_path):
    broken = Data(z=torch.tensor([6, 6]), pos=torch.tensor([[0.0, 0, 0], [4.0, 0, 0]]))
    molecules = [from_smiles("CC=O"), broken, from_smiles("CC=O"), from_smiles("OC1CC1")]
    bare = [Data(z=one.z, pos=one.pos) for one in molecules]
    decoded = DecodedMolecules(bare, MolField("C O")(Batch.from_data_list(bare)))
    groups = [Samples(decoded, "<ketene>", bare[0]), Samples(decoded, "<ketene>", broken)]
    write_samples(tmp_path, "some", groups)
    assert summary(groups) == "8 molecules: 6 valid, 2 unique"
    written = list(Chem.SDMolSupplier(str(tmp_path / "samples.sdf"), removeHs=False))
    smiles = ["CC=O", "CC=O", "OC1CC1"] * 2
    assert [Chem.CanonSmiles(Chem.MolToSmiles(Chem.RemoveHs(mol))) for mol in written] == smiles
    assert [mol.GetProp("SMILES") for mol in written] == smiles
    assert [mol.GetProp("_Name") for mol in written] == [f"sample {place}" for place in (1, 3, 4, 5, 7, 8)]
    assert np.abs(written[0].GetConformer().GetPositions() - bare[0].pos.numpy()).max() < 1e-4
    assert [one.info["valid"] for one in frames(tmp_path)] == [True, False, True, True] * 2
    assert [one.info["name"] for one in frames(tmp_path)] == [f"sample {place}" for place in range(1, 9)]
    assert [(row["SMILES"], row["valid"]) for row in table(tmp_path)[:2]] == [("CC=O", "yes"), ("", "no")]
    assert table(tmp_path)[0]["near"] == "<ketene>"
    page = (tmp_path / "page.html").read_text()
    assert "<ketene>" not in page
    assert "Near &lt;ketene&gt; (2)" in page
    assert page.count("no molecule</span>") == 2


def test_molecules_of_like_names_stay_apart(tmp_path):
    one = from_smiles("CCO")
    decoded = DecodedMolecules([one], MolField("C O")(Batch.from_data_list([one])))
    names = ["butane (2)", "butane", "butane", "butane (gauche)"]
    write_samples(tmp_path, "some", [Samples(decoded, name) for name in names])
    page = (tmp_path / "page.html").read_text()
    for heading in ("butane (2)", "butane", "butane (3)", "butane (gauche)"):
        assert page.count(f">Near {heading}<") == 1


def test_samples_near_the_molecules_of_a_file(flow, tmp_path):
    near = sdf(tmp_path / "a.sdf", ["CCO", "CC#N"])
    run("sample", flow, "-o", tmp_path / "a", "-n", 2, "--near", near, "--distance", 0.5)
    assert [row["near"] for row in table(tmp_path / "a")] == ["CCO", "CCO", "CC#N", "CC#N"]
    assert "Near CC#N" in (tmp_path / "a" / "page.html").read_text()
    sdf(tmp_path / "b.sdf", ["CCO", "CCCCC", "CCS"])
    with pytest.warns(UserWarning, match="expected 3 readable records, got 1") as told:
        run("sample", flow, "-o", tmp_path / "b", "-n", 1, "--near", tmp_path / "b.sdf")
    assert "record 2 ('CCCCC'): expected at most 4 heavy atoms" in str(told[0].message)
    assert "record 3 ('CCS'): z: expected elements that this model knows" in str(told[0].message)
    assert len(table(tmp_path / "b")) == 1


def test_what_cannot_be_sampled_is_refused(flow, tmp_path):
    cases = [
        (
            ["organic-small"],
            "model: expected a model with the decoder flow, got organic-small with StructureFactorDeco",
        ),
        (["qm8-latent"], "qm8-latent: expected a model of this package"),
        ([flow, "-n", 0], "--number: expected 1 to 100,000, got 0; sample in several runs"),
        ([flow, "--distance", 0.5], "--distance: expected --near with it, got none; leave it out"),
        ([flow, "--near", "CCO", "--distance", 1.5], "--distance: expected 0 to 1, got 1.5"),
        ([flow, "--near", "CCO", "--distance", "nan"], "--distance: expected 0 to 1, got nan"),
        ([flow, "--near", "CCCCC"], "CCCCC: expected at most 4 heavy atoms, for which the model was built, got 5"),
        ([flow, "--near", "nothing"], "structure: expected a file or a SMILES, got nothing"),
        ([flow, "--near", tmp_path / "none.sdf"], "none.sdf: expected an existing file, got none"),
        ([flow, "--tries", 0], "--tries: expected 1 to 1,000, got 0; leave it out to draw once"),
        ([flow, "--precision", "half"], "--precision: expected float32 or bfloat16, got half; leave it out"),
        ([flow, "--seed", -1], "--seed: expected 0 to 2^63 − 1, got -1"),
    ]
    for arguments, message in cases:
        assert message in refused("sample", *arguments, "-o", tmp_path / "out"), message
        assert not (tmp_path / "out").exists()


def test_molecules_are_drawn_again(tmp_path):
    text = run("sample", "qm9-latent", "-o", tmp_path / "a", "-n", 6, "--tries", 12)
    assert int(text.split("6 molecules: ")[1].split()[0]) >= 5
    near = ("--near", "CCO", "--distance", 0.6)
    text = run("sample", "qm9-latent", "-o", tmp_path / "b", "-n", 6, "--tries", 12, *near)
    assert int(text.split("6 molecules: ")[1].split()[0]) >= 5


def test_molecules_in_bfloat16_are_nearly_the_same(tmp_path):
    for name, flags in (("a", ()), ("b", ("--precision", "bfloat16"))):
        run("sample", "qm9-latent", "-o", tmp_path / name, "-n", 3, "--seed", 2, *flags)
    one, two = (ase.io.read(tmp_path / name / "samples.xyz", ":") for name in "ab")
    alike = [(a, b) for a, b in zip(one, two, strict=True) if list(a.numbers) == list(b.numbers)]
    assert len(alike) >= 2
    apart = [float(np.abs(a.positions - b.positions).max()) for a, b in alike]
    assert max(apart) > 0
    assert min(apart) < 0.1


def test_a_file_in_the_place_of_the_folder_is_told(flow, tmp_path):
    (tmp_path / "out").write_text("mine")
    message = refused("sample", flow, "-n", 1, "-o", tmp_path / "out")
    assert "out: expected a folder that can be written to, got: a file; choose another output" in message
    assert (tmp_path / "out").read_text() == "mine"
