"""A periodic field repeats by its cell and is that of all copies, for every kernel and every way to join atoms."""

import pytest
import torch
from invariant_fields import CELLS, JOINED, OF_SPHERES, PERIODIC_SORTS, batched, cloud, crystal, points, written_out

from tg_molfield import Grid, RBFField

CELL = pytest.mark.parametrize("cell", CELLS)
SORT = pytest.mark.parametrize(("join", "kernel"), PERIODIC_SORTS)
TOLERANCE = 2e-6


def greatest(values: torch.Tensor) -> float:
    return float(values[values.isfinite()].abs().max())


@CELL
@SORT
def test_it_repeats_and_is_the_field_of_all_copies(join, kernel, cell):
    parts = crystal(cell, kernel, n=2, join=join)
    field, x = JOINED[join](parts), points(8)
    steps = torch.tensor([2.0, -3.0, 1.0], dtype=torch.float64) * parts.pbc[0]
    values = field(x)
    tolerance = TOLERANCE * greatest(values)
    assert torch.allclose(field(x + steps @ parts.cell[0]), values, rtol=0, atol=tolerance)
    reach = 25.0 if join in OF_SPHERES else parts.kernel.reach(1e-12) * float(parts.widths.max())
    copies = JOINED[join](written_out(parts, cell, x, reach))
    assert torch.allclose(values, copies(x), rtol=0, atol=tolerance)
    assert torch.allclose(field.gradient(x), copies.gradient(x), rtol=0, atol=1e-5 * greatest(copies.gradient(x)))


@CELL
@SORT
def test_grid_and_points_agree_beyond_the_cell(join, kernel, cell):
    field = JOINED[join](crystal(cell, kernel, by_channel=True, n=2, join=join))
    grid = Grid((-9.0, 4.0, -2.0), ((1.1, 0.1, 0.0), (0.0, 0.9, 0.2), (0.3, 0.0, 1.3)), (6, 4, 5))
    direct = field(grid.points(torch.float64)).T.reshape(-1, *grid.shape)
    assert torch.allclose(field.on(grid).values, direct, rtol=0, atol=3e-6 * max(1.0, greatest(direct)))


@pytest.mark.parametrize("cell", ["slab", "wire"])
def test_far_from_a_slab_the_smooth_distance_counts_all_copies(cell):
    parts = crystal(cell, n=2, join="distance")
    x = points(3) + 60 * torch.nn.functional.normalize(torch.tensor([[1.0, -1.0, 0.0]], dtype=torch.float64))
    x = x if cell == "wire" else x + torch.tensor([0.0, 0.0, 60.0], dtype=torch.float64)
    join = JOINED["distance-smooth"]
    copies = join(written_out(parts, cell, x, 130.0))
    assert torch.allclose(join(parts)(x), copies(x), rtol=0, atol=1e-9)


def test_kernel_without_reach_refuses_a_cell():
    with pytest.raises(ValueError, match="inverse_multiquadric"):
        RBFField(torch.zeros(1, 3), torch.ones(1), kernel="inverse_multiquadric", cell=torch.eye(3))(torch.zeros(1, 3))


@pytest.mark.parametrize("join", JOINED)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_samples_over_whole_cells_are_periodic(join, dtype):
    field = JOINED[join](crystal("triclinic", n=2, join=join).to(dtype))
    cell = torch.tensor(CELLS["triclinic"][0], dtype=torch.float64)
    grids = {
        (True, True, True): Grid.from_cell(cell, (3, 2, 4), origin=(0.3, -7.0, 2.0)),
        (False, True, True): Grid.from_cell(cell * torch.tensor([[0.5], [1.0], [3.0]]), (2, 2, 2)),
        (True, False, False): Grid.from_cell([(cell[0] - cell[2]).tolist(), [0, 5.4, 0], [0, 0, 7.001]], (2, 2, 2)),
        (False, False, False): Grid.cube((0, 0, 0), 6.0, 4),
    }
    for periodic, grid in grids.items():
        assert field.on(grid).periodic == periodic
        assert field[field.channels[0]].on(grid).periodic == periodic
        assert (2 * field - field).on(grid).periodic == periodic


@pytest.mark.parametrize(("cell", "periodic"), [("slab", (True, True, False)), ("wire", (False, False, True))])
def test_samples_of_slabs_and_wires_repeat_where_they_do(cell, periodic):
    vectors = torch.tensor(CELLS[cell][0], dtype=torch.float64)
    box = torch.where(vectors.norm(dim=1, keepdim=True) > 0, vectors, 9 * torch.eye(3, dtype=torch.float64))
    assert crystal(cell).on(Grid.from_cell(box, (3, 3, 3))).periodic == periodic


@pytest.mark.parametrize("join", ["sum", "union", "maximum"])
def test_each_function_of_a_batch_repeats_by_its_own_cell(join):
    cells = torch.tensor(
        [[[6.0, 0, 0], [2.0, 5.5, 0], [-1.0, 1.5, 7.0]], torch.diag(torch.tensor([5.0, 6, 7])).tolist()]
    )
    both = batched([cloud(n=2, join=join), cloud(n=3, join=join, seed=1)], cell=cells.double())
    grids = [Grid.from_cell(cell, (3, 3, 3)) for cell in cells]
    assert [volume.periodic for volume in JOINED[join](both).on_each(grids)] == [(True, True, True)] * 2
    assert [volume.periodic for volume in JOINED[join](both).on_each(grids[::-1])] == [(False, False, False)] * 2


def test_a_sum_repeats_only_where_all_of_it_does():
    crystalline, grid = crystal("triclinic"), Grid.from_cell(CELLS["triclinic"][0], (3, 3, 3))
    assert (crystalline + cloud()).on(grid).periodic == (False, False, False)
    assert (crystalline + crystalline.on(grid)).on(grid).periodic == (True, True, True)
