"""Measures of likeness, of sums of Gaussians and of any other field."""

import math

import pytest
import torch
from torch_geometric.data import Data

from tg_molfield import Grid, MolField, RBFField, from_smiles
from tg_molfield.compare import Metric, QuadratureWarning, overlap, pair_overlaps, similarity
from tg_molfield.metrics import DefinitionMismatchWarning

DEFINITION = MolField("C N O", width_scale=0.4)


@pytest.fixture(scope="module")
def pair():
    molecules = [from_smiles(text, dtype=torch.float64) for text in ("CCO", "CCN")]
    return [DEFINITION(data) for data in molecules]


def at(distance, weight=1.0):
    """Two Gaussians of variance 1 Å² at a distance, one of them with another height."""
    centers = torch.tensor([[0.0, 0, 0], [distance, 0, 0]], dtype=torch.float64)
    heights = torch.tensor([1.0, weight], dtype=torch.float64)
    return [RBFField(centers[i : i + 1], heights[i : i + 1], 1.0) for i in range(2)]


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("tanimoto", lambda o, a, b: o / (a + b - o)),
        ("carbo", lambda o, a, b: o / math.sqrt(a * b)),
        ("hodgkin", lambda o, a, b: 2 * o / (a + b)),
        (Metric("tversky", 1.0, 0.0), lambda o, a, b: o / a),
        ("tversky", lambda o, a, b: o / (0.95 * a + 0.05 * b)),
    ],
)
def test_measures_of_two_gaussians(metric, expected):
    f, g = at(1.5, 2.0)
    own, decay = math.pi**1.5, math.exp(-(1.5**2) / 4)
    assert float(similarity(f, g, metric).total) == pytest.approx(expected(2 * own * decay, own, 4 * own), rel=1e-12)


def test_slopes_by_the_overlap_are_derivatives():
    overlaps = torch.tensor([0.3, 0.7], dtype=torch.float64, requires_grad=True)
    own = torch.tensor(1.0, dtype=torch.float64), torch.tensor(1.3, dtype=torch.float64)
    for metric in (Metric("tanimoto"), Metric("carbo"), Metric("hodgkin"), Metric("tversky", 0.7, 0.1)):
        found = metric.likeness(overlaps, *own)
        (slope,) = torch.autograd.grad(found.value.sum(), overlaps, create_graph=True)
        torch.testing.assert_close(found.slope, slope)
        curvature = torch.zeros_like(slope)
        if slope.requires_grad:
            (curvature,) = torch.autograd.grad(slope.sum(), overlaps)
        torch.testing.assert_close(found.curvature, curvature)


def test_equal_fields_are_alike_and_disjoint_ones_are_not(pair):
    f, g = pair
    same = similarity(f, f)
    assert float(same.total) == pytest.approx(1.0)
    assert same.by_channel.tolist() == pytest.approx([1.0, 1.0, 1.0])
    different = similarity(f, g)
    assert different.channels == ("C", "N", "O")
    assert different.by_channel[1:].tolist() == [0.0, 0.0]
    assert 0 < float(different.total) < float(different.by_channel[0]) < 1


def test_channels_are_chosen_by_name(pair):
    f, g = pair
    assert torch.equal(similarity(f, g, channels="C").total, similarity(f["C"], g["C"]).total)
    with pytest.raises(ValueError, match=r"f: expected the channels S, got C N O; name those"):
        similarity(f, g, channels="S")


def test_sums_and_selections_of_gaussians_stay_exact(pair):
    f, g = pair
    assert similarity(0.5 * f + g, g["C", "N", "O"]).error == 0.0
    assert float(similarity(2.0 * f - f, f).total) == pytest.approx(1.0)


def test_samples_are_compared_on_their_grid(pair):
    f, g = pair
    grid = Grid.around(torch.cat([f.centers, g.centers]), 0.2, 5.0)
    exact, sampled = similarity(f, g), similarity(f.on(grid), g)
    torch.testing.assert_close(sampled.total, exact.total, rtol=1e-6, atol=1e-9)
    assert sampled.error < 1e-4
    with pytest.raises(ValueError, match="two volumes of different grids"):
        similarity(f.on(grid), g.on(grid.coarsened(2)))


def test_other_kernels_are_summed_around_their_atoms():
    mlp = MolField.preset("mlp")
    f, g = (mlp(from_smiles(text, dtype=torch.float64)) for text in ("CCO", "CCN"))
    found = similarity(f, g)
    assert 0 < found.error < 1e-3
    finer = similarity(f, g, grid=Grid.around(torch.cat([f.centers, g.centers]), 0.12, 9.0))
    assert float(found.total) == pytest.approx(float(finer.total), abs=2e-3)


def test_a_grid_that_is_too_coarse_or_too_small_is_told(pair):
    f, g = pair
    for spacing, margin in ((1.5, 5.0), (0.3, 0.5)):
        with pytest.warns(QuadratureWarning, match="estimated error"):
            similarity(f.on(Grid.around(f.centers, spacing, margin)), g)


def test_potentials_of_ions_do_not_vanish_in_a_box():
    esp = MolField.preset("esp")
    ion = from_smiles("[NH4+]", properties=("partial_charge",), dtype=torch.float64)
    with pytest.warns(QuadratureWarning, match="larger margin"):
        similarity(esp(ion), esp(ion))


def test_other_definitions_are_told(pair):
    with pytest.warns(DefinitionMismatchWarning, match="width_scale"):
        similarity(pair[0], MolField("C N O", width_scale=0.5)(from_smiles("CCN", dtype=torch.float64)))


def test_zero_fields():
    (f, _), zero = at(1.0), at(1.0, 0.0)[1]
    assert float(similarity(zero, zero).total) == 1.0
    for metric in ("tanimoto", "carbo", "hodgkin", "tversky"):
        assert float(similarity(f, zero, metric).total) == 0.0


def test_gradients_flow_to_both_sides():
    f, g = at(1.0, 2.0)
    centers = [x.centers.clone().requires_grad_() for x in (f, g)]
    pieces = [RBFField(c, x.weights, x.widths) for c, x in zip(centers, (f, g), strict=True)]
    similarity(*pieces).total.backward()
    assert centers[0].grad[0, 0] > 0
    torch.testing.assert_close(centers[0].grad, -centers[1].grad)


def test_what_cannot_be_compared_is_refused(pair):
    with pytest.raises(ValueError, match="metric: expected one of tanimoto"):
        similarity(*pair, metric="cosine")
    with pytest.raises(TypeError, match="g: expected a Field"):
        similarity(pair[0], from_smiles("CCN"))
    for options in ({"alpha": -1.0}, {"alpha": 0.0, "beta": 0.0}, {"beta": math.nan}):
        with pytest.raises(ValueError, match=r"alpha|beta"):
            Metric("tversky", **options)
    with pytest.raises(ValueError, match="alpha: expected metric 'tversky' with it, got 'carbo'; leave it out"):
        Metric("carbo", alpha=0.3)
    with pytest.raises(ValueError, match="beta: expected metric 'tversky' with it, got 'tanimoto'"):
        Metric(beta=0.3)


def test_fields_of_half_precision_are_summed_in_single():
    generator = torch.Generator().manual_seed(0)
    atoms = Data(z=torch.full((4000,), 6), pos=60 * torch.rand(4000, 3, generator=generator))
    field = MolField.preset("shape")(atoms)
    half = field.to(torch.float16)
    exact = similarity(field, field * 0.5)
    for grid in (None, Grid.around(torch.zeros(1, 3), 3.0, 30.0)):
        found = similarity(half, half * 0.5, grid=grid)
        assert found.total.dtype == torch.float16
        assert float(found.total) == pytest.approx(float(exact.total), abs=1e-3)
    assert float(overlap(half, half)) == pytest.approx(float(overlap(field, field)), rel=0.01)
    assert float(pair_overlaps(half, half).values) == pytest.approx(float(overlap(field, field)), rel=0.01)
