"""The parts of the search for atoms in structure factors, against plain computations."""

import pytest
import torch

from tg_molfield.nn.decoders.gaussian_atoms.padded_atoms import PaddedAtoms
from tg_molfield.nn.decoders.structure_factors import least_squares
from tg_molfield.nn.decoders.structure_factors.conjugate_gradients import truncated_step
from tg_molfield.nn.decoders.structure_factors.lattice import Lattice
from tg_molfield.nn.decoders.structure_factors.least_squares import fit_positions
from tg_molfield.nn.decoders.structure_factors.plausibility import implausible_atoms
from tg_molfield.nn.ops.structure_factors import StructureFactors

SPACING = 0.9


@pytest.fixture(scope="module")
def transform():
    return StructureFactors(200, ("H", "C", "O")).double()


def nodes_in(half):
    """Every node of a cube that lies within ``half [3]`` and half a spacing."""
    line = SPACING * torch.arange(-9, 10).double()
    nodes = torch.cartesian_prod(line, line, line)
    return nodes[(nodes.abs() <= half + SPACING / 2).all(1)]


def test_the_best_node_of_a_lattice(transform):
    generator = torch.Generator().manual_seed(0)
    half = torch.tensor([[4.0, 2.0, 0.2], [0.5, 3.0, 2.0], [0.1, 0.1, 0.1], [3.0, 3.0, 3.0]]).double()
    real, imaginary = torch.randn(2, 4, 3, transform.num_waves, generator=generator, dtype=torch.float64)
    open_ = torch.tensor([[True, True, True], [False, True, False], [True, False, False], [False, False, True]])
    kind, node = Lattice(transform, half, SPACING).best(real, imaginary, open_)
    for row in range(4):
        nodes = nodes_in(half[row])
        phase = nodes @ transform.wave_vectors
        sums = phase.cos() @ real[row].T + phase.sin() @ imaginary[row].T
        sums = sums.masked_fill(~open_[row], -torch.inf)
        best, which = divmod(int(sums.argmax()), 3)
        assert which == kind[row]
        torch.testing.assert_close(node[row], nodes[best])


def test_the_nodes_near_atoms_but_not_upon_them(transform):
    generator = torch.Generator().manual_seed(0)
    half = torch.tensor([[4.0, 2.0, 1.0], [1.0, 3.0, 2.0], [3.0, 3.0, 3.0]]).double()
    pos = 5 * torch.randn(3, 6, 3, generator=generator, dtype=torch.float64)
    mask = torch.arange(6) < torch.tensor([[6], [0], [2]])
    lattice = Lattice(transform, half, SPACING)
    for closest, farthest in ((0.7, 2.3), (0.0, 1.1)):
        likely = lattice.near(pos, mask, closest, farthest)
        for side, sign in enumerate((1, -1)):
            plane = sign * lattice.plane[:, None].expand(-1, len(lattice.z), -1)
            nodes = torch.cat([plane, lattice.z.view(1, -1, 1).expand(len(plane), -1, -1)], dim=2).transpose(0, 1)
            for row in range(3):
                apart = torch.cdist(nodes.flatten(0, 1), pos[row][mask[row]]).unflatten(0, nodes.shape[:2])
                nearest = apart.amin(2) if mask[row].any() else torch.full(nodes.shape[:2], 1.0)
                assert likely[side, row].equal((nearest > closest) & (nearest < farthest))


def test_the_best_node_is_a_likely_one(transform):
    generator = torch.Generator().manual_seed(0)
    half = torch.full((1, 3), 3.0).double()
    real, imaginary = torch.randn(2, 1, 1, transform.num_waves, generator=generator, dtype=torch.float64)
    pos, mask, open_ = torch.tensor([[[2.0, -1.0, 0.5]]]).double(), torch.ones(1, 1).bool(), torch.ones(1, 1).bool()
    lattice = Lattice(transform, half, SPACING)
    likely = lattice.near(pos, mask, 0.7, 1.5)
    node = lattice.best(real, imaginary, open_, likely)[1]
    nodes = nodes_in(half[0])
    nodes = nodes[((nodes - pos[0]).norm(dim=1) > 0.7) & ((nodes - pos[0]).norm(dim=1) < 1.5)]
    phase = nodes @ transform.wave_vectors
    best = (phase.cos() @ real[0, 0] + phase.sin() @ imaginary[0, 0]).argmax()
    torch.testing.assert_close(node[0], nodes[best])


def test_atoms_that_no_molecule_has():
    pos = torch.tensor(
        [[[0.0, 0, 0], [1.1, 0, 0], [1.5, 0, 0], [6.0, 0, 0]], [[9.0, 9, 9], [0, 0, 0], [0, 0, 0], [0, 0, 0]]]
    )
    mask = torch.tensor([[True] * 4, [True] + [False] * 3])
    atoms = PaddedAtoms(pos, torch.zeros(2, 4, dtype=torch.int64), mask, mask.float())
    support = torch.tensor([[1.0, 3.0, 2.0, 4.0], [1.0, 0, 0, 0]])
    assert implausible_atoms(atoms, support).tolist() == [[False, False, True, True], [False] * 4]


def test_half_of_the_products_of_rows():
    slope = torch.randn(2, 7, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    half = least_squares._lower_half(slope)
    torch.testing.assert_close(half.tril(), (slope @ slope.transpose(1, 2)).tril())
    assert least_squares._lower_half(slope[:, :1]).shape == (2, 1, 1)


def test_fits_in_parts_are_fits_of_the_whole(transform, monkeypatch):
    generator = torch.Generator().manual_seed(0)
    mask = torch.arange(9) < torch.tensor([9, 4, 0, 7, 9]).unsqueeze(1)
    true = PaddedAtoms(
        3 * torch.randn(5, 9, 3, generator=generator, dtype=torch.float64),
        torch.randint(0, 3, (5, 9), generator=generator),
        mask,
        mask.double(),
    )
    factors = true.structure_factors(transform).sum(1)
    start = true.at(true.pos + 0.2 * torch.randn(5, 9, 3, generator=generator, dtype=torch.float64))
    whole, error = fit_positions(transform, start, factors, 6)
    monkeypatch.setattr(least_squares, "_BYTES_ON_CPU", 1)
    parts, error_of_parts = fit_positions(transform, start, factors, 6)
    torch.testing.assert_close(parts.pos, whole.pos, atol=1e-10, rtol=0)
    torch.testing.assert_close(error_of_parts, error, atol=1e-14, rtol=1e-6)
    assert float((parts.pos - true.pos)[mask].abs().max()) < 1e-4
    assert len(fit_positions(transform, start[:0], factors[:0], 6)[0].pos) == 0


def scattered(number, generator):
    """Two molecules, of which the second lacks three atoms, at the density of real ones."""
    mask = torch.arange(number) < torch.tensor([[number], [number - 3]])
    pos = number ** (1 / 3) * 1.3 * torch.randn(2, number, 3, generator=generator, dtype=torch.float64)
    kinds = torch.randint(0, 3, (2, number), generator=generator)
    return PaddedAtoms(pos, kinds, mask, mask.double())


def test_truncated_steps_are_whole_ones_for_few_atoms(transform):
    generator = torch.Generator().manual_seed(0)
    atoms = scattered(5, generator)[torch.tensor([1])]
    fit = least_squares._Fit(transform, atoms, atoms.structure_factors(transform).sum(1), 1, truncated=False)
    shares = fit.shares(atoms.pos + 0.1 * torch.randn(1, 5, 3, generator=generator, dtype=torch.float64))
    rest, damping = fit.target - shares.sum(1), torch.tensor([1e-3]).double()
    whole = least_squares._step(fit.vectors, shares, rest, damping)
    truncated = truncated_step(fit.vectors, shares, rest, atoms.weights, damping)
    torch.testing.assert_close(truncated, whole, atol=1e-9, rtol=1e-6)
    assert truncated[0, 2:].abs().max() == 0
    assert whole[0, :2].abs().max() > 0.01


def test_truncated_steps_lead_near_the_atoms(transform):
    generator = torch.Generator().manual_seed(0)
    true = scattered(26, generator)
    factors = true.structure_factors(transform).sum(1)
    start = true.at(true.pos + 0.1 * torch.randn(true.pos.shape, generator=generator, dtype=torch.float64))
    before = (factors - start.structure_factors(transform).sum(1)).square().mean(1)
    near, error = fit_positions(transform, start, factors, 6, to_rounding=False)
    assert bool((error < 1e-3 * before).all())
    assert bool((error > 1e-20).all())
    fitted, error = fit_positions(transform, near, factors, 8)
    assert bool((error < 1e-20).all())
    assert float((fitted.pos - true.pos)[true.mask].abs().max()) < 1e-6
