"""Rigid motion moves a field with its atoms, their order does not matter, and graphs do not see each other."""

import pytest
import torch
from invariant_fields import CELLS, FINITE, JOINED, PERIODIC_SORTS, SORTS, batched, cloud, crystal, points
from scipy.stats import special_ortho_group
from torch_geometric.data import Data

from tg_molfield import Field, Grid, MolField, RBFField
from tg_molfield.fields import KERNELS

BY_CHANNEL = pytest.mark.parametrize("by_channel", [False, True])
TURN = torch.from_numpy(special_ortho_group.rvs(3, random_state=3))
OF_COPIES = 2e-6
"""The accuracy of periodic sums, whose copies end somewhere."""

SHIFT = torch.tensor([5.0, -3.0, 11.0], dtype=torch.float64)


def turned_values(join: str, values: torch.Tensor) -> torch.Tensor:
    """The values [Q, C] of a field after the turn: vectors turn, scalars do not."""
    return (values.unflatten(1, (-1, 3)) @ TURN.T).flatten(1) if join == "displacement" else values


def turned_gradient(join: str, gradient: torch.Tensor) -> torch.Tensor:
    """The gradient [Q, C, 3] of a field after the turn."""
    gradient = gradient @ TURN.T
    if join != "displacement":
        return gradient
    return torch.einsum("ij,qcjk->qcik", TURN, gradient.unflatten(1, (-1, 3))).flatten(1, 2)


def check_motion(join: str, still: Field, moved: Field, tolerance: float = 1e-10) -> None:
    x = points(20)
    y = x @ TURN.T + SHIFT
    values, gradient = turned_values(join, still(x)), turned_gradient(join, still.gradient(x))
    for found, expected in ((moved(y), values), (moved.gradient(y), gradient)):
        scale = max(1.0, float(expected[expected.isfinite()].abs().max()))
        assert torch.allclose(found, expected, rtol=0, atol=tolerance * scale)


@BY_CHANNEL
@pytest.mark.parametrize(("join", "kernel"), SORTS)
def test_rigid_motion(join, kernel, by_channel):
    parts = cloud(kernel, by_channel, join=join)
    moved = RBFField(parts.centers @ TURN.T + SHIFT, parts.weights, parts.widths, kernel, parts.channels)
    check_motion(join, JOINED[join](parts), JOINED[join](moved))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("join", "kernel"), PERIODIC_SORTS)
def test_rigid_motion_of_a_crystal(join, kernel, cell):
    parts = crystal(cell, kernel, n=2, join=join)
    moved = RBFField(
        parts.centers @ TURN.T + SHIFT, parts.weights, parts.widths, kernel, parts.channels,
        cell=parts.cell @ TURN.T, pbc=parts.pbc,
    )  # fmt: skip
    check_motion(join, JOINED[join](parts), JOINED[join](moved), OF_COPIES)


@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("kernel", KERNELS)
def test_vector_channels_turn(kernel, periodic):
    if periodic and kernel not in FINITE:
        pytest.skip("a kernel without a reach is never periodic")
    parts = cloud(n=5)
    cell = {"cell": torch.tensor([CELLS["triclinic"][0]], dtype=torch.float64)} if periodic else {}
    data = Data(z=torch.full((5,), 6), pos=parts.centers, forces=parts.weights, **cell)
    turned = Data(z=data.z, pos=data.pos @ TURN.T + SHIFT, forces=data.forces @ TURN.T)
    turned.cell = cell["cell"] @ TURN.T if periodic else None
    definition = MolField("C forces:vector", kernel=kernel, width_scale=1.0)
    still, moved = definition(data), definition(turned)
    tolerance, vectors = OF_COPIES if periodic else 1e-10, definition.channels[1:]
    check_motion("sum", still["C"], moved["C"], tolerance)
    check_motion("displacement", still[vectors], moved[vectors], tolerance)


@BY_CHANNEL
@pytest.mark.parametrize(("join", "kernel"), SORTS)
def test_permutation_of_centers(join, kernel, by_channel):
    parts, x = cloud(kernel, by_channel, join=join), points()
    order = torch.randperm(len(parts.centers), generator=torch.Generator().manual_seed(0))
    shuffled = RBFField(parts.centers[order], parts.weights[order], parts.widths[order], kernel, parts.channels)
    assert torch.allclose(JOINED[join](shuffled)(x), JOINED[join](parts)(x), rtol=0, atol=1e-12)


@BY_CHANNEL
@pytest.mark.parametrize("periodic", ["none", "all", "some"])
@pytest.mark.parametrize(("join", "kernel"), SORTS)
def test_alone_and_in_a_batch(join, kernel, by_channel, periodic):
    """Graphs of several sizes, one of them without points; periodic in all, some or no directions, or not at all."""
    if periodic != "none" and kernel not in FINITE:
        pytest.skip("a kernel without a reach is never periodic")
    cells = torch.tensor([CELLS[name][0] for name in ("triclinic", "slab", "triclinic", "wire")], dtype=torch.float64)
    pbc = torch.tensor([[True] * 3, [True, True, False], [periodic == "all"] * 3, [False, False, True]])
    lattices = [{} if periodic == "none" else {"cell": c, "pbc": p} for c, p in zip(cells, pbc, strict=True)]
    plain = [cloud(kernel, by_channel, seed=s, n=n, join=join) for s, n in enumerate((3, 5, 1, 4))]
    alone = [
        JOINED[join](RBFField(one.centers, one.weights, one.widths, kernel, one.channels, **lattice))
        for one, lattice in zip(plain, lattices, strict=True)
    ]
    together = JOINED[join](batched(plain, **({} if periodic == "none" else {"cell": cells, "pbc": pbc})))
    counts = [7, 2, 0, 9]
    queries = [points(n, seed=n) for n in counts]
    owners = torch.repeat_interleave(torch.tensor(counts))
    for evaluate in ("__call__", "gradient"):
        expected = torch.cat([getattr(one, evaluate)(x) for one, x in zip(alone, queries, strict=True)])
        found = getattr(together, evaluate)(torch.cat(queries), owners)
        assert torch.allclose(found, expected, rtol=0, atol=1e-11)
    grids = [Grid.cube((i, 0, 0), 3.0 + i, 3) for i in range(4)]
    for volume, one, grid in zip(together.on_each(grids), alone, grids, strict=True):
        assert torch.allclose(volume.values, one.on(grid).values, rtol=0, atol=1e-11)
