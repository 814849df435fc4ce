"""Everything gives the same on a processor and on a GPU; results stay where their inputs are."""

import pytest
import torch
from ase.build import molecule
from invariant_fields import JOINED, PERIODIC_SORTS, SORTS, batched, cloud, crystal, points
from torch_geometric.data import Batch

from tg_molfield import FieldAutoEncoder, Grid, MolField, MolFieldTransform, RBFField, Volume, find_atoms, psnr
from tg_molfield.inverse.fitting import fit_rbf
from tg_molfield.structures import from_ase

GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
DEVICE = pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=GPU)])
GRID = Grid.cube((0.3, -0.2, 0.1), 7.0, 9)


def same(found: torch.Tensor, expected: torch.Tensor, device: str, tolerance: float = 1e-9) -> None:
    assert found.device.type == device
    torch.testing.assert_close(found.cpu(), expected, rtol=0, atol=tolerance * max(1.0, float(expected.abs().max())))


@DEVICE
@pytest.mark.parametrize("by_channel", [False, True])
@pytest.mark.parametrize(("join", "kernel"), SORTS)
def test_points_grids_and_derivatives(join, kernel, by_channel, device):
    x = points(30)
    field = JOINED[join](cloud(kernel, by_channel, join=join))
    moved = field.to(device)
    same(moved(x.to(device)), field(x), device)
    same(moved.gradient(x.to(device)), field.gradient(x), device)
    same(moved.laplacian(x.to(device)), field.laplacian(x), device, 1e-7)
    same(moved.on(GRID).values, field.on(GRID).values, device)


@DEVICE
@pytest.mark.parametrize(("join", "kernel"), PERIODIC_SORTS)
def test_batches_and_cells(join, kernel, device):
    parts = [crystal(cell, kernel, join=join, seed=seed) for seed, cell in enumerate(("triclinic", "slab"))]
    field = JOINED[join](batched(parts, cell=torch.cat([p.cell for p in parts]), pbc=torch.cat([p.pbc for p in parts])))
    x, owners = points(20), torch.arange(20) // 10
    moved = field.to(torch.device(device))
    same(moved(x.to(device), owners.to(device)), field(x, owners), device)
    for found, expected in zip(moved.on_each([GRID, GRID]), field.on_each([GRID, GRID]), strict=True):
        same(found.values, expected.values, device)


@DEVICE
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradients_by_atoms(dtype, device):
    found = []
    for where in ("cpu", device):
        parts = [tensor.to(where, dtype).requires_grad_() for tensor in (cloud().centers, cloud().weights)]
        field = RBFField(*parts)
        loss = field(points().to(where, dtype)).square().sum() + field.on(GRID).values.square().sum()
        found.append(torch.autograd.grad(loss, parts))
    for one, two in zip(*found, strict=True):
        same(two, one, device, 1e-4 if dtype == torch.float32 else 1e-9)


@DEVICE
@pytest.mark.parametrize("interpolation", ["linear", "cubic"])
def test_volumes(tmp_path, interpolation, device):
    volume = cloud().on(GRID).interpolated(interpolation, periodic=(True, False, True))
    moved, x = volume.to(device), points(20)
    same(moved(x.to(device)), volume(x), device)
    same(moved.gradient(x.to(device)), volume.gradient(x), device)
    same(moved.resampled(GRID.coarsened(2)).values, volume.resampled(GRID.coarsened(2)).values, device)
    same(moved.integral(), volume.integral(), device)
    moved["a"].save(tmp_path / "a.npz")
    assert torch.equal(Volume.read(tmp_path / "a.npz", dtype=torch.float64).values, volume["a"].values)


@DEVICE
@pytest.mark.parametrize("solver", ["dense", "sparse"])
@pytest.mark.parametrize("periodic", [False, True])
def test_fits(solver, periodic, device):
    field = crystal("triclinic").to(device) if periodic else cloud(n=6).to(device)
    found, report = fit_rbf(field, field.centers, field.widths, points=points(600).to(device), solver=solver)
    same(found.weights, field.weights.cpu(), device, 1e-6)
    assert max(report.relative_error.values()) < 1e-6
    moved, _ = fit_rbf(
        field, field.centers, 1.05 * field.widths, points=points(600).to(device), optimize=("weights", "widths")
    )
    same(moved.widths, field.widths.cpu(), device, 1e-4)


@DEVICE
def test_definitions_find_atoms_and_errors(device):
    data = from_ase(molecule("CH3CH2OH"))
    for definition in (MolField(), MolField.preset("mnf"), MolField.preset("promolecule"), MolField.preset("vdw")):
        field, moved = definition(data), definition(data.clone().to(device))
        same(moved(data.pos.to(device)), field(data.pos), device, 1e-5)
        assert moved.atoms.pos.device.type == device
    field = MolField()(data).to(device)
    found = find_atoms(field)
    assert found.z.device.type == found.pos.device.type == device
    assert sorted(found.z.tolist()) == sorted(data.z.tolist())
    assert psnr(field, 2 * field, GRID).all_nodes < 100


@DEVICE
@pytest.mark.parametrize("decoder", ["rbf", "siren"])
def test_autoencoder(decoder, device):
    mol_field = MolField("H C N O other")
    transform = MolFieldTransform(mol_field, num_queries=16, seed=0)
    batch = Batch.from_data_list([transform(from_ase(molecule(name))) for name in ("H2O", "CH3OH")])
    batch = batch.to(device)
    torch.manual_seed(0)
    model = FieldAutoEncoder(channels=mol_field.channels, latent_dim=32, decoder=decoder).to(device)
    values = model(batch.z, batch.pos, batch.query_pos, batch.batch, batch.query_batch)
    assert values.device.type == device
    latent = model.encode(batch.z, batch.pos, batch.batch)
    model.recon_loss(latent, batch.query_pos, batch.field, batch.query_batch).backward()
    assert all(p.grad is None or p.grad.device.type == device for p in model.parameters())
    model.eval()
    volume = model.field(batch[0].to(device)).on(GRID)
    assert volume.device.type == device
    assert volume.values.isfinite().all()
