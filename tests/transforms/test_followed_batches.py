"""What ``follow_batch`` of a loader tells of query points stays true where a transform draws others."""

import torch
from torch_geometric.data import Data
from torch_geometric.loader import DataLoader

from tg_molfield import MolFieldTransform


def test_the_molecule_of_each_point_follows(seeded):
    data = [Data(z=torch.full((n,), 6), pos=torch.randn(n, 3)) for n in (1, 3, 2)]
    few, many = (MolFieldTransform(num_queries=count) for count in (2, 5))
    loader = DataLoader([few(one) for one in data], batch_size=3, follow_batch=["query_pos", "z"])
    batch = many(next(iter(loader)))
    assert torch.equal(batch.query_pos_batch, batch.query_batch)
    assert batch.query_pos_batch.tolist() == [0] * 5 + [1] * 5 + [2] * 5
    assert batch.query_pos_ptr.tolist() == [0, 5, 10, 15]
    assert batch.z_ptr.tolist() == [0, 1, 4, 6]
