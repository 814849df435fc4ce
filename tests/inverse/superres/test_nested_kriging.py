import pytest
import torch

from tg_molfield import RBFField, Volume, superresolve
from tg_molfield.fields import Grid
from tg_molfield.inverse.superres.covariance import COVARIANCES, NESTED_SHARES
from tg_molfield.inverse.superres.left_out import first_left_out, kriged_from_others, left_out_nodes
from tg_molfield.inverse.superres.nested_kriging import NUGGET, NestedKriging, likeliest_nested
from tg_molfield.metrics import psnr

SHAPE, STEPS = (6, 5, 4), torch.tensor([1.1, 1.3, 1.6], dtype=torch.float64)
SHORT, LONG = 1.2, 4.8


def nodes(shape=SHAPE, steps=STEPS):
    return torch.cartesian_prod(*(torch.arange(n) * step for n, step in zip(shape, steps, strict=True)))


def dense(share, nugget=NUGGET):
    """The covariance of all nodes, with the nugget on the diagonal of each axis."""

    def product(width, diagonal):
        factors = []
        for count, step in zip(SHAPE, STEPS, strict=True):
            line = torch.arange(count, dtype=torch.float64) * step
            factors.append(torch.exp(-0.5 * ((line[:, None] - line) / width).square()) + diagonal * torch.eye(count))
        return torch.kron(torch.kron(factors[0], factors[1]), factors[2])

    return (1 - share) * product(SHORT, nugget) + share * product(LONG, 0.0)


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("share", [0.0, 0.6])
def test_weights_and_likelihood_are_those_of_the_dense_system(share):
    system, values, covariance = NestedKriging.of(SHAPE, STEPS, SHORT), random(*SHAPE), dense(share)
    expected = torch.linalg.solve(covariance, values.flatten())
    torch.testing.assert_close(system.weights(values, share).flatten(), expected, rtol=1e-5, atol=1e-5)
    count = values.numel()
    cost = torch.logdet(covariance) / count + (values.flatten() @ expected / count).log()
    assert system.cost(system.turned(values), share) == pytest.approx(float(cost), abs=1e-6)


def test_nodes_left_out_get_their_conditional_mean():
    mask, values = left_out_nodes(SHAPE, (1, 1, 1)), random(*SHAPE, seed=1)
    found = kriged_from_others(values, STEPS, mask)
    assert torch.equal(found[~mask], values[~mask])
    others = kriged_from_others(values + 5 * mask, STEPS, mask)
    torch.testing.assert_close(others, found)


def test_estimates_of_a_known_covariance_are_exact():
    """The covariance is given by a sample so smooth that its likeliest width is the widest candidate."""
    grid = Grid.cube((0, 0, 0), 18.0, 16)
    places = 10 * torch.rand(60, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64) - 5
    values = RBFField(places, torch.ones(60).double(), 1.6).on(grid).values[0]
    steps = grid.axes_tensor().norm(dim=1)
    mask = left_out_nodes(grid.shape, first_left_out(0))
    found = kriged_from_others(values, steps, mask)
    assert (found - values)[mask].norm() < 0.02 * values[mask].norm()


def test_sets_left_out_are_disjoint():
    masks = torch.stack([left_out_nodes((9, 9, 9), first_left_out(number)) for number in range(27)])
    assert torch.equal(masks.sum(0), torch.ones(9, 9, 9, dtype=torch.long))
    assert torch.equal(left_out_nodes((9, 9, 9), first_left_out(27)), masks[0])


def body(seed=0):
    """Atoms that fill a ball: where they are is nearly even, and there are none outside."""
    chance = torch.Generator().manual_seed(seed)
    places = torch.cartesian_prod(*(torch.arange(-4, 5) * 2.0,) * 3).double()
    places = places + 0.7 * torch.randn(places.shape, generator=chance, dtype=torch.float64)
    places = places[places.norm(dim=1) < 8]
    return RBFField(places, torch.ones(len(places)).double(), 1.3), Grid.cube((0, 0, 0), 26.0, 11)


def test_a_body_of_atoms_is_nested_and_kriged_better_than_by_splines():
    field, grid = body()
    samples, fine = field.on(grid), grid.refined(4)
    kind, _ = likeliest_nested(samples.values[0], grid.axes_tensor().norm(dim=1))
    assert NESTED_SHARES[kind] > 0
    kriged, _ = superresolve(samples, "kriging")
    assert psnr(kriged, field, fine).all_nodes > psnr(samples.interpolated("cubic"), field, fine).all_nodes


def test_atoms_all_over_are_not_nested():
    places = 40 * torch.rand(900, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    values = (
        RBFField(places, torch.ones(900).double(), 1.2)
        .on(Grid((8, 8, 8), ((1.5, 0, 0), (0, 1.5, 0), (0, 0, 1.5)), (16, 16, 16)))
        .values[0]
    )
    kind, width = likeliest_nested(values - values.mean(), torch.full((3,), 1.5).double())
    assert NESTED_SHARES[kind] <= 0.4
    assert width == pytest.approx(1.2 * 2**0.5, rel=0.15)


def test_zeros_have_a_covariance_too():
    assert likeliest_nested(torch.zeros(5, 5, 5).double(), STEPS) == (
        "gaussian",
        pytest.approx(float(STEPS.prod()) ** (1 / 3)),
    )


def test_nested_fields_are_saved(tmp_path):
    field, grid = body()
    kriged, _ = superresolve(field.on(grid), "kriging")
    assert kriged.lattices[0].kinds[0] in COVARIANCES
    kriged.save(tmp_path / "field.safetensors")
    loaded = type(kriged).load(tmp_path / "field.safetensors")
    assert torch.equal(loaded.on(grid).values, kriged.on(grid).values)


def test_spline_is_the_interpolation(tmp_path):
    field, grid = body()
    samples, fine = field.on(grid), grid.refined(3)
    found, report = superresolve(samples, "spline")
    torch.testing.assert_close(found.on(fine).values, samples.interpolated("cubic").on(fine).values)
    assert report.parameters == report.samples
    found.save(tmp_path / "field.safetensors")
    loaded = type(found).load(tmp_path / "field.safetensors")
    assert torch.equal(loaded.on(fine).values, found.on(fine).values)
    assert torch.equal(found["0"].on(fine).values, found.on(fine).values)


def test_noise_is_told_of():
    noise = Volume(torch.randn(12, 12, 12, generator=torch.Generator().manual_seed(0)), Grid.cube((0, 0, 0), 12.0, 12))
    with pytest.warns(match="noise or steps in 0"):
        superresolve(noise, "kriging")
