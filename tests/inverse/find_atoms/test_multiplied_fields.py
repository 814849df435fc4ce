"""A field that was multiplied is told from one with several atoms in each place."""

import warnings

import pytest
import torch
from torch_geometric.data import Data

from tg_molfield import Grid, MolField, from_smiles
from tg_molfield.inverse.find_atoms import UnexplainedChannelWarning, find_atoms

DEFINITION = MolField("H C N O")


def formamide() -> Data:
    return from_smiles("NC=O", dtype=torch.float64)


@pytest.mark.parametrize("factor", [2.0, 10.0])
@pytest.mark.parametrize("is_volume", [True, False])
def test_a_multiplied_field_is_told_and_its_atoms_come_back_once(factor, is_volume):
    data = formamide()
    field = DEFINITION(data)
    grid = Grid.around(data.pos, spacing=0.4)
    multiplied = factor * (field.on(grid) if is_volume else field)
    told = (
        rf"channel '[HCNO]': expected atoms of weight 1, got {factor:.0f}; divide the field by {factor:.0f}, or correct"
    )
    with pytest.warns(UnexplainedChannelWarning, match=told):
        found = find_atoms(multiplied.with_mol_field(DEFINITION), None if is_volume else grid)
    assert sorted(found.z.tolist()) == sorted(data.z.tolist())
    distances = torch.cdist(found.pos, data.pos)
    assert float(distances.min(1).values.max()) < 1e-3


def test_a_multiplied_channel_is_told():
    data = formamide()
    volume = DEFINITION(data).on(Grid.around(data.pos, spacing=0.4))
    factors = torch.tensor([1, 6, 1, 1])[:, None, None, None]
    weighted = type(volume)(factors * volume.values, volume.grid, volume.channels).with_mol_field(DEFINITION)
    with pytest.warns(UnexplainedChannelWarning, match=r"'C': expected atoms of weight 1, got 6"):
        assert len(find_atoms(weighted).z) == len(data.z)


def test_centers_leave_no_doubt_that_atoms_are_there_twice():
    data = formamide()
    twice = Data(z=data.z.repeat(2), pos=data.pos.repeat(2, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for field in (DEFINITION(twice), 10 * DEFINITION(twice)):
            assert len(find_atoms(field).z) == len(twice.z)
