from dataclasses import replace

import pytest
import torch

from tg_molfield import MolField, RBFField, Volume, from_smiles, psnr
from tg_molfield.fields import Grid
from tg_molfield.inverse.superres import LatticeField, superresolve
from tg_molfield.inverse.superres.covariance import COVARIANCES
from tg_molfield.inverse.superres.lattice_kriging import LatticeKriging, likeliest, likeliest_each

HEXAGONAL = Grid((1.0, -2.0, 0.5), ((1.1, 0, 0), (-0.55, 0.9526, 0), (0, 0, 1.0)), (9, 8, 7))
NONE, ALL = (False, False, False), (True, True, True)


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def cloud(grid, count=60, width=1.0, seed=1):
    """Gaussians of one width all over a grid."""
    places = torch.rand(count, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return RBFField(grid.origin_tensor() + places @ grid.cell, torch.ones(count).double(), width)


def test_weights_solve_the_dense_system():
    values, nodes = random(*HEXAGONAL.shape), HEXAGONAL.points(torch.float64)
    covariance = torch.exp(-torch.cdist(nodes, nodes).square() / (2 * 0.8**2))
    weights = LatticeKriging(HEXAGONAL, 0.8, NONE).weights(values)
    assert (covariance @ weights.flatten() - values.flatten()).abs().max() < 1e-4


@pytest.mark.parametrize("periodic", [ALL, (True, True, False), (False, True, False)])
def test_periodic_weights_meet_the_samples(periodic):
    values = random(*HEXAGONAL.shape)
    weights = LatticeKriging(HEXAGONAL, 0.8, periodic).weights(values)
    field = LatticeField(weights[None], HEXAGONAL, (0.8,), ("a",), periodic)
    nodes = HEXAGONAL.points(torch.float64)
    assert (field(nodes)[:, 0] - values.flatten()).abs().max() < 1e-4
    shift = (torch.tensor(periodic).double() * torch.tensor([1.0, -1.0, 2.0])) @ HEXAGONAL.cell
    torch.testing.assert_close(field(nodes + shift), field(nodes), atol=1e-6, rtol=0)
    torch.testing.assert_close(field.on(HEXAGONAL).values.flatten(1).T, field(nodes), atol=1e-5, rtol=0)


@pytest.mark.parametrize("periodic", [NONE, ALL, (True, False, False)])
@pytest.mark.parametrize("kinds", [("gaussian", "matern32"), ("nested_60", "gaussian")])
def test_functions_are_summed_at_nodes_as_elsewhere(periodic, kinds):
    small = replace(HEXAGONAL, shape=(5, 4, 3))
    field = LatticeField(random(2, *small.shape), small, (0.6, 0.9), ("a", "b"), periodic, kinds)
    first = small.origin_tensor() + torch.tensor([-2.3, 0.4, 1.75], dtype=torch.float64) @ small.axes_tensor()
    third = tuple(tuple((axis / count).tolist()) for axis, count in zip(small.axes_tensor(), (1, 3, 2), strict=True))
    for grid in (
        small, small.refined(2, periodic), replace(small, origin=tuple(first.tolist()), axes=third, shape=(60, 7, 5)),
    ):  # fmt: skip
        volume = field.on(grid)
        expected = field(grid.points(torch.float64)).T
        torch.testing.assert_close(volume.values.flatten(1), expected, atol=3e-6, rtol=0)
    assert field.on(small).periodic == periodic


@pytest.mark.parametrize(
    ("width", "kind", "share"), [(0.6, "gaussian", 0), (0.7, "nested_40", 0.4), (2.5, "gaussian", 0)]
)
def test_crystals_are_the_sum_of_all_images(width, kind, share):
    """Functions of which no, some and all Gaussians are summed as waves."""
    small = replace(HEXAGONAL, shape=(6, 5, 4))
    field = LatticeField(random(1, *small.shape), small, (width,), ("a",), ALL, (kind,))
    weights, nodes = field.weights.flatten()[:, None], small.points(torch.float64)
    cell = {"cell": small.cell, "pbc": torch.tensor(ALL)}
    parts = [
        RBFField(nodes, part * weights, factor * width, channels=["a"], **cell)
        for part, factor in ((1 - share, 1.0), (share, 4.0))
        if part
    ]
    points = 20 * random(40, 3, seed=3)
    for name, tolerance in (("__call__", 3e-5), ("gradient", 3e-5), ("laplacian", 1e-4)):
        expected = sum(getattr(part, name)(points) for part in parts)
        torch.testing.assert_close(getattr(field, name)(points), expected, atol=tolerance, rtol=1e-5)
    other = Grid((0.3, 0.1, 0.2), ((0.7, 0.1, 0), (0, 0.6, 0), (0, 0.1, 0.5)), (4, 5, 3))
    expected = field(other.points(torch.float64)).T
    torch.testing.assert_close(field.on(other).values.flatten(1), expected, atol=3e-5, rtol=0)


def test_functions_far_wider_than_the_grid_are_summed_too():
    small = replace(HEXAGONAL, shape=(4, 4, 4))
    field = LatticeField(random(1, 4, 4, 4).float(), small, (40.0,), ("a",))
    expected = field(small.points(torch.float32))[:, 0]
    torch.testing.assert_close(field.on(small).values.flatten(), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("periodic", [NONE, ALL])
def test_fine_grids_are_met_at_the_nodes(periodic):
    """Their many weights of less than 3e-5 of the peak add up to a thousandth of it."""
    cell = 7.0 * torch.tensor([[1, 0, 0], [0.2, 1, 0], [-0.1, 0.1, 1]], dtype=torch.float64)
    grid = Grid.from_cell(cell, (22, 22, 22))
    places = cell.mean(0) + 2 * random(4, 3)
    field = RBFField(places, torch.ones(4, 1).double(), 0.8, **({"cell": cell} if any(periodic) else {}))
    samples = field.on(grid)
    finer = grid.refined(2, periodic)
    found = superresolve(samples, "kriging")[0]
    assert psnr(found, samples, grid).all_nodes > 85
    assert psnr(found, field, finer).all_nodes > psnr(samples.interpolated("cubic"), field, finer).all_nodes


def test_channels_are_judged_each_for_itself():
    grid = Grid((0, 0, 0), HEXAGONAL.axes, (12, 12, 10))
    values = torch.stack([cloud(grid, 200).on(grid).values[0], 0 * random(*grid.shape), random(*grid.shape)])
    kinds = ("gaussian", "exponential")
    together = likeliest_each(values, grid, ALL, kinds)
    assert together == [likeliest(channel, grid, ALL, kinds) for channel in values]
    assert len({(system.kind, system.width) for system in together}) == 3


def test_the_likeliest_width_is_that_of_the_cloud():
    grid = Grid((0, 0, 0), HEXAGONAL.axes, (20, 20, 20))
    system = likeliest(cloud(grid, 400).on(grid).values[0], grid, NONE)
    assert system.width == pytest.approx(2**0.5, rel=0.25)
    assert likeliest(torch.zeros(grid.shape).double(), grid, NONE).width == pytest.approx(grid.voxel_volume ** (1 / 3))


@pytest.mark.parametrize("periodic", [NONE, ALL])
def test_kriging_beats_the_spline_on_oblique_grids(periodic):
    grid = Grid((0, 0, 0), tuple(tuple(1.6 * x for x in axis) for axis in HEXAGONAL.axes), (12, 12, 10))
    places = cloud(grid, 250, 1.2)
    cell = {"cell": grid.cell, "pbc": torch.tensor(periodic)} if any(periodic) else {}
    truth = RBFField(places.centers, places.weights, places.widths, channels=["rho"], **cell)
    samples = Volume(truth.on(grid).values.float(), grid, ["rho"], periodic=periodic)
    field, report = superresolve(samples, "kriging")
    inner = Grid((0.3, 7.0, 5.0), ((0.4, 0.1, 0), (0, 0.4, 0), (0, 0.1, 0.4)), (12, 12, 12))
    exact = truth.on(inner).values.float()
    exact = Volume(exact, inner, ["rho"])
    spline = psnr(samples.interpolated("cubic"), exact, inner).all_nodes
    assert psnr(field, exact, inner).all_nodes > spline + 3
    assert report.psnr_at_nodes.all_nodes > 80


def matern(u, twice_nu):
    scaled = twice_nu**0.5 * u
    return {1: 1, 3: 1 + scaled, 5: 1 + scaled + scaled.square() / 3}[twice_nu] * torch.exp(-scaled)


@pytest.mark.parametrize(("kind", "twice_nu"), [("exponential", 1), ("matern32", 3), ("matern52", 5)])
def test_covariances_are_what_they_are_called(kind, twice_nu):
    u, covariance = torch.linspace(0, 8, 200, dtype=torch.float64), COVARIANCES[kind]
    assert (covariance(u) - matern(u, twice_nu)).abs().max() < 0.02
    assert float(covariance(u)[0]) == pytest.approx(1, abs=1e-9)
    assert covariance(torch.tensor([covariance.reach])) < 1e-6


def test_cusps_are_recognised():
    """Exponentials at nuclei, as in an electron density."""
    grid = Grid.cube((0, 0, 0), 11.0, 24)
    cusps = cloud(grid, 12).with_kernel("slater")
    cusps = RBFField(cusps.centers, cusps.weights, 0.7, "slater", ["rho"])
    samples = cusps.on(grid)
    field, report = superresolve(samples, "kriging")
    assert field.lattices[0].kinds != ("gaussian",)
    assert report.psnr_at_nodes.all_nodes > 70
    fine = grid.refined(2)
    for reader in ("linear", "cubic"):
        assert psnr(field, cusps, fine).all_nodes > psnr(samples.interpolated(reader), cusps, fine).all_nodes + 1
    points = fine.points(torch.float64)[::173]
    on_grid = field.on(fine).values.flatten(1).T[::173]
    torch.testing.assert_close(field(points), on_grid, atol=1e-5, rtol=0)


@pytest.mark.parametrize("noise", [0.0, 1e-5, 1e-4, 1e-3])
def test_a_little_noise_costs_little(noise):
    """A rough covariance whose equations cannot be solved is not taken."""
    molecule = from_smiles("CC(=O)Oc1ccccc1C(=O)O")
    field, grid = MolField("C")(molecule), Grid.around(molecule.pos, spacing=0.5, margin=2.5)
    values = field.on(grid).values
    values = values + noise * torch.randn(values.shape, generator=torch.Generator().manual_seed(0))
    found, cubic = (superresolve(Volume(values, grid, ("C",)), method)[0] for method in ("kriging", "spline"))
    shape = tuple(count - 1 for count in grid.shape)
    between = replace(grid, origin=tuple((grid.origin_tensor() + 0.25).tolist()), shape=shape)
    ratios = [float(psnr(one, field, between).all_nodes) for one in (found, cubic)]
    assert ratios[0] > ratios[1] - 5
    samples = Volume(values, grid, ("C",))
    assert float((found.on(grid).values - values).norm() / samples.values.norm()) < 1e-2


@pytest.mark.parametrize(("noise", "least"), [(0.0, 80), (1e-4, 75), (1e-3, 60)])
def test_oblique_lattices_are_met_at_the_nodes(noise, least):
    molecule = from_smiles("CCO")
    axes = torch.tensor([[0.6, 0, 0], [0.2, 0.6, 0], [0.1, 0.1, 0.6]], dtype=torch.float64)
    origin = molecule.pos.double().mean(0) - 7.5 * axes.sum(0)
    grid = Grid(tuple(origin.tolist()), tuple(map(tuple, axes.tolist())), (16, 16, 16))
    field = MolField("C")(molecule)
    values = field.on(grid).values
    values = values + noise * torch.randn(values.shape, generator=torch.Generator().manual_seed(0))
    found, _ = superresolve(Volume(values, grid, ("C",)))
    assert float((found.on(grid).values - values).norm() / values.norm()) < 1e-3
    between = replace(grid, origin=tuple((origin + axes.sum(0) / 2).tolist()), shape=(15, 15, 15))
    assert float(psnr(found, field, between).all_nodes) > least


def test_fields_that_are_no_gaussians_are_reconstructed_too():
    molecule = from_smiles("CCO")
    mol_field = MolField.preset("promolecule")
    volume = mol_field(molecule).on(Grid.around(molecule.pos, spacing=0.6))
    found, report = superresolve(volume)
    assert set(report.shares["all"]) <= {"kriging", "spline"}
    assert float((found.on(volume.grid).values - volume.values).norm() / volume.values.norm()) < 1e-2
