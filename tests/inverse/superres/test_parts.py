import pytest
import torch

from tg_molfield import RBFField, Volume, psnr
from tg_molfield.fields import Grid
from tg_molfield.inverse.lattice import Lattice
from tg_molfield.inverse.superres import LatticeField, SuperresField, superresolve
from tg_molfield.inverse.superres.channel_regression import regress_channels
from tg_molfield.inverse.superres.kriging_weights import estimate_weight, kriging_weights
from tg_molfield.inverse.superres.mixture import Mixture, Prior, refine, residual
from tg_molfield.inverse.superres.sharpen import PoissonSharpener

STEPS = torch.tensor([1.0, 1.2, 0.9], dtype=torch.float64)


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def sampled(pos, weights, width, shape=(12, 11, 13)):
    axes = [torch.arange(n, dtype=torch.float64) * step for n, step in zip(shape, STEPS, strict=True)]
    nodes = torch.cartesian_prod(*axes)
    squares = (nodes[:, None] - pos).square().sum(2)
    return (torch.exp(-squares / (2 * width**2)) @ weights).view(shape)


def test_kriging_weights_solve_the_dense_system():
    values, width = random(4, 5, 3), 1.1
    nodes = torch.cartesian_prod(*(torch.arange(n) * step for n, step in zip(values.shape, STEPS, strict=True)))
    covariance = torch.exp(-(nodes[:, None] - nodes).square().sum(2) / (2 * width**2))
    expected = torch.linalg.solve(covariance + 1e-3 * torch.eye(60), values.flatten())
    torch.testing.assert_close(kriging_weights(values, STEPS, width, 1e-3).flatten(), expected, atol=1e-5, rtol=1e-5)


def test_estimate_weight():
    pos = torch.rand(100, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64) * 10
    values = sampled(pos, torch.full((100,), 0.4, dtype=torch.float64), 0.9)
    assert estimate_weight(values, STEPS, 0.9) == pytest.approx(0.4, rel=0.4)


def test_lattice_gaussians_equal_dense_ones():
    pos = 2 + 6 * torch.rand(5, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    pos[0] = torch.tensor([-0.5, 3.0, 11.5])
    values, weights = sampled(pos, random(5), 1.3), random(5)
    left = residual(Lattice.orthogonal(values, STEPS), Mixture(pos, weights), 1.3)
    assert left.abs().max() < 1e-3


def test_peaks_are_the_places():
    pos = torch.tensor([[3.0, 4.0, 3.0], [7.0, 8.0, 6.0]], dtype=torch.float64)
    values = sampled(pos, torch.tensor([1.0, 0.7], dtype=torch.float64), 1.4)
    places, heights = PoissonSharpener(Lattice.orthogonal(values, STEPS), 1.4).peaks(values)
    assert (places[:2] - pos).norm(dim=1).max() < 0.5
    assert heights[:2].tolist() == pytest.approx([1.0, 0.7], rel=0.15)
    assert len(heights) < 3 or heights[2] < 0.1


def test_refine_finds_places_and_weights_exactly():
    pos = torch.tensor([[3.0, 4.0, 3.0], [5.1, 5.0, 3.9], [7.0, 8.0, 6.0]], dtype=torch.float64)
    weights = torch.tensor([1.0, 0.8, 0.9], dtype=torch.float64)
    lattice = Lattice.orthogonal(sampled(pos, weights, 1.4), STEPS)
    start = Mixture(pos + 0.3 * random(3, 3), torch.ones(3, dtype=torch.float64))
    found = refine(lattice, start, 1.4, Prior(1.0, 0.0), steps=60)
    assert (found.pos - pos).abs().max() < 2e-3
    assert (found.weights - weights).abs().max() < 2e-3


def test_strong_prior_holds_the_weights():
    pos = torch.tensor([[5.0, 5.0, 5.0]], dtype=torch.float64)
    lattice = Lattice.orthogonal(sampled(pos, torch.tensor([1.0], dtype=torch.float64), 1.4), STEPS)
    found = refine(lattice, Mixture(pos, torch.tensor([0.5], dtype=torch.float64)), 1.4, Prior(0.5, 1e6))
    assert float(found.weights) == pytest.approx(0.5, abs=1e-3)


@pytest.fixture
def lattice_field():
    grid = Grid((1.0, 2.0, 3.0), ((0.8, 0, 0), (0, 0.9, 0), (0, 0, 1.1)), (6, 5, 4))
    return LatticeField(random(2, 6, 5, 4), grid, (1.0, 0.7), ("a", "b"))


def test_lattice_field_is_an_rbf_field(lattice_field):
    centers = lattice_field.grid.points(torch.float64)
    rbf = RBFField(
        centers, lattice_field.weights.flatten(1).T, torch.tensor([[1.0, 0.7]], dtype=torch.float64).expand(120, 2)
    )
    points = 1 + 4 * torch.rand(50, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(lattice_field(points), rbf(points))
    torch.testing.assert_close(lattice_field.gradient(points), rbf.gradient(points))


def test_lattice_field_on_parallel_and_turned_grids(lattice_field):
    parallel = Grid((0.5, 2.5, 3.0), ((0.3, 0, 0), (0, -0.4, 0), (0, 0, 0.5)), (5, 4, 6))
    turned = Grid((0.5, 2.5, 3.0), ((0.3, 0.1, 0), (-0.1, 0.4, 0), (0, 0, 0.5)), (5, 4, 6))
    for grid in (parallel, turned):
        expected = lattice_field(grid.points(torch.float64)).T
        torch.testing.assert_close(lattice_field.on(grid).values.flatten(1), expected, atol=1e-5, rtol=1e-5)


def test_lattice_field_refuses_what_does_not_fit(lattice_field):
    with pytest.raises(ValueError, match="2 widths"):
        LatticeField(lattice_field.weights, lattice_field.grid, (1.0,), ("a", "b"))
    with pytest.raises(ValueError, match="expected"):
        LatticeField(lattice_field.weights, lattice_field.grid, (1.0, 0.7, 1.0), ("a", "b", "c"))


def test_lattice_field_of_rough_functions(lattice_field):
    kinds = ("exponential", "gaussian")
    rough = LatticeField(lattice_field.weights, lattice_field.grid, (1.0, 0.7), ("a", "b"), kinds=kinds)
    grid = Grid((0.5, 2.5, 3.0), ((0.3, 0, 0), (0, 0.4, 0), (0, 0, 0.5)), (5, 4, 6))
    values = rough(grid.points(torch.float64))
    torch.testing.assert_close(rough.on(grid).values.flatten(1).T, values, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(values[:, 1], lattice_field(grid.points(torch.float64))[:, 1])
    torch.testing.assert_close(rough["b", "a"](grid.points(torch.float64)), values[:, [1, 0]])
    with pytest.raises(ValueError, match="kinds: "):
        LatticeField(lattice_field.weights, lattice_field.grid, (1.0, 0.7), ("a", "b"), kinds=("gaussian", "bell"))


def test_superres_field_is_the_sum_of_its_parts(lattice_field):
    functions = RBFField(2 + 2 * random(3, 3), random(3, 2), 1.1, channels=("a", "b"))
    field, grid = SuperresField(functions, [lattice_field]), Grid.cube((3.0, 4.0, 5.0), 4.0, 5)
    points = grid.points(torch.float64)
    torch.testing.assert_close(field(points), functions(points) + lattice_field(points))
    torch.testing.assert_close(field.on(grid).values.flatten(1).T, field(points), atol=1e-5, rtol=1e-5)
    for name in ("gradient", "laplacian"):
        expected = getattr(functions, name)(points) + getattr(lattice_field, name)(points)
        torch.testing.assert_close(getattr(field, name)(points), expected)
    torch.testing.assert_close(field["b"](points)[:, 0], field(points)[:, 1])
    with pytest.raises(ValueError, match="does not fit"):
        SuperresField(functions["a"], [lattice_field])


def test_regression_finds_the_coefficients():
    centers = 4 * random(6, 3)
    found = RBFField(centers, torch.ones(6, 1).double(), 1.2)
    grid = Grid.around(centers, spacing=1.5)
    mixed = RBFField(centers, torch.full((6, 1), 0.3).double(), 1.2).on(grid).values
    volume = Volume(torch.cat([found.on(grid).values, mixed]), grid, ("C", "all"))
    regressed = regress_channels(volume, {0: found}, [1])
    assert regressed.channels == ("all",)
    torch.testing.assert_close(regressed.on(grid).values, mixed, atol=1e-5, rtol=0)
    assert regress_channels(volume, {}, [0, 1]) is None
    assert regress_channels(volume, {0: found}, []) is None


def test_known_atoms_are_exact_where_the_atoms_are_right():
    atoms = RBFField(4 * random(20, 3), random(20, 2).abs(), 1.0 + random(20).abs(), channels=("a", "b"))
    grid = Grid.around(atoms.centers, spacing=2.5)
    target = atoms.scaled(torch.tensor([[0.5, 3.0]]).double())
    result, _ = superresolve(target.on(grid), "known_atoms", atoms=atoms)
    assert psnr(result, target, grid.refined(3)).all_nodes > 100


def test_known_atoms_fit_each_weight():
    centers = 5 * random(20, 3)
    target = RBFField(centers, 1 + 0.3 * random(20, 1), 1.4)
    atoms = RBFField(centers, torch.ones(20, 1).double(), 1.4)
    grid = Grid.around(centers, spacing=1.5)
    common, free = (
        superresolve(target.on(grid), "known_atoms", atoms=atoms, weights=weights)[0] for weights in ("common", "free")
    )
    fine = grid.refined(3)
    assert psnr(free, target, fine).all_nodes > max(60, psnr(common, target, fine).all_nodes + 10)
    with pytest.raises(ValueError, match="weights: expected one of common, free, got 'none'"):
        superresolve(target.on(grid), "known_atoms", atoms=atoms, weights="none")
    with pytest.raises(ValueError, match="channels"):
        superresolve(Volume(target.on(grid).values, grid, ("x",)), "known_atoms", atoms=atoms)
