"""The laws every field obeys, in double precision, over kernels, widths and kinds of field."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.stats import special_ortho_group

from tg_molfield import Field, Grid, RBFField, Volume
from tg_molfield.fields import KERNELS, DistanceField, FunctionKernel, MaximumField, UnionField

FINITE = [name for name, kernel in KERNELS.items() if np.isfinite(kernel.reach(1e-6))]


def cloud(kernel: str, by_channel: bool = False, seed: int = 0, n: int = 12, cell=None) -> RBFField:
    rng = torch.Generator().manual_seed(seed)
    centers = torch.randn(n, 3, generator=rng, dtype=torch.float64) * 1.5
    weights = torch.randn(n, 3, generator=rng, dtype=torch.float64)
    widths = 0.6 + torch.rand(n, 3, generator=rng, dtype=torch.float64)
    widths = 2 * widths if str(kernel).startswith("wendland") else widths
    channels = ("a", "b", "c")
    return RBFField(centers, weights, widths if by_channel else widths[:, 0], kernel, channels, cell=cell)


def smooth_volume() -> Volume:
    return cloud("gaussian").on(Grid.cube((0, 0, 0), 16.0, 24)).interpolated("cubic")


def positive(kernel: str, seed: int = 0) -> RBFField:
    field = cloud(kernel, seed=seed)
    return RBFField(field.centers, (field.weights > 0.3).double(), field.widths, kernel, field.channels)


FIELDS: dict[str, Callable[[], Field]] = {
    **{f"{kernel}-{kind}": lambda k=kernel, c=kind == "by_channel": cloud(k, c)
       for kernel in KERNELS for kind in ("by_atom", "by_channel")},
    "difference": lambda: cloud("gaussian") - cloud("slater", seed=1),
    "multiple": lambda: 2.5 * cloud("gaussian"),
    "function": lambda: cloud(FunctionKernel(lambda u: torch.exp(-(u**4)), 3.0)),
    "union": lambda: UnionField(positive("gaussian")),
    "union-wendland": lambda: UnionField(positive("wendland_c4")),
    "maximum": lambda: MaximumField(positive("gaussian")),
    "maximum-occupancy": lambda: MaximumField(positive("occupancy")),
    "distance": lambda: DistanceField(positive("gaussian")),
    "distance-smooth": lambda: DistanceField(positive("gaussian"), smoothness=0.3),
    "selection": lambda: cloud("wendland_c4")["c", "a"],
    "volume-linear": lambda: smooth_volume().interpolated("linear"),
    "volume-cubic": smooth_volume,
}  # fmt: skip
FIELD = pytest.mark.parametrize("name", FIELDS)


def points(n: int = 40, seed: int = 7, spread: float = 2.0) -> torch.Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(n, 3, generator=rng, dtype=torch.float64) * spread


KINKED = ("hard_sphere", "maximum", "maximum-occupancy", "distance", "gaussian_with_tail", "volume-linear", "slater")


@pytest.mark.parametrize("name", [name for name in FIELDS if not name.startswith(KINKED)])
def test_laplacian_is_autograd_is_finite_difference(name):
    field = FIELDS[name]()
    x = points(12)
    laplacian = field.laplacian(x)
    scale = float(laplacian.abs().max())
    assert torch.allclose(laplacian, Field.laplacian(field, x), rtol=0, atol=1e-8 * scale)
    h = 1e-3
    steps = torch.cat([torch.eye(3), -torch.eye(3)]).double() * h
    curve = sum(field(x + step) for step in steps) - 6 * field(x)
    assert torch.allclose(laplacian, curve / h**2, rtol=0, atol=1e-3 * scale)


JOINED: dict[str, Callable[[RBFField], Field]] = {
    "sum": lambda field: field,
    "union": UnionField,
    "maximum": MaximumField,
    "distance": DistanceField,
    "distance-smooth": lambda field: DistanceField(field, smoothness=0.4),
}
JOINS = pytest.mark.parametrize("join", JOINED)


def of_sort(join: str, field: RBFField) -> RBFField:
    """Aggregates other than the sum take weights that are not negative, and unions a kernel up to 1."""
    if join == "sum":
        return field
    return field._with(weights=(field.weights > 0).double())


@JOINS
@pytest.mark.parametrize("by_channel", [False, True])
@pytest.mark.parametrize("kernel", KERNELS)
def test_rigid_motion(kernel, by_channel, join):
    parts, x = of_sort(join, cloud(kernel, by_channel)), points()
    field = JOINED[join](parts)
    turn = torch.from_numpy(special_ortho_group.rvs(3, random_state=3))
    shift = torch.tensor([5.0, -3.0, 11.0], dtype=torch.float64)
    moved = JOINED[join](RBFField(parts.centers @ turn.T + shift, parts.weights, parts.widths, kernel, parts.channels))
    assert torch.allclose(moved(x @ turn.T + shift), field(x), rtol=0, atol=1e-12)
    gradient = moved.gradient(x @ turn.T + shift)
    assert torch.allclose(gradient, field.gradient(x) @ turn.T, rtol=0, atol=1e-10)


@JOINS
@pytest.mark.parametrize("by_channel", [False, True])
@pytest.mark.parametrize("kernel", KERNELS)
def test_permutation_of_centers(kernel, by_channel, join):
    parts, x = of_sort(join, cloud(kernel, by_channel)), points()
    order = torch.randperm(len(parts.centers), generator=torch.Generator().manual_seed(0))
    shuffled = RBFField(parts.centers[order], parts.weights[order], parts.widths[order], kernel, parts.channels)
    assert torch.allclose(JOINED[join](shuffled)(x), JOINED[join](parts)(x), rtol=0, atol=1e-12)


@JOINS
@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("by_channel", [False, True])
@pytest.mark.parametrize("kernel", KERNELS)
def test_alone_and_in_a_batch(kernel, by_channel, periodic, join):
    if periodic and kernel not in FINITE:
        pytest.skip("a kernel without a reach is never periodic")
    cells = torch.diag_embed(torch.tensor([[6.0, 7, 8], [5, 5, 5], [9, 9, 9]], dtype=torch.float64))
    fields = [
        of_sort(join, cloud(kernel, by_channel, seed=s, n=n, cell=cells[s] if periodic else None))
        for s, n in enumerate((3, 12, 1))
    ]
    queries = [points(n, seed=n) for n in (11, 2, 30)]
    batch = RBFField(
        *(torch.cat([getattr(f, key) for f in fields]) for key in ("centers", "weights", "widths")),
        kernel=kernel, channels=fields[0].channels, batch=torch.tensor([0] * 3 + [1] * 12 + [2]),
        cell=cells if periodic else None,
    )  # fmt: skip
    together = JOINED[join](batch)(torch.cat(queries), torch.repeat_interleave(torch.tensor([11, 2, 30])))
    alone = torch.cat([JOINED[join](field)(x) for field, x in zip(fields, queries, strict=True)])
    assert torch.allclose(together, alone, rtol=0, atol=1e-12)


@FIELD
def test_far_away_nothing_is_left(name):
    if name.startswith("distance"):
        pytest.skip("a distance grows")
    field = FIELDS[name]()
    far = 1e7 * torch.nn.functional.normalize(points(), dim=1)
    assert field(far).abs().max() <= 1e-5 * field(points()).abs().max()


@FIELD
def test_grid_and_points_agree(name):
    field = FIELDS[name]()
    axes = ((0.4, 0.1, 0.0), (-0.2, 0.5, 0.1), (0.0, 0.3, 0.6))
    for grid in (Grid.cube((0.3, -0.2, 0.1), 7.0, 9), Grid((-2.0, -2.0, -3.0), axes, (7, 8, 9))):
        volume = field.on(grid)
        direct = field(grid.points(torch.float64)).T.reshape(-1, *grid.shape)
        assert torch.allclose(volume.values, direct, rtol=0, atol=3e-6 * float(direct.abs().max()))


@FIELD
def test_gradient_is_autograd_is_finite_difference(name):
    field = FIELDS[name]()
    x = points(25)
    gradient = field.gradient(x)
    assert torch.allclose(gradient, Field.gradient(field, x), rtol=0, atol=1e-9)
    h = 1e-5
    for axis in range(3):
        step = torch.zeros(3, dtype=torch.float64)
        step[axis] = h
        slope = (field(x + step) - field(x - step)) / (2 * h)
        assert torch.allclose(gradient[..., axis], slope, rtol=0, atol=1e-6 * float(gradient.abs().max()))


@pytest.mark.parametrize("by_channel", [False, True])
@pytest.mark.parametrize("kernel", KERNELS)
def test_differentiable_by_everything(kernel, by_channel):
    field = cloud(kernel, by_channel, n=4)

    def values(centers, weights, widths, x):
        return RBFField(centers, weights, widths, kernel, field.channels)(x)

    arguments = [t.detach().clone().requires_grad_() for t in (field.centers, field.weights, field.widths, points(3))]
    assert torch.autograd.gradcheck(values, arguments)
    assert torch.autograd.gradgradcheck(values, arguments)


CELLS = {
    "triclinic": ([[6.0, 0, 0], [2.0, 5.5, 0], [-1.0, 1.5, 7.0]], [True, True, True]),
    "slab": ([[6.0, 0, 0], [2.0, 5.5, 0], [0.0, 0, 0]], [True, True, False]),
    "wire": ([[0.0, 0, 0], [0.0, 0, 0], [1.0, 1.0, 4.0]], [False, False, True]),
    "tiny": ([[1.5, 0, 0], [0, 1.5, 0], [0, 0, 1.5]], [True, True, True]),
}


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("kernel", FINITE)
def test_periodic_field_repeats_and_is_the_sum_of_images(kernel, cell):
    vectors, pbc = CELLS[cell]
    lattice, where = torch.tensor(vectors, dtype=torch.float64), torch.tensor(pbc)
    n = 2
    plain = cloud(kernel, n=n)
    field = RBFField(plain.centers, plain.weights, plain.widths, kernel, plain.channels, cell=lattice, pbc=where)
    x = points(10)
    shift = (torch.tensor([2.0, -3.0, 1.0], dtype=torch.float64) * where) @ lattice
    scale = float(field(x).abs().max())
    assert torch.allclose(field(x + shift), field(x), rtol=0, atol=1e-5 * scale)
    reach = plain.kernel.reach(1e-9) * float(plain.widths.max()) + 6
    spans = [int(np.ceil(reach / max(float(v.norm()), 0.5) * 2)) if p else 0 for v, p in zip(lattice, pbc, strict=True)]
    spans = [min(s, 40) for s in spans]
    steps = torch.cartesian_prod(*(torch.arange(-s, s + 1, dtype=torch.float64) for s in spans)) @ lattice
    copies = (plain.centers[:, None] + steps).reshape(-1, 3)
    near = torch.cdist(copies, x).amin(1) < reach
    every = torch.arange(n).repeat_interleave(len(steps))[near]
    images = RBFField(copies[near], plain.weights[every], plain.widths[every], kernel, plain.channels)
    assert torch.allclose(field(x), images(x), rtol=0, atol=1e-4 * float(images(x).abs().max()))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("kernel", FINITE)
def test_periodic_grid_and_points_agree_beyond_the_cell(kernel, cell):
    vectors, pbc = CELLS[cell]
    plain = cloud(kernel, n=3)
    field = RBFField(
        plain.centers, plain.weights, plain.widths, kernel, plain.channels,
        cell=torch.tensor(vectors, dtype=torch.float64), pbc=torch.tensor(pbc),
    )  # fmt: skip
    grid = Grid((-9.0, 4.0, -2.0), ((1.1, 0.1, 0.0), (0.0, 0.9, 0.2), (0.3, 0.0, 1.3)), (9, 5, 6))
    direct = field(grid.points(torch.float64)).T.reshape(-1, *grid.shape)
    assert torch.allclose(field.on(grid).values, direct, rtol=0, atol=3e-6 * float(field(points()).abs().max()))


def test_periodic_and_isolated_in_one_batch():
    cells = torch.stack([torch.eye(3) * 5, torch.zeros(3, 3)]).double()
    pbc = torch.tensor([[True] * 3, [False] * 3])
    a, b = cloud("gaussian", seed=1), cloud("gaussian", seed=2)
    both = RBFField(
        *(torch.cat([getattr(f, key) for f in (a, b)]) for key in ("centers", "weights", "widths")),
        channels=a.channels, batch=torch.tensor([0] * 12 + [1] * 12), cell=cells, pbc=pbc,
    )  # fmt: skip
    x = points(6)
    values = both(torch.cat([x, x]), torch.tensor([0] * 6 + [1] * 6))
    crystal = RBFField(a.centers, a.weights, a.widths, channels=a.channels, cell=cells[0])
    assert torch.allclose(values[:6], crystal(x))
    assert torch.allclose(values[6:], b(x))


def test_kernel_without_reach_refuses_a_cell():
    with pytest.raises(ValueError, match="inverse_multiquadric"):
        RBFField(torch.zeros(1, 3), torch.ones(1), kernel="inverse_multiquadric", cell=torch.eye(3))(torch.zeros(1, 3))


@pytest.mark.parametrize("interpolation", ["linear", "cubic"])
def test_volume_is_exact_at_its_nodes(interpolation):
    axes = ((0.4, 0.1, 0.0), (-0.2, 0.5, 0.1), (0.0, 0.3, -0.6))
    grid = Grid((-2.0, -2.0, 3.0), axes, (7, 8, 9))
    volume = cloud("slater").on(grid).interpolated(interpolation)
    assert torch.allclose(volume(grid.points(torch.float64)), volume.values.flatten(1).T, rtol=0, atol=1e-12)


def test_interpolations_reproduce_what_they_should():
    grid = Grid((0.0, 0.0, 0.0), ((0.5, 0.0, 0.0), (0.1, 0.5, 0.0), (0.0, 0.2, 0.5)), (6, 6, 6))
    nodes = grid.points(torch.float64)
    plane = (1 + nodes @ torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)).reshape(grid.shape)
    steps = torch.rand(30, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 5
    x = grid.origin_tensor() + steps @ grid.axes_tensor()
    expected = 1 + x @ torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    assert torch.allclose(Volume(plane, grid)(x)[:, 0], expected)


def test_cubic_interpolation_agrees_with_scipy():
    from scipy.ndimage import map_coordinates

    volume = smooth_volume()
    steps = np.random.default_rng(0).uniform(0, 23, size=(50, 3))
    x = volume.grid.origin_tensor() + torch.from_numpy(steps) @ volume.grid.axes_tensor()
    expected = [map_coordinates(v.numpy(), steps.T, order=3, mode="mirror") for v in volume.values]
    assert np.abs(volume(x).numpy() - np.array(expected).T).max() < 1e-10
