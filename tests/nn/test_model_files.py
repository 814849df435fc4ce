"""Files of models and checkpoints: what is wrong in them is refused in short, by name, before anything is allocated."""

import json
import resource
import time

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from small_models import SMALL, build
from torch_geometric.data import Data

from tg_molfield.fields import Grid, MolField
from tg_molfield.nn import FieldAutoDecoder, FieldAutoEncoder, MoleculeDescriptor

FIELD = MolField("H C O", widths=0.5, width_scale=1.0)


def contents(path):
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118


def rewritten(path, change_settings=None, change_tensors=None):
    """The file with other settings or tensors."""
    tensors, metadata = contents(path)
    content = json.loads(metadata["tg_molfield"])
    if change_settings is not None:
        change_settings(content["hyper_parameters"]["hyper_parameters"])
    if change_tensors is not None:
        change_tensors(tensors)
    save_file(tensors, path, {"tg_molfield": json.dumps(content)})
    return path


def refused(call, path, *words):
    """``call`` raises one short line that names the file, quickly and without using memory."""
    before, begin = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    with pytest.raises(ValueError, match=r"expected") as caught:
        call()
    message = str(caught.value)
    assert message.startswith(str(path)), message
    assert all(word in message for word in words), message
    assert len(message) < len(str(path)) + 600
    assert "\n" not in message
    assert time.perf_counter() - begin < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # KiB


def saved(tmp_path, decoder="rbf", **options):
    path = tmp_path / "model.safetensors"
    build(decoder, channels=FIELD, **options).save(path)
    return path


HUGE = [
    ("rbf", "decoder_options", "num_slots", 10**9),
    ("rbf", "decoder_options", "num_slots", 60_000),
    ("rbf", "decoder_options", "num_blocks", 10**7),
    ("rbf", "decoder_options", "num_blocks", 50_000),
    ("rbf", "decoder_options", "num_steps", 10**7),
    ("rbf", "decoder_options", "width", 40_000),
    ("rbf", "decoder_options", "num_waves", 10**9),
    ("siren", "decoder_options", "num_layers", 10**7),
    ("siren", "decoder_options", "num_layers", 60_000),
    ("siren", "decoder_options", "num_layers", 10**18),
    ("atoms", "decoder_options", "num_radial", 10**9),
    ("structure_factors", "decoder_options", "num_rounds", 10**7),
    ("structure_factors", "decoder_options", "num_searches", 10**6),
    ("rbf", "encoder_options", "num_layers", 50_000),
    ("rbf", "pooling_options", "num_tokens", 10**9),
    ("siren", None, "latent_dim", 10**10),
    ("structure_factors", None, "latent_dim", 60_000),
    ("rbf", None, "summary_channels", -(10**12)),
]


@pytest.mark.parametrize(("decoder", "group", "name", "value"), HUGE)
def test_settings_of_larger_models_than_the_file_holds_are_refused(decoder, group, name, value, tmp_path):
    def change(settings):
        (settings if group is None else settings[group])[name] = value

    path = rewritten(saved(tmp_path, decoder), change)
    refused(lambda: FieldAutoEncoder.load(path), path)


WRONG = {
    "not JSON": ("{", "expected JSON in the header"),
    "too deep": ("[" * 100_000 + "]" * 100_000, "expected JSON in the header"),
    "no object": ("[]", "expected"),
    "no class": ("{}", "KeyError"),
    "no settings": ('{"model": "FieldAutoEncoder"}', "hyper_parameters"),
    "settings are no names": ('{"model": "FieldAutoEncoder", "hyper_parameters": 3}', "expected settings by name"),
    "settings are missing": ('{"model": "FieldAutoEncoder", "hyper_parameters": {}}', "hyper_parameters"),
    "a long class": (json.dumps({"model": "x" * 10**6}), "expected a FieldAutoEncoder, got a xxxx"),
    "a newer format": (
        json.dumps({"format": 2, "version": "0.9", "model": "FieldAutoEncoder", "hyper_parameters": {}}),
        "model.safetensors: expected format ≤ 1, got 2 written by tg_molfield 0.9; update the package",
    ),
    "a format that is no number": ('{"format": "new", "model": "FieldAutoEncoder"}', "expected format ≤ 1, got new;"),
    "a large number": ('{"model": "FieldAutoEncoder", "hyper_parameters": {"latent_dim": 1e999}}', "expected"),
}


@pytest.mark.parametrize("name", WRONG)
def test_headers_that_cannot_be_read_are_refused(name, tmp_path):
    text, word = WRONG[name]
    path = saved(tmp_path)
    tensors, _ = contents(path)
    save_file(tensors, path, {"tg_molfield": text})
    refused(lambda: FieldAutoEncoder.load(path), path, word)


def other_settings(settings):
    settings["decoder_options"]["no_such_option"] = 3


def other_kind(settings):
    settings["latent_dim"] = "many"


def no_such_decoder(settings):
    settings["decoder"] = "transformer"


@pytest.mark.parametrize("change", [other_settings, other_kind, no_such_decoder])
def test_settings_that_make_no_model_are_refused(change, tmp_path):
    path = rewritten(saved(tmp_path), change)
    refused(lambda: FieldAutoEncoder.load(path), path)


@pytest.mark.parametrize("decoder", SMALL)
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_weights_that_are_not_finite_are_refused_by_name(decoder, value, tmp_path):
    path = saved(tmp_path, decoder)
    name = sorted(name for name, tensor in contents(path)[0].items() if tensor.is_floating_point())[-1]

    def change(tensors):
        tensors[name].view(-1)[-1] = value

    rewritten(path, None, change)
    refused(lambda: FieldAutoEncoder.load(path), path, name, "got NaN or infinity")


def test_other_tensors_are_refused_by_name(tmp_path):
    anchors = "decoder.anchors"
    path = saved(tmp_path)
    for change, words in (
        (lambda tensors: tensors.pop(anchors), ("got no decoder.anchors",)),
        (lambda tensors: tensors.update(extra=torch.zeros(2)), ("got a extra",)),
        (lambda tensors: tensors.update({anchors: torch.zeros(6, 4)}), (anchors, "[6, 3]", "[6, 4]")),
        (lambda tensors: tensors.update({anchors: torch.zeros(6, 3, dtype=torch.int64)}), (anchors, "torch.int64")),
    ):
        whole = path.read_bytes()
        rewritten(path, None, change)
        refused(lambda: FieldAutoEncoder.load(path), path, *words)
        path.write_bytes(whole)
    FieldAutoEncoder.load(path)


@pytest.mark.parametrize("cut", [0, 4, 9, 1000, -1])
def test_files_that_are_cut_short_or_changed_are_refused(cut, tmp_path):
    path = saved(tmp_path)
    path.write_bytes(path.read_bytes()[:cut])
    refused(lambda: FieldAutoEncoder.load(path), path, "damaged or other")


def test_other_models_are_checked_alike(tmp_path):
    path = tmp_path / "descriptor.safetensors"
    MoleculeDescriptor(8, 4, 8, 1).save(path)
    MoleculeDescriptor.load(path)
    rewritten(path, lambda settings: settings.update(num_layers=10**7))
    refused(lambda: MoleculeDescriptor.load(path), path)
    path = tmp_path / "autodecoder.safetensors"
    FieldAutoDecoder("H C", latent_dim=8, decoder_options={"width": 8}).save(path)
    FieldAutoDecoder.load(path)
    rewritten(path, lambda settings: settings.update(num_volumes=10**9))
    refused(lambda: FieldAutoDecoder.load(path), path, "num_volumes")


def test_checkpoints_are_checked(tmp_path):
    data = Data(z=torch.tensor([6, 1]), pos=torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.0, 1.1]]))
    volume = MolField("H C")(data).on(Grid.cube((0.0, 0.0, 0.0), 4.0, 5))
    path = tmp_path / "fit.safetensors"

    def fit():
        made = FieldAutoDecoder("H C", latent_dim=8, decoder_options={"width": 8, "num_layers": 1})
        return made.fit(volume, max_steps=2, checkpoint=path)

    fit()
    tensors, metadata = contents(path)
    codes = "parameters.codes"
    save_file({**tensors, codes: torch.full_like(tensors[codes], torch.nan)}, path, metadata)
    refused(fit, path, codes, "NaN or infinity")
    for changed, notes in (
        ({codes: torch.zeros(1, 1)}, {}),
        ({codes: tensors[codes] + 1e-6}, {}),
        ({"generator": torch.zeros(3, dtype=torch.uint8)}, {}),
        ({"more": torch.zeros(1)}, {}),
        ({}, {"notes": "{}"}),
    ):
        save_file({**tensors, **changed}, path, metadata | notes)
        refused(fit, path, "expected the content that was written")
    save_file({"losses": tensors["losses"]}, path, metadata)
    refused(fit, path, "expected the content that was written")
    save_file(tensors, path, {**metadata, "fingerprint": "0"})
    refused(fit, path, "checkpoint of the same samples and settings")
    save_file(tensors, path, metadata)
    assert len(fit().losses) == 2
