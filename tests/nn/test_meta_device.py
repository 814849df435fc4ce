"""Weights are read into memory also where the default device has none."""

from itertools import chain

import pytest
import torch
from small_models import build

from tg_molfield import FieldAutoEncoder, MolField, from_smiles
from tg_molfield.inverse.superres.prior.prior import WEIGHTS, load_network
from tg_molfield.nn import PaiNNEncoder

FIELD = MolField("H C O", widths=0.5, width_scale=1.0)


@pytest.fixture(params=["context", "default"])
def meta(request):
    """Within it new tensors have no memory."""
    if request.param == "context":
        with torch.device("meta"):
            yield
        return
    torch.set_default_device("meta")
    yield
    torch.set_default_device(None)


def on_host(model):
    return all(tensor.device.type == "cpu" for tensor in chain(model.parameters(), model.buffers()))


@pytest.mark.parametrize(
    ("name", "options"), [("organic-small", {}), ("organic-small", {"latent_dim": 1024}), ("qm9-latent", {})]
)
def test_pretrained_models_are_as_elsewhere(name, options):
    ethanol = from_smiles("CCO")
    with torch.device("meta"):
        model = FieldAutoEncoder.from_pretrained(name, **options)
    expected = FieldAutoEncoder.from_pretrained(name, **options)
    assert torch.equal(model.encode(ethanol).code, expected.encode(ethanol).code)
    assert torch.equal(model.field(ethanol)(ethanol.pos), expected.field(ethanol)(ethanol.pos))


@pytest.mark.usefixtures("meta")
def test_pretrained_models_are_loaded():
    assert on_host(FieldAutoEncoder.from_pretrained("organic-small", latent_dim=600))
    assert torch.empty(0).is_meta


@pytest.mark.usefixtures("meta")
def test_the_network_of_superresolution_is_loaded():
    assert on_host(load_network(WEIGHTS))


def test_modules_without_memory_are_refused_by_name(tmp_path):
    path = tmp_path / "model.safetensors"
    build("rbf", channels=FIELD, encoder=PaiNNEncoder(8, num_layers=1)).save(path)
    with torch.device("meta"):
        encoder = PaiNNEncoder(8, num_layers=1)
    with pytest.raises(
        ValueError, match=r"modules: expected tensors with memory, got encoder\..* on the device 'meta'"
    ):
        FieldAutoEncoder.load(path, encoder=encoder)
    assert on_host(FieldAutoEncoder.load(path, encoder=PaiNNEncoder(8, num_layers=1)))
