"""Grids: where the nodes lie, and what is refused."""

import numpy as np
import pytest
import torch

from tg_molfield import Grid

AXES = ((0.4, 0.1, 0.0), (-0.2, 0.5, 0.1), (0.0, 0.3, 0.6))
GRID = Grid((1.0, -2.0, 0.5), AXES, (4, 3, 6))


def test_points_run_through_the_last_axis_first():
    nodes = GRID.points(torch.float64).reshape(4, 3, 6, 3)
    for index in ((0, 0, 0), (3, 2, 5), (1, 0, 4)):
        expected = np.array(GRID.origin) + np.array(index) @ np.array(AXES)
        assert nodes[index].tolist() == pytest.approx(expected.tolist())
    assert GRID.num_nodes == 72 == len(GRID.points())
    assert GRID.points().dtype == torch.get_default_dtype()


def test_fractional_is_the_inverse_of_points():
    index = torch.cartesian_prod(*(torch.arange(n, dtype=torch.float64) for n in GRID.shape))
    assert torch.allclose(GRID.fractional(GRID.points(torch.float64)), index, atol=1e-12)


def test_a_grid_is_a_value():
    same = Grid([1, -2, 0.5], [list(axis) for axis in AXES], np.array([4, 3, 6]))
    assert same == GRID
    assert hash(same) == hash(GRID)
    assert eval(repr(GRID)) == GRID
    assert Grid((0, 0, 0), AXES, torch.Size([4, 3, 6])) != GRID


def test_volumes():
    volume = abs(np.linalg.det(np.array(AXES)))
    assert GRID.voxel_volume == pytest.approx(volume)
    assert abs(float(torch.linalg.det(GRID.cell))) == pytest.approx(volume * 72)
    assert not GRID.is_orthogonal
    turned = Grid((0, 0, 0), ((0.6, 0.8, 0), (-0.8, 0.6, 0), (0, 0, 2)), (1, 1, 1))
    assert turned.is_orthogonal


@pytest.mark.parametrize("n", [1, 2, 30])
def test_around_holds_every_position(n):
    pos = torch.randn(n, 3, generator=torch.Generator().manual_seed(n)) * 3
    grid = Grid.around(pos, spacing=0.7, margin=1.5)
    nodes = grid.points(torch.float64)
    assert (nodes.amin(0) <= pos.amin(0) - 1.5 + 1e-9).all()
    assert (nodes.amax(0) >= pos.amax(0) + 1.5 - 1e-9).all()
    assert (nodes.amax(0) - pos.amax(0) <= 1.5 + 0.7).all()
    middle = (pos.amin(0) + pos.amax(0)).double() / 2
    assert torch.allclose((nodes.amin(0) + nodes.amax(0)) / 2, middle)


def test_around_one_point_without_margin():
    assert Grid.around(torch.zeros(1, 3), spacing=1.0, margin=0.0).shape == (2, 2, 2)


def test_cube_has_its_ends():
    grid = Grid.cube(torch.tensor([1.0, 2, 3]), 4.0, 5)
    nodes = grid.points(torch.float64)
    assert nodes[0].tolist() == [-1, 0, 1]
    assert nodes[-1].tolist() == [3, 4, 5]
    assert grid.shape == (5, 5, 5)


def test_from_cell_leaves_the_end_out():
    cell = torch.tensor([[6.0, 0, 0], [2.0, 5, 0], [-1.0, 1, 7]])
    grid = Grid.from_cell(cell, (4, 5, 7), origin=(1, 1, 1))
    assert torch.allclose(grid.cell, cell.double())
    last = grid.points(torch.float64)[-1]
    assert torch.allclose(last, 1 + torch.tensor([3 / 4, 4 / 5, 6 / 7], dtype=torch.float64) @ cell.double())


def test_from_cell_with_a_spacing():
    cell = torch.tensor([[[4.0, 0, 0], [0.5, 5, 0], [0, 0, 6.1]]])
    grid = Grid.from_cell(cell, spacing=0.5)
    assert grid == Grid.from_cell(cell[0], (8, 11, 13))
    assert Grid.from_cell(cell, spacing=100).shape == (1, 1, 1)


@pytest.mark.parametrize("factor", [1, 2, 5])
def test_refined_and_coarsened(factor):
    fine = GRID.refined(factor)
    back = fine.coarsened(factor)
    assert back.shape == GRID.shape
    assert np.allclose(back.axes, GRID.axes)
    nodes = fine.points(torch.float64).reshape(*fine.shape, 3)[::factor, ::factor, ::factor].reshape(-1, 3)
    assert torch.allclose(nodes, GRID.points(torch.float64))
    coarse = GRID.coarsened(factor).points(torch.float64)
    every = GRID.points(torch.float64).reshape(*GRID.shape, 3)[::factor, ::factor, ::factor].reshape(-1, 3)
    assert torch.allclose(coarse, every)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((0, 0), AXES, (1, 1, 1)), r"origin: expected three finite numbers in Å, got \(0, 0\)"),
        (((0, 0, float("nan")), AXES, (1, 1, 1)), "origin: expected"),
        (((0, 0, 0), AXES[:2], (1, 1, 1)), "axes: expected three step vectors, got 2"),
        (((0, 0, 0), (AXES[0], AXES[1], (0, float("inf"), 0)), (1, 1, 1)), "axes: expected"),
        (((0, 0, 0), (AXES[0], AXES[1], AXES[0]), (1, 1, 1)), "step vectors that span space"),
        (((0, 0, 0), (AXES[0], AXES[1], (0, 0, 0)), (1, 1, 1)), "step vectors that span space"),
        (((0, 0, 0), AXES, (1, 0, 1)), r"shape: expected three integers of at least 1, got \(1, 0, 1\)"),
        (((0, 0, 0), AXES, (1, 2.5, 1)), r"shape\[1\]: expected an integer, got 2.5"),
        (((0, 0, 0), AXES, (1, 2)), "three"),
    ],
)
def test_bad_grids(arguments, message):
    with pytest.raises(ValueError, match=message):
        Grid(*arguments)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Grid.around(torch.zeros(0, 3)), "N ≥ 1"),
        (lambda: Grid.around(torch.zeros(3)), "shape"),
        (lambda: Grid.around(torch.full((1, 3), torch.nan)), "NaN or infinity"),
        (lambda: Grid.around(torch.zeros(1, 3), spacing=0), "spacing: expected .* got 0"),
        (lambda: Grid.around(torch.zeros(1, 3), spacing=float("nan")), "spacing: expected .* got nan"),
        (lambda: Grid.around(torch.zeros(1, 3), spacing=float("inf")), "spacing: expected .* got inf"),
        (lambda: Grid.around(torch.zeros(1, 3), margin=-1), "margin: expected .* got -1"),
        (lambda: Grid.around(torch.zeros(1, 3), margin=float("inf")), "margin: expected .* got inf"),
        (lambda: Grid.cube((0, 0, 0), 0, 3), "side: expected .* got 0"),
        (lambda: Grid.cube((0, 0, 0), 1, 1), "n: expected at least 2 nodes an axis, got 1"),
        (lambda: Grid.cube((0, 0), 1, 3), "center: expected three"),
        (lambda: Grid.from_cell(torch.eye(2), (1, 1, 1)), r"cell: expected shape \[1, 3, 3\], got \[2, 2\]"),
        (lambda: Grid.from_cell(torch.eye(3)), "shape: expected either shape or spacing, got neither; give one"),
        (lambda: Grid.from_cell(torch.eye(3), (1, 1, 1), spacing=1.0), "expected either shape or spacing, got both"),
        (
            lambda: Grid.from_cell(torch.eye(3), spacing=0.0),
            "spacing: expected a positive, finite number, got 0.0",
        ),
        (lambda: Grid.from_cell(torch.zeros(3, 3), (1, 1, 1)), "step vectors that span space"),
        (lambda: Grid.from_cell(torch.eye(3), (1, 1, 0)), "shape: expected three integers"),
        (lambda: GRID.refined(0), "factor: expected .* got 0"),
        (lambda: GRID.coarsened(1.5), "factor: expected .* got 1.5"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_grid_on_whole_steps_covers_the_grid():
    grid = Grid((-3.1, 0.2, 0.5), ((0.5, 0.0, 0.0), (0.1, 0.4, 0.0), (0.0, 0.0, 0.25)), (5, 6, 7))
    moved = grid.on_lattice()
    first = moved.origin_tensor() @ torch.linalg.inv(moved.axes_tensor())
    assert torch.allclose(first, first.round(), atol=1e-9)
    assert moved.axes == grid.axes
    steps = moved.fractional(grid.points(torch.float64))
    assert steps.min() > -1e-6
    assert (steps.amax(0) < torch.tensor(moved.shape) - 1 + 1e-6).all()
    assert [new - old for new, old in zip(moved.shape, grid.shape, strict=True)] == [1, 1, 0]
    assert moved.on_lattice() == moved
