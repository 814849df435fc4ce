"""Atoms in periodic cells with long, oblique vectors, which make the same lattice as short ones."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch_geometric.data import Data

from tg_molfield import Grid, MolField, find_atoms
from tg_molfield.fields.kernels import Gaussian
from tg_molfield.inverse.find_atoms.images import with_images
from tg_molfield.inverse.find_atoms.sharpen import WienerSharpener
from tg_molfield.inverse.lattice import Lattice
from tg_molfield.inverse.maxima import local_maxima

OBLIQUE = torch.tensor([[1.0, 0, 0], [2.0, 1, 0], [-1.0, 1, 1]], dtype=torch.float64)
WIDTH = 0.5


def lattice(edge, counts):
    axes = edge * OBLIQUE / torch.tensor(counts)[:, None]
    return Lattice(torch.zeros(counts, dtype=torch.float64), torch.zeros(3).double(), axes, (True, True, True))


def test_atoms_are_found_once():
    mol_field, cell = MolField("C O"), 5.0 * OBLIQUE
    pos = torch.tensor([[3.1, 2.0, 0.2], [3.1, 0.6, 0.2]], dtype=torch.float64)
    data = Data(z=torch.tensor([6, 8]), pos=pos, cell=cell[None], pbc=torch.ones(1, 3, dtype=torch.bool))
    found = find_atoms(mol_field(data).on(Grid.from_cell(cell, spacing=0.3)), mol_field=mol_field)
    assert found.z.tolist() == [6, 8]
    steps = (found.pos - pos) @ torch.linalg.inv(cell)
    torch.testing.assert_close(steps, steps.round(), rtol=0, atol=1e-4)


def test_kernels_have_all_their_images():
    samples = lattice(4.0, (13, 30, 24))
    expected = WIDTH**3 * (2 * math.pi) ** 1.5 / float(torch.linalg.det(samples.axes))
    assert WienerSharpener(samples, Gaussian(), WIDTH, 1e-3).integral == pytest.approx(expected, rel=1e-5)


def test_a_peak_has_one_maximum_whatever_the_steps():
    axes = torch.tensor([[0.3, 0, 0], [0.9, 0.3, 0], [-0.6, 0.6, 0.3]], dtype=torch.float64)
    nodes = torch.cartesian_prod(*[torch.arange(21.0, dtype=torch.float64)] * 3) @ axes
    stretched = torch.tensor([1.0, 1.0, 0.2], dtype=torch.float64)
    center = torch.tensor([10.3, 9.8, 10.4], dtype=torch.float64) @ axes
    values = torch.exp(-0.5 * ((nodes - center) * stretched).square().sum(1)).view(21, 21, 21)
    never = (False, False, False)
    assert len(local_maxima(values, never, 0.5)) > 1
    (place,) = local_maxima(values, never, 0.5, axes=axes).double() @ axes
    assert float(((place - center) * stretched).norm()) < 0.3


def test_images_near_the_cell_are_those_of_all():
    samples, reach = lattice(4.0, (13, 30, 24)), 1.5
    cell = 4.0 * OBLIQUE
    pos = torch.rand(20, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 9 - 4
    owner, places = with_images(samples, pos, reach)
    np.testing.assert_array_equal(owner[:20], np.arange(20))
    assert float(((places[:20] @ torch.linalg.inv(cell) + 1e-9).floor()).abs().max()) == 0
    shifts = torch.tensor(list(itertools.product(range(-3, 4), repeat=3))).double() @ cell
    everywhere = (places[:20, None] + shifts).flatten(0, 1)
    expected = (torch.cdist(places[:20], everywhere) < reach).sum(1)
    np.testing.assert_array_equal((torch.cdist(places[:20], places) < reach).sum(1), expected)
