"""Several volume files as the channels of one volume: whose atoms it has."""

import pytest
import torch

from tg_molfield import Grid, Volume
from tg_molfield.fields import AtomList, VolumeWarning

GRID = Grid.cube((0.0, 0.0, 0.0), 3.0, 4)
WATER = AtomList(torch.tensor([8, 1, 1]), torch.tensor([[0.0, 0, 0], [1.0, 0, 0], [0, 1.0, 0]]))
ARGON = AtomList(torch.tensor([18]), torch.tensor([[1.0, 1.0, 1.0]]))


def saved(path, atoms):
    Volume(torch.rand(1, 4, 4, 4, generator=torch.Generator().manual_seed(1)), GRID, (path.stem,), atoms=atoms).save(
        path
    )
    return path


def test_the_atoms_of_any_file_are_kept(tmp_path):
    paths = [saved(tmp_path / "a.dx", None), saved(tmp_path / "b.cube", WATER), saved(tmp_path / "c.npz", WATER)]
    volume = Volume.read(paths)
    assert volume.channels == ("a", "b", "c")
    assert torch.equal(volume.atoms.z, WATER.z)
    torch.testing.assert_close(volume.atoms.pos, WATER.pos, rtol=0, atol=1e-5)


@pytest.mark.parametrize("other", [ARGON, AtomList(WATER.z, WATER.pos + 0.1), AtomList(WATER.z[[1, 0, 2]], WATER.pos)])
def test_atoms_that_differ_are_left_out_with_a_warning(tmp_path, other):
    paths = [saved(tmp_path / "a.cube", WATER), saved(tmp_path / "b.npz", other)]
    with pytest.warns(VolumeWarning, match=r"b\.npz: expected the atoms of .*a\.cube, got others"):
        volume = Volume.read(paths)
    assert volume.atoms is None
    assert volume.channels == ("a", "b")
