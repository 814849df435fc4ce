"""Sums at scattered points against a plain sum in double precision."""

import pytest
import torch
from engine_reference import PHI, cloud, exact, protein, worst

from tg_molfield.fields import get_kernel
from tg_molfield.fields.engine import gradient_at_points, sum_at_points
from tg_molfield.fields.engine.reference import points

DEVICES = [
    "cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")),
]
ALL = pytest.mark.parametrize("kernel", PHI)
WIDTHS = pytest.mark.parametrize("widths", ["shared", "own"])
TILED = pytest.mark.parametrize("tiled", [False, True])


@pytest.fixture
def _tiles(tiled, monkeypatch):
    if tiled:
        monkeypatch.setattr(points, "_PAIRS_AT_ONCE", 2)
        monkeypatch.setattr(points, "_PAIRS_WITHOUT_TILES", 1)


def zeros(n, device="cpu"):
    return torch.zeros(n, dtype=torch.long, device=device)


def single(sum_or_gradient, kernel, centers, weights, widths, pos):
    owners = (zeros(len(centers), pos.device), zeros(len(pos), pos.device))
    return sum_or_gradient(centers, weights, widths, get_kernel(kernel), owners[0], pos, owners[1], 1)


@ALL
@WIDTHS
@TILED
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.usefixtures("_tiles")
def test_values(kernel, widths, device):
    parts = cloud(30, widths=widths, device=device)
    pos = torch.randn(200, 3, generator=torch.Generator().manual_seed(5), dtype=torch.float64).to(device) * 3
    assert worst(single(sum_at_points, kernel, *parts, pos), exact(*parts, kernel, pos)) < 1e-12
    low = [x.float() for x in (*parts, pos)]
    assert worst(single(sum_at_points, kernel, *low), exact(*low[:3], kernel, low[3])) < 1e-5


@ALL
@WIDTHS
@TILED
@pytest.mark.usefixtures("_tiles")
def test_gradient_is_the_slope_of_the_values(kernel, widths):
    parts = cloud(12, widths=widths)
    pos = torch.randn(40, 3, generator=torch.Generator().manual_seed(5), dtype=torch.float64) * 2
    gradient = single(gradient_at_points, kernel, *parts, pos)
    h = 1e-4
    for axis in range(3):
        step = torch.eye(3, dtype=torch.float64)[axis] * h
        slope = (exact(*parts, kernel, pos + step) - exact(*parts, kernel, pos - step)) / (2 * h)
        assert worst(gradient[..., axis], slope) < 1e-5


@pytest.mark.parametrize("kernel", ["gaussian", "slater", "wendland_c4", "inverse_multiquadric"])
@WIDTHS
@TILED
@pytest.mark.usefixtures("_tiles")
def test_first_and_second_derivatives(kernel, widths):
    parts = cloud(5, channels=2, widths=widths, spread=1.0)
    pos = torch.randn(4, 3, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    inputs = tuple(x.requires_grad_() for x in (*parts, pos))
    for function in (sum_at_points, gradient_at_points):
        assert torch.autograd.gradcheck(lambda *x, f=function: single(f, kernel, *x), inputs)
    assert torch.autograd.gradgradcheck(lambda *x: single(sum_at_points, kernel, *x), inputs)


@TILED
@pytest.mark.usefixtures("_tiles")
def test_gradients_in_single_precision():
    parts = cloud(24, one_hot=True)
    pos = torch.randn(300, 3, generator=torch.Generator().manual_seed(5), dtype=torch.float64) * 2
    found = []
    for dtype in (torch.float64, torch.float32):
        inputs = [x.to(dtype).requires_grad_() for x in (*parts, pos)]
        values = single(sum_at_points, "gaussian", *inputs)
        found.append(
            torch.autograd.grad(values, inputs, torch.cos(torch.arange(values.numel())).view_as(values).to(dtype))
        )
    for low, high in zip(*reversed(found), strict=True):
        assert worst(low, high.numpy()) < 2e-5


@pytest.mark.parametrize("offset", [0.0, 1e3, 1e5])
@TILED
@pytest.mark.usefixtures("_tiles")
def test_far_from_the_origin(offset):
    centers, weights, widths = cloud(25, dtype=torch.float32)
    centers = centers + offset
    pos = centers.repeat(8, 1) + torch.randn(200, 3, generator=torch.Generator().manual_seed(5))
    values = single(sum_at_points, "gaussian", centers, weights, widths, pos)
    assert worst(values, exact(centers, weights, widths, "gaussian", pos)) < 1e-5


@TILED
@pytest.mark.usefixtures("_tiles")
def test_batches_of_uneven_graphs():
    kernel = "gaussian"
    sizes, counts = [4, 0, 7, 1, 0], [5, 3, 0, 9, 0]
    graphs = [cloud(n, seed=i) for i, n in enumerate(sizes)]
    queries = [torch.randn(n, 3, dtype=torch.float64) for n in counts]
    owners = [torch.repeat_interleave(torch.tensor(n)) for n in (sizes, counts)]
    parts = [torch.cat(x) for x in zip(*graphs, strict=True)]
    values = sum_at_points(*parts, get_kernel(kernel), owners[0], torch.cat(queries), owners[1], 5)
    gradients = gradient_at_points(*parts, get_kernel(kernel), owners[0], torch.cat(queries), owners[1], 5)
    for graph, x, part, slope in zip(graphs, queries, values.split(counts), gradients.split(counts), strict=True):
        torch.testing.assert_close(part, torch.from_numpy(exact(*graph, kernel, x)))
        torch.testing.assert_close(slope, single(gradient_at_points, kernel, *graph, x))


@ALL
@WIDTHS
@TILED
@pytest.mark.parametrize(("n", "q", "channels"), [(0, 4, 2), (3, 0, 2), (0, 0, 2), (3, 4, 0), (1, 1, 1)])
@pytest.mark.usefixtures("_tiles")
def test_empty_and_single(kernel, widths, n, q, channels):
    inputs = [x.requires_grad_() for x in (*cloud(n, max(channels, 1), widths), torch.randn(q, 3).double())]
    inputs[1] = inputs[1][:, :channels]
    inputs[2] = inputs[2] if widths == "shared" else inputs[2][:, :channels]
    values = single(sum_at_points, kernel, *inputs)
    assert values.shape == (q, channels)
    assert single(gradient_at_points, kernel, *inputs).shape == (q, channels, 3)
    torch.testing.assert_close(values.detach(), torch.from_numpy(exact(*inputs[:3], kernel, inputs[3])))


def test_no_graphs():
    centers, weights, widths = cloud(0)
    none = zeros(0)
    values = sum_at_points(centers, weights, widths, get_kernel("gaussian"), none, centers, none, 0)
    assert values.shape == (0, 3)


@pytest.mark.parametrize("kernel", ["gaussian", "slater", "wendland_c2"])
def test_protein(kernel):
    centers, weights, widths = protein()
    widths = widths * (6 if kernel == "wendland_c2" else 1)
    rng = torch.Generator().manual_seed(3)
    pos = (torch.rand(30_000, 3, generator=rng) - 0.5) * 2 * centers.abs().max()
    values = single(sum_at_points, kernel, centers, weights, widths, pos)
    some = torch.randperm(len(pos), generator=rng)[:400]
    assert worst(values[some], exact(centers, weights, widths, kernel, pos[some])) < 1e-5


def test_zero_weights_have_gradients():
    centers, weights, widths = cloud(4, widths="own", one_hot=True)
    pos = torch.randn(6, 3, dtype=torch.float64)
    assert torch.autograd.gradcheck(
        lambda w: single(sum_at_points, "gaussian", centers, w, widths, pos), weights.requires_grad_()
    )


@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
def test_compiled():
    parts, pos = cloud(6, dtype=torch.float32), torch.randn(20, 3)
    compiled = torch.compile(lambda *x: single(sum_at_points, "gaussian", *x), backend="eager")
    torch.testing.assert_close(compiled(*parts, pos), single(sum_at_points, "gaussian", *parts, pos))
