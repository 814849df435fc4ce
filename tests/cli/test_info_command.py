import re
from importlib.metadata import version

import numpy as np
import pytest
import torch
from ase.build import bulk
from ase.io import write
from commands import refused, run, sdf
from safetensors.torch import save_file

from tg_molfield import FieldAutoEncoder, Grid, MolField, from_smiles
from tg_molfield.tensor_files import write_checkpoint
from tg_molfield.training import fit


def facts(path):
    """What is printed, by name."""
    title, *lines = run("info", path).splitlines()
    assert title == str(path)
    return dict(re.split(r"\s{2,}", line.strip(), maxsplit=1) for line in lines)


def test_records_of_an_sdf_file(tmp_path):
    path = sdf(tmp_path / "a.sdf", ["CCO", "c1ccccc1Cl", "C"])
    text = path.read_text().replace("M  END\n", "M  END\n>  <pKa>\n2.34\n\n", 1)
    path.write_text(text.replace(" C   0", " Qq  0", 1))
    found = facts(path)
    assert found["kind"] == "structures (.sdf)"
    assert found["records"] == "3, 1 of them not readable"
    assert found["fault 1"].startswith("record 1: atom line 1: expected a chemical element, got 'Qq'")
    assert found["atoms"] == "5 to 12 a record, 17 in all"
    assert found["elements"] == "H 9, C 7, Cl 1"
    path.write_text(text)
    assert facts(path)["values"] == "pKa (1)"


def test_a_table_of_smiles_makes_no_conformers(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(f"smiles,id,logP\nCCO,a,1\nCC(,b,\n{'C' * 400},c,3\n")
    found = facts(path)
    assert found["kind"] == "table of SMILES (.csv)"
    assert found["records"] == "3, 1 of them not readable"
    assert found["atoms"] == "9 to 1,202 a record, 1,211 in all"
    assert found["values"] == "logP (2)"


def test_the_cell_of_a_crystal(tmp_path):
    write(tmp_path / "nacl.xyz", bulk("NaCl", "rocksalt", a=5.64), format="extxyz")
    found = facts(tmp_path / "nacl.xyz")
    assert found["cell"] == (
        "1 of 1 records, the first 3.988 × 3.988 × 3.988 Å, angles 60 60 60°, periodic along a b c"
    )


def test_grid_and_range_of_a_volume(tmp_path):
    data = from_smiles("CCO")
    volume = MolField("C O")(data).on(Grid.around(data.pos, 0.5, 2.0))
    volume.save(tmp_path / "a.cube")
    volume.save(tmp_path / "a.npz")
    for name in ("a.cube", "a.npz"):
        found = facts(tmp_path / name)
        assert found["channels"] == "C O"
        assert found["grid"] == f"{' × '.join(map(str, volume.grid.shape))} nodes"
        assert found["spacing"] == "0.5 × 0.5 × 0.5 Å"
        sizes = [0.5 * (count - 1) for count in volume.grid.shape]
        assert found["box"] == f"{' × '.join(f'{size:.4g}' for size in sizes)} Å, angles 90 90 90°, not periodic"
        least, most, mean = (float(text) for text in re.findall(r"[-\d.e]+", found["range C"].replace("mean", "")))
        assert least == pytest.approx(float(volume.values[0].min()), rel=1e-4)
        assert most == pytest.approx(float(volume.values[0].max()), rel=1e-4)
        assert mean == pytest.approx(float(volume.values[0].mean()), rel=1e-4)
        assert found["elements"] == "H 6, C 2, O 1"


def test_a_periodic_volume_has_a_cell(tmp_path):
    cell = torch.tensor([[4.0, 0.0, 0.0], [0.0, 5.0, 0.0], [0.0, 3.0, 5.0]])
    volume = MolField("C")(from_smiles("C")).on(Grid.from_cell(cell, spacing=0.5))
    volume.interpolated("linear", periodic=True).save(tmp_path / "a.npz")
    found = facts(tmp_path / "a.npz")
    assert found["cell"] == "4 × 5 × 5.831 Å, angles 59.04 90 90°, periodic along a b c"


def test_models_and_other_tensors(tmp_path):
    model = FieldAutoEncoder("C N", latent_dim=16, properties="partial_charge", encoder_options={"num_layers": 1})
    model.save(tmp_path / "model.safetensors")
    for source in (tmp_path / "model.safetensors", tmp_path):
        found = facts(source)
        assert found["kind"] == "saved FieldAutoEncoder"
        assert found["version"] == version("tg_molfield")
        assert found["channels"] == "C N"
        assert found["latent_dim"] == "16"
        assert found["properties"] == '["partial_charge"]'
        count = sum(tensor.numel() for tensor in model.state_dict().values())
        assert found["numbers"].startswith(f"{count:,} in {len(model.state_dict())} tensors")
    assert facts("organic-small")["summary_channels"] == "64"
    save_file({"a": torch.zeros(2, 3)}, tmp_path / "other.safetensors")
    found = facts(tmp_path / "other.safetensors")
    assert found["kind"] == "tensors (.safetensors), not written by tg_molfield"
    assert found["tensor a"] == "F32 [2, 3]"
    write_checkpoint(tmp_path / "a.sdf.checkpoint", "x", {"a": torch.zeros(5)}, {"records": 7, "kind": "no"})
    found = facts(tmp_path / "a.sdf.checkpoint")
    assert found["kind"] == "checkpoint, from which a computation goes on"
    assert found["records"] == "7"
    assert found["version"] == version("tg_molfield")


def test_numbers_have_six_digits():
    assert "width_scale 0.480292, aggregate sum" in run("info", "organic-small")


def test_the_checkpoint_of_a_training(tmp_path):
    model = FieldAutoEncoder(MolField("H C O"), 16, "siren", encoder_options={"num_layers": 1})
    fit(model, [from_smiles("C"), from_smiles("O")], max_steps=2, folder=tmp_path, progress=False)
    found = facts(tmp_path / "checkpoint.safetensors")
    assert found["kind"] == "checkpoint, from which a computation goes on"
    assert (found["steps"], found["model"], found["channels"]) == ("2", "FieldAutoEncoder", "H C O")
    assert found["latent_dim"] == "16"


def test_arrays_that_are_no_volume(tmp_path):
    np.savez(tmp_path / "codes.npz", kind=np.array(["a"]), code=np.zeros((2, 3), np.float32))
    found = facts(tmp_path / "codes.npz")
    assert found["kind"] == "arrays (.npz)"
    assert found["array code"] == "float32 [2, 3]"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"x", r"expected a structure, a volume or a model \(\.xyz, .*\.smi, .*\.cube, .*\.safetensors"),
        ("a", b"x", "got the suffix ''"),
        ("a.sdf", b"", "a.sdf: expected content, got an empty file"),
        ("a.npz", b"x", "a.npz: expected"),
        ("a.safetensors", b"x", "a.safetensors: expected a safetensors file"),
        ("a.cube", b"a\nb\n1 2\n", "a.cube: line 3"),
        ("a.sdf", None, "a.sdf: expected an existing file, got none"),
        ("a.safetensors", None, "a.safetensors: expected an existing file, got none"),
        ("organic-large", None, r"expected a model of this package \(organic-small, qm9-latent\), a file or a folder"),
    ],
)
def test_other_files_are_refused(tmp_path, monkeypatch, name, content, message):
    monkeypatch.chdir(tmp_path)
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert re.search(message, refused("info", name))
