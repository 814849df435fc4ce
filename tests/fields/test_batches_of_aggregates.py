"""Maxima and distances of batches, whose molecules and channels are evaluated together."""

import math

import pytest
import torch

from tg_molfield import Grid, RBFField
from tg_molfield.fields import DisplacementField, DistanceField, MaximumField
from tg_molfield.fields.engine.reference import small_graphs

SIZES, POINTS = torch.tensor([4, 0, 1, 7, 3, 0]), torch.tensor([5, 2, 3, 0, 6, 1])
RULES = {
    "maximum": MaximumField,
    "distance": DistanceField,
    "smooth distance": lambda base: DistanceField(base, 0.4),
    "displacement": DisplacementField,
}
RULE = pytest.mark.parametrize("rule", RULES)


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def batch_of(rule, periodic=False):
    """A field of six molecules, three channels and one without atoms, and points."""
    owner, batch = (torch.arange(len(numbers)).repeat_interleave(numbers) for numbers in (SIZES, POINTS))
    centers, pos = 3 * random(len(owner), 3), 3 * random(len(batch), 3, seed=1)
    kinds = torch.arange(len(owner)) % 3
    weights = torch.nn.functional.one_hot(kinds, 4) * (1 + random(len(owner), 1, seed=2).abs())
    widths = 1 + random(len(owner), 4, seed=3).abs() / 3
    cell = {}
    if periodic:
        directions = torch.tensor([[True, True, False], [True] * 3, [False] * 3, [True] * 3, [False, True, True]])
        cell = {"cell": 7 * torch.eye(3).expand(6, 3, 3), "pbc": torch.cat([directions, directions[:1]])}
    base = RBFField(centers, weights, widths, "gaussian", list("abcd"), batch=owner, num_graphs=len(SIZES), **cell)
    return RULES[rule](base), pos, batch


def slopes(field, pos, batch):
    """Values, and the derivatives of a sum of them by centres and points."""
    centers, pos = field.base.centers.clone().requires_grad_(), pos.clone().requires_grad_()
    base = field.base
    moved = RBFField(
        centers,
        base.weights,
        base.widths,
        base.kernel,
        base.channels,
        batch=base.batch,
        num_graphs=base.num_graphs,
        cell=base.cell,
        pbc=base.pbc,
    )
    values = field._of(moved)(pos, batch)
    known = values[values.isfinite()]
    return values, *torch.autograd.grad((known * torch.arange(1, 1 + len(known))).sum(), [centers, pos])


@RULE
@pytest.mark.parametrize("periodic", [False, True])
def test_small_and_large_graphs_agree(rule, periodic, monkeypatch):
    field, pos, batch = batch_of(rule, periodic)
    expected = slopes(field, pos, batch)
    alone = torch.cat([one(some) for one, some in zip(field.unbatch(), pos.split(POINTS.tolist()), strict=True)])
    torch.testing.assert_close(expected[0], alone)
    for most_centers, most_pairs, most_values in ((0, 2**17, 7), (2, 2**17, 2**19), (2**8, 5, 2**19), (2**8, 2**17, 1)):
        monkeypatch.setattr("tg_molfield.fields.aggregates._VALUES_ON_CPU", most_values)
        monkeypatch.setattr(small_graphs, "_CENTERS_ON_CPU", most_centers)
        monkeypatch.setattr(small_graphs, "_PAIRS_ON_CPU", most_pairs)
        for found, value in zip(slopes(field, pos, batch), expected, strict=True):
            torch.testing.assert_close(found, value, rtol=1e-6, atol=1e-6)


@RULE
def test_each_grid_has_the_values_of_its_molecule(rule, monkeypatch):
    field, _, _ = batch_of(rule)
    grids = [Grid.cube((0.3 * i, 0, 0), 4.0, 3 + i % 3) for i in range(6)]
    alone = [one.on(grid) for one, grid in zip(field.unbatch(), grids, strict=True)]
    for nodes in (2**18, 100, 7):
        monkeypatch.setattr("tg_molfield.fields.aggregates.NODES_AT_ONCE", nodes)
        for volume, expected, grid in zip(field.on_each(grids), alone, grids, strict=True):
            assert volume.grid == grid
            torch.testing.assert_close(volume.values, expected.values)


@RULE
def test_no_channels_and_no_molecules(rule):
    none = torch.zeros(0, 3, dtype=torch.float64)
    field = RULES[rule](RBFField(random(3, 3), torch.ones(3, 0, dtype=torch.float64), 1.0))
    assert field(random(5, 3)).shape == (5, 0)
    empty = RULES[rule](
        RBFField(none, torch.ones(0, 2, dtype=torch.float64), 1.0, num_graphs=0, batch=none[:, 0].long())
    )
    assert empty(none, none[:, 0].long()).shape == (0, len(empty.channels))
    assert empty.on_each([]) == []


def test_unknown_points_change_no_others_of_a_slab():
    slab = RBFField(
        random(4, 3), torch.ones(4, 1, dtype=torch.float64), 1.0, cell=6 * torch.eye(3), pbc=[True, True, False]
    )
    field, pos = DistanceField(slab, 0.5), 4 * random(6, 3, seed=1)
    unknown = pos.clone()
    unknown[2, 2] = math.nan
    found = field(unknown)
    assert found[2].isnan().all()
    torch.testing.assert_close(found[[0, 1, 3, 4, 5]], field(pos)[[0, 1, 3, 4, 5]])
