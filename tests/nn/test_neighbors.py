import pytest
import torch

from tg_molfield.nn.ops import neighbors
from tg_molfield.nn.ops.neighbors import radius_pairs


def brute(pos, batch, cutoff):
    near = (torch.cdist(pos, pos) < cutoff) & (batch[:, None] == batch) & ~torch.eye(len(pos), dtype=torch.bool)
    return {tuple(pair) for pair in near.nonzero().tolist()}


@pytest.mark.parametrize("sizes", [[1], [5], [3, 1, 40, 2], [300, 2, 1], [1, 700]])
@pytest.mark.parametrize("rows", [7, 192])
def test_the_pairs_are_those_within_the_cutoff(monkeypatch, sizes, rows):
    monkeypatch.setattr(neighbors, "_ROWS", rows)
    torch.manual_seed(0)
    batch = torch.repeat_interleave(torch.tensor(sizes))
    pos = 4 * torch.randn(len(batch), 3)
    edges = radius_pairs(pos, batch, 2.5)
    assert len({tuple(e) for e in edges.T.tolist()}) == edges.size(1)
    assert {tuple(e) for e in edges.T.tolist()} == brute(pos, batch, 2.5)
    assert bool((edges[1].diff() >= 0).all())


def test_nothing_and_nonsense():
    assert radius_pairs(torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64), 1.0).shape == (2, 0)
    with pytest.raises(ValueError, match="cutoff: expected a positive distance in Å, got 0"):
        radius_pairs(torch.zeros(1, 3), torch.zeros(1, dtype=torch.int64), 0)


def test_ten_thousand_atoms_fit():
    torch.manual_seed(0)
    pos = 60 * torch.rand(10_000, 3)
    edges = radius_pairs(pos, torch.zeros(10_000, dtype=torch.int64), 3.0)
    assert 0 < edges.size(1) < 10_000 * 20
