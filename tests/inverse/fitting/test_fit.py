"""Fits: exact where the target is a sum of the functions given, clear where the problem is not."""

import math

import numpy as np
import pytest
import torch

from tg_molfield import Field, Grid, RBFField, Volume
from tg_molfield.fields import KERNELS
from tg_molfield.inverse.fitting import fit_rbf


def fitted(*arguments, **options):
    """The field alone, without the report."""
    return fit_rbf(*arguments, **options)[0]


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def cloud(kernel: str = "gaussian", n: int = 12, channels: int = 2, by_channel: bool = False) -> RBFField:
    widths = 0.7 + 0.4 * random(n, channels, seed=1)
    widths = 2 * widths if kernel.startswith("wendland") else widths
    weights = 0.5 + random(n, channels, seed=2)
    return RBFField(5 * random(n, 3), weights, widths if by_channel else widths[:, 0], kernel)


SMOOTH = [name for name in KERNELS if name != "hard_sphere"]
FINITE = [name for name in SMOOTH if math.isfinite(KERNELS[name].reach(1e-10))]


@pytest.mark.parametrize("by_channel", [False, True])
@pytest.mark.parametrize("kernel", SMOOTH)
def test_weights_of_a_sum_of_the_functions_come_back(kernel, by_channel):
    field = cloud(kernel, by_channel=by_channel)
    points = 7 * random(3000, 3, seed=3) - 1
    found, report = fit_rbf(field, field.centers, field.widths, kernel, points=points)
    assert torch.allclose(found.weights, field.weights, rtol=0, atol=1e-8)
    assert max(report.relative_error.values()) < 1e-11
    assert report.rank == 12


@pytest.mark.parametrize("kernel", FINITE)
def test_sparse_and_dense_agree(kernel):
    field = cloud(kernel)
    options = {"points": Grid.around(field.centers, spacing=0.5), "regularization": 1e-4}
    dense, _ = fit_rbf(field, field.centers, field.widths, kernel, solver="dense", **options)
    sparse, report = fit_rbf(field, field.centers, field.widths, kernel, solver="sparse", **options)
    assert report.solver == "sparse"
    assert report.converged
    assert torch.allclose(sparse.weights, dense.weights, rtol=0, atol=1e-7)
    assert (dense.weights - field.weights).abs().max() > 1e-6, "the penalty must show"


def test_single_precision():
    field = cloud().to(torch.float32)
    volume = field.on(Grid.around(field.centers, spacing=0.4))
    found = fitted(volume, field.centers, widths=field.widths)
    assert found.dtype == torch.float32
    assert torch.allclose(found.weights, field.weights, rtol=0, atol=1e-4)


@pytest.mark.filterwarnings("ignore::tg_molfield.fields.CoarseCoordinatesWarning")
@pytest.mark.parametrize(("dtype", "most"), [(torch.float32, 0.05), (torch.bfloat16, 0.5)])
def test_nearly_dependent_functions_in_types_that_round(dtype, most):
    """Weights of 4e7 that cancel each other, as the exact solution has here, are lost by rounding."""
    centers, points = (6 * random(400, 3) - 3).to(dtype), 6 * random(1000, 3, seed=1) - 3
    values = torch.sin(points[:, 0]) * torch.exp(-points.square().sum(1) / 8)
    for optimize, few in (("weights", {}), (("weights", "widths"), {"max_steps": 1})):
        options = {"optimize": optimize, "channels": ["f"], **few}
        found, report = fit_rbf(values, centers[:: 1 if optimize == "weights" else 4], 2.5, points=points, **options)
        error = float((found(points.to(dtype))[:, 0].double() - values).norm() / values.norm())
        assert report.relative_error["f"] == pytest.approx(error, rel=1e-6)
        assert error < most
        assert report.rank <= len(found.centers)


def test_thousands_of_centers_without_a_dense_matrix():
    n = 1500
    field = RBFField(24 * random(n, 3), random(n, 2, seed=1) - 0.5, 0.6 + 0.3 * random(n, seed=2))
    points = Grid.around(field.centers, spacing=0.5, margin=1.0).points(torch.float64)
    found, report = fit_rbf(field(points), field.centers, field.widths, points=points)
    assert report.solver == "sparse"
    assert report.num_samples > 100_000
    assert torch.allclose(found.weights, field.weights, rtol=0, atol=1e-7)


def test_widths_and_centers_come_back():
    field = cloud()
    points = 7 * random(3000, 3, seed=3) - 1
    start = field.centers + 0.05 * (random(12, 3, seed=4) - 0.5)
    found, report = fit_rbf(
        field, start, 1.15 * field.widths, points=points, optimize=("centers", "weights", "widths"), tolerance=1e-14
    )
    assert report.converged
    assert torch.allclose(found.centers, field.centers, rtol=0, atol=1e-6)
    assert torch.allclose(found.widths, field.widths, rtol=0, atol=1e-6)
    assert torch.allclose(found.weights, field.weights, rtol=0, atol=1e-6)


def test_fixed_weights_stay():
    field = cloud()
    points = 7 * random(2000, 3, seed=3) - 1
    found = fitted(
        field, field.centers, widths=1.3 * field.widths, points=points, optimize=("widths",), weights=field.weights
    )
    assert torch.equal(found.weights, field.weights)
    assert torch.allclose(found.widths, field.widths, rtol=0, atol=1e-7)


def test_a_fit_is_the_minimum_of_what_it_says():
    """Widths fitted to a target that is no sum of the functions: the objective is flat there, by finite differences."""
    target = cloud("slater", channels=1)
    points, importance = 7 * random(800, 3, seed=3) - 1, random(800, seed=5)
    penalty = 1e-3

    def objective(log_widths: torch.Tensor) -> float:
        found = fitted(
            target, target.centers, widths=log_widths.exp(), points=points, importance=importance,
            regularization=penalty,
        )  # fmt: skip
        errors = (found(points) - target(points)).square().sum(1)
        return float((importance * errors).sum() / importance.sum() + penalty * found.weights.square().sum())

    best = fitted(
        target, target.centers, widths=target.widths, points=points, importance=importance, regularization=penalty,
        optimize=("weights", "widths"), tolerance=1e-14, max_steps=300,
    )  # fmt: skip
    at = best.widths.log()
    start = objective(target.widths.log())
    assert objective(at) < 0.9 * start
    for step in (1e-4 * torch.eye(len(at), dtype=torch.float64)).unbind():
        assert abs(objective(at + step) - objective(at - step)) / 2e-4 < 1e-4 * start


@pytest.mark.parametrize("solver", ["dense", "sparse"])
def test_equal_functions_share_their_weight(solver):
    field = RBFField(torch.zeros(1, 3, dtype=torch.float64), torch.ones(1, dtype=torch.float64))
    points = 4 * random(500, 3) - 2
    found, report = fit_rbf(field, torch.zeros(3, 3, dtype=torch.float64), points=points, solver=solver)
    assert torch.allclose(found.weights, torch.full((3, 1), 1 / 3, dtype=torch.float64), atol=1e-7)
    assert report.rank in (1, None)


def test_several_widths_at_an_atom():
    centers = torch.tensor([[0.0, 0, 0], [0, 0, 1.5]], dtype=torch.float64).repeat_interleave(3, 0)
    widths = torch.tensor([0.3, 0.6, 1.2], dtype=torch.float64).repeat(2)
    field = RBFField(centers, random(6, 1), widths)
    found = fitted(field, centers, widths=widths, points=Grid.around(centers, spacing=0.3, margin=2.0))
    assert torch.allclose(found.weights, field.weights, atol=1e-8)


def test_volume_brings_its_nodes_channels_and_atoms():
    field = cloud()
    volume = field.on(Grid.around(field.centers, spacing=0.6))
    volume = Volume(volume.values, volume.grid, channels=["C", "N"])
    found = fitted(volume, field.centers, widths=field.widths)
    assert found.channels == ("C", "N")
    assert torch.allclose(found.weights, field.weights, atol=1e-8)
    assert fitted(volume, field.centers, widths=1.0, channels=["a", "b"]).channels == ("a", "b")


CELL = torch.tensor([[5.0, 0, 0], [1.0, 4.5, 0], [-0.5, 1.0, 5.5]], dtype=torch.float64)


@pytest.mark.parametrize("solver", ["dense", "sparse"])
@pytest.mark.parametrize("pbc", [[True, True, True], [True, False, True]])
@pytest.mark.parametrize("kernel", ["gaussian", "slater", "wendland_c4"])
def test_weights_of_a_periodic_field_come_back(kernel, pbc, solver):
    plain = cloud(kernel, n=6)
    field = RBFField(plain.centers, plain.weights, 0.6 * plain.widths, kernel, cell=CELL, pbc=torch.tensor(pbc))
    points = 9 * random(1500, 3, seed=3) - 2
    values = field(points)
    shifted = field.centers + torch.tensor([1.0, 0.0, -2.0], dtype=torch.float64) @ CELL
    options = {"points": points, "solver": solver, "cell": CELL, "pbc": field.pbc}
    found, report = fit_rbf(values, shifted, field.widths, kernel, **options)
    assert torch.allclose(found.weights, field.weights, rtol=0, atol=1e-6)
    assert max(report.relative_error.values()) < 1e-7
    assert torch.allclose(found(points[:20] + 3 * CELL[0]), values[:20], rtol=0, atol=1e-6)


def test_periodic_volume_brings_its_cell():
    plain = cloud(n=5)
    field = RBFField(plain.centers, plain.weights, plain.widths, cell=CELL)
    volume = field.on(Grid.from_cell(CELL, (14, 14, 14))).interpolated("linear", periodic=True)
    found = fitted(volume, field.centers, widths=field.widths)
    assert torch.allclose(found.cell, CELL[None])
    assert torch.allclose(found.weights, field.weights, rtol=0, atol=1e-7)
    alone = fitted(volume, field.centers, widths=field.widths, pbc=torch.zeros(3, dtype=torch.bool))
    assert alone.cell is None
    assert (alone(volume.grid.points(torch.float64)) - volume.values.flatten(1).T).abs().max() > 0.05
    with pytest.raises(ValueError, match="whose periodic sum converges"):
        fitted(volume, field.centers, kernel="coulomb")


def test_widths_and_centers_of_a_periodic_field_come_back():
    plain = cloud(n=4, channels=1)
    field = RBFField(plain.centers, plain.weights, plain.widths, cell=CELL)
    start = field.centers + 0.05 * (random(4, 3, seed=4) - 0.5)
    found, report = fit_rbf(
        field, start, 1.1 * field.widths, points=Grid.from_cell(CELL, (9, 9, 9)),
        optimize=("centers", "weights", "widths"), tolerance=1e-14,
    )  # fmt: skip
    assert report.converged
    assert torch.allclose(found.centers, field.centers, rtol=0, atol=1e-6)
    assert torch.allclose(found.widths, field.widths, rtol=0, atol=1e-6)
    assert torch.allclose(found.weights, field.weights, rtol=0, atol=1e-6)


def test_empty_channel_and_unreached_center():
    field = cloud(channels=1)
    points = 7 * random(2000, 3, seed=3) - 1
    values = torch.cat([field(points), torch.zeros(2000, 1, dtype=torch.float64)], 1)
    centers = torch.cat([field.centers, torch.full((1, 3), 500.0, dtype=torch.float64)])
    widths = torch.cat([field.widths, torch.ones(1, dtype=torch.float64)])
    for solver in ("dense", "sparse"):
        found, report = fit_rbf(values, centers, widths, points=points, solver=solver)
        assert torch.allclose(found.weights[:12, :1], field.weights, atol=1e-7)
        assert not found.weights[:, 1].any()
        assert not found.weights[12].any()
        assert report.relative_error["1"] == 0


def test_missing_samples():
    field = cloud(channels=1)
    points = 7 * random(2000, 3, seed=3) - 1
    values = field(points)
    values[::3] = math.nan
    with pytest.raises(ValueError, match="got 667 of 2000 that are not"):
        fit_rbf(values, field.centers, field.widths, points=points)
    found, report = fit_rbf(values, field.centers, field.widths, points=points, missing="skip")
    assert report.num_samples == 1333
    assert torch.allclose(found.weights, field.weights, atol=1e-8)


def test_samples_of_no_importance_do_not_count():
    field = cloud(channels=1)
    points = 7 * random(2000, 3, seed=3) - 1
    values, importance = field(points), torch.ones(2000, dtype=torch.float64)
    values[:500], importance[:500] = 1e3, 0
    values[:3] = torch.tensor([[math.nan], [math.inf], [1e300]], dtype=torch.float64)
    found = fitted(values, field.centers, widths=field.widths, points=points, importance=importance)
    assert torch.allclose(found.weights, field.weights, atol=1e-8)


POINTS = torch.zeros(4, 3, dtype=torch.float64)
ONE = torch.zeros(1, 3, dtype=torch.float64)


@pytest.mark.parametrize(
    ("match", "arguments"),
    [
        ("centers: expected at least one", {"centers": torch.zeros(0, 3, dtype=torch.float64)}),
        ("expected at least one sample", {"target": torch.zeros(0, 1, dtype=torch.float64), "points": POINTS[:0]}),
        ("give one for each value", {"points": POINTS[:2]}),
        ("points: expected .* got None", {"target": cloud(), "points": None}),
        ("expected a Field", {"target": "density.cube"}),
        ("optimize: expected .*'charges'", {"optimize": ("charges",)}),
        ("weights: expected values", {"optimize": ("widths",)}),
        ("widths: expected positive", {"widths": -1.0}),
        ("expected a finite reach", {"kernel": "coulomb", "solver": "sparse"}),
        ("solver: expected .*'magic'", {"solver": "magic"}),
        ("missing: expected .*'drop'", {"missing": "drop"}),
        ("regularization: expected .* got -1", {"regularization": -1.0}),
        ("got 0 everywhere", {"importance": torch.zeros(4)}),
        ("where they are sought", {"widths": torch.ones(1, 1, dtype=torch.float64), "optimize": ("weights", "widths")}),
    ],
)
def test_errors(match, arguments):
    usual = {"target": torch.ones(4, 1, dtype=torch.float64), "centers": ONE, "points": POINTS}
    with pytest.raises(ValueError, match=match):
        fit_rbf(**{**usual, **arguments})


def test_derivatives_of_a_fitted_density(data_dir):
    """Methane: the gradient of the fitted density, which the fit has not seen, is that of the wavefunction."""
    data = np.load(data_dir / "volumes" / "ch4_reference.npz")
    bohr = 0.529177210903
    points, pos = torch.from_numpy(data["points"]) * bohr, torch.from_numpy(data["coords"]) * bohr
    away = torch.cdist(points, pos).amin(1) > 0.1
    points, density = points[away], torch.from_numpy(data["dens"])[away]
    gradient = torch.from_numpy(data["grad"])[away] / bohr
    errors = {}
    for widths in ([0.5], [0.2, 0.4, 0.8]):
        field: Field = fitted(
            density[::3], pos.repeat_interleave(len(widths), 0), widths=torch.tensor(widths * 5, dtype=torch.float64),
            points=points[::3], optimize=("weights", "widths"), tolerance=1e-6,
        )  # fmt: skip
        error = (field(points)[:, 0] - density).norm() / density.norm()
        slope = (field.gradient(points)[:, 0] - gradient).norm() / gradient.norm()
        errors[len(widths)] = (float(error), float(slope))
    assert errors[3][0] < 0.04 < 0.1 < errors[1][0]
    assert errors[3][1] < 0.1
