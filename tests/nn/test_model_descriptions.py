"""Models as JSON values and tensors, in memory."""

import inspect
import json

import numpy as np
import pytest
import torch
from small_models import SMALL, build

from tg_molfield.fields import MolField
from tg_molfield.nn import FieldAutoDecoder, FieldAutoEncoder, MoleculeDescriptor, PaiNNEncoder, RBFDecoder
from tg_molfield.nn.serialization import check_same_model, describe_model, rebuild_model

FIELD = MolField("H C O", widths=0.5, width_scale=1.0)


def through_json(model):
    description, tensors = describe_model(model)
    return json.loads(json.dumps(description)), {name: tensor.clone() for name, tensor in tensors.items()}


MODELS = {
    **{decoder: lambda decoder=decoder: build(decoder, channels=FIELD) for decoder in SMALL},
    "channels alone": lambda: build("siren", channels="a b"),
    "another definition": lambda: build("structure_factors", channels=MolField("H C O")),
    "double": lambda: build("rbf", channels=FIELD).double(),
    "codes": lambda: FieldAutoDecoder(FIELD, 2, 8, decoder_options={"width": 8, "num_layers": 1}),
    "descriptor": lambda: MoleculeDescriptor(8, 4, 8, 1),
}


@pytest.mark.parametrize("name", MODELS)
def test_models_are_rebuilt_from_json_and_tensors(name):
    model = MODELS[name]()
    if name == "another definition":
        model.set_mol_field(FIELD)
    description, tensors = through_json(model)
    again = rebuild_model(description, tensors)
    assert type(again) is type(model)
    assert not again.training
    assert getattr(again, "mol_field", None) == getattr(model, "mol_field", None)
    state = again.state_dict()
    assert state.keys() == tensors.keys()
    assert all(torch.equal(state[key], value) and state[key].dtype == value.dtype for key, value in tensors.items())
    assert through_json(again)[0] == description
    check_same_model(description, again)


def test_modules_of_your_own_are_asked_for_by_name():
    torch.manual_seed(0)
    options = {"num_slots": 3, "width": 8, "num_tokens": 2}
    model = FieldAutoEncoder("H C", 16, RBFDecoder(("H", "C"), 16, **options), encoder_options={"out_channels": 8})
    description, tensors = through_json(model)
    own = RBFDecoder(("H", "C"), 16, **options)
    again = rebuild_model(description, tensors, decoder=own)
    assert again.decoder is own
    for modules, got in (({}, "none"), ({"encoder": own}, "encoder="), ({"decoder": own, "head": own}, "head=")):
        with pytest.raises(ValueError, match=rf"modules: expected decoder=, as the model was built with, got .*{got}"):
            rebuild_model(description, tensors, **modules)
    with pytest.raises(TypeError, match="decoder: expected a module, got str"):
        rebuild_model(description, tensors, decoder="rbf")


def test_models_of_other_channels_are_refused():
    description, tensors = through_json(build("rbf", channels=FIELD))
    for channels in ("H C O", ["H", "C", "O"], FIELD):
        rebuild_model(description, tensors, channels)
    with pytest.raises(ValueError, match="channels: expected C N, got a model of H C O; leave channels out"):
        rebuild_model(description, tensors, "C N")
    with pytest.raises(
        ValueError, match=r"channels: expected MolField\('H C O'\), got a model of MolField\('H C O', w"
    ):
        rebuild_model(description, tensors, MolField("H C O"))
    other = build("rbf", channels="H C O")
    with pytest.raises(ValueError, match="mol_field: expected None, as this model has, got"):
        check_same_model(description, other)
    with pytest.raises(ValueError, match="latent_dim: expected 16, as this model has, got"):
        check_same_model(description, FieldAutoEncoder(FIELD, 16))


def test_other_modules_are_described_but_not_rebuilt():
    line = torch.nn.Linear(2, 1)
    description, tensors = through_json(line)
    assert description == {"model": "Linear"}
    assert tensors.keys() == {"weight", "bias"}
    check_same_model(description, line)
    with pytest.raises(ValueError, match=r"model: expected one of .*FieldAutoEncoder.*, got Linear; build it yourself"):
        rebuild_model(description, tensors)
    with pytest.raises(ValueError, match="hyper_parameters: expected it in the description"):
        rebuild_model({"model": "FieldAutoEncoder"}, tensors)


def test_options_that_are_no_json_values_are_named():
    model = build("rbf", channels=FIELD)
    model.hyper_parameters["encoder_options"] = {"dtype": torch.float32}
    with pytest.raises(ValueError, match="model: expected options of numbers, texts and lists, got others"):
        describe_model(model)


def test_options_that_change_afterwards_change_no_model(tmp_path):
    options = {"cutoff": 3.0, "out_channels": 8, "num_layers": 1}
    model = build("rbf", channels=FIELD, encoder_options=options)
    options["cutoff"] = 5.0
    model.save(tmp_path / "model.safetensors")
    again = FieldAutoEncoder.load(tmp_path / "model.safetensors")
    z, pos = torch.tensor([6, 8, 1]), torch.tensor([[0.0, 0, 0], [1.2, 0, 0], [4.0, 1.0, 0]])
    assert torch.equal(again.encode(z, pos).code, model.encode(z, pos).code)


@pytest.mark.parametrize(
    ("decoder", "part", "option", "value"),
    [
        ("rbf", "", "random_frames", False),
        ("rbf", "decoder", "num_steps", 3),
        ("rbf", "encoder", "cutoff", np.float32(2.5)),
        ("siren", "decoder", "frequency", 2.0),
        ("atoms", "decoder", "cutoff", 2.5),
        ("structure_factors", "decoder", "num_searches", 0),
        ("flow", "decoder", "guidance", 0.5),
        ("flow", "decoder", "closed_shell", None),
    ],
)
def test_options_that_were_changed_as_attributes_are_kept(decoder, part, option, value):
    model = build(decoder, channels=FIELD)
    changed = model.get_submodule(part)
    before = getattr(changed, option)
    setattr(changed, option, value)
    again = rebuild_model(*through_json(model))
    assert getattr(again.get_submodule(part), option) == value != before
    with pytest.raises(ValueError, match=f"{option}: expected"):
        check_same_model(describe_model(build(decoder, channels=FIELD))[0], model)


@pytest.mark.parametrize("decoder", SMALL)
def test_saved_models_do_not_change_with_defaults(decoder):
    model = build(decoder, channels=FIELD)
    kept = through_json(model)[0]["hyper_parameters"]
    given = {"channels", "latent_dim", "summary_channels", "sizes", "num_properties", "args", "kwargs"}
    for name in ("encoder", "decoder"):
        parameters = inspect.signature(type(getattr(model, name))).parameters
        assert kept[f"{name}_options"].keys() == parameters.keys() - given
    assert through_json(rebuild_model(*through_json(model)))[0]["hyper_parameters"] == kept


def test_options_of_classes_of_your_own_are_kept():
    class Own(FieldAutoEncoder):
        def __init__(self, channels, **options):
            super().__init__(channels, **options)

    model = Own(FIELD, latent_dim=16, decoder="siren", decoder_options=SMALL["siren"])
    model.random_frames = False
    assert not rebuild_model(*through_json(model)).random_frames


def test_attributes_of_modules_of_your_own_are_no_options():
    encoder = PaiNNEncoder(8, 1, cutoff=3.0)
    model = FieldAutoEncoder("H C", 16, "siren", encoder, decoder_options=SMALL["siren"])
    again = rebuild_model(*through_json(model), encoder=encoder)
    assert again.hyper_parameters["encoder_options"] == {}


def test_options_of_codes_that_were_changed_are_kept():
    model = MODELS["codes"]()
    model.latents.decoder.frequency = 2.0
    assert rebuild_model(*through_json(model)).latents.decoder.frequency == 2.0


def test_a_summary_is_no_part_of_the_coefficients():
    model = build("rbf", latent_dim=96, summary_channels=64, decoder_options={**SMALL["rbf"], "num_waves": 32})
    latent = model.encode(torch.tensor([6, 8]), torch.tensor([[0.0, 0, 0], [1.2, 0, 0]]))
    assert model.decoder.smooth.coefficients(latent.code).shape == (1, 64)
    assert not torch.equal(model.decoder.smooth.coefficients(latent.code), latent.code[:, :64])
