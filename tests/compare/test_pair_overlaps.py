import pytest
import torch

from tg_molfield import Grid, MolField, RBFField, Volume
from tg_molfield.compare import overlap, pair_overlaps
from tg_molfield.fields import Field


def gaussians(seed, count, channels, graphs=1, by_channel=True, dtype=torch.float64, spread=2.0):
    random = torch.Generator().manual_seed(seed)
    centers = spread * torch.randn(count, 3, generator=random, dtype=dtype)
    weights = torch.randn(count, len(channels), generator=random, dtype=dtype)
    widths = 0.7 + torch.rand(weights.shape if by_channel else (count,), generator=random, dtype=dtype)
    batch = torch.arange(count) * graphs // count
    return RBFField(centers, weights, widths, "gaussian", channels, batch=batch, num_graphs=graphs)


class Plain(Field):
    """A field that says nothing about what it is made of."""

    def __init__(self, field):
        self._inside = field

    channels = property(lambda self: self._inside.channels)
    num_graphs = property(lambda self: self._inside.num_graphs)
    dtype = property(lambda self: self._inside.dtype)
    device = property(lambda self: self._inside.device)

    def __call__(self, pos, batch=None):
        return self._inside(pos, batch)


@pytest.mark.parametrize("by_channel", [False, True])
def test_pairs_are_the_integrals(by_channel):
    f, g = gaussians(0, 7, "ab", by_channel=by_channel), gaussians(1, 9, "xyz")
    grid = Grid.around(torch.cat([f.centers, g.centers]), 0.3, 9.0)
    expected = f.on(grid).values.flatten(1) @ g.on(grid).values.flatten(1).T * grid.voxel_volume
    values, error = pair_overlaps(f, g)
    assert values.shape == (1, 1, 2, 3)
    assert torch.allclose(values[0, 0], expected, rtol=1e-10, atol=1e-10)
    assert not error.any()


def test_equal_channels_are_on_the_diagonal():
    f, g = gaussians(0, 12, "abc", graphs=3), gaussians(1, 10, "abc", graphs=2)
    pairs = pair_overlaps(f, g).values
    assert torch.allclose(pairs.diagonal(dim1=2, dim2=3), overlap(f, g), rtol=1e-12, atol=1e-12)
    assert torch.allclose(pair_overlaps(g, f).values, pairs.permute(1, 0, 3, 2), rtol=1e-12, atol=1e-12)


def test_shares_of_centers_add_up():
    f, g = gaussians(0, 12, "ab", graphs=3), gaussians(1, 10, "xyz", graphs=2)
    shares = pair_overlaps(f, g, per_center=True).values
    total = torch.zeros(3, 2, 2, 3, dtype=torch.float64).index_add(0, f.batch, shares)
    assert torch.allclose(total, pair_overlaps(f, g).values, rtol=1e-12, atol=1e-12)
    one = RBFField(f.centers[4:5], f.weights[4:5], f.widths[4:5], "gaussian", "ab")
    assert torch.allclose(shares[4], pair_overlaps(one, g).values[0], rtol=1e-12, atol=1e-12)


def test_periodic_pairs_are_the_integrals_over_one_cell():
    cell = torch.tensor([[5.0, 0, 0], [1.0, 6.0, 0], [0, 1.0, 5.5]], dtype=torch.float64)
    f, g = (
        RBFField(one.centers, one.weights, one.widths, "gaussian", one.channels, cell=cell)
        for one in (gaussians(0, 4, "ab"), gaussians(1, 5, "xyz"))
    )
    grid = Grid.from_cell(cell, (20, 20, 20))
    expected = f.on(grid).values.flatten(1) @ g.on(grid).values.flatten(1).T * grid.voxel_volume
    assert torch.allclose(pair_overlaps(f, g).values[0, 0], expected, rtol=1e-9, atol=1e-9)
    assert torch.allclose(pair_overlaps(f, g, per_center=True).values.sum(0)[0], expected, rtol=1e-9, atol=1e-9)
    sampled, error = pair_overlaps(f, g.on(grid), per_center=True, grid=grid)
    assert torch.allclose(sampled.sum(0)[0], expected, rtol=1e-7, atol=1e-7)
    assert float(error.max()) < 1e-7


def test_gradients():
    f, g = gaussians(0, 3, "ab"), gaussians(1, 4, "xy")
    leaves = [x.clone().requires_grad_() for one in (f, g) for x in (one.centers, one.weights, one.widths)]

    def values(*parts):
        first, second = RBFField(*parts[:3], channels="ab"), RBFField(*parts[3:], channels="xy")
        return pair_overlaps(first, second).values

    assert torch.autograd.gradcheck(values, leaves)


@pytest.mark.parametrize("per_center", [False, True])
def test_any_field_is_summed_with_an_error_that_holds(per_center):
    f, g = gaussians(0, 5, "ab", spread=1.0), gaussians(1, 6, "xyz", spread=1.0)
    exact = pair_overlaps(f, g, per_center=per_center).values
    summed, error = pair_overlaps(f, Plain(g), per_center=per_center)
    assert torch.allclose(summed, exact, atol=1e-3)
    assert bool(((summed - exact).abs() <= error + 1e-4).all())
    assert float(error.max()) < 0.02
    if not per_center:
        both, _ = pair_overlaps(Plain(f), Plain(g), grid=Grid.around(f.centers, 0.4, 7.0))
        assert torch.allclose(both, exact, atol=1e-3)


def test_any_kernel_is_summed():
    f = gaussians(0, 3, "a", spread=1.0)
    slater = RBFField(f.centers, f.weights, f.widths, "slater", ["s"])
    grid = Grid.around(f.centers, 0.2, 9.0)
    expected = (f.on(grid).values * slater.on(grid).values).sum() * grid.voxel_volume
    assert torch.allclose(pair_overlaps(slater, f).values.squeeze(), expected, atol=0.01)
    assert torch.allclose(pair_overlaps(slater, f, per_center=True).values.sum(), expected, atol=0.01)


def test_fine_samples_of_a_field_are_as_good_as_it():
    f, g = gaussians(0, 5, "ab", spread=1.0), gaussians(1, 6, "xyz", spread=1.0)
    samples = g.on(Grid.around(g.centers, 0.3, 6.0)).interpolated("cubic")
    summed = pair_overlaps(f, samples).values
    assert torch.allclose(summed, pair_overlaps(f, g).values, atol=2e-3)
    two = pair_overlaps(f.on(Grid.around(f.centers, 0.3, 6.0)).interpolated("cubic"), samples)
    assert torch.allclose(two.values, summed, atol=2e-3)


def test_a_coarse_grid_says_so():
    f, g = gaussians(0, 5, "ab", spread=1.0), gaussians(1, 6, "xyz", spread=1.0)
    exact = pair_overlaps(f, g).values
    summed, error = pair_overlaps(f, Plain(g), grid=Grid.around(f.centers, 1.5, 5.0))
    assert float((summed - exact).abs().max()) > 0.01
    assert float(error.max()) > 0.5 * float((summed - exact).abs().max())


def test_fields_far_apart_do_not_overlap():
    f = gaussians(0, 3, "a")
    far = Volume(torch.ones(1, 4, 4, 4, dtype=torch.float64), Grid.cube((90.0, 0.0, 0.0), 3.0, 4), ["v"])
    assert pair_overlaps(f, far).values.tolist() == [[[[0.0]]]]
    assert pair_overlaps(f, far, per_center=True).values.shape == (3, 1, 1, 1)
    none = RBFField(f.centers[:0], f.weights[:0], channels="a")
    assert pair_overlaps(none, f).values.tolist() == [[[[0.0]]]]
    assert pair_overlaps(f, none).values.tolist() == [[[[0.0]]]]


def test_what_does_not_fit_is_refused():
    f = gaussians(0, 3, "a")
    with pytest.raises(TypeError, match="g: expected a Field, got Tensor"):
        pair_overlaps(f, f.centers)
    with pytest.raises(TypeError, match="f: expected a field with centres for per_center, got Plain"):
        pair_overlaps(Plain(f), f, per_center=True)
    with pytest.raises(ValueError, match=r"g: expected torch\.float64"):
        pair_overlaps(f, f.to(torch.float32))
    with pytest.raises(ValueError, match="grid: expected one to sum on, got two fields of unknown extent"):
        pair_overlaps(Plain(f), Plain(f))


def test_a_protein_and_a_ligand_take_little_memory():
    protein = gaussians(2, 5000, [str(i) for i in range(8)], by_channel=False, dtype=torch.float32, spread=15.0)
    ligand = MolField("C N O")(type("Atoms", (), {"z": torch.full((40,), 6), "pos": torch.randn(40, 3)}))
    shares = pair_overlaps(ligand, protein, per_center=True).values
    assert shares.shape == (40, 1, 3, 8)
    total = pair_overlaps(ligand, protein).values
    assert torch.allclose(shares.sum(0)[None], total, rtol=1e-4, atol=1e-4)
