"""Channels divided by their largest values, in batches."""

import pytest
import torch
from torch_geometric.data import Batch, Data

from tg_molfield import MolField
from tg_molfield.fields import checked_on_devices, normalization

DEFINITION = MolField(["C", "O", "push:vector"], widths=0.6, normalize_grid_size=9)


def molecules(*sizes):
    found = []
    for size in sizes:
        generator = torch.Generator().manual_seed(size)
        pos = torch.randn(size, 3, generator=generator, dtype=torch.float64)
        z = torch.tensor([6, 8])[torch.arange(size) % 2]
        found.append(Data(z=z, pos=pos, push=torch.randn(size, 3, generator=generator, dtype=torch.float64)))
    return found


@pytest.mark.parametrize("values_at_once", [1, 2 * 5 * 9**3, 2**24])
def test_batches_are_divided_as_single_molecules(values_at_once, monkeypatch):
    parts = molecules(4, 7, 3)
    expected = torch.cat([DEFINITION(one).weights for one in parts])
    monkeypatch.setattr(normalization, "_VALUES_AT_ONCE", values_at_once)
    torch.testing.assert_close(DEFINITION(Batch.from_data_list(parts)).weights, expected, rtol=1e-12, atol=0)


def test_crystals_are_divided_as_single_ones():
    parts = molecules(4, 7, 3)
    for i, one in enumerate(parts):
        one.cell, one.pbc = (5.0 + i) * torch.eye(3)[None], torch.tensor([[True, i > 0, i > 1]])
    expected = torch.cat([DEFINITION(one).weights for one in parts])
    torch.testing.assert_close(DEFINITION(Batch.from_data_list(parts)).weights, expected, rtol=1e-12, atol=0)


def test_molecules_without_atoms_have_fields_that_are_zero():
    parts = molecules(4, 3)
    field = DEFINITION(
        Batch.from_data_list([parts[0], Data(**{k: v[:0] for k, v in parts[0].to_dict().items()}), parts[1]])
    )
    torch.testing.assert_close(field.weights, torch.cat([DEFINITION(one).weights for one in parts]), rtol=1e-12, atol=0)
    assert (field(torch.zeros(1, 3, dtype=torch.float64), torch.tensor([1])) == 0).all()


def test_parts_of_other_numbers_are_refused_or_give_nan(monkeypatch):
    from tg_molfield import devices

    data = Data(**molecules(3)[0].to_dict(), part=torch.tensor([0, 2, 1]))
    definition = MolField("C O", split_parts=True)
    with pytest.raises(ValueError, match=r"data.part: expected 0 \(ligand\) or 1 \(protein\), got \[2\]"):
        definition(data)
    monkeypatch.setattr(devices, "_HOST", "none")
    assert definition(data)(data.pos).isnan().any(1).all()
    with checked_on_devices(), pytest.raises(ValueError, match=r"data\.part: expected 0"):
        definition(data)
