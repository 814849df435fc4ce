"""Sums on grids against a plain sum in double precision."""

import gzip

import pytest
import torch
from engine_reference import PHI, cloud, exact, nodes, protein, scale, worst
from scipy.spatial.transform import Rotation

from tg_molfield import Grid, RBFField
from tg_molfield.fields import get_kernel
from tg_molfield.fields.engine import sum_at_points, sum_on_grid, sums_on_each_grid, sums_on_grids
from tg_molfield.fields.engine.reference import grid_blocks, grids

TURN = Rotation.from_euler("xyz", [0.4, -1.1, 2.0]).as_matrix()
GRIDS = {
    "cube": Grid.cube((0.2, -0.1, 0.3), 9.0, 21),
    "box": Grid((-3.0, -4.0, -2.0), ((0.4, 0, 0), (0, 0.35, 0), (0, 0, 0.3)), (19, 34, 17)),
    "rotated": Grid((-4.0, 1.0, 2.0), tuple(map(tuple, TURN * [[0.5], [0.4], [0.6]])), (18, 9, 20)),
    "sheared": Grid((-3.0, -4.0, -2.0), ((0.5, 0.1, 0), (0.2, 0.4, 0), (0, -0.3, 0.5)), (13, 18, 10)),
    "node": Grid((0.1, 0.2, 0.3), ((1, 0, 0), (0, 1, 0), (0, 0, 1)), (1, 1, 1)),
    "plane": Grid((-3.0, 0.2, -2.0), ((0.4, 0, 0), (0, 0.35, 0), (0, 0, 0.3)), (17, 1, 33)),
}
WHERE = pytest.mark.parametrize("where", GRIDS)
WIDTHS = pytest.mark.parametrize("widths", ["shared", "own"])
DEVICES = [
    "cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")),
]
SMALL = pytest.mark.parametrize("small", [True, False])


@pytest.fixture
def _cut(small, monkeypatch):
    """Without it, grids as small as these are one block and one region."""
    if not small:
        monkeypatch.setattr(grids, "_FLOATS_OF_A_SMALL_GRID", 0)
        monkeypatch.setattr(grid_blocks, "_REGION_FLOATS", 2**13)


@WHERE
@WIDTHS
@SMALL
@pytest.mark.parametrize("kernel", PHI)
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.usefixtures("_cut")
def test_values(kernel, widths, where, device):
    grid, parts = GRIDS[where], cloud(20, widths=widths, one_hot=widths == "own", device=device, scale=scale(kernel))
    reference = exact(*parts, kernel, nodes(grid)).T.reshape(-1, *grid.shape)
    assert worst(sum_on_grid(*parts, get_kernel(kernel), grid), reference) < 2e-12
    low = [x.float() for x in parts]
    reference = exact(*low, kernel, nodes(grid)).T.reshape(-1, *grid.shape)
    assert worst(sum_on_grid(*low, get_kernel(kernel), grid), reference) < 2e-6


@pytest.mark.parametrize("where", ["cube", "sheared"])
@WIDTHS
@SMALL
@pytest.mark.parametrize("kernel", ["gaussian", "wendland_c4", "inverse_multiquadric"])
@pytest.mark.usefixtures("_cut")
def test_first_and_second_derivatives(kernel, widths, where):
    grid = Grid(GRIDS[where].origin, tuple(tuple(4 * x for x in axis) for axis in GRIDS[where].axes), (3, 2, 4))
    inputs = tuple(x.requires_grad_() for x in cloud(3, channels=2, widths=widths, spread=1.0, scale=scale(kernel)))
    assert torch.autograd.gradcheck(lambda *x: sum_on_grid(*x, get_kernel(kernel), grid), inputs)
    assert torch.autograd.gradgradcheck(lambda *x: sum_on_grid(*x, get_kernel(kernel), grid), inputs)


@pytest.mark.parametrize("where", ["box", "sheared"])
@pytest.mark.parametrize("wanted", ["111", "100", "010", "001", "110"])
@pytest.mark.parametrize("kernel", ["gaussian", "slater"])
@SMALL
@pytest.mark.usefixtures("_cut")
def test_gradients_are_those_at_points(kernel, wanted, where):
    grid, parts = GRIDS[where], cloud(20, one_hot=True)
    inputs = [x.requires_grad_(flag == "1") for x, flag in zip(parts, wanted, strict=True)]
    leaves = [x for x in inputs if x.requires_grad]
    pos, owners = nodes(grid), torch.zeros(grid.num_nodes, dtype=torch.long)
    at_points = sum_at_points(*inputs, get_kernel(kernel), owners[:20], pos, owners, 1)
    sign = torch.cos(torch.arange(at_points.numel())).double().view_as(at_points)
    expected = torch.autograd.grad(at_points, leaves, sign)
    on_grid = sum_on_grid(*inputs, get_kernel(kernel), grid)
    found = torch.autograd.grad(on_grid, leaves, sign.T.reshape(on_grid.shape))
    for one, two in zip(found, expected, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-9, atol=1e-9)


@WIDTHS
@SMALL
@pytest.mark.parametrize("kernel", ["gaussian", "wendland_c2"])
@pytest.mark.parametrize(("n", "channels"), [(0, 2), (3, 0), (1, 1)])
@pytest.mark.usefixtures("_cut")
def test_empty_and_single(kernel, widths, n, channels):
    parts = [x.requires_grad_() for x in cloud(n, max(channels, 1), widths)]
    inputs = [parts[0], parts[1][:, :channels], parts[2] if widths == "shared" else parts[2][:, :channels]]
    values = sum_on_grid(*inputs, get_kernel(kernel), GRIDS["box"])
    assert values.shape == (channels, *GRIDS["box"].shape)
    values.sum().backward()
    reference = exact(*inputs, kernel, nodes(GRIDS["box"])).T.reshape(values.shape)
    torch.testing.assert_close(values.detach(), torch.from_numpy(reference))


def test_channels_without_atoms_are_zero():
    centers, weights, widths = cloud(5)
    weights[:, 1] = 0
    assert (sum_on_grid(centers, weights, widths, get_kernel("gaussian"), GRIDS["cube"])[1] == 0).all()


@pytest.mark.parametrize("offset", [1e3, 1e5])
@pytest.mark.parametrize("kernel", ["gaussian", "slater"])
def test_far_from_the_origin(offset, kernel):
    centers, weights, widths = cloud(15, dtype=torch.float32)
    centers = centers + offset
    grid = Grid.cube((offset, offset, offset), 9.0, 20)
    reference = exact(centers, weights, widths, kernel, nodes(grid)).T.reshape(-1, *grid.shape)
    assert worst(sum_on_grid(centers, weights, widths, get_kernel(kernel), grid), reference) < 2e-6


@SMALL
@pytest.mark.parametrize("kernel", ["gaussian", "wendland_c4", "inverse_multiquadric"])
@pytest.mark.parametrize("one_hot", [False, True])
@pytest.mark.usefixtures("_cut")
def test_many_grids_at_once(kernel, one_hot):
    sizes = [6, 0, 9, 1]
    graphs = [cloud(n, seed=i, one_hot=one_hot) for i, n in enumerate(sizes)]
    grids = [Grid.cube((0.3 * i, 0, 0), 7.0 + i, 18) for i in range(4)]
    batch = torch.repeat_interleave(torch.tensor(sizes))
    inputs = [torch.cat(x).requires_grad_() for x in zip(*graphs, strict=True)]
    values = sums_on_grids(*inputs, get_kernel(kernel), batch, grids)
    alone = [sum_on_grid(*graph, get_kernel(kernel), grid) for graph, grid in zip(graphs, grids, strict=True)]
    torch.testing.assert_close(values.detach(), torch.stack(alone))
    out = torch.full_like(values.detach(), torch.nan)
    with torch.no_grad():
        assert sums_on_grids(*inputs, get_kernel(kernel), batch, grids, out).data_ptr() == out.data_ptr()
    torch.testing.assert_close(out, torch.stack(alone))
    found = torch.autograd.grad(values.sin().sum(), inputs)
    parts = [torch.cat(x).requires_grad_() for x in zip(*graphs, strict=True)]
    split = zip(*(x.split(sizes) for x in parts), strict=True)
    single = torch.stack([sum_on_grid(*x, get_kernel(kernel), grid) for x, grid in zip(split, grids, strict=True)])
    for one, two in zip(found, torch.autograd.grad(single.sin().sum(), parts), strict=True):
        torch.testing.assert_close(one, two)


@pytest.mark.parametrize("kernel", ["gaussian", "inverse_multiquadric"])
@pytest.mark.parametrize("device", DEVICES)
def test_grids_of_any_shapes(kernel, device):
    sizes, grids = [6, 0, 9, 1, 3, 2], list(GRIDS.values())
    graphs = [cloud(n, seed=i, dtype=torch.float32, device=device) for i, n in enumerate(sizes)]
    batch = torch.repeat_interleave(torch.tensor(sizes)).to(device)
    parts = [torch.cat(x) for x in zip(*graphs, strict=True)]
    found = sums_on_each_grid(*parts, get_kernel(kernel), batch, grids)
    for values, graph, grid in zip(found, graphs, grids, strict=True):
        reference = exact(*graph, kernel, nodes(grid)).T.reshape(-1, *grid.shape)
        torch.testing.assert_close(values.cpu().double(), torch.from_numpy(reference), rtol=0, atol=2e-6)


@pytest.mark.parametrize("kernel", ["gaussian", "wendland_c4"])
@pytest.mark.parametrize("pairs", [2, 40])
def test_grids_of_one_block_in_several_regions(kernel, pairs, monkeypatch):
    """So many centres reach a small grid that not even its channels are worked on at once."""
    monkeypatch.setattr(grid_blocks, "_REGION_PAIRS", pairs)
    grid, parts = Grid.cube((0.2, -0.1, 0.3), 3.0, 5), cloud(20, one_hot=True, scale=scale(kernel))
    reference = exact(*parts, kernel, nodes(grid)).T.reshape(-1, *grid.shape)
    assert worst(sum_on_grid(*parts, get_kernel(kernel), grid), reference) < 2e-12


def check_large(centers, weights, widths, grid):
    values = sum_on_grid(centers, weights, widths, get_kernel("gaussian"), grid).flatten(1)
    some = torch.randperm(grid.num_nodes, generator=torch.Generator().manual_seed(2))[:300]
    pos = nodes(grid)[some]
    assert worst(values[:, some].T, exact(centers, weights, widths, "gaussian", pos)) < 2e-6


def test_protein_like_cloud():
    centers, weights, widths = protein()
    check_large(centers, weights, widths, Grid.around(centers, spacing=0.9))


def test_protein(data_dir):
    path = data_dir / "complexes" / "1iep_protein.pdb.gz"
    if not path.exists():
        pytest.skip(f"{path} is missing")
    with gzip.open(path, "rt") as lines:
        atoms = [line for line in lines if line.startswith(("ATOM", "HETATM"))]
    centers = torch.tensor([[float(line[i : i + 8]) for i in (30, 38, 46)] for line in atoms])
    elements = [line[76:78].strip() for line in atoms]
    weights = torch.tensor([[float(element == kind) for kind in "CHNOS"] for element in elements])
    check_large(centers, weights, torch.ones(len(centers)), Grid.around(centers, spacing=0.8))


@pytest.mark.parametrize("spacing", [0.3, 1.1])
@pytest.mark.parametrize("shear", [0.0, 0.2])
def test_periodic_grids_beyond_the_cell(spacing, shear):
    cell = torch.tensor([[5.0, 0, 0], [1.0, 6, 0], [0.5, -1, 4]], dtype=torch.float64)
    field = RBFField(*cloud(6), cell=cell, pbc=torch.tensor([True, True, False]))
    grid = Grid((-7.0, 3.0, -1.0), ((spacing, shear, 0), (0, spacing, 0), (0, shear, spacing)), (24, 17, 11))
    values = field.on(grid).values
    torch.testing.assert_close(values, field(nodes(grid)).T.reshape(values.shape), rtol=0, atol=1e-7)


@pytest.mark.parametrize(
    ("out", "message"),
    [
        (torch.empty(2, 21, 21, 21, dtype=torch.float64), "out: expected a contiguous torch.float64 tensor"),
        (torch.empty(3, 21, 21, 21), "got torch.float32"),
    ],
)
def test_a_result_that_does_not_fit(out, message):
    with pytest.raises(ValueError, match=message):
        sum_on_grid(*cloud(3), get_kernel("gaussian"), GRIDS["cube"], out)


def test_a_result_where_gradients_are_recorded():
    centers, weights, widths = cloud(3)
    out = torch.empty(3, 21, 21, 21, dtype=torch.float64)
    with pytest.raises(ValueError, match="expected inputs without gradients"):
        sum_on_grid(centers.requires_grad_(), weights, widths, get_kernel("gaussian"), GRIDS["cube"], out)


def test_grids_that_do_not_fit():
    centers, weights, widths = cloud(2)
    with pytest.raises(ValueError, match="expected at least one"):
        sums_on_grids(centers, weights, widths, get_kernel("gaussian"), torch.zeros(2, dtype=torch.long), [])
    with pytest.raises(ValueError, match="one by one"):
        sums_on_grids(centers, weights, widths, get_kernel("gaussian"), torch.arange(2), [GRIDS["cube"], GRIDS["box"]])


def test_blocks_differentiate_any_number_of_times():
    parts = [x.requires_grad_() for x in cloud(2, channels=1)]
    grid = Grid.cube((0, 0, 0), 3.0, 4)
    total = sum_on_grid(*parts, get_kernel("gaussian"), grid).sin().sum()
    for _ in range(3):
        total = torch.autograd.grad(total, parts[0], create_graph=True)[0].square().sum()
    assert total.isfinite()
