"""Overlaps summed over few nodes, or over an odd number of them in a period, are told to be inexact."""

import warnings

import pytest
import torch
from torch_geometric.data import Data

from tg_molfield import Grid, MolField, from_smiles
from tg_molfield.compare import QuadratureWarning, pair_overlaps, similarity

UNION = MolField("C O", aggregate="union")


@pytest.fixture(scope="module")
def molecules():
    return [UNION(from_smiles(smiles)) for smiles in ("CCO", "OCO")]


@pytest.fixture(scope="module")
def crystals():
    rng = torch.Generator().manual_seed(0)
    z = torch.tensor([6, 8, 6])
    cell = 6 * torch.eye(3)
    return [UNION(Data(z=z, pos=6 * torch.rand(3, 3, generator=rng), cell=cell)) for _ in range(2)]


def plane(nodes):
    return Grid((0.0, -4.0, -4.0), ((8.0 / nodes, 0, 0), (0, 0.25, 0), (0, 0, 0.25)), (nodes, 33, 33))


@pytest.mark.parametrize("nodes", [1, 2])
def test_of_molecules_on_planes(molecules, nodes):
    with pytest.warns(QuadratureWarning):
        assert similarity(*molecules, grid=plane(nodes)).error > 0.1
    found = pair_overlaps(*molecules, grid=plane(nodes))
    assert float((found.error / found.values.clamp_min(1e-9)).max()) > 0.1


@pytest.mark.parametrize("nodes", [1, 3, 5, 7, 9])
def test_of_crystals_on_few_nodes(crystals, nodes):
    grid = Grid.from_cell(6 * torch.eye(3), (nodes, nodes, nodes))
    true = similarity(*crystals, grid=Grid.from_cell(6 * torch.eye(3), (48, 48, 48)))
    with pytest.warns(QuadratureWarning):
        found = similarity(*crystals, grid=grid)
    assert found.error > 0.5 * abs(float(found.total - true.total))


def test_odd_numbers_of_nodes_are_as_good_as_even_ones(crystals):
    even, odd = (
        similarity(*crystals, grid=Grid.from_cell(6 * torch.eye(3), (nodes, nodes, nodes))) for nodes in (26, 27)
    )
    assert float((even.total - odd.total).abs()) < 1e-5
    assert 0.1 * even.error < odd.error < 10 * even.error


def test_volumes_of_one_plane_are_compared_on_it(molecules):
    f, g = (field.on(plane(1)) for field in molecules)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = similarity(f, g)
    products = [(one.values * other.values).sum() for one, other in ((f, g), (f, f), (g, g))]
    assert float(found.total) == pytest.approx(float(products[0] / (products[1] + products[2] - products[0])))
