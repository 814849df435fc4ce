"""Fields and paths can be pickled and copied, learned ones with their model, without their computation graph."""

import copy
import pickle

import pytest
import torch
from test_transforms import POINTS, fields
from torch_geometric.data import Batch, Data

from tg_molfield import FieldPath
from tg_molfield.fields import Field, MolField
from tg_molfield.nn import FieldAutoDecoder, FieldAutoEncoder

FIELDS = fields()
WAYS = {
    "pickle": lambda value: pickle.loads(pickle.dumps(value)),
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
}


def same(one: Field, two: Field, points: torch.Tensor = POINTS) -> None:
    assert type(one) is type(two)
    assert one.channels == two.channels
    assert one.mol_field == two.mol_field
    assert torch.equal(one(points).detach(), two(points).detach())


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", FIELDS)
def test_copies_are_equal(name, way):
    field = FIELDS[name]
    field(POINTS)  # fills what a field keeps
    other = WAYS[way](field)
    same(field, other)
    if field.atoms is not None:
        assert torch.equal(field.atoms.pos, other.atoms.pos)


@pytest.mark.filterwarnings("ignore::tg_molfield.nn.UnsolvedCodeWarning")
@pytest.mark.parametrize("decoder", ["rbf", "siren", "atoms", "structure_factors"])
def test_learned_fields_are_copied_without_their_graph(decoder):
    options = {"decoder_options": {"num_searches": 0}} if decoder == "structure_factors" else {"latent_dim": 32}
    model = FieldAutoEncoder(MolField("H C O"), decoder=decoder, **options).eval()
    pos = torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.1, 1.2]], requires_grad=True)
    data = Data(z=torch.tensor([6, 8]), pos=pos * 1.0)
    field = model.field(data)
    assert field(POINTS.float()).requires_grad
    for way in ("pickle", "deepcopy"):
        other = WAYS[way](field)
        same(field, other, POINTS.float())
    batch = model.field(Batch.from_data_list([data, data]))
    same(batch.unbatch()[1], WAYS["pickle"](batch).unbatch()[1], POINTS.float())
    shallow = copy.copy(field)
    (slope,) = torch.autograd.grad(shallow(POINTS.float()).sum(), pos)
    assert bool(slope.isfinite().all()), "a shallow copy keeps the graph"


def test_latents_are_copied_without_their_graph():
    latent = FieldAutoEncoder(MolField("H C O"), 32, "atoms").encode(Data(z=torch.tensor([6]), pos=torch.zeros(1, 3)))
    assert latent.code.requires_grad
    for way in ("pickle", "deepcopy"):
        other = WAYS[way](latent)
        assert torch.equal(other.code, latent.code)
        assert torch.equal(other.atoms.scalars, latent.atoms.scalars)
        assert not other.code.requires_grad
    assert copy.copy(latent).code is latent.code


def test_fitted_fields_are_copied():
    field = FieldAutoDecoder("H C", latent_dim=8, decoder_options={"width": 8}).field()
    for way in WAYS.values():
        same(field, way(field), POINTS.float())


@pytest.mark.parametrize("kind", ["spline", "arap"])
def test_paths_are_copied(kind):
    frames = [Data(z=torch.tensor([8, 1, 1]), pos=torch.randn(3, 3, dtype=torch.float64)) for _ in range(4)]
    path = FieldPath(frames, MolField("H O"), kind=kind)
    before = path.positions(1.4)
    for way in WAYS.values():
        other = way(path)
        assert torch.equal(other.positions(1.4), before)
        assert torch.equal(other.positions(2.7), path.positions(2.7))
        same(path.field(0.5), other.field(0.5))
