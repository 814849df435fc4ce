"""Molecules that are drawn again until they are plain ones."""

import pytest
import torch
from torch_geometric.utils import to_dense_batch

from tg_molfield import from_smiles
from tg_molfield.nn.decoders.gaussian_atoms.padded_atoms import PaddedAtoms
from tg_molfield.nn.generation.retries import drawn_until_plain
from tg_molfield.nn.ops.element_kinds import ElementKinds
from tg_molfield.random_draws import draw_seeds

KINDS = ElementKinds(["H", "C", "N", "O", "F"])
PLAIN, CHARGED, NONE = "CCO", "[O-][N+](=O)C", None


def padded(choices):
    """The molecules, and three atoms far apart for None."""
    parts = []
    for smiles in choices:
        data = from_smiles(smiles or "CCO")
        parts.append((KINDS(data.z), data.pos.float() if smiles else 5.0 * data.pos.float()))
    owner = torch.repeat_interleave(torch.tensor([len(kinds) for kinds, _ in parts]))
    pos, mask = to_dense_batch(torch.cat([pos for _, pos in parts]), owner)
    kinds, _ = to_dense_batch(torch.cat([kinds for kinds, _ in parts]), owner)
    return PaddedAtoms(pos, kinds, mask, mask.float())


class Draws:
    """Gives each molecule what is listed for its draws, and notes which were asked for."""

    def __init__(self, lists):
        self.lists, self.calls = lists, []

    def __call__(self, rows, seeds):
        self.calls.append((rows.tolist(), seeds.tolist()))
        return padded([self.lists[row][sum(row in before for before, _ in self.calls) - 1] for row in rows.tolist()])


def formula(atoms, row):
    return torch.bincount(KINDS.numbers[atoms.kinds[row][atoms.mask[row]]], minlength=9)[[1, 6, 7, 8]].tolist()


def test_what_is_no_plain_molecule_is_drawn_again():
    draws = Draws([[PLAIN], [NONE, NONE, PLAIN], [NONE, CHARGED, NONE, NONE], [NONE] * 4, [CHARGED, "CC", NONE]])
    seed = torch.tensor([7, 8, 9, 10, 11])
    atoms = drawn_until_plain(draws, KINDS.numbers, seed, 4)
    assert [rows for rows, _ in draws.calls] == [[0, 1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 3], [2, 3]]
    assert draws.calls[0][1] == seed.tolist()
    assert draws.calls[2][1] == draw_seeds(2, 0, seed[1:4]).tolist()
    assert [formula(atoms, row) for row in range(5)] == [
        [6, 2, 0, 1],
        [6, 2, 0, 1],
        [3, 1, 1, 2],
        [6, 2, 0, 1],
        [6, 2, 0, 0],
    ]
    assert float(torch.cdist(atoms.pos[3], atoms.pos[3]).amax()) > 10


def test_one_try_draws_once():
    draws = Draws([[NONE]])
    drawn_until_plain(draws, KINDS.numbers, torch.tensor([1]), 1)
    assert len(draws.calls) == 1


@pytest.mark.parametrize("smiles", ["[CH2]", "[CH3]", "[NH3+][O-]"])
def test_open_valences_and_charges_are_not_plain(smiles):
    draws = Draws([[smiles, "C"]])
    atoms = drawn_until_plain(draws, KINDS.numbers, torch.tensor([1]), 2)
    assert formula(atoms, 0) == [4, 1, 0, 0]
