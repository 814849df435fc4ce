"""The contract between encoders, poolings, decoders and the model, and what a model knows of its field."""

import pytest
import torch
from hard_molecules import batched, molecules
from small_models import KINDS, SMALL, Plain, build
from torch_geometric.data import Batch, Data
from torch_geometric.nn.models import SchNet

from tg_molfield.fields import MolField
from tg_molfield.inverse.find_atoms import find_atoms
from tg_molfield.nn import AtomEncoder, FieldAutoEncoder, PaiNNEncoder, PointwiseDecoder, RBFDecoder
from tg_molfield.training import MatchingLoss, MissingDefinitionWarning

FIELD = MolField("H C O other", widths=0.5, width_scale=1.0)


class Bumps(PointwiseDecoder):
    """A decoder as others write them: the code weighs one bump."""

    def values(self, code, local, batch):
        bump = torch.exp(-local.square().sum(1, keepdim=True))
        return code[batch, : len(self.channels)] * bump


def ethanol() -> Data:
    z, pos = molecules()["CH3CH2OH"]
    return Data(z=z, pos=pos.float())


UNUSED = {
    "encoder options beside a module": (
        {"encoder": Plain(), "encoder_options": {"cutoff": 3.0}},
        "encoder_options: expected none beside a module, got cutoff",
    ),
    "decoder options beside a decoder": (
        {"decoder": RBFDecoder(MolField(), 32), "latent_dim": 32, "decoder_options": {"num_slots": 3}},
        "decoder_options: expected none beside a Decoder, got num_slots",
    ),
    "an encoder that nothing reads": (
        {"decoder": "structure_factors", "encoder": "painn"},
        "encoder: expected none, since codes of this decoder are made of elements and positions alone",
    ),
    "options of an encoder that nothing reads": (
        {"decoder": "structure_factors", "encoder_options": {"cutoff": 3.0}},
        "encoder: expected none",
    ),
    "pooling options that nothing reads": (
        {"decoder": "structure_factors", "pooling_options": {"global_channels": 3}},
        "pooling_options: expected none without summary_channels, got global_channels",
    ),
    "pooling options that the decoder has": (
        {"pooling_options": {"num_waves": 3}},
        "pooling_options: expected num_waves in decoder_options",
    ),
    "unknown encoder option": ({"encoder_options": {"hidden": 3}}, "encoder_options: expected some of out_channels"),
    "unknown pooling option": (
        {"pooling_options": {"tokens": 3}},
        "pooling_options: expected some of width, .* for a FramePooling, got tokens",
    ),
    "unknown descriptor option": (
        {"decoder": "structure_factors", "summary_channels": 32, "pooling_options": {"tokens": 3}},
        "pooling_options: expected some of global_channels for a DescriptorPooling, got tokens",
    ),
    "what the model gives the pooling": ({"pooling_options": {"sizes": 3}}, "pooling_options: expected some of width"),
    "unknown decoder option": ({"decoder_options": {"depth": 3}}, "decoder_options: expected some of num_slots"),
    "what the model gives": ({"decoder_options": {"latent_dim": 3}}, "decoder_options: expected some of"),
}


@pytest.mark.parametrize("name", list(UNUSED))
def test_options_that_no_part_uses_are_refused(name):
    options, message = UNUSED[name]
    with pytest.raises(TypeError, match=message):
        FieldAutoEncoder(**options)


def test_bad_numbers_are_refused_also_where_options_are_nested():
    with pytest.raises(ValueError, match="cutoff: expected a positive distance in Å, got -3"):
        FieldAutoEncoder(encoder_options={"cutoff": -3})
    with pytest.raises(ValueError, match="summary_channels: expected 0 to 31, got 32"):
        FieldAutoEncoder(latent_dim=32, summary_channels=32)
    with pytest.raises(ValueError, match="decoder: expected channels, latent_dim and summary_channels"):
        FieldAutoEncoder("H C", 16, RBFDecoder("HC", 32))
    with pytest.raises(ValueError, match=r"encoder: expected 'painn' or an instance, got 'schnet'"):
        FieldAutoEncoder(encoder="schnet")


BAD_NUMBERS = {
    "rbf": {"num_slots": 0, "num_densities": 0, "num_blocks": -1, "spread": 0, "sigma": -1.0},
    "siren": {"width": None, "frequency": torch.nan, "radius": 0},
    "atoms": {"num_radial": 0, "cutoff": torch.inf},
    "structure_factors": {"width": 0, "num_rounds": None},
    "flow": {"num_layers": None, "exact_dim": None},
}


@pytest.mark.parametrize(("decoder", "name"), [(made, name) for made, bad in BAD_NUMBERS.items() for name in bad])
def test_bad_numbers_of_decoders_are_named(decoder, name):
    options = {**SMALL[decoder], name: BAD_NUMBERS[decoder][name]}
    with pytest.raises(ValueError, match=f"{name}.*: expected .*; "):
        FieldAutoEncoder(latent_dim=256, decoder=decoder, decoder_options=options)


@pytest.mark.parametrize(
    ("part", "name", "value"),
    [("encoder", "cutoff", torch.inf), ("encoder", "tensor_channels", None), ("pooling", "num_tokens", 0),
     ("pooling", "num_blocks", -1), ("pooling", "num_densities", 0), ("pooling", "num_waves", 0)],
)  # fmt: skip
def test_bad_numbers_of_encoders_and_poolings_are_named(part, name, value):
    with pytest.raises(ValueError, match=f"{name}: expected .*; "):
        FieldAutoEncoder(decoder="siren", **{f"{part}_options": {name: value}})


def test_widths_that_heads_do_not_divide_are_refused():
    with pytest.raises(ValueError, match="width: expected a multiple of 4 heads, got 7"):
        FieldAutoEncoder(decoder="structure_factors", decoder_options={"width": 7})


def test_encoders_without_sizes_are_refused():
    class Sizeless(AtomEncoder):
        def forward(self, z, pos, batch=None, num_graphs=None, properties=None):
            raise NotImplementedError

    with pytest.raises(ValueError, match="encoder: expected an AtomEncoder with FeatureSizes as sizes, got None"):
        FieldAutoEncoder(encoder=Sizeless())


def test_a_target_without_steps_is_refused():
    model = FieldAutoEncoder(FIELD, 16, Bumps(FIELD, 16)).eval()
    with pytest.raises(ValueError, match="target: expected None with refine=0, got a field"):
        model.encode(ethanol(), target=FIELD(ethanol()))


def test_models_keep_their_type_also_with_buffers_of_another(tmp_path):
    def made() -> Bumps:
        decoder = Bumps(FIELD, 16)
        decoder.register_buffer("a", torch.zeros(3, dtype=torch.float64))
        return decoder

    FieldAutoEncoder(FIELD, 16, made()).save(tmp_path / "model.safetensors")
    loaded = FieldAutoEncoder.load(tmp_path / "model.safetensors", decoder=made())
    assert {parameter.dtype for parameter in loaded.parameters()} == {torch.float32}


@pytest.mark.parametrize("summary_channels", [2, 16, 64])
def test_a_summary_may_be_short(summary_channels):
    model = FieldAutoEncoder(decoder="structure_factors", summary_channels=summary_channels).eval()
    assert model.encode(ethanol()).summary.shape == (1, summary_channels)
    assert model.pooling.descriptor.whole_out.out_features == min(summary_channels // 2, 24)


def test_parts_that_nothing_calls_are_not_built():
    model = FieldAutoEncoder(decoder="structure_factors")
    assert [name for name, _ in model.named_parameters() if not name.startswith("decoder.")] == []


@pytest.mark.parametrize(
    "encoder", [None, Plain(), SchNet(8, 8, 1, 8), PaiNNEncoder(8, 1)], ids=lambda e: type(e).__name__
)
def test_every_encoder_gives_atom_features(encoder):
    model = FieldAutoEncoder(encoder=encoder, latent_dim=32)
    z, pos, batch = batched(list(molecules().values())[:3])
    assert isinstance(model.encoder, AtomEncoder)
    atoms = model.encoder(z, pos.float(), batch, num_graphs=4)
    assert atoms.num_graphs == 4
    assert atoms.sizes == model.encoder.sizes
    assert torch.equal(atoms.z, z)


def test_a_decoder_of_ones_own_needs_one_method():
    model = FieldAutoEncoder(FIELD, 16, Bumps(FIELD, 16)).eval()
    field = model.field(ethanol())
    assert field.mol_field == FIELD
    assert field(torch.zeros(2, 3)).shape == (2, 4)
    target = FIELD(ethanol())
    better = model.encode(ethanol(), refine=30, target=target)
    query = ethanol().pos
    first, last = (model.recon_loss(latent, query, target(query)) for latent in (model.encode(ethanol()), better))
    assert last < first


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "-".join(kind[:2]))
def test_reset_draws_every_parameter_anew(kind):
    decoder, _, options = kind
    model = build(decoder, **options)
    fresh = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(7.0)
    model.reset_parameters()
    for name, parameter in model.named_parameters():
        assert not bool((parameter == 7.0).all()), name
        if parameter.numel() > 9 and bool((fresh[name] == fresh[name].flatten()[0]).all()):
            assert torch.equal(parameter, fresh[name]), name
        elif parameter.numel() > 9:
            assert 0.3 < float(parameter.detach().std() / fresh[name].std()) < 3, name


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "-".join(kind[:2]))
def test_a_model_keeps_its_definition(kind, tmp_path):
    decoder, _, options = kind
    model = build(decoder, channels=FIELD, **options)
    assert model.mol_field == FIELD
    assert model.channels == FIELD.channels
    assert model.field(ethanol()).mol_field == FIELD
    if "encoder" not in options:
        model.save(tmp_path / "model.safetensors")
        assert FieldAutoEncoder.load(tmp_path / "model.safetensors").mol_field == FIELD


def test_models_of_channels_alone_know_no_definition_until_they_are_told(tmp_path):
    model = build("rbf", channels="H C O other")
    assert model.mol_field is None
    assert model.field(ethanol()).mol_field is None
    model.save(tmp_path / "model.safetensors")
    assert FieldAutoEncoder.load(tmp_path / "model.safetensors").channels == model.channels
    with pytest.raises(ValueError, match="mol_field: expected channels H C O other, got C"):
        model.set_mol_field(MolField("C"))
    with pytest.warns(MissingDefinitionWarning, match="model.mol_field: expected a definition, got channels alone"):
        MatchingLoss(FIELD)(model, Batch.from_data_list([ethanol()]))
    assert model.mol_field == FIELD
    other = MolField("H C O other", widths=0.6)
    with pytest.raises(ValueError, match="which the decoder was trained for"):
        model.set_mol_field(other)
    with pytest.raises(ValueError, match="which the decoder was trained for"):
        MatchingLoss(other)(model, Batch.from_data_list([ethanol()]))


def test_a_definition_with_a_function_of_ones_own_cannot_be_saved(tmp_path):
    from tg_molfield.fields import FunctionKernel

    own = MolField("H C", kernel=FunctionKernel(lambda u: torch.exp(-u.square()), radius=4.0))
    with pytest.raises(ValueError, match="mol_field: expected a kernel known by name"):
        build("rbf", channels=own).save(tmp_path / "model.safetensors")
    assert not list(tmp_path.iterdir())


def test_atoms_are_found_with_the_widths_of_the_model():
    model = FieldAutoEncoder.from_pretrained("organic-small")
    z, pos = molecules()["C6H6"]
    field = model.field(Data(z=z, pos=pos.float()))
    found = find_atoms(field)
    assert sorted(found.z.tolist()) == sorted(z.tolist())


def test_data_takes_the_place_of_tensors(make_model):
    model = make_model()
    data = ethanol()
    batch = Batch.from_data_list([data, data])
    assert torch.equal(model.encode(batch).code, model.encode(batch.z, batch.pos, batch.batch, num_graphs=2).code)
    with pytest.raises(ValueError, match="batch: expected None beside a Data"):
        model.encode(batch, batch=batch.batch)
    with pytest.raises(ValueError, match=r"pos: expected positions \[N, 3\] in Å, got None"):
        model.encode(data.z)
    with pytest.raises(ValueError, match="got none of molecule 2"):
        model.encode(batch.z, batch.pos, batch.batch, num_graphs=3)


def test_the_summary_is_the_end_of_the_code(make_model):
    latent = make_model(summary_channels=4).encode(ethanol())
    assert torch.equal(latent.summary, latent.code[:, -4:])
    assert torch.equal(latent[0].to(torch.float64).summary, latent.summary.double())
