"""Fields under no_grad and inference_mode, with gradients recorded, in batches, and combined."""

import pytest
import torch
from ase.build import molecule
from torch_geometric.data import Batch

from tg_molfield import Grid, MolField, RBFField
from tg_molfield.fields import KERNELS, DistanceField, FunctionKernel, MaximumField
from tg_molfield.structures import from_ase

OWN = FunctionKernel(lambda u: torch.exp(-(u**4)), 3.0)


def cloud(kernel="gaussian", **options) -> RBFField:
    rng = torch.Generator().manual_seed(0)
    centers = torch.randn(6, 3, generator=rng, dtype=torch.float64)
    return RBFField(centers, torch.ones(6, 2, dtype=torch.float64), 1.3, kernel, **options)


def points() -> torch.Tensor:
    return torch.randn(9, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize("make", [lambda field: field, MaximumField, DistanceField, lambda field: field - 0.5 * field])
@pytest.mark.parametrize("kernel", [*KERNELS, OWN], ids=str)
def test_derivatives_are_the_same_in_inference_mode(kernel, make):
    field, x = make(cloud(kernel)), points()
    gradient, laplacian = field.gradient(x), field.laplacian(x)
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            inside = make(cloud(kernel))
            for one in (field, inside):
                assert torch.equal(one.gradient(x), gradient)
                assert torch.equal(one.laplacian(x.clone()), laplacian)


def test_periodic_fields_follow_their_centres():
    centers = points().requires_grad_()
    field = RBFField(centers, torch.ones(9, dtype=torch.float64), 0.5, cell=torch.eye(3) * 4)
    with torch.no_grad():
        field(points())
    slopes = [torch.autograd.grad(field(points()).sum(), centers)[0] for _ in range(2)]
    assert torch.equal(*slopes)
    assert slopes[0].abs().max() > 0
    with torch.no_grad():
        centers += 0.3
    fresh = RBFField(centers.detach(), field.weights, 0.5, cell=torch.eye(3) * 4)
    torch.testing.assert_close(field(points()), fresh(points()))
    fixed = RBFField(centers.detach(), torch.ones(9, dtype=torch.float64).requires_grad_(), 0.5, cell=torch.eye(3) * 4)
    with torch.inference_mode():
        fixed(points())
    fixed(points()).sum().backward()


def test_combined_fields_come_apart_and_have_grids():
    data = [from_ase(molecule(name)) for name in ("H2O", "CH3OH")]
    union = MolField("H C O", aggregate="union")
    together = union(Batch.from_data_list(data))
    for make in (lambda field: field["O", "H"], lambda field: field - 0.5 * field):
        parts = make(together).unbatch()
        assert len(parts) == 2
        for part, one in zip(parts, data, strict=True):
            grid = Grid.around(one.pos, 0.7)
            direct = make(union(one))(grid.points())
            volume = part.on(grid)
            torch.testing.assert_close(volume.values.flatten(1).T, direct, atol=1e-5, rtol=0)
            assert volume.channels == part.channels
            assert "Union" in repr(part)
    assert union(data[0]).on(Grid.cube((0, 0, 0), 2, 3)).unbatch()[0].channels == ("H", "C", "O")
