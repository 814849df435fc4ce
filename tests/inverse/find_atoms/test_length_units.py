import warnings

import pytest
import torch

from tg_molfield import Grid, MolField, Volume, find_atoms, from_smiles
from tg_molfield.inverse.find_atoms import UnexplainedChannelWarning
from tg_molfield.inverse.find_atoms.units import length_factor
from tg_molfield.structures import read

BOHR = 0.529177210903
SUBSETS = ([6], [8], [7, 8], [6, 8], [6, 7, 8], [1, 8], [1, 7, 8], [17], [16, 8], [9])


def stretched(channels: str, factor: float, smiles: str = "CC(=O)Nc1ccccc1O", width_scale: float = 0.5) -> Volume:
    """A molecule's samples on a grid whose lengths are ``factor`` times what they should be."""
    data = from_smiles(smiles, dtype=torch.float64)
    volume = MolField(channels, width_scale=width_scale)(data).on(Grid.around(data.pos, spacing=0.25))
    origin = tuple(factor * x for x in volume.grid.origin)
    axes = tuple(tuple(factor * x for x in axis) for axis in volume.grid.axes)
    return Volume(volume.values, Grid(origin, axes, volume.grid.shape), volume.channels)


@pytest.mark.parametrize(("channels", "width_scale"), [("H C N O", 0.5), ("C N O", 0.5), ("H C N O", 0.3)])
def test_bohr_read_as_angstrom_is_told(channels, width_scale):
    volume = stretched(channels, 1 / BOHR, width_scale=width_scale)
    told = r"grid: expected lengths in Å, got atoms 1.89 times as far .* bohr are taken as Å; .* by 0.52918"
    with pytest.warns(UnexplainedChannelWarning, match=told):
        found = find_atoms(volume)
    assert len(found.z) == len(from_smiles("CC(=O)Nc1ccccc1O").z) - 9 * ("H" not in channels)
    with pytest.raises(ValueError, match=r"by 0\.52918"):
        find_atoms(volume, errors="raise")


def test_angstrom_read_as_bohr_is_told():
    with pytest.warns(UnexplainedChannelWarning, match=r"got atoms 0.53 times .* Å are taken as bohr; .* by 1.88973"):
        find_atoms(stretched("C N O", BOHR))


@pytest.mark.parametrize(
    ("channels", "smiles"), [("H C N O", "CCN"), ("O", "OP(=O)(O)O"), ("H", "C"), ("Cl", "ClC(Cl)Cl")]
)
def test_lengths_in_angstrom_are_not_told(channels, smiles):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        find_atoms(stretched(channels, 1.0, smiles))


@pytest.mark.parametrize("name", ["freesolv", "pdb_ligands_300", "gdb1k_300"])
def test_units_of_the_data(data_dir, name):
    for data in read(data_dir / "smallmol" / f"{name}.sdf.gz")[::5]:
        z, pos = data.z, data.pos.double()
        if len(z) > 2:
            assert length_factor(z, pos, 2.0) == 1
            assert length_factor(z, pos / BOHR, 1.0 if {1, 6} <= set(z.tolist()) else 2.0) == pytest.approx(BOHR)
            assert length_factor(z, pos * BOHR, 1.0) == pytest.approx(1 / BOHR)
        for elements in SUBSETS:
            kept = torch.isin(z, torch.tensor(elements))
            assert length_factor(z[kept], pos[kept], 1.0) == 1


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_atoms_tell_nothing(count):
    assert length_factor(torch.full((count,), 6), 3.0 * torch.eye(3)[:count], 2.0) == 1


@pytest.mark.parametrize(("count", "most"), [(3, 0.05), (4, 0.035), (6, 0.015)])
def test_scattered_atoms_are_seldom_told(count, most):
    generator = torch.Generator().manual_seed(0)
    elements, side, told, draws = torch.tensor([1, 6, 7, 8]), (count / 0.05) ** (1 / 3), 0, 0
    while draws < 600:
        pos = side * torch.rand(count, 3, generator=generator, dtype=torch.float64)
        if torch.pdist(pos).min() > 0.8:
            z = elements[torch.randint(4, (count,), generator=generator)]
            told += length_factor(z, pos, 1.0) != 1
            draws += 1
    assert told <= most * draws


def test_a_hydrogen_between_two_atoms_is_none_of_a_molecule():
    pos = torch.tensor([[0.0, 0, 0], [2.05, 0, 0], [-2.05, 0, 0]], dtype=torch.float64)
    assert length_factor(torch.tensor([1, 6, 6]), pos, 1.0) == 1
    assert length_factor(torch.tensor([6, 1, 1]), pos, 1.0) == pytest.approx(BOHR)
