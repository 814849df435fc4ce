import math
import warnings

import pytest
import torch
from torch_geometric.data import Data

from tg_molfield import MolField, RBFField, Volume, psnr, read_complex
from tg_molfield.fields import Grid
from tg_molfield.inverse.superres import (
    METHODS,
    SuperresField,
    SuperresWarning,
    channel_widths,
    options_of,
    superresolve,
)

NAMES = ("C", "N", "all")
WIDTHS = (1.41, 1.29, None)


def cloud(seed=0, count=40, size=14.0):
    """Two kinds of atoms at least 1.3 Å apart, and a third channel with both and narrow ones bound to them."""
    chance = torch.Generator().manual_seed(seed)
    places = []
    while len(places) < count:
        place = size * torch.rand(3, generator=chance)
        if all((place - other).norm() > 1.3 for other in places):
            places.append(place)
    heavy = torch.stack(places)
    bound = heavy + torch.nn.functional.normalize(torch.randn(count, 3, generator=chance), dim=1)
    first = torch.arange(count) % 3 > 0
    weights = torch.zeros(2 * count, 3)
    weights[:count, 0], weights[:count, 1], weights[:, 2] = first.float(), (~first).float(), 0.5
    widths = torch.cat([torch.where(first, 1.41, 1.29), torch.full((count,), 1.0)])
    field = RBFField(torch.cat([heavy, bound]), weights, widths, channels=NAMES)
    return field, Grid.cube([size / 2] * 3, size + 8, 12)


@pytest.fixture(scope="module")
def solved():
    field, grid = cloud()
    return field, grid, *superresolve(field.on(grid), "gaussians", widths=WIDTHS, num_restarts=2)


def gain(result, field, grid, channels):
    """By how many dB a result beats the cubic spline between the nodes."""
    spline, fine = field.on(grid).interpolated("cubic"), grid.refined(4)
    names = tuple(channels)
    return psnr(result[names], field[names], fine).all_nodes - psnr(spline[names], field[names], fine).all_nodes


def test_gaussians_beats_the_spline_between_the_nodes(solved):
    field, grid, result, _ = solved
    assert gain(result, field, grid, ("C", "N")) > 15
    assert gain(result, field, grid, ("all",)) > 3


def test_gaussians_meets_the_samples(solved):
    field, grid, result, report = solved
    assert psnr(result, field, grid).all_nodes > 70
    assert report.psnr_at_nodes.all_nodes == pytest.approx(psnr(result, field.on(grid), grid).all_nodes, abs=0.1)


def test_report(solved):
    *_, report = solved
    assert report.samples == 3 * 12**3
    assert report.parameters > 0
    assert report.compression == pytest.approx(report.samples / report.parameters)
    assert report.functions["C"] >= 26
    assert report.functions["all"] == 0
    assert report.relative_residual["N"] < 0.02
    assert set(report.converged) == set(NAMES)
    assert report.method == "gaussians"
    assert 1 <= report.iterations["C"] <= 8
    assert report.iterations["all"] == 0
    assert report.stopped_by == ("convergence" if all(report.converged.values()) else "max_iter")
    assert report.seconds > 0


def test_result_is_a_field(solved):
    _, grid, result, _ = solved
    points = grid.refined(3).points()[::97]
    fine = result.on(grid.refined(3)).values.flatten(1).T[::97]
    torch.testing.assert_close(result(points), fine, atol=1e-4, rtol=0)
    step = torch.tensor([[1e-2, 0.0, 0.0]])
    slope = (result(points + step) - result(points - step)) / 2e-2
    torch.testing.assert_close(result.gradient(points)[:, :, 0], slope, atol=2e-3, rtol=0)
    assert result.channels == NAMES
    assert result(torch.full((1, 3), 1e3)).abs().max() < 1e-20


def test_kriging_is_exact_at_the_nodes():
    field, grid = cloud(1)
    result, report = superresolve(field.on(grid), method="kriging")
    assert report.psnr_at_nodes.all_nodes > 70
    assert report.functions == dict.fromkeys(NAMES, 0)
    assert gain(result, field, grid, NAMES) > -0.5


def test_scale_moves_with_the_values():
    field, grid = cloud(2, count=8)
    small, _ = superresolve(field.on(grid), "gaussians", widths=WIDTHS, num_restarts=1)
    large, _ = superresolve(field.on(grid) * 1000.0, "gaussians", widths=WIDTHS, num_restarts=1)
    torch.testing.assert_close(
        large.on(grid.refined(2)).values, 1000 * small.on(grid.refined(2)).values, atol=0.5, rtol=1e-2
    )


def test_same_seed_same_field_and_checkpoint(tmp_path):
    field, grid = cloud(3, count=10)
    samples, path = field.on(grid), tmp_path / "fit.safetensors"
    steps = []

    def stop(text, share):
        steps.append(share)
        if len(steps) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        superresolve(samples, "gaussians", widths=WIDTHS, num_restarts=2, progress=stop, checkpoint=path)
    resumed, _ = superresolve(samples, "gaussians", widths=WIDTHS, num_restarts=2, checkpoint=path)
    shares = []
    again, _ = superresolve(
        samples, "gaussians", widths=WIDTHS, num_restarts=2, checkpoint=path,
        progress=lambda text, share: shares.append(share),
    )  # fmt: skip
    assert shares == [1.0]
    assert torch.equal(again.on(grid).values, resumed.on(grid).values)
    whole, _ = superresolve(samples, "gaussians", widths=WIDTHS, num_restarts=2)
    assert torch.equal(resumed.on(grid).values, whole.on(grid).values)
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
    with pytest.raises(ValueError, match="of the same samples and settings, got"):
        superresolve(samples, "gaussians", widths=WIDTHS, num_restarts=2, seed=5, checkpoint=path)


def test_progress_ends_at_one():
    field, grid = cloud(4, count=6)
    shares = []
    superresolve(
        field.on(grid), "gaussians", widths=WIDTHS, num_restarts=1, progress=lambda text, share: shares.append(share)
    )
    assert shares == [0.5, 1.0]


def test_empty_channels_stay_empty():
    field, grid = cloud(5, count=6)
    values = field.on(grid).values.clone()
    values[1] = 0
    result, _ = superresolve(Volume(values, grid, NAMES), "gaussians", widths=WIDTHS, num_restarts=1)
    assert result.on(grid.refined(2)).values[1].abs().max() == 0


def test_signed_channels_are_kriged():
    field, grid = cloud(6)
    signed = field.on(grid) * -1.0
    result, report = superresolve(signed, "gaussians", widths=WIDTHS)
    assert report.functions["C"] == 0
    assert report.psnr_at_nodes.all_nodes > 70
    assert result.on(grid).values.min() < -0.5


def test_fields_are_sampled_first():
    with pytest.raises(TypeError, match=r"volume: expected a Volume, got RBFField; sample a field with field\.on"):
        superresolve(cloud()[0])


GRID = Grid.cube([0, 0, 0], 10.0, 8)


@pytest.mark.parametrize(
    ("volume", "message"),
    [
        (Volume(torch.zeros(2, 8, 8, 8), GRID), "got zeros alone"),
        (Volume(torch.ones(1, 8, 8, 8), GRID), "one value"),
        (Volume(torch.full((1, 8, 8, 8), math.nan), GRID), "got 512 that are NaN or infinite in channel 0"),
        (Volume(torch.rand(1, 3, 3, 3), Grid.cube([0, 0, 0], 1.0, 3)), "at least 4"),
    ],
)
def test_hopeless_volumes_are_refused(volume, message):
    with pytest.raises(ValueError, match=message):
        superresolve(volume, "gaussians")


OBLIQUE = Grid((0, 0, 0), ((1, 0, 0), (0.5, 1, 0), (0, 0, 1)), (4, 4, 4))


@pytest.mark.parametrize(
    "volume", [Volume(torch.rand(1, 8, 8, 8), GRID, periodic=True), Volume(torch.rand(1, 4, 4, 4), OBLIQUE)]
)
def test_functions_are_not_sought_in_crystals(volume):
    with pytest.raises(ValueError, match="oblique or periodic"):
        superresolve(volume, "gaussians", widths=[1.0])


def test_too_large_a_volume_is_refused():
    with pytest.raises(MemoryError, match="GiB"):
        superresolve(Volume(torch.rand(1, 8, 8, 8), GRID), "gaussians", max_bytes=1000)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "magic"}, f"method: expected one of {', '.join(METHODS)}, got 'magic'"),
        ({"num_restarts": 0}, "num_restarts: expected at least 1, got 0"),
        ({"max_iter": 0}, "max_iter: expected at least 1, got 0"),
        ({"method": "known_atoms"}, "atoms: expected the functions of the atoms, got None"),
        ({"widths": [1.0, 2.0]}, "widths: expected one for each of 1 channels, got 2"),
        ({"widths": [-1.0]}, "widths: expected a positive, finite number"),
        ({"num_restarts": 3}, "num_restarts: expected widths with it"),
        ({"seed": 0}, "seed: expected widths with it"),
        ({"checkpoint": "a.safetensors"}, "checkpoint: expected widths with it"),
        (
            {"method": "known_atoms", "atoms": RBFField(torch.zeros(1, 3), torch.ones(1, 1), 1.0), "ridge": 1e-3},
            "ridge: expected weights='free' with it, got 'common'",
        ),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        superresolve(Volume(torch.rand(1, 8, 8, 8), GRID), **{"method": "gaussians", **options})


def test_a_definition_is_no_field_of_atoms():
    with pytest.raises(TypeError, match=r"atoms: expected an RBFField, got MolField; give atoms=mol_field\(data\)"):
        superresolve(Volume(torch.rand(1, 8, 8, 8), GRID), "known_atoms", atoms=MolField("C"))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("option", sorted({name for method in METHODS for name in options_of(method)} | {"sharpness"}))
def test_options_of_other_methods_are_refused_by_name(method, option):
    if option not in options_of(method):
        with pytest.raises(TypeError, match=f"^{option}: expected .* for method='{method}'"):
            superresolve(Volume(torch.rand(1, 8, 8, 8), GRID), method, **{option: None})


def test_too_few_iterations_are_reported():
    field, grid = cloud()
    _, report = superresolve(field.on(grid), "gaussians", widths=WIDTHS, num_restarts=1, max_iter=1)
    assert report.converged == {"C": False, "N": False, "all": True}
    assert report.iterations == {"C": 1, "N": 1, "all": 0}
    assert report.stopped_by == "max_iter"


@pytest.mark.parametrize("method", METHODS)
def test_every_method_reports_saves_and_shows_its_progress(method, tmp_path):
    field, grid = cloud(7, count=8)
    widths, definition = {"widths": WIDTHS}, {"widths": MolField.preset("mnf", beta=0.25, channels="C N all")}
    own = {"auto": widths, "gaussians": widths, "learned": definition, "known_atoms": {"atoms": field}}.get(method, {})
    shares = []
    result, report = superresolve(
        field.on(grid), method, progress=lambda text, share: shares.append(share), **own
    )  # fmt: skip
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert report.method == method
    assert report.samples == 3 * 12**3
    assert report.parameters > 0
    assert report.seconds > 0
    assert report.psnr_at_nodes.all_nodes > 70
    if method not in ("auto", "gaussians"):
        assert report.stopped_by == "convergence"
        assert set(report.iterations.values()) == {0}
    assert report.functions["C"] == {
        "gaussians": pytest.approx(5, abs=2),
        "auto": pytest.approx(8, abs=4),
        "known_atoms": 5,
    }.get(method, 0)
    result.save(tmp_path / "field.safetensors")
    loaded = SuperresField.load(tmp_path / "field.safetensors")
    points = torch.randn(50, 3, generator=torch.Generator().manual_seed(0))
    assert torch.equal(loaded(points), result(points))
    assert torch.equal(loaded.on(grid).values, result.on(grid).values)


def test_known_atoms_report_what_they_explain():
    field, grid = cloud(8, count=8)
    _, report = superresolve(field.on(grid), "known_atoms", atoms=field)
    assert report.functions == {"C": 5, "N": 3, "all": 16}
    assert max(report.relative_residual.values()) < 1e-5


def test_known_atoms_of_another_field_are_told():
    field, grid = cloud(8, count=8)
    samples = field.on(grid)
    with warnings.catch_warnings():
        warnings.simplefilter("error", SuperresWarning)
        superresolve(samples, "known_atoms", atoms=field)
        empty = RBFField(field.centers, field.weights * torch.tensor([0.0, 1, 1]), field.widths, channels=NAMES)
        superresolve(samples, "known_atoms", atoms=empty)
    for moved in (field.centers + 50, field.centers / 10):
        atoms = RBFField(moved, field.weights, field.widths, channels=NAMES)
        with pytest.warns(SuperresWarning, match=r"atoms: expected those of the samples, got others or elsewhere in C"):
            _, report = superresolve(samples, "known_atoms", atoms=atoms)
        assert report.relative_residual["C"] > 0.7


@pytest.mark.parametrize(("nodes", "restarts", "is_told"), [(4, 2, True), (5, 1, True), (6, 1, True), (7, 1, False)])
def test_grids_too_small_to_compare_methods_are_told(nodes, restarts, is_told):
    field, grid = cloud(8, count=8)
    thin = Grid(grid.origin, grid.axes, (nodes, 12, 12))
    samples = field.on(thin)["C", "N"]
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        _, report = superresolve(samples, widths=WIDTHS[:2], num_restarts=restarts, max_iter=1)
    messages = [str(one.message) for one in told if issubclass(one.category, SuperresWarning)]
    told_of = f"got {nodes}×12×12; methods could not be compared in C, N"
    assert any(told_of in message for message in messages) == is_told
    assert all(one.filename == __file__ for one in told if told_of in str(one.message))
    assert all(math.isfinite(score) for scores in report.left_out.values() for score in scores.values())
    assert bool(report.left_out["C"]) != is_told


def test_no_atoms_in_the_wrong_channels():
    field, grid = cloud(8, count=8)
    with pytest.raises(ValueError, match="atoms: expected the volume's channels C, N, all, got C, N"):
        superresolve(field.on(grid), "known_atoms", atoms=field["C", "N"])


def test_widths_from_a_field_definition_by_name():
    definition = MolField("H C N all", widths=1.5, width_scale=1.0)
    samples = RBFField(torch.tensor([[0.3, 0.1, 0.2]]), torch.ones(1, 2), 1.5, channels=["N", "X"]).on(GRID)
    with pytest.raises(ValueError, match="got one with H, C, N, all and without X"):
        superresolve(samples, "gaussians", widths=definition)
    _, report = superresolve(samples["N"].on(GRID), "gaussians", widths=definition)
    assert report.functions["N"] > 0


def test_channel_widths():
    definition = MolField.preset("mnf", beta=0.25, channels="H C all", split_parts=True)
    assert channel_widths(definition) == pytest.approx((2**0.5 * 1.2 / 1.7, 2**0.5, None) * 2)
    assert channel_widths(MolField("C all", widths=0.5, width_scale=1.0)) == (0.5, 0.5)
    with pytest.raises(ValueError, match="expected a sum of Gaussians"):
        channel_widths(MolField("C", kernel="slater"))


def test_nitrogen_of_a_complex(data_dir):
    """The protein's nitrogens of a complex that no setting was chosen on, blind, from 32³ nodes."""
    folder = data_dir / "complexes"
    data = read_complex(folder / "6w70_protein.pdb.gz", folder / "6w70_ligand.sdf")
    definition = MolField.preset("mnf", beta=0.25, channels="N", split_parts=True, normalize_grid_size=32)
    exact, grid = definition(data)["protein.N"], definition.grid(data, 32)
    samples = exact.on(grid)
    result, report = superresolve(samples, "gaussians", widths=channel_widths(definition)[1:], num_restarts=1)
    fine = definition.grid(data, 96)
    spline = psnr(samples.interpolated("cubic"), exact, fine, peak=1.0).all_nodes
    assert psnr(result, exact, fine, peak=1.0).all_nodes > spline + 12
    assert report.psnr_at_nodes.all_nodes > 70
    assert report.parameters < report.samples


def test_widths_of_the_definition_are_used_or_asked_for():
    mol_field = MolField("C N")
    data = Data(z=torch.tensor([6, 7, 6]), pos=torch.tensor([[0.0, 0.0, 0.0], [2.5, 0.0, 0.0], [0.0, 2.5, 0.5]]))
    samples = mol_field(data).on(Grid.around(data.pos, spacing=0.9))
    known, _ = superresolve(samples, "gaussians")
    given, report = superresolve(samples, "gaussians", widths=mol_field)
    assert torch.equal(known.on(samples.grid.refined(2)).values, given.on(samples.grid.refined(2)).values)
    assert report.functions["C"] > 0
    with pytest.raises(ValueError, match="widths: expected σ of each channel"):
        superresolve(Volume(samples.values, samples.grid, samples.channels), "gaussians")
