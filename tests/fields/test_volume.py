"""Volumes: interpolation, derivatives and arithmetic, in double precision."""

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import map_coordinates

from tg_molfield import Field, Grid, RBFField, Volume
from tg_molfield.fields import AtomList
from tg_molfield.fields.combination import LinearCombination

AXES = ((0.4, 0.1, 0.0), (-0.2, 0.5, 0.1), (0.0, 0.3, -0.6))
KIND = pytest.mark.parametrize("kind", ["linear", "cubic"])
PERIODIC = pytest.mark.parametrize(
    "periodic", [(False,) * 3, (True,) * 3, (True, False, True)], ids=["no", "yes", "mixed"]
)
SHAPE = pytest.mark.parametrize("shape", [(7, 8, 9), (1, 5, 4), (2, 3, 2), (1, 1, 1)], ids=str)


def noise(shape=(7, 8, 9), kind="cubic", periodic=False, channels=3, **options) -> Volume:
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(channels, *shape, generator=generator, dtype=torch.float64)
    return Volume(values, Grid((-1.0, 2.0, 0.3), AXES, shape), interpolation=kind, periodic=periodic, **options)


def inside(volume: Volume, n: int = 30, seed: int = 1) -> torch.Tensor:
    """Points between the nodes, and around the end of a period."""
    generator = torch.Generator().manual_seed(seed)
    steps = torch.rand(n, 3, generator=generator, dtype=torch.float64)
    span = torch.tensor([m if p else m - 1 for m, p in zip(volume.grid.shape, volume.periodic, strict=True)])
    return volume.grid.origin_tensor() + (steps * span) @ volume.grid.axes_tensor()


@SHAPE
@PERIODIC
@KIND
def test_exact_at_the_nodes(kind, periodic, shape):
    volume = noise(shape, kind, periodic)
    nodes = volume.grid.points(torch.float64)
    assert torch.allclose(volume(nodes), volume.values.flatten(1).T, rtol=0, atol=1e-12)


@SHAPE
@PERIODIC
@KIND
def test_repeats_by_its_cell(kind, periodic, shape):
    volume = noise(shape, kind, periodic)
    x = inside(volume)
    lattice = torch.tensor([3.0, -2.0, 11.0], dtype=torch.float64) * torch.tensor(periodic) @ volume.grid.cell
    assert torch.allclose(volume(x + lattice), volume(x), rtol=0, atol=1e-11)


@pytest.mark.parametrize(("periodic", "mode"), [(True, "grid-wrap"), (False, "mirror")])
@pytest.mark.parametrize(("kind", "order"), [("linear", 1), ("cubic", 3)])
def test_agrees_with_scipy(kind, order, periodic, mode):
    volume = noise(kind=kind, periodic=periodic)
    x = inside(volume, 100)
    steps = volume.grid.fractional(x).numpy().T
    expected = [map_coordinates(values.numpy(), steps, order=order, mode=mode) for values in volume.values]
    assert np.abs(volume(x).numpy().T - np.array(expected)).max() < 1e-10


@pytest.mark.parametrize(("periodic", "mode"), [(False, "mirror"), (True, "grid-wrap")])
def test_long_axes_take_memory_linear_in_their_nodes(periodic, mode):
    volume = noise((200_000, 2, 1), channels=1, periodic=periodic).to(torch.float64)
    steps = torch.rand(200, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    steps = torch.cat([steps, steps + torch.tensor([199_998, 0, 0])]) * torch.tensor([1.0, 1.0, 0.0])
    points = volume.grid.origin_tensor() + steps @ volume.grid.axes_tensor()
    expected = map_coordinates(volume.values[0].numpy(), steps.T.numpy(), order=3, mode=mode)
    assert np.allclose(volume(points)[:, 0], expected, rtol=0, atol=1e-9)


def test_outside_is_nothing_and_the_border_belongs_to_the_grid():
    volume = noise(periodic=(True, False, False))
    a, b, c = volume.grid.axes_tensor()
    corner = volume.grid.origin_tensor() + 7 * b + 8 * c
    values = volume(torch.stack([corner, corner + 1e-5 * b, corner + 0.1 * b, corner - 7.1 * b, corner + 4 * a]))
    assert torch.allclose(values[1], values[0], atol=1e-4)
    assert not values[2:4].any()
    assert values[4].all()
    assert not volume.gradient((corner + 0.1 * b)[None]).any()


def test_point_that_is_not_a_number_has_no_value():
    for periodic in (False, True):
        x = torch.tensor([[torch.nan, 0, 0]], dtype=torch.float64)
        assert noise(periodic=periodic)(x).isnan().all()


@KIND
def test_no_points_and_no_channels(kind):
    volume = noise(kind=kind)
    empty = torch.zeros(0, 3, dtype=torch.float64)
    assert volume(empty).shape == (0, 3)
    assert volume.gradient(empty).shape == (0, 3, 3)
    nothing = Volume(torch.zeros(0, 2, 2, 2), Grid.cube((0, 0, 0), 1, 2), interpolation=kind)
    assert nothing(torch.zeros(4, 3)).shape == (4, 0)
    assert nothing.gradient(torch.zeros(4, 3)).shape == (4, 0, 3)


@PERIODIC
@KIND
def test_gradient_is_autograd_is_finite_difference(kind, periodic):
    volume = noise(kind=kind, periodic=periodic)
    x = inside(volume)
    gradient = volume.gradient(x)
    assert torch.allclose(gradient, Field.gradient(volume, x), rtol=0, atol=1e-11)
    for axis, step in enumerate(1e-6 * torch.eye(3, dtype=torch.float64)):
        slope = (volume(x + step) - volume(x - step)) / 2e-6
        assert torch.allclose(gradient[..., axis], slope, rtol=0, atol=1e-7)


@KIND
def test_gradient_at_the_last_node_agrees_with_autograd(kind):
    volume = noise(kind=kind)
    nodes = volume.grid.points(torch.float64)
    assert torch.allclose(volume.gradient(nodes), Field.gradient(volume, nodes), rtol=0, atol=1e-11)


@PERIODIC
@KIND
def test_differentiable_twice_by_points_and_values(kind, periodic):
    x = inside(noise((3, 4, 2), kind, periodic), 4).requires_grad_()
    values = noise((3, 4, 2), channels=2).values.requires_grad_()

    def evaluate(values, x):
        return Volume(values, Grid((-1.0, 2.0, 0.3), AXES, (3, 4, 2)), None, kind, None, periodic)(x)

    def slope(values, x):
        return Volume(values, Grid((-1.0, 2.0, 0.3), AXES, (3, 4, 2)), None, kind, None, periodic).gradient(x)

    assert torch.autograd.gradcheck(evaluate, (values, x))
    assert torch.autograd.gradgradcheck(evaluate, (values, x))
    assert torch.autograd.gradcheck(slope, (values, x))


def test_backward_more_than_once():
    values = noise().values.requires_grad_()
    volume = Volume(values, noise().grid, interpolation="cubic")
    x = inside(volume)
    volume(x).sum().backward()
    first = values.grad.clone()
    volume(x).sum().backward()
    assert torch.allclose(values.grad, 2 * first)


def test_first_used_in_inference_mode():
    volume = noise()
    x = inside(volume)
    with torch.inference_mode():
        volume(x)
    volume(x.requires_grad_()).sum().backward()
    assert x.grad.abs().sum() > 0


def test_cubic_gains_four_digits_where_linear_gains_two():
    field = RBFField(torch.zeros(1, 3, dtype=torch.float64), torch.ones(1, dtype=torch.float64), 1.0)
    x = torch.randn(200, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    error = {
        (kind, n): float((field.on(Grid.cube((0, 0, 0), 12.0, n)).interpolated(kind)(x) - field(x)).abs().max())
        for kind in ("linear", "cubic")
        for n in (25, 49)
    }
    assert error["linear", 25] / error["linear", 49] > 3.3
    assert error["cubic", 25] / error["cubic", 49] > 12
    assert error["cubic", 49] < 1e-4


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_to(dtype):
    atoms = AtomList(torch.tensor([6]), torch.zeros(1, 3, dtype=torch.float64))
    volume = noise(atoms=atoms, periodic=True).to(dtype)
    assert volume.dtype == volume.atoms.pos.dtype == dtype
    assert volume.atoms.z.dtype == torch.int64
    assert volume.periodic == (True, True, True)
    assert volume.interpolation == "cubic"
    assert noise().to("cpu").atoms is None
    assert volume(torch.zeros(1, 3, dtype=dtype)).dtype == dtype


def test_arithmetic_on_one_grid_gives_a_volume():
    a, b = noise(), 2 * noise() - noise() * 0.5
    assert isinstance(b, Volume)
    assert b.interpolation == "cubic"
    x = inside(a)
    for result, factor in ((a + b, 2.5), (a - b, -0.5), (-a, -1), (a * 3, 3)):
        assert isinstance(result, Volume)
        assert torch.allclose(result(x), factor * a(x))
    assert torch.equal((a + b).values, a.values + b.values)


def test_arithmetic_on_other_grids_is_lazy():
    a = noise()
    others = [noise((6, 8, 9)), a.interpolated("linear"), a.interpolated("cubic", periodic=True)]
    x = inside(others[0])
    for other in others:
        for result, sign in ((a + other, 1), (a - other, -1)):
            assert isinstance(result, LinearCombination)
            assert torch.allclose(result(x), a(x) + sign * other(x))
    with pytest.raises(ValueError, match=r"channels: expected .* in all fields"):
        _ = a + a["0", "1"]
    with pytest.raises(TypeError):
        _ = a + 1
    with pytest.raises(TypeError):
        _ = a * a


def test_channels_are_selected_by_name():
    volume = noise(periodic=True)
    chosen = volume["2", "0"]
    assert chosen.channels == ("2", "0")
    assert torch.equal(chosen.values, volume.values[[2, 0]])
    assert chosen.periodic == volume.periodic
    with pytest.raises(KeyError, match=r"channels: expected some of .* got 'C'"):
        _ = volume["C"]


def test_integral_of_a_gaussian():
    field = RBFField(torch.zeros(1, 3, dtype=torch.float64), torch.tensor([[1.0, -2.0]]).double(), 1.0)
    volume = field.on(Grid((-8.0, -8.0, -8.0), ((0.5, 0, 0), (0.1, 0.5, 0), (0, 0.1, 0.5)), (33, 33, 33)))
    exact = (2 * np.pi) ** 1.5
    assert volume.integral().tolist() == pytest.approx([exact, -2 * exact], rel=1e-4)


def test_resampled():
    volume = noise(periodic=(True, False, True))
    cell = volume.grid.cell
    whole = volume.resampled(Grid.from_cell(cell[[2, 1, 0]] * torch.tensor([[2.0], [1.0], [1.0]]), (9, 4, 5)))
    assert whole.periodic == (True, False, True)
    assert whole.interpolation == "cubic"
    assert torch.allclose(whole.values.flatten(1).T, volume(whole.grid.points(torch.float64)))
    mixed = volume.resampled(Grid.from_cell(cell + cell[[1, 2, 0]], (3, 3, 3)))
    assert mixed.periodic == (False, False, True)
    assert volume.resampled(Grid.cube((0, 0, 0), 1, 3)).periodic == (False, False, False)


def test_periodic_field_from_its_samples():
    cell = torch.tensor([[5.0, 0, 0], [1.5, 5, 0], [0, -1, 6]], dtype=torch.float64)
    centers = torch.randn(4, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    field = RBFField(centers, torch.ones(4, dtype=torch.float64), 0.9, cell=cell)
    volume = field.on(Grid.from_cell(cell, (24, 24, 28))).interpolated("cubic")
    x = 20 * torch.randn(100, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    assert torch.allclose(volume(x), field(x), rtol=0, atol=1e-3)
    assert torch.allclose(volume.gradient(x), field.gradient(x), rtol=0, atol=1e-2)


def test_far_from_the_origin_in_single_precision():
    grid = Grid((900.1, -800.3, 700.7), AXES, (20, 20, 20))
    values = torch.ones(1, *grid.shape)
    assert torch.allclose(Volume(values, grid)(grid.points(torch.float32)), torch.ones(1))


def test_the_size_of_the_parts_does_not_matter(monkeypatch):
    volume = noise()
    x = inside(volume, 100)
    together = volume(x), volume.gradient(x)
    monkeypatch.setattr("tg_molfield.fields.splines._BYTES_AT_ONCE", 50_000)
    assert torch.allclose(volume(x), together[0], rtol=0, atol=1e-13)
    assert torch.allclose(volume.gradient(x), together[1], rtol=0, atol=1e-13)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"values": torch.zeros(2, 2)}, r"values: expected shape \[C, 2, 2, 2\], got \[2, 2\]"),
        ({"values": torch.zeros(1, 2, 2, 3)}, r"got \[1, 2, 2, 3\]"),
        ({"values": torch.zeros(2, 2, 2, dtype=torch.int64)}, "expected floats, got torch.int64"),
        ({"channels": ("a", "b")}, "expected 1 different names"),
        ({"interpolation": "quintic"}, "expected one of linear, cubic"),
        ({"periodic": (True, False)}, "expected True or False, or three of them"),
        ({"periodic": 1}, "expected True or False, or three of them, got 1"),
    ],
)
def test_bad_volumes(arguments, message):
    with pytest.raises(ValueError, match=message):
        Volume(**{"values": torch.zeros(1, 2, 2, 2), "grid": Grid.cube((0, 0, 0), 1, 2), **arguments})


def test_repr():
    assert repr(noise()) == "Volume(7×8×9, channels=0 1 2, interpolation='cubic')"
    assert repr(noise(periodic=(True, False, False))).endswith("interpolation='cubic', periodic=(True, False, False))")


def test_a_volume_has_its_samples_at_its_own_nodes():
    grid = Grid.cube((20.3, 0.0, 0.0), 4.0, 9)
    values = torch.ones(1, 9, 9, 9)
    values[0, 3, 3, 3], values[0, 5, 5, 5] = math.nan, math.inf
    for interpolation in ("linear", "cubic"):
        found = Volume(values, grid, interpolation=interpolation).on(grid)
        torch.testing.assert_close(found.values, values, equal_nan=True, rtol=0, atol=0)
        assert found.values.data_ptr() != values.data_ptr()
    with pytest.raises(ValueError, match=r"values: expected finite numbers for a cubic spline.*, got 2 that are not"):
        Volume(values, grid, interpolation="cubic")(grid.points())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_nodes_on_the_border_count_as_inside_as_far_as_numbers_resolve(dtype):
    center = 1000.3 if dtype == torch.float32 else 20.3
    grid = Grid.cube((center, 0.0, 0.0), 0.08 if dtype == torch.float32 else 4.0, 9)
    volume = Volume(torch.ones(1, 9, 9, 9, dtype=dtype), grid)
    assert bool((volume(grid.points(dtype)) > 0.9).all())
    outside = torch.tensor([[center + 30.0, 0.0, 0.0]], dtype=dtype)
    assert not volume(outside).any()


def test_integrals_of_half_precision_do_not_overflow():
    volume = Volume(torch.ones(1, 50, 50, 50, dtype=torch.float16), Grid.cube((0.0, 0.0, 0.0), 49.0, 50))
    assert volume.integral().tolist() == [125000.0]


def test_positions_are_not_rounded_to_integers():
    grid = Grid.cube((0.0, 0.0, 0.0), 4.0, 3)
    assert grid.fractional(torch.ones(1, 3)).tolist() == [[1.5, 1.5, 1.5]]
    with pytest.raises(ValueError, match=r"pos: expected floats, got torch.int64"):
        grid.fractional(torch.tensor([[1, 1, 1]]))
