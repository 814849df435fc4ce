"""Overlaps of sums of Gaussians agree with quadrature, whatever the fields are made of."""

import pytest
import torch
from torch_geometric.data import Batch

from tg_molfield import Grid, MolField, RBFField, from_smiles
from tg_molfield.compare import overlap
from tg_molfield.compare.alignment.self_overlap import self_overlaps
from tg_molfield.compare.overlap import paired_overlap, self_overlap
from tg_molfield.compare.quadrature import overlaps_on
from tg_molfield.compare.terms import Terms, padded_terms

SEED = 5


def gaussians(count, channels=2, *, per_channel=False, seed=SEED, **options):
    generator = torch.Generator().manual_seed(seed)
    centers = 3 * torch.rand(count, 3, generator=generator, dtype=torch.float64)
    weights = torch.randn(count, channels, generator=generator, dtype=torch.float64)
    shape = (count, channels) if per_channel else (count,)
    widths = 0.4 + 0.5 * torch.rand(shape, generator=generator, dtype=torch.float64)
    return RBFField(centers, weights, widths, **options)


@pytest.mark.parametrize("per_channel", [False, True])
def test_overlaps_agree_with_quadrature(per_channel):
    f, g = gaussians(5), gaussians(7, per_channel=per_channel, seed=6)
    grid = Grid.around(torch.cat([f.centers, g.centers]), 0.2, 7.0)
    by_sum = overlaps_on(f, g, grid)
    torch.testing.assert_close(overlap(f, g)[0, 0], by_sum.fg, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(self_overlap(f)[0], by_sum.ff, rtol=1e-10, atol=1e-12)
    assert by_sum.error < 1e-5


@pytest.mark.parametrize("pbc", [(True, True, True), (True, True, False)])
def test_periodic_overlaps_are_those_of_one_cell(pbc):
    cell = torch.tensor([[4.0, 0, 0], [1.0, 3.5, 0], [0, 0.5, 4.5]], dtype=torch.float64)
    f, g = (gaussians(4, seed=seed, cell=cell, pbc=torch.tensor(pbc)) for seed in (1, 2))
    slab = cell.clone() if pbc[2] else torch.stack([cell[0], cell[1], 5 * cell[2]])
    origin = (0.0, 0.0, 0.0) if pbc[2] else tuple((-2 * cell[2]).tolist())
    grid = Grid.from_cell(slab, (24, 24, 24 if pbc[2] else 121), origin)
    torch.testing.assert_close(overlap(f, g)[0, 0], overlaps_on(f, g, grid).fg, rtol=1e-8, atol=1e-9)


def test_large_fields_are_summed_by_the_engine_to_the_same_value():
    generator = torch.Generator().manual_seed(SEED)
    centers = 30 * torch.rand(2100, 3, generator=generator, dtype=torch.float64)
    weights = torch.rand(2100, 2, generator=generator, dtype=torch.float64)
    one = RBFField(centers, weights, 0.7)
    batch = torch.arange(2).repeat_interleave(2100)
    twice = RBFField(centers.repeat(2, 1), weights.repeat(2, 1), 0.7, batch=batch)
    torch.testing.assert_close(overlap(one, one)[0, 0], overlap(twice, one)[1, 0], rtol=1e-10, atol=0)


def test_batches_are_compared_pair_by_pair():
    definition = MolField("C O", widths=0.6, width_scale=1.0)
    molecules = [from_smiles(text) for text in ("CO", "CCO", "O=C=O")]
    fields = [definition(data) for data in molecules]
    batch = torch.cat([torch.full((data.num_nodes,), i) for i, data in enumerate(molecules)])
    joined = RBFField(
        torch.cat([f.centers for f in fields]), torch.cat([f.weights for f in fields]), 0.6,
        channels=("C", "O"), batch=batch,
    )  # fmt: skip
    expected = torch.stack([torch.stack([overlap(f, g)[0, 0] for g in fields]) for f in fields])
    torch.testing.assert_close(overlap(joined, joined), expected)
    torch.testing.assert_close(self_overlap(joined), expected.diagonal().T)


def test_overlaps_are_differentiable():
    f, g = gaussians(3), gaussians(4, seed=6)

    def value(*tensors):
        first, second = RBFField(*tensors[:3]), RBFField(*tensors[3:])
        return overlap(first, second)

    tensors = [t.clone().requires_grad_() for x in (f, g) for t in (x.centers, x.weights, x.widths)]
    assert torch.autograd.gradcheck(value, tensors)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (lambda f: gaussians(3, 3), "channels"),
        (lambda f: f.to(torch.float32), "float64"),
        (lambda f: gaussians(3, cell=4 * torch.eye(3, dtype=torch.float64)), "periodic"),
    ],
)
def test_fields_that_do_not_fit_are_refused(other, message):
    f = gaussians(3)
    with pytest.raises(ValueError, match=message):
        overlap(f, other(f))


def test_other_cells_are_refused():
    f, g = (gaussians(3, cell=side * torch.eye(3, dtype=torch.float64)) for side in (4.0, 5.0))
    with pytest.raises(ValueError, match="cell"):
        overlap(f, g)


@pytest.mark.parametrize("preset", ["shape", "color"])
def test_overlaps_with_themselves_are_the_same_at_any_blur(preset):
    molecules = [from_smiles(smiles, color=True, dtype=torch.float64) for smiles in ("CCOC(=O)C", "OCC(N)C(=O)O")]
    field = MolField.preset(preset)(Batch.from_data_list(molecules))
    terms = padded_terms(field)
    for found, blur in zip(self_overlaps(terms, [0.0, 0.5]), (0.0, 0.5), strict=True):
        wider = Terms(terms.pos, terms.variances + blur, terms.weights)
        torch.testing.assert_close(found, paired_overlap(wider, wider).sum(1), rtol=1e-12, atol=0)
