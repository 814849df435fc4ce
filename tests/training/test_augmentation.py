import pytest
import torch
from torch_geometric.data import Data

from tg_molfield.training import AugmentedMolecules


def molecules():
    torch.manual_seed(0)
    return [Data(z=torch.randint(1, 9, (n,)), pos=1.5 * torch.randn(n, 3)) for n in (1, 2, 5, 9)]


def test_batches_are_whole_sorted_and_finite():
    sampler = AugmentedMolecules(molecules(), 50, max_atoms=12)
    for _, batch in zip(range(5), sampler, strict=False):
        assert batch.z.dtype == torch.int64
        assert bool(batch.pos.isfinite().all())
        count = torch.bincount(batch.batch)
        assert count.numel() == 50
        assert int(count.min()) >= 1
        assert int(count.max()) <= 12
        assert bool((batch.batch.diff() >= 0).all())


def test_without_changes_molecules_are_themselves_or_mirrored():
    plain = {"stretch": 0, "shake": 0, "drop": 0, "relabel": 0, "join": 0, "grow": 0}
    batch = AugmentedMolecules(molecules()[3:], 6, **plain).sample()
    data = molecules()[3]
    for i in range(6):
        mine = batch.batch == i
        assert torch.equal(batch.z[mine], data.z)
        torch.testing.assert_close(torch.cdist(batch.pos[mine], batch.pos[mine]), torch.cdist(data.pos, data.pos))


def test_grown_molecules_are_bonded():
    sampler = AugmentedMolecules(molecules()[3:], 20, stretch=0, shake=0, drop=0, relabel=0, join=0, grow=1)
    batch = sampler.sample()
    for i in range(20):
        pos = batch.pos[batch.batch == i]
        distance = torch.cdist(pos, pos) + 9 * torch.eye(len(pos))
        assert bool((distance.amin(1) < 2.7).all())


def test_no_molecules():
    with pytest.raises(ValueError, match="molecules is empty"):
        AugmentedMolecules([])
