"""`torch.func` transforms of a field's values by points agree with its own derivatives."""

import pytest
import torch
from torch.func import grad, hessian, jacfwd, jacrev, vjp, vmap
from torch_geometric.data import Batch, Data

from tg_molfield.fields import Field, Grid, MolField, RBFField
from tg_molfield.nn import FieldAutoEncoder


def molecule(**more) -> Data:
    z = torch.tensor([6, 8, 1, 1])
    pos = torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.1, 1.2], [0.9, 0.0, -0.6], [-0.9, 0.05, -0.6]], dtype=torch.float64)
    return Data(z=z, pos=pos, **more)


def fields() -> dict[str, Field]:
    channels = "H C O"
    plain = MolField(channels, widths=0.5, width_scale=1.0)
    sum_ = plain(molecule())
    crystal = molecule(cell=torch.eye(3, dtype=torch.float64) * 4.0, pbc=torch.ones(3, dtype=torch.bool))
    volume = sum_.on(Grid.around(molecule().pos, 0.5, 3.0))
    torch.manual_seed(0)
    model = {
        decoder: FieldAutoEncoder(plain, 32, decoder, encoder_options={"out_channels": 8}).double().eval()
        for decoder in ("rbf", "siren")
    }
    kernels = ("slater", "wendland_c4", "coulomb", "inverse_multiquadric")
    return {
        "sum": sum_,
        "periodic": plain(crystal),
        **{kernel: MolField(channels, kernel=kernel, widths=0.8, width_scale=1.0)(molecule()) for kernel in kernels},
        "many centres": many(),
        "union": MolField.preset("funcmol", channels=channels)(molecule()),
        "maximum": MolField.preset("moleculekit", channels=channels)(molecule()),
        "distance": MolField.preset("vdw", channels=channels, smoothness=0.3)(molecule()),
        "displacement": MolField(channels, aggregate="displacement")(molecule()),
        "combination": sum_ - 0.5 * sum_,
        "selection": sum_["O", "H"],
        "volume": volume.interpolated("cubic"),
        "linear volume": volume,
        **{f"decoded by {name}": one.field(molecule()) for name, one in model.items()},
    }


def many() -> RBFField:
    generator = torch.Generator().manual_seed(0)
    centers = 12 * torch.rand(60_000, 3, generator=generator, dtype=torch.float64)
    return RBFField(centers, torch.ones(60_000, 1, dtype=torch.float64), 0.4)


FIELDS = fields()
POINTS = torch.tensor(
    [[0.13, 0.27, 0.41], [1.07, -0.31, 0.77], [-0.61, 0.57, -0.83], [0.31, 1.13, 1.57], [1.91, 1.77, -1.37]],
    dtype=torch.float64,
)


@pytest.mark.parametrize("name", FIELDS)
def test_derivatives_by_points(name):
    field = FIELDS[name]
    values, slopes = field(POINTS).detach(), field.gradient(POINTS).detach()

    def at(point):
        return field(point[None])[0]

    torch.testing.assert_close(vmap(at)(POINTS).detach(), values)
    torch.testing.assert_close(vmap(jacrev(at))(POINTS).detach(), slopes)
    torch.testing.assert_close(vmap(jacfwd(at))(POINTS).detach(), slopes)
    torch.testing.assert_close(jacrev(at)(POINTS[0]).detach(), slopes[0])
    total = grad(lambda points: field(points).sum())(POINTS).detach()
    torch.testing.assert_close(total, slopes.sum(1))
    whole, pull = vjp(field, POINTS)
    torch.testing.assert_close(whole.detach(), values)
    torch.testing.assert_close(pull(torch.ones_like(values))[0].detach(), slopes.sum(1))
    with torch.no_grad():
        torch.testing.assert_close(jacrev(at)(POINTS[0]), slopes[0])


@pytest.mark.parametrize("name", ["sum", "slater", "union", "volume", "decoded by rbf", "decoded by siren"])
def test_second_derivatives_by_points(name):
    field = FIELDS[name]
    curvature = vmap(hessian(lambda point: field(point[None])[0]))(POINTS).detach()
    trace = curvature.diagonal(dim1=2, dim2=3).sum(2)
    torch.testing.assert_close(trace, field.laplacian(POINTS).detach(), rtol=1e-6, atol=1e-8)


def test_the_gradient_of_a_field_can_be_transformed():
    field = FIELDS["sum"]
    found = vmap(lambda point: field.gradient(point[None])[0])(POINTS)
    torch.testing.assert_close(found, field.gradient(POINTS))


def test_batches_and_parameters():
    definition = MolField("H C O")
    batch = Batch.from_data_list([molecule(), Data(z=torch.tensor([6]), pos=torch.zeros(1, 3, dtype=torch.float64))])
    owner = torch.tensor([0, 0, 1, 1, 1])

    def energy(pos):
        return definition(Data(z=batch.z, pos=pos, batch=batch.batch))(POINTS, owner).square().sum()

    pos = batch.pos.clone().requires_grad_()
    (expected,) = torch.autograd.grad(energy(pos), pos)
    torch.testing.assert_close(grad(energy)(batch.pos), expected)
