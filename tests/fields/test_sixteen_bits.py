"""Fields of 16-bit tensors: what float64 gives for the same numbers, to the precision of the type."""

import pytest
import torch
from ase.build import bulk
from torch_geometric.data import Data

from tg_molfield import MolField, from_ase, from_smiles

pytestmark = pytest.mark.filterwarnings("ignore::tg_molfield.fields.CoarseCoordinatesWarning")

KINDS = [MolField.preset(name) for name in ("vdw", "promolecule", "mnf", "funcmol")] + [
    MolField("all", kernel="occupancy")
]


def narrow(data: Data, dtype: torch.dtype) -> tuple[Data, Data]:
    """``data`` in a type of 16 bits, and the same numbers in float64."""
    few, many = data.clone(), data.clone()
    for key, value in data:
        if isinstance(value, torch.Tensor) and value.is_floating_point():
            few[key], many[key] = value.to(dtype), value.to(dtype).double()
    return few, many


@pytest.mark.parametrize("mol_field", KINDS, ids=lambda one: one.kernel.name + one.aggregate)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_of_a_molecule(mol_field, dtype):
    few, many = (mol_field(data) for data in narrow(from_smiles("CCO"), dtype))
    pos = torch.randn(200, 3, generator=torch.Generator().manual_seed(0)).to(dtype)
    grid = mol_field.grid(from_smiles("CCO"), 12)
    for found, true in ((few(pos), many(pos.double())), (few.on(grid).values, many.on(grid).values)):
        assert found.dtype == dtype
        assert float((found.double() - true).abs().max()) < 2 * torch.finfo(dtype).eps * float(true.abs().max())


@pytest.mark.parametrize("name", ["vdw", "promolecule", "mnf"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_of_a_crystal(name, dtype):
    mol_field = MolField.preset(name)
    few, many = (mol_field(data) for data in narrow(from_ase(bulk("NaCl", "rocksalt", 5.6)), dtype))
    pos = torch.randn(200, 3, generator=torch.Generator().manual_seed(0)).to(dtype)
    true = many(pos.double())
    found = few(pos)
    assert found.dtype == dtype
    assert float((found.double() - true).abs().max()) < 2 * torch.finfo(dtype).eps * float(true.abs().max())


def test_gradients_pass():
    few, many = narrow(from_smiles("CCO"), torch.bfloat16)
    slopes = []
    for data in (few, many):
        data.pos.requires_grad_()
        field = MolField("C O")(data)
        pos = torch.full((4, 3), 0.5, dtype=data.pos.dtype)
        (field(pos).sum() + field.gradient(pos).sum()).backward()
        slopes.append(data.pos.grad)
    assert slopes[0].dtype == torch.bfloat16
    assert torch.allclose(slopes[0].double(), slopes[1], rtol=0.05, atol=0.02)


def test_a_grid_is_filled_in_place():
    data, _ = narrow(from_smiles("CCO"), torch.float16)
    field, grid = MolField("C O")(data), MolField("C O").grid(data, 8)
    out = torch.empty(2, *grid.shape, dtype=torch.float16)
    assert field.on(grid, out=out).values.data_ptr() == out.data_ptr()
    assert torch.equal(out, field.on(grid).values)
