"""`RBFField` as a value: what it refuses, what is derived from it, batches on grids of their own."""

import math

import pytest
import torch
from ase.build import molecule
from torch_geometric.data import Batch

from tg_molfield import Grid, MolField, RBFField
from tg_molfield.fields import AtomList, DistanceField, UnionField
from tg_molfield.structures import from_ase

NAMES = ("H2O", "CH3OH", "NH3")


def batch_of(aggregate: str = "sum"):
    data = [from_ase(molecule(name), dtype=torch.float64) for name in NAMES]
    definition = MolField("H C O other", aggregate=aggregate)
    return definition(Batch.from_data_list(data)), [definition(one) for one in data]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["centers", "weights", "widths", "cell"])
def test_numbers_that_are_not_finite_are_refused(name, bad):
    parts = {"centers": torch.zeros(2, 3), "weights": torch.ones(2), "widths": torch.ones(2), "cell": torch.eye(3)}
    parts[name] = parts[name].clone()
    parts[name].view(-1)[0] = bad
    with pytest.raises(ValueError, match=f"{name}: expected finite"):
        RBFField(**parts)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda f: f * math.inf, "factor: expected .* got inf"),
        (lambda f: f.scaled(torch.full((1, 2), math.nan)), "factors: expected finite"),
        (lambda f: f.scaled(torch.ones(2)), r"of shape \[1, 2\], got \[2\]"),
        (lambda f: f.to(torch.int64), "floating-point"),
        (lambda f: RBFField(f.centers, f.weights, cell=torch.eye(2)), r"expected shape \[1, 3, 3\]"),
        (
            lambda f: RBFField(f.centers, f.weights, pbc=torch.ones(3, dtype=torch.bool)),
            "cell: expected one",
        ),
        (lambda f: f.on_each([]), "grids: expected 1"),
        (lambda f: f["1", "1"], "name each channel once"),
        (lambda f: UnionField(f)["1", "1"], "name each channel once"),
    ],
)
def test_what_does_not_fit_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make(RBFField(torch.zeros(1, 3), torch.ones(1, 2)))


@pytest.mark.parametrize("aggregate", ["sum", "union", "maximum", "distance", "displacement"])
def test_every_function_of_a_batch_on_its_own_grid(aggregate):
    field, alone = batch_of(aggregate)
    for n in ((5, 5, 5), (4, 6, 5)):
        grids = [Grid.cube((0.1 * i, 0, 0), 4.0 + i, n[i]) for i in range(3)]
        volumes = field.on_each(grids)
        for volume, one, grid in zip(volumes, alone, grids, strict=True):
            assert torch.allclose(volume.values, one.on(grid).values, rtol=0, atol=1e-6)
            assert volume.grid == grid
            assert volume.channels == field.channels
            assert torch.equal(volume.atoms.z, one.atoms.z)


def test_a_buffer_for_a_batch():
    field, alone = batch_of()
    grids = [Grid.cube((0.1 * i, 0, 0), 4.0 + i, 5) for i in range(3)]
    out = torch.full((3, 4, 5, 5, 5), math.nan, dtype=torch.float64)
    volumes = field.on_each(grids, out=out)
    for i, (volume, one) in enumerate(zip(volumes, alone, strict=True)):
        assert volume.values.data_ptr() == out[i].data_ptr()
        assert torch.allclose(out[i], one.on(grids[i]).values, rtol=0, atol=1e-12)
    single = torch.full((4, 5, 5, 5), math.nan, dtype=torch.float64)
    assert alone[0].on(grids[0], out=single).values.data_ptr() == single.data_ptr()
    assert torch.allclose(single, out[0], rtol=0, atol=1e-12)
    with pytest.raises(ValueError, match="out: expected a contiguous"):
        field.on_each(grids, out=out[:2])
    with pytest.raises(ValueError, match="out: expected grids of one shape"):
        field.on_each([*grids[:2], Grid.cube((0, 0, 0), 4.0, 6)], out=out)


def test_grids_of_a_batch_pass_gradients_on():
    centers = torch.randn(5, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64).requires_grad_()
    owners = torch.tensor([0, 0, 1, 1, 1])
    field = RBFField(centers, torch.ones(5, dtype=torch.float64), batch=owners)
    grids = [Grid.cube((0, 0, 0), 4.0, 4)] * 2
    together = sum(volume.values.square().sum() for volume in field.on_each(grids))
    alone = sum(one.on(grid).values.square().sum() for one, grid in zip(field.unbatch(), grids, strict=True))
    torch.testing.assert_close(*(torch.autograd.grad(total, centers)[0] for total in (together, alone)))


@pytest.mark.parametrize(
    "make",
    [
        lambda f: f,
        UnionField,
        lambda f: DistanceField(f, 0.3),
        lambda f: f - 0.5 * UnionField(f),
        lambda f: UnionField(f)["b", "a"],
    ],
)
def test_to_and_detach(make):
    rng = torch.Generator().manual_seed(0)
    centers = torch.randn(4, 3, generator=rng, dtype=torch.float64).requires_grad_()
    base = RBFField(
        centers, torch.rand(4, 2, generator=rng, dtype=torch.float64), channels=("a", "b"),
        cell=5 * torch.eye(3).double(), atoms=AtomList(torch.ones(4, dtype=torch.long), centers),
    )  # fmt: skip
    field, x = make(base), torch.randn(6, 3, generator=rng, dtype=torch.float64)
    low = field.to(torch.float32)
    assert low.dtype == low.atoms.pos.dtype == low(x.float()).dtype == torch.float32
    assert low.atoms.z.dtype == torch.long
    assert low.channels == field.channels
    torch.testing.assert_close(low(x.float()).double(), field(x), rtol=0, atol=1e-5)
    assert field(x).requires_grad
    fixed = field.detach()
    assert not fixed(x).requires_grad
    assert not fixed.atoms.pos.requires_grad
    assert torch.equal(fixed(x), field(x))


def test_derived_fields_do_not_share_copies():
    """Copies of periodic centres are kept for the next evaluation, but not by a field that is wider or elsewhere."""
    field = RBFField(torch.zeros(1, 3).double(), torch.ones(1).double(), 0.3, "slater", cell=3 * torch.eye(3).double())
    x = torch.rand(5, 3, generator=torch.Generator().manual_seed(0)).double()
    assert torch.allclose((2 * field)(x), 2 * field(x))
    torch.testing.assert_close(field.with_kernel("occupancy")(x), RBFField(
        field.centers, field.weights, field.widths, "occupancy", cell=field.cell
    )(x))  # fmt: skip
    assert torch.allclose((2 * field)(x), 2 * field(x))


def test_a_width_for_each_of_no_channels():
    field = RBFField(torch.zeros(3, 3), torch.zeros(3, 0), torch.zeros(3, 0))
    assert field(torch.zeros(5, 3)).shape == (5, 0)
