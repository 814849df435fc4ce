"""The invariants of every encoder and decoder, in float64."""

import pytest
import torch
from hard_molecules import molecules, motion
from torch_geometric.data import Data

from tg_molfield.fields import Grid
from tg_molfield.nn import PaiNNEncoder, StructureFactorDecoder

TOLERANCE = {"atol": 1e-8, "rtol": 0}
FITTED = {"atol": 1e-6, "rtol": 0}
"""Fits to structure factors end at a mean square of 1e-13 an atom, after numbers of steps that depend on the batch."""


def points(num_graphs: int, per_graph: int = 9, seed: int = 0):
    generator = torch.Generator().manual_seed(seed)
    query = 2 * torch.randn(num_graphs * per_graph, 3, generator=generator, dtype=torch.float64)
    return query, torch.arange(num_graphs).repeat_interleave(per_graph)


@pytest.mark.parametrize("seed", [0, 1])
def test_rigid_motion(model, batch, seed):
    z, pos, owner = batch
    rotation, translation = motion(seed)
    query, query_batch = points(int(owner[-1]) + 1)
    still = model.encode(z, pos, owner)
    moved = model.encode(z, pos @ rotation.T + translation, owner)
    torch.testing.assert_close(moved.code, still.code, **TOLERANCE)
    torch.testing.assert_close(moved.origin, still.origin @ rotation.T + translation, **TOLERANCE)
    values = model.decode(still, query, query_batch)
    there = query @ rotation.T + translation
    torch.testing.assert_close(model.decode(moved, there, query_batch), values, **TOLERANCE)
    torch.testing.assert_close(
        model.decode(still.moved(rotation, translation), there, query_batch), values, **TOLERANCE
    )


def test_permutation_of_atoms(model, batch):
    z, pos, owner = batch
    query, query_batch = points(int(owner[-1]) + 1)
    generator = torch.Generator().manual_seed(0)
    order = torch.randperm(z.numel(), generator=generator)
    order = order[owner[order].argsort(stable=True)]
    one, two = (model(a, b, query, owner, query_batch) for a, b in ((z, pos), (z[order], pos[order])))
    torch.testing.assert_close(one, two, **TOLERANCE)


def test_alone_and_in_a_batch(model, items, batch):
    z, pos, owner = batch
    query, query_batch = points(len(items))
    together = model.encode(z, pos, owner)
    values = model.decode(together, query, query_batch)
    for i, (one_z, one_pos) in enumerate(items):
        alone = model.encode(one_z, one_pos)
        torch.testing.assert_close(alone.code[0], together.code[i], **TOLERANCE)
        mine = query_batch == i
        tolerance = FITTED if isinstance(model.decoder, StructureFactorDecoder) else TOLERANCE
        torch.testing.assert_close(model.decode(alone, query[mine]), values[mine], **tolerance)


def test_far_away_the_field_is_zero(model, batch):
    z, pos, owner = batch
    query, query_batch = points(int(owner[-1]) + 1)
    query = query / query.norm(dim=1, keepdim=True) * 80
    assert model(z, pos, query, owner, query_batch).abs().max() < 1e-12


def test_mirror_images_have_different_codes(model):
    found = molecules()
    one, two = model.encode(*found["CHFClN"]), model.encode(*found["mirror CHFClN"])
    assert (one.code - two.code).abs().max() > 1e-3


def test_symmetric_molecules_have_symmetric_fields(model):
    z, pos = molecules()["CO2"]
    latent = model.encode(z, pos)
    angle = torch.linspace(0, 6, 7, dtype=torch.float64)
    ring = torch.stack([angle.cos(), angle.sin(), torch.full_like(angle, 0.7)], dim=1)
    ring = torch.cat([ring, ring * torch.tensor([1, 1, -1])])
    values = model.decode(latent, ring)
    torch.testing.assert_close(values, values[:1].expand_as(values), **TOLERANCE)


def test_gradient_is_the_derivative(model):
    z, pos = molecules()["CH3CH2OH"]
    field = model.decoder.field(model.encode(z, pos))
    query, _ = points(1)
    step = 1e-5 * torch.eye(3, dtype=torch.float64)
    difference = torch.stack([(field(query + s) - field(query - s)) / 2e-5 for s in step], dim=2)
    torch.testing.assert_close(field.gradient(query), difference, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("num_layers", [0, 2])
def test_atom_features_are_invariant_and_vectors_and_tensors_turn(batch, num_layers):
    z, pos, owner = batch
    torch.manual_seed(0)
    encoder = PaiNNEncoder(8, num_layers, vector_channels=5, tensor_channels=4).double()
    rotation, translation = motion(2)
    mirror = torch.diag(torch.tensor([-1.0, 1.0, 1.0], dtype=torch.float64))
    still = encoder(z, pos, owner)
    scalars, vectors, tensors = still.scalars, still.vectors, still.tensors
    assert still.sizes == encoder.sizes == ((8, 5, 4) if num_layers else (8, 0, 0))
    assert not num_layers or tensors.abs().max() > 0.1
    torch.testing.assert_close(tensors, tensors.transpose(2, 3), **TOLERANCE)
    torch.testing.assert_close(tensors.diagonal(dim1=2, dim2=3).sum(2), torch.zeros_like(tensors[..., 0, 0]))
    for turn in (rotation, rotation @ mirror):
        moved = encoder(z, pos @ turn.T + translation, owner)
        torch.testing.assert_close(moved.scalars, scalars, **TOLERANCE)
        torch.testing.assert_close(moved.vectors, vectors @ turn.T, **TOLERANCE)
        torch.testing.assert_close(moved.tensors, turn @ tensors @ turn.T, **TOLERANCE)
    torch.testing.assert_close(still.rotated(rotation).vectors, vectors @ rotation.T, **TOLERANCE)


def test_the_summary_is_additive(make_model):
    model = make_model(pooling_options={"num_blocks": 0}, summary_channels=4).double()
    z, pos = molecules()["CO2"]
    far = torch.cat([pos, pos + 100])
    both = model.encode(torch.cat([z, z]), far).summary[0]
    torch.testing.assert_close(both, 2 * model.encode(z, pos).summary[0], **TOLERANCE)


def test_the_field_and_the_decoder_give_the_same_on_a_grid(model):
    z, pos = molecules()["NH3"]
    latent = model.encode(z, pos)
    grid = Grid.cube((0.0, 0.0, 0.0), 4.0, 5)
    values = model.decode(latent, grid.points(torch.float64))
    torch.testing.assert_close(model.decoder.field(latent).on(grid).values.flatten(1).T, values, **TOLERANCE)


def test_a_field_has_canonical_frames_also_while_training(model):
    z, pos = molecules()["CH3CH2OH"]
    data = Data(z=z, pos=pos)
    query, _ = points(1)
    still = model.field(data)(query)
    torch.testing.assert_close(model.train().field(data)(query), still, **TOLERANCE)
    data.pbc = torch.tensor([[True, False, False]])
    with pytest.raises(ValueError, match=r"data\.pbc: expected a molecule, got a crystal"):
        model.field(data)
