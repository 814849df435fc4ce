"""The host waits for a device as often for many molecules as for a few."""

from functools import partial

import pytest
import torch
from emulated_device import DEVICE, emulated_device
from emulated_waits import number_of_waits
from small_losses import small_losses
from torch_geometric.data import Batch, Data

from tg_molfield import FieldAutoEncoder, MolField, MolFieldTransform, devices

FIELD = MolField("H C O other", widths=0.6, width_scale=1.0)
LOSSES = small_losses(FIELD)
DIRECTIONS = ([True, True, False], [True, True, True], [False, False, True])


RULES = ("union", "maximum", "distance", "displacement")


def molecules(count, periodic=False, **attributes):
    found = []
    for seed in range(count):
        generator = torch.Generator().manual_seed(seed)
        pos = 1.5 * torch.randn(5, 3, generator=generator)
        box = {"cell": (5 + 0.1 * seed) * torch.eye(3)[None], "pbc": torch.tensor([DIRECTIONS[seed % 3]])}
        found.append(Data(z=torch.tensor([6, 8, 1, 7, 6]), pos=pos, **(box if periodic else {}), **attributes))
    return Batch.from_data_list(found)


def waits_of(compute, count, **attributes):
    data = molecules(count, **attributes)
    with emulated_device() as device:
        data = data.to(device)
        return number_of_waits(lambda: compute(data.clone()))


def values(definition):
    def run(data):
        data.pos.requires_grad_()
        definition(data)(data.pos + 0.3, data.batch).square().sum().backward()

    return run


@pytest.mark.parametrize(
    ("compute", "attributes"),
    [
        (values(FIELD), {}),
        (values(FIELD), {"periodic": True}),
        (values(MolField("C heavy", widths="covalent_radius")), {"periodic": True}),
        (values(MolField.preset("mnf")), {}),
        (values(MolField("C O", split_parts=True)), {"part": torch.tensor([0, 0, 0, 1, 1])}),
        *((values(MolField("H C O", aggregate=rule)), {}) for rule in RULES),
        *((values(MolField("H C O", aggregate=rule)), {"periodic": True}) for rule in RULES),
        (MolFieldTransform(FIELD, num_queries=8), {}),
        (MolFieldTransform(FIELD, num_queries=8), {"periodic": True}),
    ],
    ids=["elements", "crystals", "radii", "normalized", "parts"]
    + [f"{rule}{ending}" for ending in ("", " of crystals") for rule in RULES]
    + ["transform", "transform of crystals"],
)
def test_fields(compute, attributes):
    assert waits_of(compute, 3, **attributes) == waits_of(compute, 9, **attributes)


def step(loss, model, data):
    loss(model, data).backward()


MOST = {"rbf": 9, "siren": 6, "atoms": 9, "matching": 10, "structure_factors": 15, "flow": 15}
"""Waits of a step with random frames; three of those of rbf are of PyTorch's engine for fields."""


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("train", [True, False], ids=["random frames", "canonical frames"])
def test_steps_of_training(name, train, monkeypatch):
    monkeypatch.setattr(devices, "_QUEUED", (DEVICE,))
    loss, options = LOSSES[name]
    decoder = "rbf" if name == "matching" else name
    encoder = (
        {} if decoder in ("structure_factors", "flow") else {"encoder_options": {"out_channels": 8, "num_layers": 1}}
    )
    torch.manual_seed(0)
    model = FieldAutoEncoder(FIELD, 64, decoder, decoder_options=options, **encoder).train(train)
    data = [MolFieldTransform(FIELD, num_queries=8)(molecules(count, draw_seed=torch.tensor([7]))) for count in (3, 9)]
    with emulated_device() as device:
        model = model.to(device)
        few, many = (number_of_waits(partial(step, loss, model, one.to(device))) for one in data)
    assert 0 < few == many
    assert not train or many <= MOST[name]
