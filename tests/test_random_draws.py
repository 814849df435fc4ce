import numpy as np
import pytest
import torch
from scipy.stats import kstest
from torch_geometric.data import Batch, Data

from tg_molfield.fields import MolField
from tg_molfield.nn import FieldAutoEncoder
from tg_molfield.random_draws import draw_seeds, normal, uniform
from tg_molfield.transforms import GridSampler, MixtureSampler, MolFieldTransform, Sampler

SEEDS = draw_seeds(0, 0, torch.arange(400))


def reference(state: int, count: int) -> list[float]:
    """SplitMix64 as its authors write it, in integers of any size."""
    numbers = []
    for _ in range(count):
        state = (state + 0x9E3779B97F4A7C15) % 2**64
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) % 2**64
        numbers.append(((z ^ (z >> 31)) >> 11) * 2.0**-53)
    return numbers


def test_the_numbers_are_those_of_splitmix64():
    from tg_molfield import random_draws

    seeds = torch.tensor([0, 1, -(2**63), 2**63 - 1, -12345])
    starts = random_draws._mixed(seeds + random_draws.zlib.crc32(b"points"))
    for row, start in zip(uniform(seeds, 50, "points"), starts.tolist(), strict=True):
        assert row.tolist() == reference(start % 2**64, 50)


def test_the_numbers_are_independent_and_have_their_distributions():
    one, two = uniform(SEEDS, 300, "a").numpy(), uniform(SEEDS, 300, "b").numpy()
    assert kstest(one.ravel(), "uniform").pvalue > 1e-3
    assert kstest(normal(SEEDS, 300, "a").numpy().ravel(), "norm").pvalue > 1e-3
    size = 5 / np.sqrt(one.size)
    for other in (two, np.roll(one, 1, 0), np.roll(one, 1, 1), uniform(draw_seeds(0, 1, torch.arange(400)), 300, "a")):
        assert abs(np.corrcoef(one.ravel(), np.asarray(other).ravel())[0, 1]) < size


def test_seeds_differ_by_seed_epoch_and_item():
    seeds = torch.cat([draw_seeds(seed, epoch, torch.arange(50)) for seed in range(-2, 8) for epoch in range(-1, 9)])
    assert len(seeds.unique()) == len(seeds)


def molecule(count: int, seed: int) -> Data:
    generator = torch.Generator().manual_seed(count)
    pos = 2 * torch.randn(count, 3, generator=generator)
    return Data(z=torch.full((count,), 6), pos=pos, draw_seed=torch.tensor([seed]))


class OnAtoms(Sampler):
    """A sampler of a user's own, with other numbers of points for each molecule."""

    def __call__(self, pos, num_queries, generator=None):
        return pos + torch.randn(pos.shape, generator=generator)


@pytest.mark.parametrize("sampler", [MixtureSampler(), GridSampler(1.0), OnAtoms()])
def test_seeded_points_do_not_depend_on_the_batch(sampler):
    count = None if isinstance(sampler, GridSampler) else 16
    transform = MolFieldTransform(MolField("C"), count, sampler)
    molecules = [molecule(count, seed) for count, seed in ((3, 5), (1, 6), (4, 7))]
    batch = transform(Batch.from_data_list(molecules))
    torch.manual_seed(3)
    for index, data in reversed(list(enumerate(molecules))):
        alone = transform(data.clone())
        own = batch.query_batch == index
        torch.testing.assert_close(batch.query_pos[own], alone.query_pos, rtol=0, atol=0)
        torch.testing.assert_close(batch.field[own], alone.field)
    other = transform(Batch.from_data_list([molecule(3, 8), *molecules[1:]]))
    changed = (other.query_pos != batch.query_pos).any(1)
    expected = (batch.query_batch == 0) & (not isinstance(sampler, GridSampler))
    assert torch.equal(changed, expected)


def test_seeded_frames_do_not_depend_on_the_batch():
    torch.manual_seed(0)
    model = FieldAutoEncoder("C", 32, "siren", encoder_options={"num_layers": 1, "out_channels": 8}).train()
    molecules = [molecule(count, seed) for count, seed in ((3, 5), (2, 6), (4, 7))]
    latent = model.encode(Batch.from_data_list(molecules))
    for index, data in enumerate(molecules):
        alone = model.encode(data)
        torch.testing.assert_close(latent.pose.frames[index], alone.pose.frames[0], rtol=0, atol=0)
    again = model.encode(molecule(3, 9))
    assert not torch.equal(again.pose.frames[0], latent.pose.frames[0])


def test_other_seeds_are_refused():
    transform = MolFieldTransform(MolField("C"), 4)
    for seeds in (torch.tensor([1, 2]), torch.tensor([0.5]), 3):
        with pytest.raises(ValueError, match=r"draw_seed: expected int64 \[1\]"):
            transform(Data(z=torch.tensor([6]), pos=torch.zeros(1, 3), draw_seed=seeds))
