"""Fields of many atoms: quick Gaussians equal the plain ones, and memory grows with the atoms."""

import pytest
import torch
from torch_geometric.data import Data

from tg_molfield import Grid, MolField, find_atoms, memory
from tg_molfield.fields import get_kernel
from tg_molfield.inverse.find_atoms.blocks import BlockSharpener
from tg_molfield.inverse.find_atoms.functions import ScatteredFunctions
from tg_molfield.inverse.find_atoms.gaussians import SeparableGaussians, factorises
from tg_molfield.inverse.find_atoms.pursuit import _nearest_joined
from tg_molfield.inverse.find_atoms.sharpen import WienerSharpener
from tg_molfield.inverse.lattice import Lattice

GAUSSIAN = get_kernel("gaussian")
ROTATED = torch.linalg.qr(torch.tensor([[1.0, 2, 0], [0, 1, 1], [1, 0, 3]], dtype=torch.float64))[0]


def lattice(periodic=(False, False, False), shape=(20, 24, 22)):
    values = torch.rand(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    axes = torch.diag(torch.tensor([0.4, 0.5, 0.45], dtype=torch.float64)) @ ROTATED
    return Lattice(values, torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64), axes, periodic)


@pytest.mark.parametrize("periodic", [(False, False, False), (True, True, True), (False, True, False)])
def test_separable_gaussians_are_gaussians(periodic):
    nodes = lattice(periodic)
    assert factorises(nodes, GAUSSIAN, 0.5)
    index = torch.rand(30, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) * 26 - 2
    pos, weights = nodes.positions(index), torch.linspace(0.5, 2, 30, dtype=torch.float64)
    plain = ScatteredFunctions(nodes, GAUSSIAN, 0.5, pos, 3.4)
    quick = SeparableGaussians(nodes, 0.5, pos, 3.4)
    samples = nodes.values.flatten()
    for name, arguments in (
        ("sum", ()), ("sum", (weights,)), ("products", (samples,)), ("slope_products", (samples,)), ("squares", ()),
    ):  # fmt: skip
        expected, got = getattr(plain, name)(*arguments), getattr(quick, name)(*arguments)
        assert torch.allclose(got, expected, atol=1e-8), name


def test_the_curvature_of_gaussians_inside_is_that_of_their_overlaps():
    nodes = lattice()
    index = 7 + torch.rand(12, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) * 7
    pos = nodes.positions(index)
    moves = torch.randn(12, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    exact = ScatteredFunctions(nodes, GAUSSIAN, 0.5, pos, 3.4).curvature(moves)
    got = SeparableGaussians(nodes, 0.5, pos, 3.4).curvature(moves)
    assert float((got - exact).norm() / exact.norm()) < 1e-2


def test_an_atom_just_before_the_first_node_of_a_periodic_lattice_has_a_curvature():
    nodes = Lattice.orthogonal(torch.zeros(20, 20, 20, dtype=torch.float64), torch.full((3,), 0.5, dtype=torch.float64))
    nodes = Lattice(nodes.values, nodes.origin, nodes.axes, (True, True, True))
    pos = torch.tensor([[-1e-18, 5.0, 5.0]], dtype=torch.float64)
    moves = SeparableGaussians(nodes, 0.5, pos, 3.4).curvature(torch.ones(1, 3, dtype=torch.float64))
    assert torch.allclose(
        moves, ScatteredFunctions(nodes, GAUSSIAN, 0.5, pos, 3.4).curvature(torch.ones(1, 3).double())
    )


def test_what_does_not_factorise_is_told():
    assert not factorises(lattice(), get_kernel("slater"), 0.5)
    assert not factorises(lattice((True, False, False)), GAUSSIAN, 1.0)
    oblique = lattice()
    axes = oblique.axes.clone()
    axes[0] += 0.1 * axes[1]
    assert not factorises(Lattice(oblique.values, oblique.origin, axes, oblique.periodic), GAUSSIAN, 0.5)


def crystal(side, seed=0):
    """Carbon and oxygen at random places around the points of a cube, no two closer than 1.2 Å."""
    generator = torch.Generator().manual_seed(seed)
    pos = 2.0 * torch.cartesian_prod(*[torch.arange(side)] * 3).float()
    pos = pos + 0.8 * torch.rand(pos.shape, generator=generator) - 0.4
    return Data(z=torch.tensor([6, 8])[torch.randint(2, (len(pos),), generator=generator)], pos=pos)


def test_memory_grows_with_the_atoms_and_all_are_found(largest_bytes):
    definition, sizes = MolField("C O"), {}
    for side in (4, 8):
        data = crystal(side)
        volume = definition(data).on(Grid.around(data.pos, spacing=0.6, margin=2.0))
        sizes[volume.grid.num_nodes] = largest_bytes(find_atoms, volume)
        found = find_atoms(volume)
        for z in (6, 8):
            apart = torch.cdist(
                data.pos[data.z == z], found.pos[found.z == z], compute_mode="donot_use_mm_for_euclid_dist"
            )
            assert apart.shape[0] == apart.shape[1]
            assert float(apart.amin(1).max()) < 1e-3
    few, many = sorted(sizes)
    assert sizes[many] / many < 1.5 * sizes[few] / few


@pytest.mark.parametrize("noise", [1e-4, 1e-2])
@pytest.mark.parametrize("periodic", [(False, False, False), (True, True, True), (False, True, False)])
def test_blocks_have_the_maxima_of_the_whole(periodic, noise):
    data = crystal(6)
    carbons = Data(
        z=torch.full_like(data.z, 6),
        pos=data.pos.double() + 1.0 + 1.5 * (~torch.tensor(periodic)),
        cell=torch.diag(12.0 + 3.0 * (~torch.tensor(periodic))).double(),
        pbc=torch.tensor(periodic),
    )
    counts = [36 if repeats else 45 for repeats in periodic]
    field, grid = MolField("C", widths=0.9)(carbons), Grid.from_cell(carbons.cell, counts)
    nodes, width = Lattice.of(field.on(grid).values[0], grid, periodic), float(field.widths[0])
    whole = WienerSharpener(nodes, GAUSSIAN, width, noise)
    parts = BlockSharpener(nodes, GAUSSIAN, width, noise, most=46_000)
    assert len(list(parts._blocks(nodes.values, around=0))) > 1
    (expected, heights), (found, others) = (one.peaks(nodes.values, 0.3, 1.0) for one in (whole, parts))
    assert len(expected) == len(found) == len(data.pos)
    apart, nearest = torch.cdist(expected, found, compute_mode="donot_use_mm_for_euclid_dist").min(1)
    assert float(apart.max()) < 0.17, "one of the finer nodes"
    assert torch.allclose(heights, others[nearest], atol=0.02)
    assert parts.rms(nodes.values) == pytest.approx(whole.rms(nodes.values), rel=0.02)


def test_pairs_are_joined_where_the_samples_are_explained_worst():
    pos = torch.tensor([[0.0, 0, 0], [0.2, 0, 0], [5, 0, 0], [5.3, 0, 0], [9, 0, 0], [9.4, 0, 0]])
    misfit = torch.tensor([0.0, 0.0, 1.0, 1.0, 0.5, 0.5])
    assert _nearest_joined(pos, misfit, 1)[-1].tolist() == pytest.approx([5.15, 0, 0])
    both = _nearest_joined(pos, misfit, 2)
    assert len(both) == 4
    assert both[-1].tolist() == pytest.approx([9.2, 0, 0])


def test_a_search_that_does_not_fit_is_refused(monkeypatch):
    data = crystal(3)
    volume = MolField("C O")(data).on(Grid.around(data.pos, spacing=0.1))
    monkeypatch.setattr(memory, "available_bytes", lambda device=None: 2**20)
    with pytest.raises(MemoryError, match="nodes to sharpen, which needs"):
        find_atoms(volume)


def test_progress_is_told_by_channel():
    data, told = crystal(2), []
    volume = MolField("C O")(data).on(Grid.around(data.pos, spacing=0.6))
    find_atoms(volume, progress=lambda text, share: told.append((text, share)))
    assert told == [(f"C: {int((data.z == 6).sum())} atoms", 0.5), (f"O: {int((data.z == 8).sum())} atoms", 1.0)]


def test_blocks_of_nothing_have_no_maxima():
    nodes = lattice()
    empty = BlockSharpener(nodes, GAUSSIAN, 0.5, 1e-2, most=1000)
    places, heights = empty.peaks(torch.zeros_like(nodes.values), 0.3)
    assert places.shape == (0, 3)
    assert heights.shape == (0,)
    assert empty.rms(torch.zeros_like(nodes.values)) == 0
