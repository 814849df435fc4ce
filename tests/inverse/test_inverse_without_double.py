"""Atoms, fits and superresolution of fields on a device without double precision."""

import pytest
import torch
from emulated_device import emulated_device
from torch_geometric.data import Data
from without_double import check_on_device

from tg_molfield import Grid, MolField, RBFField, find_atoms, fit_rbf, superresolve
from tg_molfield.inverse.find_atoms import recover_atoms
from tg_molfield.inverse.superres import SuperresField

FIELD = MolField("C N O", widths=0.5, width_scale=1.0)
PLACES = torch.tensor([[0.1, 0.2, -0.3], [1.3, 0.4, 0.2], [-0.9, 1.1, 0.3], [2.0, -0.8, 0.5], [-0.7, -1.2, -0.4]])
FINE = Grid.cube((0.3, 0, 0), 9.0, 24)
COARSE = Grid.cube((0.3, 0, 0), 9.0, 12)


def molecule(**attributes):
    return Data(z=torch.tensor([6, 6, 7, 8, 6]), pos=PLACES.clone(), **attributes)


def crystal(cell):
    return molecule(cell=torch.tensor(cell)[None], pbc=torch.tensor([[True, True, True]]))


CUBIC = [[6.0, 0, 0], [0, 6.0, 0], [0, 0, 6.0]]
OBLIQUE = [[6.0, 0, 0], [1.0, 6.0, 0], [0.5, 0.7, 6.0]]


def of_volumes(data):
    found = recover_atoms(FIELD(data).on(FINE))
    yield found.data.pos
    yield found.data.z
    for channel in found.channels:
        yield channel.scale
        yield channel.residual + 1


def of_fields(data):
    yield find_atoms(FIELD(data)).pos
    yield find_atoms(FIELD(data), FINE).pos
    yield find_atoms((0.7 * FIELD(data)).on(FINE), mol_field=FIELD, errors="ignore").pos


def of_centers_alone(data):
    field = FIELD(data)
    plain = RBFField(field.centers, field.weights, field.widths, "gaussian", field.channels)
    yield find_atoms(plain).pos
    yield find_atoms(plain.on(FINE)).pos


def of_parts(data):
    data.part = torch.tensor([0, 1, 0, 1, 0]).to(data.z.device)
    found = find_atoms(MolField("C N O", widths=0.5, width_scale=1.0, split_parts=True)(data))
    yield found.pos
    yield found.part


@pytest.mark.parametrize("find", [of_volumes, of_fields, of_centers_alone, of_parts])
def test_atoms_are_found(find):
    check_on_device(find, molecule())


@pytest.mark.parametrize("cell", [CUBIC, OBLIQUE])
def test_atoms_of_crystals_are_found(cell):
    def find(data):
        found = find_atoms(FIELD(data))
        yield found.pos
        yield found.cell
        yield found.pbc

    check_on_device(find, crystal(cell))


def to_volumes(data):
    field, report = fit_rbf(FIELD(data).on(COARSE), data.pos, 0.5)
    yield field.weights
    yield field(data.pos + 0.2)
    yield report.num_samples


def to_fields(data):
    points = data.pos.repeat(8, 1) + 0.1 * torch.arange(40).to(data.pos)[:, None]
    for where in (points, COARSE):
        field, report = fit_rbf(FIELD(data), data.pos, 0.6, points=where, regularization=1e-6)
        yield field.weights
        yield from report.relative_error.values()


def to_values(data):
    points = data.pos.repeat(8, 1) + 0.1 * torch.arange(40).to(data.pos)[:, None]
    values, importance = FIELD(data)(points), points.square().sum(1)
    values[3] = float("nan")
    field, _ = fit_rbf(values, data.pos, 0.6, points=points, importance=importance, missing="skip")
    yield field.weights


def of_all_parts(data):
    start = data.pos + 0.05
    for parts in ("widths", "centers"):
        field, _ = fit_rbf(FIELD(data).on(COARSE), start, 0.55, optimize=("weights", parts), max_steps=5)
        yield field.centers
        yield field.widths
    fixed = FIELD(data).weights
    yield fit_rbf(FIELD(data).on(COARSE), start, 0.5, optimize="centers", weights=fixed, max_steps=5)[0].centers


def by_conjugate_gradients(data):
    yield fit_rbf(FIELD(data).on(COARSE), data.pos, 0.5, solver="sparse")[0].weights


def of_widths_by_channel(data):
    widths = torch.tensor([0.4, 0.5, 0.6]).to(data.pos).expand(len(data.pos), -1)
    yield fit_rbf(FIELD(data).on(COARSE), data.pos, widths)[0].weights


@pytest.mark.parametrize(
    "fit", [to_volumes, to_fields, to_values, of_all_parts, by_conjugate_gradients, of_widths_by_channel]
)
def test_functions_are_fitted(fit):
    check_on_device(fit, molecule(), tolerance=1e-4)


def test_periodic_functions_are_fitted():
    def fit(data):
        grid = Grid.from_cell(torch.tensor(OBLIQUE), (10, 11, 12))
        points = data.pos.repeat(8, 1) + 0.1 * torch.arange(40).to(data.pos)[:, None]
        field = FIELD(data)
        yield fit_rbf(field.on(grid), data.pos, 0.5)[0].weights
        yield fit_rbf(field, data.pos, 0.5, points=points)[0].weights
        yield fit_rbf(field(points), data.pos, 0.5, points=points, cell=data.cell)[0].weights

    check_on_device(fit, crystal(OBLIQUE), tolerance=1e-4)


def test_targets_on_another_device_than_the_centers_are_refused():
    with emulated_device(double=False) as device:
        volume = FIELD(molecule().to(device)).on(COARSE)
        with pytest.raises(ValueError, match=f"centers: expected {device}, as for target, got cpu"):
            fit_rbf(volume, PLACES)


def values_of(field, data):
    yield field(data.pos + 0.2)
    yield field.gradient(data.pos + 0.2)
    yield field.on(COARSE.refined(2)).values
    yield field.on(FINE).values
    yield field["C"](data.pos)
    yield field.detach()(data.pos)


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("auto", {"num_restarts": 1, "max_iter": 3}),
        ("spline", {}),
        ("kriging", {}),
        ("gaussians", {"widths": FIELD, "num_restarts": 1, "max_iter": 3}),
    ],
)
@pytest.mark.filterwarnings("ignore:volume")
def test_volumes_are_superresolved(method, options):
    def finer(data):
        field, report = superresolve(FIELD(data).on(COARSE), method=method, **options)
        assert field.dtype == torch.float32
        yield report.parameters
        yield from values_of(field, data)

    check_on_device(finer, molecule())


@pytest.mark.parametrize("weights", ["common", "free"])
def test_volumes_are_superresolved_with_known_atoms(weights):
    def finer(data):
        field, _ = superresolve(1.3 * FIELD(data).on(COARSE), "known_atoms", atoms=FIELD(data), weights=weights)
        yield from values_of(field, data)

    check_on_device(finer, molecule())


@pytest.mark.filterwarnings("ignore:volume")
def test_volumes_are_superresolved_by_the_network():
    grid = Grid.around(PLACES * 2, spacing=2.2, margin=5.0)

    def finer(data):
        field, _ = superresolve(MolField.preset("mnf", beta=0.25, channels="C N all")(data).on(grid), method="learned")
        yield field(data.pos + 0.2)
        yield field.on(FINE).values

    check_on_device(finer, Data(z=molecule().z, pos=PLACES * 2))


@pytest.mark.parametrize("cell", [CUBIC, OBLIQUE])
@pytest.mark.filterwarnings("ignore:volume")
def test_crystals_are_superresolved(cell):
    grid = Grid.from_cell(torch.tensor(cell), (11, 12, 13))

    def finer(data):
        field, _ = superresolve(FIELD(data).on(grid), method="kriging")
        yield field(data.pos + 0.2)
        yield field.gradient(data.pos + 0.2)
        yield field.on(grid.refined(2, True)).values

    check_on_device(finer, crystal(cell))


def test_large_weights_that_cancel_are_summed_on_the_host():
    wide = MolField("C N O", widths=1.6, width_scale=1.0)

    def finer(data):
        field, _ = superresolve(wide(data).on(COARSE), method="kriging")
        assert float(field.lattices[0].weights.abs().max()) > 100 * float(wide(data)(data.pos).abs().max())
        pos = (data.pos + 0.2).requires_grad_()
        yield field(pos)
        yield field.gradient(pos)
        field(pos).sum().backward()
        yield pos.grad

    check_on_device(finer, molecule(), tolerance=2e-6)


def test_fields_keep_their_precision_between_devices(tmp_path):
    field, _ = superresolve(FIELD(molecule()).on(COARSE), method="kriging")
    expected = field(PLACES + 0.2)
    with emulated_device(double=False) as device:
        far = field.to(device)
        assert far.device.type == device
        far.save(tmp_path / "far.safetensors")
        back, wider = far.to("cpu"), far.to("cpu", torch.float64)
    assert back(PLACES + 0.2).equal(expected)
    assert wider(PLACES.double() + 0.2).dtype == torch.float64
    assert SuperresField.load(tmp_path / "far.safetensors")(PLACES + 0.2).equal(expected)
