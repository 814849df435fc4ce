"""Metals: one list for bonds, molecules and charges."""

import numpy as np
import pytest
import torch

from tg_molfield.chem.atoms import AtomList
from tg_molfield.chem.backbones import molecules_of
from tg_molfield.chem.bonds import drawn_bonds
from tg_molfield.chem.elements import atomic_numbers
from tg_molfield.chem.metals import is_metal

METALLOIDS = "B Si Ge As Sb Te"
TETRAHEDRON = torch.tensor([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / 3**0.5


@pytest.mark.parametrize(
    ("symbols", "expected"),
    [
        (f"{METALLOIDS} H He C N O F Ne P S Cl Ar Se Br Kr I Xe At Rn Ts Og", False),
        ("Li Be Na Al K Sc Fe Zn Ga Ag In Sn Cs La Lu Pt Hg Tl Pb Bi Po Fr U Cn Fl Mc Lv", True),
    ],
)
def test_elements_of_both_kinds(symbols, expected):
    assert (is_metal([atomic_numbers()[symbol] for symbol in symbols.split()]) == expected).all()


def test_dummies_are_no_metals_and_shapes_are_kept():
    assert not is_metal(0)
    assert is_metal(np.array([[6, 30], [51, 0]])).tolist() == [[False, True], [False, False]]


@pytest.mark.parametrize("symbol", METALLOIDS.split())
def test_metalloids_join_molecules(symbol):
    z = torch.tensor([atomic_numbers()[symbol], 6, 6, 6, 6])
    atoms = AtomList(z, torch.cat([torch.zeros(1, 3), 2.0 * TETRAHEDRON]))
    assert len(set(molecules_of(atoms).tolist())) == 1
    assert len(drawn_bonds(atoms)) == 4
