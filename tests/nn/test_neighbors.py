import pytest
import torch

from tg_molfield.nn.ops import neighbors
from tg_molfield.nn.ops.neighbors import radius_pairs


def brute(pos, batch, cutoff):
    near = (torch.cdist(pos, pos) < cutoff) & (batch[:, None] == batch) & ~torch.eye(len(pos), dtype=torch.bool)
    return {tuple(pair) for pair in near.nonzero().tolist()}


SIZES = [[1], [5], [3, 1, 40, 2], [300, 2, 1], [1, 700]]


@pytest.fixture(params=["all pairs", "cells"])
def way(request, monkeypatch):
    monkeypatch.setattr(neighbors, "_CELLS_FROM", 0 if request.param == "cells" else 10**9)


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("size_of_piece", [7, 2**18])
def test_the_pairs_are_those_within_the_cutoff(way, monkeypatch, sizes, size_of_piece):
    monkeypatch.setattr(neighbors, "_COMPARED_ON_CPU", size_of_piece)
    monkeypatch.setattr(neighbors, "_PAIRS_AT_ONCE", size_of_piece)
    torch.manual_seed(0)
    batch = torch.repeat_interleave(torch.tensor(sizes))
    pos = 4 * torch.randn(len(batch), 3)
    edges = radius_pairs(pos, batch, 2.5)
    assert len({tuple(e) for e in edges.T.tolist()}) == edges.size(1)
    assert {tuple(e) for e in edges.T.tolist()} == brute(pos, batch, 2.5)
    order = edges[1] * len(pos) + edges[0]
    assert bool((order.diff() > 0).all())


@pytest.mark.parametrize("shift", [0.0, -1e3, 1e6])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e9])
def test_cells_find_the_same_pairs_anywhere(monkeypatch, shift, scale):
    torch.manual_seed(1)
    batch = torch.repeat_interleave(torch.tensor([30, 200, 1]))
    query_batch = torch.repeat_interleave(torch.tensor([5, 0, 400]))
    pos = (shift + 6 * torch.randn(len(batch), 3).double().round(decimals=1)) * scale
    query_pos = (shift + 6 * torch.randn(len(query_batch), 3).double().round(decimals=1)) * scale
    found = []
    for least in (0, 10**9):
        monkeypatch.setattr(neighbors, "_CELLS_FROM", least)
        found.append(neighbors.atoms_near(query_pos, query_batch, pos, batch, 3.0 * scale))
        found.append(neighbors.atoms_near(pos, batch, pos, batch, 3.0))
    assert torch.equal(found[0], found[2])
    assert torch.equal(found[1], found[3])
    assert found[0].size(1) > 0


def test_blocks_hold_all_points_and_no_more_pairs_than_asked():
    asked, counts = [3, 0, 700, 4, 90, 1], [5, 40, 30, 0, 200, 1]
    groups = list(neighbors._blocks(asked, counts, 1000))
    assert all(
        len(group) * max(block.number for block in group) * max(block.atoms for block in group) <= 1000
        for group in groups
    )
    points = [
        (row, block.start)
        for group in groups
        for block in group
        for row in range(block.first, block.first + block.number)
    ]
    assert points == [(row, 0) for row in range(3)] + [(row, 45) for row in range(3, 703)] + [
        (row, 75) for row in range(707, 797)
    ] + [(797, 275)]
    assert list(neighbors._blocks([2], [5000], 1000)) == [[(0, 1, 0, 5000)], [(1, 1, 0, 5000)]]
    assert len(list(neighbors._blocks([9] * 50, [9] * 50, 2**18))) == 1


def test_nothing_and_nonsense():
    assert radius_pairs(torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64), 1.0).shape == (2, 0)
    with pytest.raises(ValueError, match="cutoff: expected a positive distance in Å, got 0"):
        radius_pairs(torch.zeros(1, 3), torch.zeros(1, dtype=torch.int64), 0)


def test_memory_grows_with_the_atoms(largest_bytes):
    sizes = {}
    for count in (500, 4000):
        pos = (10 * count) ** (1 / 3) * torch.rand(count, 3, generator=torch.Generator().manual_seed(0))
        sizes[count] = largest_bytes(radius_pairs, pos, torch.zeros(count, dtype=torch.int64), 4.0)
    assert sizes[4000] < 8 * 1.5 * sizes[500]
