import pytest
import torch
from ase.build import molecule
from hard_molecules import batched, molecules, motion, tensors

from tg_molfield.nn.latent.canonical_frames import canonical_pose, random_pose

ORDER = {
    "C6H6": 12, "CH4": 12, "CO2": 2, "NH3": 3, "H2O": 2, "C2H6": 6, "HCN": 1, "C3H4_D2d": 4, "cyclobutane": 4,
    "CH3CH2OH": 1, "isobutane": 3, "BF3": 6, "SF6": 24, "CHFClN": 1, "mirror CHFClN": 1, "Ne": 1, "helix": 2, "rod": 2,
    "bent rod": 2,
}  # fmt: skip


def test_frames_are_as_many_as_the_proper_symmetries(items):
    pose = canonical_pose(*batched(items), num_graphs=len(items))
    assert dict(zip(molecules(), (pose.weights > 1e-6).sum(1).tolist(), strict=True)) == ORDER
    torch.testing.assert_close(pose.weights.sum(1), torch.ones(len(items), dtype=torch.float64))


def test_frames_are_proper_rotations(batch):
    frames = canonical_pose(*batch, num_graphs=int(batch[2][-1]) + 1).frames
    torch.testing.assert_close(frames @ frames.transpose(-1, -2), torch.eye(3).double().expand_as(frames))
    torch.testing.assert_close(torch.linalg.det(frames), torch.ones(frames.shape[:2]).double())


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_local_coordinates_do_not_change_with_motion_or_order(items, dtype):
    for seed, (z, pos) in enumerate(items):
        rotation, translation = motion(seed)
        order = torch.randperm(z.numel(), generator=torch.Generator().manual_seed(seed))
        first = _local(z, pos.to(dtype))
        second = _local(z[order], (pos @ rotation.T + translation).to(dtype)[order])
        assert torch.equal(first[0], second[0])
        torch.testing.assert_close(first[1], second[1], atol=1e-10 if dtype == torch.float64 else 1e-4, rtol=0)


def test_mirror_images_differ():
    found = molecules()
    assert (_local(*found["CHFClN"])[1] - _local(*found["mirror CHFClN"])[1]).abs().max() > 0.1


def test_nearly_symmetric_molecules_are_handled_like_any():
    z, pos = molecules()["C6H6"]
    for noise in (1e-9, 1e-6, 1e-4, 1e-2):
        shaken = pos + noise * torch.randn(pos.shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
        rotation, translation = motion(5)
        one, two = _local(z, shaken), _local(z, shaken @ rotation.T + translation)
        torch.testing.assert_close(one[1], two[1], atol=max(1e-9, 3 * noise if noise < 1e-5 else 1e-9), rtol=0)


def test_random_poses_follow_the_generator():
    pos, batch = torch.randn(4, 3), torch.tensor([0, 0, 1, 1])
    torch.manual_seed(1)
    one = random_pose(pos, batch, 2)
    torch.manual_seed(1)
    assert torch.equal(one.frames, random_pose(pos, batch, 2).frames)


def _local(z, pos):
    """Elements and local coordinates in an order that does not depend on the order given."""
    batch = torch.zeros_like(z)
    pose = canonical_pose(z, pos, batch, 1)
    local = pose.project_to_rank(pose.to_local(pos.double(), batch), batch)
    key = [(int(a), *[round(x, 2) + 0.0 for x in r]) for a, r in zip(z, local.tolist(), strict=True)]
    order = sorted(range(len(key)), key=key.__getitem__)
    return z[order], local[order]


@pytest.mark.parametrize("name", ["C4H4NH", "isobutene", "cyclobutene", "C6H6", "CH4"])
def test_rounding_in_single_precision_leaves_the_weights_alone(name):
    z, pos = tensors(molecule(name))
    batch = torch.zeros_like(z)
    for seed in range(4):
        rotation, translation = motion(seed)
        moved = (pos @ rotation.T + translation).float()
        weights = canonical_pose(z, moved, batch, 1).weights[0]
        torch.testing.assert_close(weights, torch.full_like(weights, 1 / len(weights)), atol=1e-9, rtol=0)
