import pytest
import torch
from hard_molecules import molecules, motion

from tg_molfield.nn import MoleculeDescriptor
from tg_molfield.nn.ops.gyration import NUM_SHAPE, shape_invariants

TOLERANCE = {"atol": 1e-10, "rtol": 1e-10}


@pytest.fixture
def summary():
    torch.manual_seed(0)
    return MoleculeDescriptor(12, 5, hidden=8, num_layers=2, vector_channels=3).double()


@pytest.mark.parametrize("seed", [0, 1])
def test_rigid_motion_and_mirror_images_change_nothing(summary, batch, seed):
    z, pos, owner = batch
    rotation, translation = motion(seed)
    still = summary(z, pos, owner)
    torch.testing.assert_close(summary(z, pos @ rotation.T + translation, owner), still, **TOLERANCE)
    torch.testing.assert_close(summary(z, -pos, owner), still, **TOLERANCE)


def test_order_of_atoms_and_company_change_nothing(summary, items, batch):
    z, pos, owner = batch
    still, features = summary(z, pos, owner), summary.encode_atoms(z, pos, owner).scalars
    generator = torch.Generator().manual_seed(0)
    order = torch.randperm(z.numel(), generator=generator)
    order = order[owner[order].argsort(stable=True)]
    turned = summary(z[order], pos[order], owner)
    turned_features = summary.encode_atoms(z[order], pos[order], owner).scalars
    torch.testing.assert_close(turned, still, **TOLERANCE)
    torch.testing.assert_close(turned_features, features[order], **TOLERANCE)
    alone = torch.cat([summary(one_z, one_pos) for one_z, one_pos in items])
    torch.testing.assert_close(alone, still, **TOLERANCE)


def test_the_first_part_is_additive_and_the_rest_is_not(summary):
    z, pos = molecules()["CH3CH2OH"]
    once = summary(z, pos)[0]
    twice = summary(torch.cat([z, z]), torch.cat([pos, pos + 100]))[0]
    torch.testing.assert_close(twice[:7], 2 * once[:7], **TOLERANCE)
    assert (twice[7:] - 2 * once[7:]).abs().min() > 1e-3


def test_every_molecule_has_a_finite_gradient(summary, batch):
    z, pos, owner = batch
    z, pos = torch.cat([z, z[:1].repeat(3)]), torch.cat([pos, pos.new_zeros(3, 3)])
    owner = torch.cat([owner, owner[-1:].repeat(3) + 1])
    pos.requires_grad_()
    (gradient,) = torch.autograd.grad(summary(z, pos, owner).square().sum(), pos)
    assert bool(gradient.isfinite().all())
    assert (gradient.abs().amax(1) > 0).double().mean() > 0.9


def test_gradient_is_the_derivative(summary):
    z, pos = molecules()["CHFClN"]
    assert torch.autograd.gradcheck(lambda p: summary(z, p), pos.requires_grad_())


@pytest.mark.parametrize("size", [1, 2, 120])
def test_any_size_and_element(summary, size):
    generator = torch.Generator().manual_seed(size)
    z = torch.randint(1, 119, (size,), generator=generator)
    pos = 5 * torch.randn(size, 3, generator=generator, dtype=torch.float64)
    assert bool(summary(z, pos).isfinite().all())


@pytest.mark.parametrize("name", ["C6H6", "CO2", "CH4", "CH3CH2OH"])
def test_single_precision_is_enough(summary, name):
    z, pos = molecules()[name]
    rotation, translation = motion(3)
    still = summary(z, pos)
    moved = summary.float()(z, (pos @ rotation.T + translation).float())
    assert (moved - still).norm() < 1e-5 * still.norm()


def test_rescaled_outputs(summary, batch):
    before = summary(*batch)
    factors = torch.linspace(0.5, 2, 12, dtype=torch.float64)
    summary.pooling.rescale(factors)
    torch.testing.assert_close(summary(*batch), before * factors, **TOLERANCE)


def test_saved_and_loaded_is_the_same(summary, batch, tmp_path):
    summary.save(tmp_path / "summary.safetensors")
    loaded = MoleculeDescriptor.load(tmp_path / "summary.safetensors")
    assert torch.equal(loaded(*batch), summary(*batch))


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="global_channels: expected 1 to 7, got 8"):
        MoleculeDescriptor(8, 8)
    with pytest.raises(ValueError, match="vector_channels: expected 1 to 64, got 0"):
        MoleculeDescriptor(vector_channels=0)
    with pytest.raises(ValueError, match="vector_channels: expected 1 to 4, got 8"):
        MoleculeDescriptor(4, 2, hidden=4)
    with pytest.raises(ValueError, match=r"pos: expected torch\.float32 on cpu, got torch\.float64"):
        MoleculeDescriptor()(torch.tensor([6]), torch.zeros(1, 3, dtype=torch.float64))
    with pytest.raises(ValueError, match="z: expected atomic numbers from 1 to 118, got 0"):
        MoleculeDescriptor(4, 2, hidden=4, vector_channels=1)(torch.tensor([0]), torch.zeros(1, 3))


def shape(pos):
    pos = torch.tensor(pos, dtype=torch.float64)
    return shape_invariants(torch.ones(len(pos)), pos, torch.zeros(len(pos), dtype=torch.int64), 1)[0]


def test_shapes_known_beforehand():
    octahedron = shape([[2, 0, 0], [-2, 0, 0], [0, 2, 0], [0, -2, 0], [0, 0, 2], [0, 0, -2]])
    assert octahedron.shape == (NUM_SHAPE,)
    torch.testing.assert_close(octahedron, octahedron.new_tensor([2, 1.52, 1.155, 0, 1, 0]), atol=6e-3, rtol=0)
    rod = shape([[0, 0, float(k)] for k in range(5)])
    torch.testing.assert_close(rod, rod.new_tensor([2**0.5, 0.1, 0.1, 1, 0, 1]), atol=5e-3, rtol=0)
