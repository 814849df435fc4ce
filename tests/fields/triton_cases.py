"""The Triton engine against float64 sums; run by `test_triton_engine.py`, in a process of its own.

On a CUDA device the kernels are compiled. Elsewhere set ``TRITON_INTERPRET=1``: Triton then interprets them on the CPU.
"""

import math
import warnings

import pytest
import torch
from device_operations import waits
from engine_reference import cloud
from torch.utils._python_dispatch import TorchDispatchMode
from torch_geometric.data import Batch, Data

from tg_molfield import Grid, MolField, MolFieldTransform, RBFField, devices
from tg_molfield.chem.checked_numbers import checked_on_devices
from tg_molfield.fields import get_kernel
from tg_molfield.fields.engine import dispatch
from tg_molfield.fields.engine.reference import grids as torch_grids
from tg_molfield.fields.engine.reference import points as torch_points
from tg_molfield.fields.engine.triton import cells, grid_tables, grids, points
from tg_molfield.fields.engine.triton.radial import SUPPORTED
from tg_molfield.fields.kernels import KERNELS

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
KERNEL = pytest.mark.parametrize("kernel", sorted(SUPPORTED))
TABLES = (cells._range, cells._one_graph, grid_tables._tables)
GRIDS = {
    "box": Grid((-3.0, -4.0, -2.0), ((0.8, 0, 0), (0, 0.7, 0), (0, 0, 0.6)), (5, 6, 9)),
    "rotated": Grid((-4.0, 1.0, 2.0), ((0.48, 0.64, 0), (-0.4, 0.3, 0), (0, 0, 0.9)), (4, 3, 2)),
    "sheared": Grid((-3.0, -4.0, -2.0), ((1.0, 0.2, 0), (0.4, 0.8, 0), (0, -0.6, 1.0)), (5, 6, 2)),
    "node": Grid((0.1, 0.2, 0.3), ((1, 0, 0), (0, 1, 0), (0, 0, 1)), (1, 1, 1)),
    "plane": Grid((-3.0, 0.2, -2.0), ((0.8, 0, 0), (0, 0.35, 0), (0, 0, 0.6)), (5, 1, 17)),
}


@pytest.fixture(params=["plain", "cells"])
def _binned(request, monkeypatch):
    """With "cells", few centres and points are sorted into cells as many would be."""
    if request.param == "cells":
        monkeypatch.setattr(points, "_CENTERS_WITHOUT_CELLS", 0)
        monkeypatch.setattr(points, "_POINTS_WITHOUT_CELLS", 0)
        monkeypatch.setattr(grids, "_CENTERS_WITHOUT_CELLS", 0)


def width_scale(kernel):
    return 3 if kernel.startswith("wendland") else 1


def parts_of(n, kernel="gaussian", **options):
    return list(cloud(n, dtype=torch.float32, device=DEVICE, scale=width_scale(kernel), **options))


def zeros(n):
    return torch.zeros(n, dtype=torch.long, device=DEVICE)


def scattered(n, spread=2.0, seed=5):
    return (torch.randn(n, 3, generator=torch.Generator().manual_seed(seed)) * spread).to(DEVICE)


def leaves(tensors, double=False):
    return [x.detach().cpu().double().requires_grad_() if double else x.clone().requires_grad_() for x in tensors]


def check(values, inputs, expected, references, tolerance=2e-6, slopes=1e-5):
    """Compare values and gradients with those in double precision."""
    close(values, expected, tolerance)
    grad = torch.cos(torch.arange(values.numel(), dtype=torch.float64)).view_as(expected)
    found = torch.autograd.grad(values, inputs, grad.float().to(DEVICE))
    for one, two in zip(found, torch.autograd.grad(expected, references, grad), strict=True):
        close(one, two, slopes)


def close(found, expected, tolerance):
    """Compare relative to the largest number, or to 0.1 if all are smaller."""
    scale = max(0.1, float(expected.detach().abs().max())) if expected.numel() else 0.0
    torch.testing.assert_close(found.detach().cpu().double(), expected.detach(), rtol=0, atol=tolerance * scale)


def at_points(inputs, kernel, batch=None, owner=None, num_graphs=1, gradient=False, engine=points):
    *parts, pos = inputs
    function = engine.gradient_at_points if gradient else engine.sum_at_points
    owners = (zeros(len(parts[0])) if batch is None else batch, zeros(len(pos)) if owner is None else owner)
    owners = [x.to(pos.device) for x in owners]
    return function(*parts, get_kernel(kernel), owners[0], pos, owners[1], num_graphs)


def on_grids(inputs, kernel, where, batch=None, engine=grids):
    batch = (zeros(len(inputs[0])) if batch is None else batch).to(inputs[0].device)
    return torch.cat([x.flatten() for x in engine.sums_on_each_grid(*inputs, get_kernel(kernel), batch, where)])


def test_all_named_kernels_are_supported():
    assert set(SUPPORTED) == set(KERNELS)


@KERNEL
@pytest.mark.usefixtures("_binned")
def test_points(kernel):
    tensors = [*parts_of(20, kernel), scattered(70)]
    inputs, references = leaves(tensors), leaves(tensors, double=True)
    check(at_points(inputs, kernel), inputs, at_points(references, kernel, engine=torch_points), references)
    slopes = at_points(tensors, kernel, gradient=True)
    close(slopes, at_points(references, kernel, gradient=True, engine=torch_points), 1e-5)


@KERNEL
@pytest.mark.parametrize("where", ["box", "sheared"])
def test_grids(kernel, where):
    tensors = parts_of(7, kernel)
    inputs, references = leaves(tensors), leaves(tensors, double=True)
    check(
        on_grids(inputs, kernel, [GRIDS[where]]), inputs,
        on_grids(references, kernel, [GRIDS[where]], engine=torch_grids), references,
    )  # fmt: skip


@pytest.mark.parametrize("where", ["rotated", "node", "plane"])
@pytest.mark.parametrize("widths", ["shared", "own"])
@pytest.mark.usefixtures("_binned")
def test_odd_grids(where, widths):
    tensors = parts_of(5, widths=widths, one_hot=True)
    inputs, references = leaves(tensors), leaves(tensors, double=True)
    check(
        on_grids(inputs, "gaussian", [GRIDS[where]]), inputs,
        on_grids(references, "gaussian", [GRIDS[where]], engine=torch_grids), references,
    )  # fmt: skip


@pytest.mark.usefixtures("_binned")
def test_a_batch_of_grids_of_different_shapes():
    sizes, where = torch.tensor([6, 0, 9, 1, 3]), list(GRIDS.values())
    tensors, batch = parts_of(19, channels=2), torch.repeat_interleave(sizes).to(DEVICE)
    inputs, references = leaves(tensors), leaves(tensors, double=True)
    check(
        on_grids(inputs, "gaussian", where, batch), inputs,
        on_grids(references, "gaussian", where, batch, torch_grids), references,
    )  # fmt: skip


def test_grids_of_one_shape_and_a_given_result():
    sizes, where = torch.tensor([4, 0, 5]), [Grid.cube((0.3 * i, 0, 0), 7.0 + i, 9) for i in range(3)]
    tensors, batch = parts_of(9), torch.repeat_interleave(sizes).to(DEVICE)
    out = torch.full((3, 3, 9, 9, 9), torch.nan, device=DEVICE)
    values = grids.sums_on_grids(*tensors, get_kernel("gaussian"), batch, where, out)
    assert values.data_ptr() == out.data_ptr()
    expected = on_grids([x.cpu().double() for x in tensors], "gaussian", where, batch, torch_grids)
    close(out.flatten(), expected, 2e-6)


@pytest.mark.parametrize("widths", ["shared", "own"])
@pytest.mark.usefixtures("_binned")
def test_a_batch_of_points(widths):
    sizes, counts = torch.tensor([4, 0, 7, 1, 0]), torch.tensor([5, 3, 0, 70, 1])
    tensors = [*parts_of(12, widths=widths), scattered(79)]
    owners = [torch.repeat_interleave(x).to(DEVICE) for x in (sizes, counts)]
    inputs, references = leaves(tensors), leaves(tensors, double=True)
    expected = at_points(references, "gaussian", *owners, 5, engine=torch_points)
    check(at_points(inputs, "gaussian", *owners, 5), inputs, expected, references)


@pytest.mark.parametrize("channels", [1, 17, 40])
@pytest.mark.usefixtures("_binned")
def test_numbers_of_channels(channels):
    tensors = parts_of(5, channels=channels)
    where = [GRIDS["plane"]]
    inputs, references = leaves(tensors), leaves(tensors, double=True)
    expected = on_grids(references, "gaussian", where, engine=torch_grids)
    check(on_grids(inputs, "gaussian", where), inputs, expected, references)
    inputs, references = (leaves([*tensors, scattered(9)], double) for double in (False, True))
    expected = at_points(references, "gaussian", engine=torch_points)
    check(at_points(inputs, "gaussian"), inputs, expected, references)


@pytest.mark.parametrize(("n", "q", "channels"), [(0, 4, 2), (3, 0, 2), (3, 4, 0), (1, 1, 1)])
@pytest.mark.usefixtures("_binned")
def test_empty_and_single(n, q, channels):
    tensors = [*parts_of(n, channels=max(channels, 1)), scattered(q)]
    tensors[1] = tensors[1][:, :channels]
    inputs, references = leaves(tensors), leaves(tensors, double=True)
    values = at_points(inputs, "gaussian")
    assert values.shape == (q, channels)
    assert at_points(tensors, "gaussian", gradient=True).shape == (q, channels, 3)
    close(values, at_points(references, "gaussian", engine=torch_points), 2e-6)
    sampled, where = on_grids(inputs[:3], "gaussian", [GRIDS["node"]]), [GRIDS["node"]]
    close(sampled, on_grids(references[:3], "gaussian", where, engine=torch_grids), 2e-6)
    found = torch.autograd.grad(values.sum() + sampled.sum(), inputs)
    assert [x.shape for x in found] == [x.shape for x in inputs]
    assert all(x.isfinite().all() for x in found)


@pytest.mark.parametrize("offset", [1e3, 1e5])
@pytest.mark.usefixtures("_binned")
def test_far_from_the_origin(offset):
    tensors = parts_of(15)
    tensors[0] = tensors[0] + offset
    pos = tensors[0].repeat(4, 1) + scattered(60, 1.0)
    exact = [x.cpu().double() for x in tensors]
    where = [Grid.cube((offset, offset, offset), 9.0, 8)]
    close(on_grids(tensors, "gaussian", where), on_grids(exact, "gaussian", where, engine=torch_grids), 2e-6)
    expected = at_points([*exact, pos.cpu().double()], "gaussian", engine=torch_points)
    close(at_points([*tensors, pos], "gaussian"), expected, 2e-6)


@pytest.mark.usefixtures("_binned")
def test_far_points_and_grids_are_zero():
    tensors = parts_of(8)
    pos = torch.cat([scattered(4) + 1000, scattered(4) - 1000])
    assert (at_points([*tensors, pos], "gaussian") == 0).all()
    assert (on_grids(tensors, "gaussian", [Grid.cube((500, 0, 0), 4.0, 5)]) == 0).all()


@pytest.mark.usefixtures("_binned")
def test_nan_positions_spread():
    tensors = parts_of(8)
    tensors[0][3, 1] = torch.nan
    assert at_points([*tensors, scattered(4)], "gaussian").isnan().all()
    assert on_grids(tensors, "gaussian", [GRIDS["node"]]).isnan().all()


@pytest.mark.usefixtures("_binned")
def test_two_runs_give_equal_bits():
    tensors = [*parts_of(18), scattered(70)]

    def run():
        inputs = leaves(tensors)
        values = at_points(inputs, "gaussian")
        sampled = on_grids(inputs[:3], "gaussian", [GRIDS["box"]])
        total = values.sin().sum() + sampled.sin().sum()
        return [values.detach(), sampled.detach(), *torch.autograd.grad(total, inputs)]

    for one, two in zip(run(), run(), strict=True):
        assert one.equal(two)


def test_second_derivatives_come_from_the_reference():
    tensors = [*parts_of(3, channels=2), scattered(4, 1.0)]
    inputs, references = leaves(tensors), leaves(tensors, double=True)
    found, expected = [], []
    for result, leaf, engines in (
        (found, inputs, (points, grids)),
        (expected, references, (torch_points, torch_grids)),
    ):
        for values in (
            at_points(leaf, "gaussian", engine=engines[0]),
            on_grids(leaf[:3], "gaussian", [GRIDS["node"]], engine=engines[1]),
        ):
            (slope,) = torch.autograd.grad(values.square().sum(), leaf[0], create_graph=True)
            result.append(torch.autograd.grad(slope.square().sum(), leaf[0])[0])
        slopes = at_points(leaf, "gaussian", gradient=True, engine=engines[0])
        result.extend(torch.autograd.grad(slopes.square().sum(), leaf))
    for one, two in zip(found, expected, strict=True):
        close(one, two, 1e-5)


def test_cells_hold_every_row_once():
    pos, batch = scattered(200), torch.repeat_interleave(torch.tensor([150, 0, 50])).to(DEVICE)
    sorted_rows = cells.Cells.of(pos, batch, 3, cells.cells_per_axis(len(pos), 3, 0, 8))
    assert sorted_rows.n > 1
    assert sorted_rows.order.sort().values.equal(torch.arange(200, device=DEVICE))
    assert (batch[sorted_rows.order].diff() >= 0).all()
    assert int(sorted_rows.starts[-1]) == 200


@pytest.mark.usefixtures("_binned")
def test_batch_vectors_with_strides():
    """As the columns of a table have them, or one number that is expanded."""
    tensors, where = [*parts_of(12), scattered(30)], [GRIDS["box"], GRIDS["node"]]
    owners = [torch.repeat_interleave(torch.tensor(x)).to(DEVICE) for x in ([5, 7], [10, 20])]
    columns = [torch.stack([x, x + 9], 1)[:, 0] for x in owners]

    def run(center_batch, batch):
        inputs = leaves(tensors)
        values = at_points(inputs, "gaussian", center_batch, batch, 2)
        sampled = on_grids(inputs[:3], "gaussian", where, center_batch)
        return [values, sampled, *torch.autograd.grad(values.square().sum() + sampled.square().sum(), inputs)]

    for one, two in zip(run(*columns), run(*(x.clone() for x in owners)), strict=True):
        assert one.equal(two)
    zero = torch.zeros(1, dtype=torch.long, device=DEVICE)
    assert at_points(tensors, "gaussian", zero.expand(12), zero.expand(30)).equal(at_points(tensors, "gaussian"))


def test_kernels_run_on_the_device_of_their_tensors(monkeypatch):
    """Triton launches on the current device, which need not be theirs."""
    tensors, entered = [*parts_of(5), scattered(9)], []

    class DeviceOf:
        def __init__(self, tensor):
            assert tensor is tensors[0]

        def __enter__(self):
            entered.append(True)

        def __exit__(self, *error):
            entered.append(False)

    monkeypatch.setattr(torch.cuda, "device_of", DeviceOf)
    for module in (points, grids):
        reach = module.value_reach

        def value_reach(kernel, reach=reach):
            assert entered[-1]
            return reach(kernel)

        monkeypatch.setattr(module, "value_reach", value_reach)
    at_points(tensors, "gaussian")
    on_grids(tensors[:3], "gaussian", [GRIDS["box"]])
    assert entered == [True, False] * 2


def test_tables_are_not_made_while_a_graph_is_captured(monkeypatch):
    """They would hold nothing until it is replayed, and be read by other calls."""
    tensors, where = [*parts_of(11), scattered(13)], [GRIDS["plane"]]
    for cached in TABLES:
        cached.cache_clear()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: True)
    for call in (lambda: at_points(tensors, "gaussian"), lambda: on_grids(tensors[:3], "gaussian", where)):
        with pytest.raises(RuntimeError, match="before a CUDA graph is captured"):
            call()
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: False)
    expected = [at_points(tensors, "gaussian"), on_grids(tensors[:3], "gaussian", where)]
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: True)
    assert at_points(tensors, "gaussian").equal(expected[0])
    assert on_grids(tensors[:3], "gaussian", where).equal(expected[1])


class _NoCountOnTheHost(TorchDispatchMode):
    """Refuse operations that make the host wait for numbers of a device."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        assert not waits(func, args), func
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("widths", ["shared", "own"])
@pytest.mark.usefixtures("_binned")
def test_nothing_waits_for_the_device(widths):
    tensors, grad = [*parts_of(12, widths=widths), scattered(30)], torch.ones(30, 3, device=DEVICE)
    batch, where = torch.repeat_interleave(torch.tensor([5, 7])).to(DEVICE), [GRIDS["box"], GRIDS["node"]]
    owner = torch.repeat_interleave(torch.tensor([10, 20])).to(DEVICE)
    inputs = leaves(tensors)

    def run():
        torch.autograd.grad(at_points(inputs, "gaussian", batch, owner, 2), inputs, grad)
        at_points(tensors, "gaussian", batch, owner, 2, gradient=True)
        values = on_grids(inputs[:3], "gaussian", where, batch)
        torch.autograd.grad(values, inputs[:3], torch.ones_like(values))

    run()
    for cached in TABLES:
        cached.cache_clear()
    _run_without_waiting(run)


def _run_without_waiting(run):
    if DEVICE.type == "cuda":
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Synchronization debug mode is a prototype")
            torch.cuda.set_sync_debug_mode("error")
        try:
            run()
        finally:
            torch.cuda.set_sync_debug_mode("default")
    else:
        with _NoCountOnTheHost():
            run()


@pytest.fixture
def _like_a_device(monkeypatch):
    """Without a CUDA device, the CPU is one: it takes the kernels, and its numbers are not looked at."""
    if DEVICE.type == "cpu":
        monkeypatch.setattr(devices, "_HOST", "none")
        monkeypatch.setattr(dispatch, "uses_triton", lambda centers, weights, kernel: True)


def molecules(*sizes, **attributes):
    found = []
    for size in sizes:
        pos = 1.5 * torch.randn(size, 3, generator=torch.Generator().manual_seed(size))
        z = torch.arange(size) % 3 * 2 + 4
        found.append(Data(z=z, pos=pos, **{name: make(size) for name, make in attributes.items()}))
    return Batch.from_data_list(found).to(DEVICE)


@pytest.mark.parametrize(
    "definition",
    [
        MolField("Be C O other", widths=0.8),
        MolField("C heavy", widths="covalent_radius"),
        MolField("charge all", widths="vdw_radius", kernel="gaussian"),
        MolField.preset("promolecule"),
    ],
    ids=["elements", "radii", "charges", "densities"],
)
@pytest.mark.usefixtures("_like_a_device")
def test_nothing_waits_from_atoms_to_values(definition):
    batch = molecules(5, 1, 8, charge=lambda size: torch.linspace(-1, 1, size))
    points, owner = scattered(12), torch.arange(12, device=DEVICE) // 4
    transform = MolFieldTransform(definition, num_queries=6)

    def run():
        centers = batch.pos.clone().requires_grad_()
        data = batch.clone()
        data.pos = centers
        field = definition(data)
        torch.autograd.grad(field(points, owner).square().sum(), centers)
        field.gradient(points, owner)
        transform(batch.clone())

    run()
    _run_without_waiting(run)


@pytest.mark.usefixtures("_like_a_device")
def test_what_is_wrong_on_a_device_is_nan_or_refused_on_request():
    definition = MolField("Be C O", widths="covalent_radius")
    points, owner = scattered(6), torch.arange(6, device=DEVICE) // 2
    assert definition(molecules(4, 3, 2))(points, owner).isfinite().all()
    for number, change, message in (
        (0, lambda data: data.z[1:2].fill_(119), "z: expected atomic numbers from 1 to 118, got 119"),
        (1, lambda data: data.z[5:6].fill_(0), "z: expected atomic numbers from 1 to 118, got 0"),
        (2, lambda data: data.z[7:8].fill_(-3), "z: expected atomic numbers from 1 to 118, got -3"),
        (
            0,
            lambda data: data.pos[3].fill_(torch.nan),
            "pos: expected finite positions",
        ),
    ):
        data = molecules(4, 3, 2)
        change(data)
        values = definition(data)(points, owner)
        assert values[owner == number].isnan().any(1).all()
        with checked_on_devices(), pytest.raises(ValueError, match=message):
            definition(data)
    for width in (0.0, -1.0):
        field = RBFField(scattered(2), torch.ones(2, 1, device=DEVICE), torch.tensor([1.0, width], device=DEVICE))
        assert field(points).isnan().all()
    for number in (0, -1.0, math.nan):
        with pytest.raises(ValueError, match="widths: expected positive numbers in Å"):
            RBFField(scattered(2), torch.ones(2, 1, device=DEVICE), number)
    data = molecules(4, 3, 2)
    data.batch = data.batch.flip(0)
    with checked_on_devices(), pytest.raises(ValueError, match="batch: expected a sorted vector"):
        definition(data)
