import pytest
import torch

from tg_molfield import MolField, RBFField, Volume, psnr, read, superresolve
from tg_molfield.fields import Grid
from tg_molfield.inverse.superres.blend import best_shares
from tg_molfield.inverse.superres.prior.inputs import CHANNELS, NUM_INPUTS, Known, fine_lines, prior_inputs
from tg_molfield.inverse.superres.prior.network import CorrectionNetwork
from tg_molfield.inverse.superres.prior.prior import corrected, load_network, save_network

DEFINITION = MolField.preset("mnf", beta=0.25, channels="C N all")
STEPS = torch.full((3,), 2.2, dtype=torch.float64)


@pytest.fixture(scope="module")
def trp_cage(data_dir):
    """The field of a miniprotein that the network was not trained on, its samples 2.2 Å apart, and a finer grid."""
    data = read(data_dir / "ensembles" / "1l2y_nmr.pdb.gz")[0]
    field = DEFINITION(data)
    grid = Grid.around(data.pos, spacing=2.2, margin=5.0)
    return field, field.on(grid), grid.refined(4)


def test_the_network_beats_interpolation_on_a_protein(trp_cage):
    field, samples, fine = trp_cage
    found, report = superresolve(samples, "learned")
    kriged, _ = superresolve(samples, "kriging")
    for channel in CHANNELS:
        best = max(
            psnr(one[channel], field[channel], fine).all_nodes for one in (samples.interpolated("cubic"), kriged)
        )
        assert psnr(found[channel], field[channel], fine).all_nodes > best + 0.5
    assert report.psnr_at_nodes.all_nodes > 60


def test_the_field_of_a_network_is_a_field(trp_cage, tmp_path):
    _, samples, fine = trp_cage
    found, _ = superresolve(samples, "learned")
    some = fine.points()[::997]
    torch.testing.assert_close(found(some), found.on(fine).values.flatten(1).T[::997], atol=2e-4, rtol=0)
    found.save(tmp_path / "field.safetensors")
    assert torch.equal(type(found).load(tmp_path / "field.safetensors").on(fine).values, found.on(fine).values)


def test_auto_is_never_much_worse_than_the_best(trp_cage):
    field, samples, fine = trp_cage
    found, report = superresolve(samples)
    assert report.method == "auto"
    for channel in CHANNELS:
        assert sum(report.shares[channel].values()) == pytest.approx(1)
        assert {"trilinear", "spline", "kriging", "learned", "mixture"} <= report.left_out[channel].keys() | {"learned"}
        for method in ("spline", "kriging"):
            other, _ = superresolve(samples, method)
            assert (
                psnr(found[channel], field[channel], fine).all_nodes
                > psnr(other[channel], field[channel], fine).all_nodes
            )
    assert report.psnr_at_nodes.all_nodes > 60


def test_auto_finds_few_atoms_exactly():
    pos = torch.tensor([[0.0, 0, 0], [3.1, 0.4, 0.2], [0.3, 3.3, 1.0]])
    field = RBFField(pos, torch.eye(3)[:, :2] + torch.tensor([[0.0, 0], [0, 0], [1, 0]]), 1.3, channels=("a", "b"))
    grid = Grid.cube((1.0, 1.0, 0.5), 14.0, 11)
    found, report = superresolve(field.on(grid), widths=[1.3, 1.3])
    assert report.shares["a"] == {"gaussians": 1.0}
    assert psnr(found, field, grid.refined(3)).all_nodes > 70


def test_auto_without_widths_is_linear():
    values = torch.rand(1, 10, 10, 10, generator=torch.Generator().manual_seed(0))
    grid = Grid.cube((0.0, 0, 0), 20.0, 10)
    smooth = Volume(values, grid).interpolated("cubic").on(grid.refined(2))
    found, report = superresolve(smooth)
    assert report.shares["0"].keys() <= {"kriging", "spline"}
    assert psnr(found, smooth, smooth.grid).all_nodes > 60


def test_auto_on_a_crystal_is_kriging():
    grid = Grid.from_cell([[6.0, 0, 0], [-3.0, 5.2, 0], [0, 0, 5.0]], (8, 8, 7))
    samples = Volume(torch.randn(1, 8, 8, 7, generator=torch.Generator().manual_seed(0)), grid, periodic=True)
    found, report = superresolve(samples)
    assert report.shares == {"0": {"kriging": 1.0}}
    assert report.left_out == {"0": {}}
    assert len(found.lattices) == 1


def test_samples_that_the_network_does_not_know_are_refused():
    data = read_methane()
    others = MolField.preset("mnf", beta=1.0, channels="C N all")
    grid = Grid.around(data.pos, spacing=2.0, margin=6.0)
    values = torch.rand(3, *grid.shape, generator=torch.Generator().manual_seed(0))
    names = CHANNELS
    for definition, steps, expected in (
        (None, 2.0, "a MolField that tells what the channels are"),
        (others, 2.0, "with the widths of"),
        (DEFINITION, 1.0, "nodes from 1.5 to 4.6 Å apart"),
    ):
        volume = Volume(
            values,
            Grid(
                grid.origin, tuple((steps * (i == 0), steps * (i == 1), steps * (i == 2)) for i in range(3)), grid.shape
            ),
            names,
        )
        with pytest.raises(ValueError, match=expected):
            superresolve(volume, "learned", widths=definition)


def read_methane():
    from torch_geometric.data import Data

    return Data(z=torch.tensor([6, 7]), pos=torch.tensor([[0.0, 0, 0], [1.4, 0, 0]]))


def test_inputs_turn_with_the_samples():
    """A quarter turn of the samples turns the inputs."""
    chance = torch.Generator().manual_seed(4)
    values = torch.rand(3, 6, 6, 6, generator=chance, dtype=torch.float64)
    lines = fine_lines((6, 6, 6), STEPS)
    known = Known(8 * torch.rand(5, 3, generator=chance, dtype=torch.float64), torch.ones(5).double())
    turned = Known(known.pos[:, [1, 0, 2]], known.weights)
    first = prior_inputs(values, STEPS, lines, (known, None), (1, 2, 0))
    second = prior_inputs(values.transpose(1, 2), STEPS, lines, (turned, None), (2, 1, 0))
    assert first.features.shape == (NUM_INPUTS, 14, 14, 14)
    torch.testing.assert_close(first.features.transpose(1, 2), second.features, atol=1e-4, rtol=1e-4)


def test_nothing_is_added_to_nothing():
    values = torch.zeros(3, 8, 8, 8, dtype=torch.float64)
    values[:, 4, 4, 4] = 1
    estimates, lines = corrected(values, STEPS)
    assert estimates.shape == (3, *map(len, lines))
    far = estimates[:, 0, 0, 0].abs()
    assert float(far.max()) < 1e-2


def test_networks_are_saved(tmp_path):
    network = CorrectionNetwork(NUM_INPUTS, 3, fine=4, coarse=4, blocks=(1, 1, 1))
    options = {"fine": 4, "coarse": 4, "blocks": [1, 1, 1]}
    save_network(tmp_path / "network.safetensors", network, options, {"structures": ["1abc"]})
    loaded = load_network(tmp_path / "network.safetensors")
    x = torch.randn(1, NUM_INPUTS, 4, 4, 4, generator=torch.Generator().manual_seed(0))
    assert torch.equal(loaded(x), torch.zeros(1, 3, 4, 4, 4))
    assert all(torch.equal(a, b.half().float()) for a, b in zip(loaded.parameters(), network.parameters(), strict=True))


def test_shares_are_those_of_the_mixture():
    chance = torch.Generator().manual_seed(1)
    first, second, third = torch.randn(3, 500, generator=chance, dtype=torch.float64)
    truth = 0.25 * first + 0.7 * second + 0.05 * third
    assert best_shares(truth, {"a": first, "b": second, "c": third}) == {
        "a": pytest.approx(0.25),
        "b": pytest.approx(0.7),
        "c": pytest.approx(0.05),
    }
    assert best_shares(first, {"a": first, "b": first.clone()}) == {"a": 1.0, "b": 0.0}
    assert best_shares(first[:0], {"a": first[:0], "b": second[:0]}) == {"a": 1.0, "b": 0.0}
