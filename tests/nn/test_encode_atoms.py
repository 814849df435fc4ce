"""`FieldAutoEncoder.encode_atoms`: features of atoms for graph models."""

import pytest
import torch
from hard_molecules import batched, molecules
from small_models import Plain, awake, build
from torch_geometric.data import Batch, Data

from tg_molfield.chem.rotations import random_rotations


def ethanol_and_water() -> list[Data]:
    return [Data(z=z, pos=pos) for z, pos in (molecules()["CH3CH2OH"], molecules()["H2O"])]


def model(**options):
    return awake(build("rbf", encoder_options={"out_channels": 8, "num_layers": 2, "tensor_channels": 3}, **options))


def test_features_of_a_batch_are_those_of_its_molecules():
    both = ethanol_and_water()
    encoder = model().double().eval()
    together = encoder.encode_atoms(Batch.from_data_list(both))
    assert together.batch.tolist() == [0] * 9 + [1] * 3
    parts = [encoder.encode_atoms(one) for one in both]
    for name in ("z", "pos", "scalars", "vectors", "tensors"):
        expected = torch.cat([getattr(part, name) for part in parts])
        torch.testing.assert_close(getattr(together, name), expected, rtol=0, atol=1e-12)


def test_features_rotate_with_the_molecule_wherever_it_is():
    z, pos = molecules()["CH3CH2OH"]
    encoder = model().double().eval()
    turn = random_rotations(1).double()[0]
    moved = encoder.encode_atoms(z, pos @ turn.T + 1e4)
    expected = encoder.encode_atoms(z, pos).rotated(turn)
    for name in ("pos", "scalars", "vectors", "tensors"):
        torch.testing.assert_close(getattr(moved, name), getattr(expected, name), rtol=0, atol=1e-9)
    assert moved.scalars.std(0).max() > 1e-3
    assert moved.vectors.norm(dim=2).max() > 1e-3


def test_gradients_reach_positions_and_parameters():
    z, pos = molecules()["H2O"]
    encoder = model().double()
    features = encoder.encode_atoms(z, pos.requires_grad_())
    (features.scalars.square().sum() + features.vectors.square().sum()).backward()
    assert pos.grad.abs().max() > 1e-6
    assert any(p.grad is not None and p.grad.abs().max() > 0 for p in encoder.encoder.parameters())


def test_encoders_of_others_and_properties_are_read():
    water = ethanol_and_water()[1]
    water.charge = torch.tensor([-0.8, 0.4, 0.4])
    encoder = build("rbf", encoder=Plain(), encoder_options={}, properties="charge").double()
    scalars = encoder.encode_atoms(water).scalars
    assert scalars.shape == (3, 6)
    torch.testing.assert_close(scalars[:, 5], water.charge.double())


def test_a_model_without_encoder_says_so():
    z, pos = molecules()["H2O"]
    with pytest.raises(ValueError, match=r"encoder: expected one that says more .* build it with summary_channels"):
        build("structure_factors", latent_dim=256, encoder_options={}, pooling_options={}).encode_atoms(z, pos.float())


def test_empty_molecules_at_the_end_are_told():
    z, pos, batch = batched([molecules()["H2O"]])
    with pytest.raises(ValueError, match="molecule 1"):
        model().encode_atoms(z, pos.float(), batch, num_graphs=2)
