"""Structures on a device without double precision, given to other packages."""

import numpy as np
import pytest
import torch
from emulated_device import emulated_device
from without_double import check_on_device

from tg_molfield import Grid, from_smiles
from tg_molfield.structures import to_ase, to_rdkit, with_bonds, with_color, with_properties


def alcohol():
    return from_smiles("CC(N)CO", seed=1)


def test_atoms_of_ase_are_made():
    data = alcohol()
    data.cell, data.pbc = 8.0 * torch.eye(3)[None], torch.ones(1, 3, dtype=torch.bool)
    with emulated_device(double=False) as device:
        far = to_ase(data.clone().to(device))
        grid = Grid.of(data.clone().to(device))
    np.testing.assert_array_equal(far.positions, to_ase(data).positions)
    np.testing.assert_array_equal(far.cell, to_ase(data).cell)
    assert grid == Grid.of(data)


def test_molecules_of_rdkit_are_made():
    data = alcohol()
    data.charge = torch.tensor([0.0])
    with emulated_device(double=False) as device:
        assert to_rdkit(data.clone().to(device)).GetNumBonds() == to_rdkit(data).GetNumBonds()


@pytest.mark.parametrize("names", [["logp"], ["partial_charge", "donor", "aromatic"]])
def test_properties_are_computed(names):
    def computed(data):
        found = with_color(with_properties(with_bonds(data), names))
        for name in (*names, "color_pos"):
            yield found[name]

    check_on_device(computed, alcohol())
