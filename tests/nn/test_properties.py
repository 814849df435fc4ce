"""Properties of atoms in codes: invariants for molecules whose symmetry they break or keep, and what is refused."""

import math

import pytest
import torch
from hard_molecules import molecules, motion
from small_models import LEARNED, Plain, awake
from torch_geometric.data import Batch, Data
from torch_geometric.loader import DataLoader

from tg_molfield.fields import MolField
from tg_molfield.nn import FieldAutoEncoder, PaiNNEncoder
from tg_molfield.nn.latent.canonical_frames import canonical_pose
from tg_molfield.training import FieldLoss, fit
from tg_molfield.transforms import MolFieldTransform

TOLERANCE = {"atol": 1e-8, "rtol": 0}


def atom(name: str, index: int, value: float = 1.0):
    """Zeros with one odd atom, counted from 0."""
    values = torch.zeros(len(molecules()[name][0]), 1, dtype=torch.float64)
    values[index] = value
    return values


def elements(name: str):
    """What depends on the element alone, and so keeps every symmetry."""
    return (molecules()[name][0].double().unsqueeze(1) - 5) / 10


def moment(name: str):
    """Different for every atom."""
    return torch.arange(len(molecules()[name][0]), dtype=torch.float64).unsqueeze(1).sin()


FRAMES = [
    ("CO2", elements, 2), ("CO2", lambda name: atom(name, 1), 1), ("CO2", lambda name: atom(name, 1, -0.02), 1),
    ("C6H6", elements, 12), ("C6H6", lambda name: atom(name, 0), 2), ("C6H6", lambda name: atom(name, 7, -0.3), 2),
    ("C6H6", lambda name: atom(name, 0, 300.0), 2), ("C6H6", moment, 1),
    ("CH4", elements, 12), ("CH4", lambda name: atom(name, 0), 12), ("CH4", lambda name: atom(name, 1), 3),
    ("BF3", lambda name: atom(name, 1), 2), ("SF6", lambda name: atom(name, 1), 4),
    ("SF6", lambda name: atom(name, 1) + atom(name, 2), 8), ("NH3", lambda name: atom(name, 2), 1),
    ("H2O", lambda name: atom(name, 2), 1), ("cyclobutane", moment, 1), ("rod", lambda name: atom(name, 3), 1),
    ("Ne", moment, 1),
]  # fmt: skip


@pytest.mark.parametrize(("name", "values", "count"), FRAMES)
def test_frames_are_as_many_as_the_symmetries_that_properties_leave(name, values, count):
    z, pos = molecules()[name]
    weights = canonical_pose(z, pos, torch.zeros_like(z), 1, values(name)).weights
    assert int((weights > 1e-6).sum()) == count


@pytest.mark.parametrize("decoder", LEARNED)
@pytest.mark.parametrize("encoder", ["messages", "own"])
def test_codes_are_invariant_and_fields_equivariant(make_model, decoder, encoder):
    options = {
        "messages": {"encoder_options": {"out_channels": 8, "num_layers": 1, "tensor_channels": 3}},
        "own": {"encoder": Plain},
    }[encoder]
    model = awake(make_model(decoder, properties="charge", **options)).double()
    weak = [("CO2", lambda name, size=size: atom(name, 1, size)) for size in (1e-9, 1e-6, 2e-4, 1e-3)]
    query = 2 * torch.randn(9, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for seed, (name, values) in enumerate([case[:2] for case in FRAMES] + weak):
        (z, pos), given = molecules()[name], values(name)
        rotation, translation = motion(seed)
        order = torch.randperm(len(z), generator=torch.Generator().manual_seed(seed))
        still = model.encode(z, pos, properties=given)
        moved = model.encode(z[order], (pos @ rotation.T + translation)[order], properties=given[order])
        torch.testing.assert_close(moved.code, still.code, **TOLERANCE)
        there = query @ rotation.T + translation
        torch.testing.assert_close(model.decode(moved, there), model.decode(still, query), **TOLERANCE)


def test_alone_and_in_a_batch(make_model):
    model = awake(make_model(properties=("charge",))).double()
    items = [Data(z=molecules()[n][0], pos=molecules()[n][1], charge=v(n)[:, 0]) for n, v, _ in FRAMES]
    together = model.encode(Batch.from_data_list(items))
    for code, item in zip(together.code, items, strict=True):
        torch.testing.assert_close(model.encode(item).code[0], code, **TOLERANCE)


def test_the_property_is_in_the_code_and_turns_the_field(make_model):
    z, pos = molecules()["CO2"]
    encoders = {None: 8, Plain(): 6, PaiNNEncoder(8, 1, num_properties=1): 8, PaiNNEncoder(8, 1): 9}
    for encoder, size in encoders.items():
        model = awake(make_model("siren", properties="charge", encoder=encoder)).double()
        codes = [model.encode(z, pos, properties=atom("CO2", index)).code for index in (0, 1, 2)]
        assert (codes[0] - codes[1]).abs().max() > 1e-3
        torch.testing.assert_close(codes[1], codes[2], **TOLERANCE)
        along = pos[1:] * 1.1
        values = model.decode(model.encode(z, pos, properties=atom("CO2", 1)), along)
        flipped = model.decode(model.encode(z, pos, properties=atom("CO2", 2)), along.flip(0))
        torch.testing.assert_close(values, flipped, **TOLERANCE)
        assert (values[0] - values[1]).abs().max() > 1e-6
        assert model.encoder(z, pos, properties=atom("CO2", 1)).scalars.shape == (3, size)


def water(charge) -> Data:
    z, pos = molecules()["H2O"]
    return Data(z=z, pos=pos.float(), partial_charge=torch.tensor(charge))


def test_training_on_a_property_lowers_the_loss(make_model, tmp_path):
    definition = MolField("O partial_charge")
    transform = MolFieldTransform(definition, num_queries=64)
    torch.manual_seed(0)
    data = [transform(water([-q, q, 0.0])) for q in (0.3, 0.6, 0.9, -0.5)]
    model = make_model("atoms", channels=definition.channels, properties="partial_charge")
    losses = fit(model, DataLoader(data, batch_size=4), FieldLoss(), max_steps=40, lr=1e-2).losses
    assert sum(losses[-5:]) < 0.5 * sum(losses[:5])
    model.save(tmp_path / "model.safetensors")
    loaded = FieldAutoEncoder.load(tmp_path / "model.safetensors")
    assert loaded.properties == ("partial_charge",)
    query = torch.randn(5, 3)
    assert torch.equal(loaded.field(data[0])(query), model.field(data[0])(query))


GOOD = torch.zeros(3, 2)
BAD = {
    "missing": (None, r"properties: expected floats of shape \[3, 2\] \(charge, spin\), got None"),
    "shape": (GOOD[:, :1], r"expected floats of shape \[3, 2\].*got torch.float32 of \[3, 1\]"),
    "integers": (GOOD.long(), "got torch.int64"),
    "type": (GOOD.double(), r"properties: expected torch.float32 on cpu, got torch.float64"),
    "device": (GOOD.to("meta"), "properties: expected torch.float32 on cpu, got torch.float32 on meta"),
    "nan": (GOOD + torch.tensor([0, math.nan]), "got NaN or infinity in spin of atom 0"),
}


@pytest.mark.parametrize("name", list(BAD))
def test_bad_properties_are_named(make_model, name):
    z, pos = molecules()["H2O"]
    given, message = BAD[name]
    model = make_model(properties="charge spin")
    with pytest.raises(ValueError, match=message):
        model.encode(z, pos.float(), properties=given)
    with pytest.raises(ValueError, match=message):
        model(z, pos.float(), pos.float(), properties=given)


def test_what_does_not_go_with_properties_is_named(make_model):
    z, pos = molecules()["H2O"]
    with pytest.raises(ValueError, match="properties: expected None, since this model reads none"):
        make_model().encode(z, pos.float(), properties=GOOD)
    with pytest.raises(ValueError, match="elements and positions alone"):
        FieldAutoEncoder(decoder="structure_factors", properties="charge")
    with pytest.raises(ValueError, match=r"properties: expected different names"):
        make_model(properties="charge charge")
    with pytest.raises(ValueError, match=r"properties: expected 2 names.*got 1"):
        make_model(encoder=PaiNNEncoder(8, 1, num_properties=2), properties="charge")
    with pytest.raises(ValueError, match="num_properties: expected at least 0, got -1"):
        PaiNNEncoder(num_properties=-1)
    model = make_model(properties="partial_charge")
    with pytest.raises(ValueError, match=r"data\.partial_charge: expected a tensor of shape \[3\].*got none"):
        model.encode(Data(z=z, pos=pos.float()))
    with pytest.raises(ValueError, match=r"data\.partial_charge: expected .* got \[3, 3\]"):
        model.field(water([[0.0] * 3] * 3))
    column, row = water([[0.1], [0.2], [0.3]]), water([0.1, 0.2, 0.3])
    assert torch.equal(model.encode(column).code, model.encode(row).code)
    assert model.encode(water([1, 0, 0])).code.dtype == torch.float32
