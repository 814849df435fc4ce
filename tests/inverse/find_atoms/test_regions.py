"""What atoms leave unexplained in one part of a field is sought again there alone."""

import pytest
import torch

from tg_molfield.fields import get_kernel
from tg_molfield.inverse.find_atoms.pursuit import EXPLAINED, _mended
from tg_molfield.inverse.find_atoms.refine import ChannelAtoms, Model
from tg_molfield.inverse.find_atoms.regions import unexplained_regions
from tg_molfield.inverse.lattice import Lattice

WIDTH, SIDE = 0.4, 24.0


def atoms_and_model(periodic, noise=0.0):
    """Atoms at random places around the points of a cube of 24 Å, and the model of their samples."""
    generator = torch.Generator().manual_seed(0)
    pos = 2.0 * torch.cartesian_prod(*[torch.arange(12)] * 3).double() + 1.0
    pos = pos + 0.8 * torch.rand(pos.shape, generator=generator, dtype=torch.float64) - 0.4
    empty = Lattice(
        torch.zeros(60, 60, 60, dtype=torch.float64),
        torch.zeros(3, dtype=torch.float64),
        SIDE / 60 * torch.eye(3, dtype=torch.float64),
        (periodic, periodic, False),
    )
    values = -Model(empty, get_kernel("gaussian"), WIDTH).residual(ChannelAtoms(pos, 1.0))
    values += noise * torch.randn(values.shape, generator=generator, dtype=torch.float64)
    lattice = Lattice(values, empty.origin, empty.axes, empty.periodic)
    return pos, Model(lattice, get_kernel("gaussian"), WIDTH)


def nearest(pos, others, periodic):
    """The distance of each of ``pos`` [N, 3] to the nearest of ``others``, over the boundary of a periodic cell too."""
    apart = pos[:, None] - others
    period = torch.tensor([SIDE, SIDE, float("inf")]) if periodic else torch.full((3,), float("inf"))
    apart = apart - torch.where(period < float("inf"), (apart / period).round() * period, 0.0)
    return apart.norm(dim=2).amin(1)


@pytest.mark.parametrize("noise", [0.0, 0.02])
@pytest.mark.parametrize("periodic", [False, True])
def test_wrong_atoms_are_mended_where_they_are(periodic, noise):
    pos, model = atoms_and_model(periodic, noise)
    wrong = torch.cat([pos[1:], pos[800:801] + 0.7, pos[1500:1501] + 0.5])
    atoms = ChannelAtoms(wrong, 1.0)
    regions = unexplained_regions(model.lattice, model, atoms, model.residual(atoms), EXPLAINED)
    assert len(regions) == 3
    replaced = torch.cat([region.replaced for region in regions])
    assert {1727, 1728} <= set(replaced.tolist())
    assert len(replaced.unique()) == len(replaced) < 200
    for region in regions:
        assert region.lattice.values.numel() < 0.05 * model.target.numel()
        assert torch.equal(
            model.lattice.wrapped(region.atoms.pos).round(decimals=9), wrong[region.replaced].round(decimals=9)
        )
    mended = _mended(model.lattice, model, atoms, regions, EXPLAINED)
    assert len(mended.pos) == len(pos)
    assert float(nearest(pos, mended.pos, periodic).max()) < (0.05 if noise else 1e-3)
    kept = torch.ones(len(wrong), dtype=torch.bool)
    kept[replaced] = False
    assert torch.equal(mended.pos[: int(kept.sum())], wrong[kept])


def test_a_defect_on_the_boundary_of_a_cell_is_one_region():
    pos, model = atoms_and_model(periodic=True)
    corner = int(pos[:, :2].square().sum(1).argmin())
    atoms = ChannelAtoms(torch.cat([pos[:corner], pos[corner + 1 :]]), 1.0)
    (region,) = unexplained_regions(model.lattice, model, atoms, model.residual(atoms), EXPLAINED)
    missing = region.lattice.fractional(pos[corner][None] + torch.tensor([[SIDE, SIDE, 0.0]]))
    around = region.lattice.contains(region.lattice.positions(missing)) | region.lattice.contains(pos[corner][None])
    assert bool(around)
    left = Model(region.lattice, model.kernel, WIDTH).residual(region.atoms)
    assert float(left.square().sum()) == pytest.approx(model.norm_of_one, rel=1e-2)


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_what_is_explained_has_no_regions(noise):
    pos, model = atoms_and_model(False, noise)
    atoms = ChannelAtoms(pos, 1.0)
    assert unexplained_regions(model.lattice, model, atoms, model.residual(atoms), EXPLAINED) == []


def test_what_is_wrong_everywhere_has_no_regions():
    pos, model = atoms_and_model(False)
    for wrong in (pos + 0.3, pos[::2], pos[:0]):
        atoms = ChannelAtoms(wrong, 1.0)
        assert unexplained_regions(model.lattice, model, atoms, model.residual(atoms), EXPLAINED) == []
