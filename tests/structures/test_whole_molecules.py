"""Molecules made whole in cells of any vectors."""

import numpy as np
import pytest
import torch
from ase.build import molecule

from tg_molfield import from_ase
from tg_molfield.structures.trajectories import WholeFrames

CELLS = {
    "oblique": [[8.0, 0, 0], [24.0, 8, 0], [0, 0, 8.0]],
    "oblique in all directions": [[6.0, 0, 0], [13.0, 7, 0], [-14.0, 20, 8.0]],
    "left-handed": [[0, 7.0, 0], [7.0, 21, 0], [3.0, 4, 9.0]],
    "tilted": [[7.0, 0, 0], [0, 7.0, 0], [16.0, -20, 6.0]],
    "right angles": [[7.0, 0, 0], [0, 8.0, 0], [0, 0, 9.0]],
}


@pytest.mark.parametrize("pbc", [(True, True, True), (True, True, False), (False, False, True)])
@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_molecules_are_made_whole_whatever_vectors_the_lattice_has(cell, pbc):
    rng = np.random.default_rng(0)
    for _ in range(10):
        atoms = molecule("CH3CH2OH")
        atoms.rotate(rng.uniform(0, 360), rng.normal(size=3))
        expected = atoms.get_all_distances()
        atoms.set_cell(cell)
        atoms.set_pbc(pbc)
        atoms.positions += (rng.integers(-2, 3, (len(atoms), 3)) * pbc) @ np.array(cell)
        data = from_ase(atoms, dtype=torch.float64)
        whole = WholeFrames(data)(data)
        np.testing.assert_allclose(torch.cdist(whole.pos, whole.pos).numpy(), expected, atol=1e-6)
