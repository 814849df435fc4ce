"""Transforms with a seed reach worker processes however these are started, and copies draw what the original does."""

import copy
import multiprocessing
import pickle

import pytest
import torch
from torch.utils.data import Dataset
from torch_geometric.data import Data
from torch_geometric.loader import DataLoader

from tg_molfield import MolFieldTransform


class Molecules(Dataset):
    def __init__(self, transform):
        self.transform = transform

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return self.transform(Data(z=torch.tensor([6, 8]), pos=torch.tensor([[0.0, 0, 0], [1.2, 0, 0]])))


def drawn(start: str) -> list[list[float]]:
    torch.manual_seed(0)
    data = Molecules(MolFieldTransform(num_queries=2, seed=3))
    loader = DataLoader(data, batch_size=2, num_workers=1, multiprocessing_context=start)
    return [batch.query_pos.flatten().tolist() for batch in loader]


@pytest.mark.parametrize(
    "start", [name for name in ("spawn", "forkserver") if name in multiprocessing.get_all_start_methods()]
)
def test_the_points_are_those_of_any_start(start, seeded):
    first, second = drawn(start)
    assert first != second
    if "fork" in multiprocessing.get_all_start_methods():
        assert [first, second] == drawn("fork")


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
@pytest.mark.parametrize("options", [{"seed": 3}, {"generator": torch.Generator().manual_seed(5)}, {}])
def test_copies_go_on_where_the_original_is(copied, options, seeded):
    transform = MolFieldTransform(num_queries=2, **options)
    data = Molecules(transform)
    data[0]
    other = Molecules(copied(transform))
    assert repr(other.transform) == repr(transform)
    state = torch.get_rng_state()
    points = [data[0].query_pos for _ in range(2)]
    torch.set_rng_state(state)
    assert all(torch.equal(other[0].query_pos, one) for one in points)
