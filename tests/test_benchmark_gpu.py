"""What the benchmark of the GPU counts, and its peer, against sums over all pairs."""

from pathlib import Path

import pytest
import torch

from tg_molfield import Grid
from tg_molfield.fields import get_kernel
from tg_molfield.fields.engine import sums_on_grids


@pytest.fixture(autouse=True)
def examples(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "examples"))


def problem():
    generator = torch.Generator().manual_seed(0)
    batch = torch.repeat_interleave(torch.tensor([15, 25]))
    centers = 2 * torch.randn(40, 3, generator=generator)
    weights = torch.nn.functional.one_hot(torch.randint(3, (40,), generator=generator), 3).float()
    grids = [Grid.cube((0.1 * i, 0.0, 0.0), 6.0, 13) for i in range(2)]
    return (centers, weights, torch.linspace(0.4, 0.9, 40)), batch, grids


def test_pairs_on_grids_are_those_in_reach():
    from benchmark_gpu_operations import pairs_on_grids

    (centers, _, widths), batch, grids = problem()
    pairs = 0
    for i, grid in enumerate(grids):
        mine = batch == i
        near = torch.cdist(centers[mine], grid.points()) < 3 * widths[mine].unsqueeze(1)
        pairs += int(near.sum())
    assert pairs_on_grids(centers, widths, batch, grids, 3.0) == pytest.approx(pairs, rel=0.02)


def test_pairs_at_points_are_those_of_the_same_molecule():
    from benchmark_gpu_operations import operations, pairs_at_points

    (centers, weights, widths), batch, grids = problem()
    pos = torch.cat([grid.points()[::7] for grid in grids])
    owner = torch.repeat_interleave(torch.tensor([len(grid.points()[::7]) for grid in grids]))
    near = torch.cdist(centers, pos) < 3 * widths.unsqueeze(1)
    pairs = int((near & (batch.unsqueeze(1) == owner)).sum())
    assert pairs_at_points(centers, widths, batch, pos, owner, 3.0) == pairs
    assert operations(pairs, weights) == 12 * pairs
    assert operations(pairs, torch.ones(40, 3)) == 16 * pairs


def test_libmolgrid_is_asked_for_the_same_sum():
    pytest.importorskip("molgrid", reason="libmolgrid is not installed")
    from peer_grids import libmolgrid

    (centers, weights, widths), batch, grids = problem()
    leaves = [x.clone().requires_grad_() for x in (centers, weights, widths)]
    values = sums_on_grids(*leaves, get_kernel("gaussian"), batch, grids)
    found = libmolgrid((centers, weights, widths), batch, grids)()[0]
    assert torch.allclose(found, values, atol=2e-5)
    grad = torch.randn(values.shape, generator=torch.Generator().manual_seed(1))
    run = libmolgrid((centers, weights, widths), batch, grids, grad)
    run()
    slopes = torch.autograd.grad(values, leaves[0], grad)[0]
    assert torch.allclose(run()[0], slopes, atol=2e-4 * float(slopes.abs().max()))
