"""Volumes that do not fit in memory are refused with their size before anything is allocated."""

import pytest
import torch
from torch_geometric.data import Batch

from tg_molfield import Grid, MolField, Volume, from_smiles

GRID = Grid((0, 0, 0), ((1, 0, 0), (0, 1, 0), (0, 0, 1)), (10_000, 10_000, 10_000))
SIZE = "which needs 3725 GiB"


@pytest.fixture
def volume():
    """A volume of one number, which says that it has 10¹²."""
    return Volume(torch.zeros(1).expand(1, *GRID.shape), GRID)


@pytest.mark.parametrize(
    "change",
    [lambda one: one + one, lambda one: one - one, lambda one: 2 * one, lambda one: -one],
    ids=["sum", "difference", "multiple", "negative"],
)
def test_arithmetic(volume, change):
    with pytest.raises(MemoryError, match=f"10000×10000×10000 nodes of 1 channels, {SIZE}"):
        change(volume)


@pytest.mark.parametrize("name", ["a.cube", "a.npz", "a.dx", "a.xsf", "a.ccp4", "CHGCAR"])
def test_saving(tmp_path, volume, name):
    with pytest.raises(MemoryError, match=f"a copy of 1,000,000,000,000 values, {SIZE}"):
        volume.save(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_grids_of_a_batch_count_together(monkeypatch):
    from tg_molfield.fields import field as module

    one = MolField("C O")(from_smiles("CO"))
    batch = MolField.preset("vdw")(Batch.from_data_list([from_smiles("CO")] * 3))
    grid, told = Grid.cube((0, 0, 0), 10, 20), []
    monkeypatch.setattr(module, "check_fits", lambda name, what, needed, *rest: told.append(needed))
    one.on(grid).on_each([grid])
    assert told[0] == 2 * 20**3 * 4
    told.clear()
    batch.on_each([grid] * 3)
    assert told[0] >= 3 * 20**3 * 4
