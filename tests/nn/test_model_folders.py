"""Folders with a model in the layout of the Hugging Face hub."""

import json
import os
import signal
import subprocess
import sys
from importlib.metadata import version

import pytest
import torch
from small_models import build

from tg_molfield.fields import MolField
from tg_molfield.nn import FieldAutoDecoder, FieldAutoEncoder

FIELD = MolField("H C O", widths=0.5, width_scale=1.0)


def model(decoder="siren", **options):
    return build(decoder, channels=FIELD, **options)


def same(one, two):
    states = one.state_dict(), two.state_dict()
    return states[0].keys() == states[1].keys() and all(
        torch.equal(states[0][key], states[1][key]) for key in states[0]
    )


def test_a_folder_holds_tensors_and_what_people_read(tmp_path):
    made = model(properties="partial_charge")
    made.train().encode(torch.tensor([8, 1, 1]), torch.eye(3), properties=torch.zeros(3, 1))
    made.save_pretrained(tmp_path / "new" / "water")
    folder = tmp_path / "new" / "water"
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "config.json", "model.safetensors"]
    config = json.loads((folder / "config.json").read_text())
    assert config["version"] == version("tg_molfield")
    assert (config["format"], config["model"], config["channels"]) == (1, "FieldAutoEncoder", ["H", "C", "O"])
    assert config["hyper_parameters"]["latent_dim"] == 32
    card = (folder / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: tg_molfield\n")
    assert "# water\n" in card
    count = sum(parameter.numel() for parameter in made.parameters())
    for line in (
        "- channels: `H C O`",
        "- field: `MolField('H C O', widths=0.5, width_scale=1.0)`",
        f"- parameters: {count:,}",
        "- latent_dim: `32`",
        "- trained on: molecules of H, O with up to 3 atoms",
        f"- written by: tg_molfield {version('tg_molfield')}",
    ):
        assert f"{line}\n" in card
    for place in (folder, str(folder), folder / "model.safetensors"):
        loaded = FieldAutoEncoder.from_pretrained(place, channels=FIELD)
        assert same(loaded, made)
        assert loaded.mol_field == FIELD


def test_a_card_that_somebody_wrote_in_is_kept(tmp_path):
    model().save_pretrained(tmp_path)
    card = tmp_path / "README.md"
    card.write_bytes(f"My words.\r\n{card.read_text()}\nMore of them: é\n".encode())
    model(latent_dim=48).save_pretrained(tmp_path)
    text = card.read_bytes().decode()
    assert text.startswith("My words.\r\n---\n")
    assert text.endswith("\nMore of them: é\n")
    assert "- latent_dim: `48`" in text
    assert "`32`" not in text
    card.write_bytes(b"Mine alone, in Latin-1: \xe9")
    model().save_pretrained(tmp_path)
    assert card.read_bytes() == b"Mine alone, in Latin-1: \xe9"
    assert FieldAutoEncoder.from_pretrained(tmp_path).latent_dim == 32


def test_a_configuration_that_tells_of_another_model_is_refused(tmp_path):
    model().save_pretrained(tmp_path)
    file = tmp_path / "config.json"
    whole = json.loads(file.read_text())

    def refused(content, message):
        file.write_text(content if isinstance(content, str) else json.dumps(content))
        with pytest.raises(ValueError, match=f"config.json: {message}"):
            FieldAutoEncoder.from_pretrained(tmp_path)

    refused({**whole, "channels": ["H", "C", "N"]}, r"channels: expected \['H', 'C', 'O'\], as model.safetensors has")
    settings = {**whole["hyper_parameters"], "latent_dim": 64}
    refused({**whole, "hyper_parameters": settings}, "latent_dim: expected 32, as model.safetensors has, got 64")
    refused({**whole, "format": 2, "version": "0.9"}, "expected format ≤ 1, got 2 written by tg_molfield 0.9")
    refused("{", "expected JSON, got something else")
    refused("[]", "expected settings by name")
    file.write_text(json.dumps({**whole, "license": "mit"}))
    FieldAutoEncoder.from_pretrained(tmp_path)
    file.unlink()
    assert same(FieldAutoEncoder.from_pretrained(tmp_path), model())


def test_what_is_not_there_or_another_is_refused(tmp_path):
    made = FieldAutoDecoder("a b", latent_dim=8, decoder_options={"width": 8, "num_layers": 1})
    made.save_pretrained(tmp_path / "codes")
    assert same(FieldAutoDecoder.from_pretrained(tmp_path / "codes", channels="a b"), made)
    with pytest.raises(ValueError, match=r"model.safetensors: expected a FieldAutoEncoder, got a FieldAutoDecoder"):
        FieldAutoEncoder.from_pretrained(tmp_path / "codes")
    for load in (FieldAutoDecoder.from_pretrained, FieldAutoDecoder.load):
        with pytest.raises(ValueError, match=r"model.safetensors: channels: expected a, got a model of a b"):
            load(tmp_path / "codes" / "model.safetensors", channels="a")
        with pytest.raises(TypeError, match=r"^channels: expected a list of names, got int"):
            load(tmp_path / "codes" / "model.safetensors", channels=3)
        with pytest.raises(TypeError, match=r"^decoder: expected a module, got str"):
            load(tmp_path / "codes" / "model.safetensors", decoder="siren")
    (tmp_path / "file").write_text("x")
    with pytest.raises(OSError, match="expected a folder to write to, got a file in its place"):
        made.save_pretrained(tmp_path / "file")
    with pytest.raises(FileNotFoundError, match=r"expected a model of this package \(organic-small, qm9-latent\)"):
        FieldAutoEncoder.from_pretrained("somebody/model")
    with pytest.raises(FileNotFoundError, match=r"expected model\.safetensors in the folder, got none"):
        FieldAutoEncoder.from_pretrained(tmp_path)


KILLED = """
import os, signal, sys
from pathlib import Path
from tg_molfield.files import staging
from tg_molfield.nn import FieldAutoEncoder

replaced = []

def replace(place, target, real=os.replace):
    real(place, target)
    replaced.append(target)
    if len(replaced) == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)

staging.os.replace = replace
options = {"encoder_options": {"num_layers": 1}, "decoder_options": {"width": 8}}
FieldAutoEncoder("H C", 48, "siren", **options).save_pretrained(sys.argv[1])
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_killed_save_is_finished_by_the_next_reader(tmp_path):
    model().save_pretrained(tmp_path)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run([sys.executable, "-c", KILLED, tmp_path, "2"], env=environment)
    assert run.returncode == -signal.SIGKILL
    assert FieldAutoEncoder.from_pretrained(tmp_path).latent_dim == 48
    assert json.loads((tmp_path / "config.json").read_text())["hyper_parameters"]["latent_dim"] == 48
