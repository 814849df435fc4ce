"""Decoded atoms moved by the errors that show when they are encoded and decoded again."""

from types import SimpleNamespace

import pytest
import torch

from tg_molfield.nn.decoders.gaussian_atoms.padded_atoms import PaddedAtoms
from tg_molfield.nn.generation.correcting import corrected
from tg_molfield.nn.ops.element_kinds import ElementKinds

WATER = [[0.0, 0.0, 0.1], [0.0, 0.8, -0.5], [0.0, -0.8, -0.5], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
METHANE = [[0.0, 0.0, 0.0], [0.6, 0.6, 0.6], [-0.6, -0.6, 0.6], [-0.6, 0.6, -0.6], [0.6, -0.6, -0.6]]
TRUTH = torch.tensor([WATER, METHANE], dtype=torch.float64)
KINDS = torch.tensor([[2, 0, 0, 0, 0], [1, 0, 0, 0, 0]])
MASK = torch.tensor([3 * [True] + 2 * [False], 5 * [True]])
SEED = torch.tensor([0, 1])


class RoundTrip:
    """A decoder and an encoder whose codes are positions.

    They are decoded with an error; after the first time by ``order``, too, and to the kinds ``again``.
    """

    element_kinds = ElementKinds(["H", "C", "O"])
    max_heavy_atoms, learned_dim, least_noise, transform = 3, 15, 0.1, None

    def __init__(self, error, order=(0, 1, 2, 3, 4), again=KINDS):
        self.error, self.order, self.again, self.calls = error, list(order), again, 0

    def learned(self, latent):
        return latent.code

    def encode(self, z, pos, owner, num_graphs, frames):
        origin = torch.stack([pos[owner == row].mean(0) for row in range(num_graphs)])
        code = pos.new_zeros(num_graphs, 5, 3)
        for row in range(num_graphs):
            code[row, : int((owner == row).sum())] = pos[owner == row] - origin[row]
        return SimpleNamespace(code=code.flatten(1), origin=origin)

    def find_atoms(self, code, noise, seed):
        assert bool((noise == self.least_noise).all())
        order, kinds = (self.order, self.again) if self.calls else (list(range(5)), KINDS)
        self.calls += 1
        pos = code.unflatten(1, (5, 3))
        found = PaddedAtoms(pos + self.error(pos), kinds[seed], MASK[seed], MASK[seed].double())
        return PaddedAtoms(*(getattr(found, name)[:, order] for name in PaddedAtoms.PARTS))


def off_after(model, times, rows=SEED):
    """How far atoms are from where they should be, Å, and those before, in their order."""
    owner = torch.arange(2).repeat_interleave(MASK.sum(1))
    latent = model.encode(torch.ones(8), TRUTH[MASK], owner, 2, None)
    first = model.find_atoms(latent.code, torch.full((2,), 0.1), SEED)
    found, _ = corrected(model, model.encode, first[rows], latent.code[rows], SEED[rows], times)
    there = (TRUTH - latent.origin.unsqueeze(1))[rows]
    return ((found.pos - there).norm(dim=2) * found.mask).amax(1), found.pos - first.pos[rows]


def constant(pos):
    return 0.1 * torch.tensor([[1.0], [0.5], [-1.0], [0.2], [0.3]], dtype=pos.dtype).expand_as(pos)


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4), (2, 1, 0, 4, 3), (4, 3, 2, 1, 0)])
def test_an_error_that_does_not_depend_on_the_code_is_taken_away(order):
    before, _ = off_after(RoundTrip(constant), 0)
    assert float(before.min()) > 0.1
    assert float(off_after(RoundTrip(constant, order), 1)[0].max()) < 1e-12


def test_an_error_that_varies_with_the_code_shrinks_each_time():
    def error(pos):
        return 0.15 * (1.5 * pos).cos()

    off = torch.stack([off_after(RoundTrip(error), times)[0] for times in (0, 1, 2, 4)])
    assert bool((off[1:] < 0.5 * off[:-1]).all())


def test_what_has_other_atoms_or_far_ones_afterwards_stays():
    _, moved = off_after(RoundTrip(constant, again=KINDS.flip(0)), 2)
    assert not moved.any()
    _, moved = off_after(RoundTrip(lambda pos: 8.0 * constant(pos)), 2)
    assert not moved.any()


def test_what_leads_away_from_the_code_is_left_out():
    """An error that turns with every try would be doubled by taking it away."""

    class Turning(RoundTrip):
        def find_atoms(self, code, noise, seed):
            found = super().find_atoms(code, noise, seed)
            return found if self.calls == 1 else found.at(found.pos - 2 * constant(found.pos))

    before, _ = off_after(Turning(constant), 0)
    after, moved = off_after(Turning(constant), 3)
    assert torch.equal(after, before)
    assert not moved.any()


def test_a_molecule_is_corrected_as_it_would_be_alone():
    def error(pos):
        return 0.15 * (1.5 * pos).cos()

    together, _ = off_after(RoundTrip(error), 2)
    alone = torch.cat([off_after(RoundTrip(error), 2, SEED[row : row + 1])[0] for row in range(2)])
    assert torch.allclose(together, alone, rtol=0, atol=1e-12)
