"""``load_state_dict`` refuses tensors that fit but mean something else."""

import io

import pytest
import torch
from torch import nn

from tests.nn.small_models import SMALL, build
from tg_molfield import MolField
from tg_molfield.fields import FunctionKernel

FIELD = MolField("C N O")
FLOW = {**SMALL["flow"], "elements": ("H", "C", "N", "O")}


def through_a_file(state):
    stream = io.BytesIO()
    torch.save(state, stream)
    stream.seek(0)
    return torch.load(stream, weights_only=True)


@pytest.mark.parametrize(
    ("decoder", "one", "other", "message"),
    [
        ("rbf", {"channels": FIELD}, {"channels": MolField("C O N")}, "decoder.channels: expected C O N, got C N O"),
        ("siren", {"channels": "a b"}, {"channels": "b a"}, "decoder.channels: expected b a, got a b"),
        ("siren", {"channels": FIELD}, {"channels": MolField("C N O", widths=0.9)}, "decoder.mol_field: .*widths=0.9"),
        ("atoms", {"channels": FIELD}, {"channels": MolField("C N O", kernel="slater")}, "kernel='slater'"),
        (
            "rbf",
            {"channels": MolField("C N O", kernel=FunctionKernel(torch.exp, 3.0, name="own"))},
            {"channels": MolField("C N O", kernel=FunctionKernel(torch.exp, 3.0, name="gaussian"))},
            "decoder.kernel: expected FunctionKernel.gaussian, .* got FunctionKernel.own",
        ),
        ("structure_factors", {"channels": FIELD}, {"channels": MolField("C N O", width_scale=2.0)}, "width_scale=2.0"),
        (
            "flow",
            {"decoder_options": FLOW},
            {"decoder_options": {**FLOW, "elements": ("H", "N", "C", "O")}},
            "decoder.element_kinds.elements: expected H N C O, got H C N O",
        ),
        ("rbf", {"properties": "charge mass"}, {"properties": "mass charge"}, "properties: expected mass charge"),
    ],
)
@pytest.mark.parametrize("wrap", [lambda model: model, lambda model: nn.Sequential(model)], ids=["model", "part"])
def test_they_are_refused_and_those_of_its_like_are_not(decoder, one, other, message, wrap):
    given, model = wrap(build(decoder, **one)), wrap(build(decoder, **other))
    for state in (given.state_dict(), through_a_file(given.state_dict())):
        with pytest.raises(RuntimeError, match=message):
            model.load_state_dict(state)
        wrap(build(decoder, **one)).load_state_dict(state)


def test_plain_dictionaries_are_taken_as_they_are():
    given, model = build("rbf", channels=FIELD), build("rbf", channels=MolField("C O N"))
    model.load_state_dict(dict(given.state_dict()))
    for name, tensor in given.state_dict().items():
        assert torch.equal(model.state_dict()[name], tensor)


def test_channels_without_a_definition_fit_those_with_one():
    given, model = build("rbf", channels="C N O"), build("rbf", channels=FIELD)
    model.load_state_dict(given.state_dict())
    given.load_state_dict(model.state_dict())
    assert given.mol_field is None
