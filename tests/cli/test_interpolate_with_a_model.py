import csv

import ase.io
import pytest
from commands import refused, run, sdf
from flows import save_flow
from rdkit import Chem

from tg_molfield import Volume, read

GRID = ("--spacing", 0.6, "--margin", 2, "--format", "npz")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("flow")
    save_flow(folder / "model.safetensors")
    save_flow(folder / "inexact.safetensors", 0)
    sdf(folder / "a.sdf", ["CCO"], [3.0])
    sdf(folder / "b.sdf", ["CC#N"])
    sdf(folder / "both.sdf", ["CCO", "CC#N"])
    sdf(folder / "three.sdf", ["CCO", "CC#N", "C"])
    sdf(folder / "large.sdf", ["CCCCC"])
    return folder


def rows_of(output):
    with open(output / "path.csv", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_way_between_two_molecules_is_written(folder, tmp_path, figures_of):
    output = tmp_path / "path"
    files, model = (folder / "a.sdf", folder / "b.sdf"), ("--model", folder / "model.safetensors")
    text = run("interpolate", *files, *model, "--steps", 3, *GRID, "-o", output)
    assert "Both ends are exact." in text
    assert "wrote" in text
    rows = rows_of(output)
    assert [row["step"] for row in rows] == ["0 %", "33 %", "67 %", "100 %"]
    assert (rows[0]["SMILES"], rows[-1]["SMILES"]) == ("CCO", "CC#N")
    assert (rows[0]["valid"], rows[0]["atoms"], rows[0]["formula"]) == ("yes", "9", "C2H6O")
    assert float(rows[0]["noise"]) == float(rows[-1]["noise"]) == 0 < float(rows[1]["noise"])
    assert rows[0]["change of field"] == ""
    volumes = [Volume.read(output / f"step_00{step}.npz") for step in range(4)]
    assert all(volume.grid == volumes[0].grid and volume.channels == ("C", "O", "all") for volume in volumes)
    (given,) = read(files[0])
    assert float((volumes[0].atoms.pos[volumes[0].atoms.z == 8] - given.pos[given.z == 8]).abs().max()) < 1e-3
    first, second = (volume.values.double() for volume in volumes[:2])
    change = ((first - second).square().sum() / ((first.square() + second.square()).sum() / 2)).sqrt()
    assert float(rows[1]["change of field"]) == pytest.approx(float(change), abs=1e-3)
    frames = ase.io.read(output / "path.xyz", ":")
    assert [str(len(one)) for one in frames] == [row["atoms"] for row in rows]
    assert [one.info["valid"] for one in frames] == [row["valid"] == "yes" for row in rows]
    mols = [mol for mol in Chem.SDMolSupplier(str(output / "path.sdf")) if mol is not None]
    assert [mol.GetProp("SMILES") for mol in mols] == [row["SMILES"] for row in rows if row["valid"] == "yes"]
    page = (output / "path.html").read_text()
    assert "From CCO to CC#N" in page
    (figure,) = figures_of(page)
    assert figure["frames"][0]["name"] == "0 %, molecule"
    assert len(figure["frames"]) == 4


def test_noise_and_seed_change_what_lies_between(folder, tmp_path):
    def written(name, *options):
        arguments = (folder / "both.sdf", "--model", folder / "model.safetensors", "--steps", 2, *GRID)
        run("interpolate", *arguments, *options, "-o", tmp_path / name)
        return (tmp_path / name / "path.xyz").read_text(), float(rows_of(tmp_path / name)[1]["noise"])

    plain, again, other = written("a"), written("b"), written("c", "--seed", 1)
    assert plain == again
    assert plain[0] != other[0]
    assert written("d", "--noise", 0.25)[1] == 0.25


@pytest.mark.filterwarnings("ignore:.*expected atoms that have its learned code:tg_molfield.nn.UnsolvedCodeWarning")
def test_ends_that_are_not_exact_are_told(folder, tmp_path):
    model = ("--model", folder / "inexact.safetensors")
    options = ("--steps", 1, "--noise", 0.5, *GRID)
    text = run("interpolate", folder / "both.sdf", *model, *options, "-o", tmp_path / "path")
    assert "2 molecules, " in text
    assert "noise 0.50 half way" in text
    assert "The ends are as the model decodes them: the first " in text
    assert "The ends are as the model decodes them" in (tmp_path / "path" / "path.html").read_text()


def test_what_does_not_fit_a_model_is_refused(folder, tmp_path):
    both, model = folder / "both.sdf", ("--model", folder / "model.safetensors")
    cases = [
        ([both, *model, "--kind", "arap"], "--kind: expected frames alone with it, got --model "),
        ([both, *model, "--match", "mcs"], "--match: expected frames alone"),
        ([both, *model, "--blind"], "--blind: expected frames alone"),
        ([both, *model, "--frames", 1], "--frames: expected frames alone"),
        ([both, *model, "--every", 1], "--every: expected frames alone"),
        ([both, *model, "--channels", "C"], "--channels: expected frames alone"),
        ([both, *model, "--check"], "--check: expected frames alone"),
        ([both, *model, "--no-check"], "--no-check: expected frames alone"),
        ([both, *model, "--noise", 2], "--noise: expected 0 to 1, got 2.0"),
        ([both, *model, "--steps", 0], "--steps: expected 1 or more, got 0"),
        ([both, "--noise", 0.5], "--noise: expected --model with it, got none"),
        ([both, *model, "--tries", 0], "--tries: expected 1 to 1,000, got 0"),
        ([both, "--precision", "bfloat16"], "--precision: expected --model with it, got none"),
        ([both, "--tries", 2], "--tries: expected --model with it, got none"),
        ([both, "--seed", 0], "--seed: expected --model with it, got none"),
        ([both, "--model", "organic-small"], "--model: expected a model with the decoder flow, got organic-small with"),
        ([folder / "three.sdf", *model], "files: expected 2 molecules with --model, got 3; give two files"),
        ([folder / "a.sdf", *model], "files: expected 2 molecules with --model, got 1; give two files"),
        ([folder / "a.sdf", folder / "large.sdf", *model], "expected at most 4 heavy atoms"),
        ([both, *model, "--spacing", 0.005], "--output: expected at most 500 MB to write"),
    ]
    for arguments, message in cases:
        assert message in refused("interpolate", *arguments, "-o", tmp_path / "path"), message
        assert not (tmp_path / "path").exists()
