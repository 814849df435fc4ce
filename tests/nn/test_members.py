"""The members of groups, and the atoms of chosen molecules."""

import torch

from tg_molfield.nn.latent.atom_features import AtomFeatures
from tg_molfield.nn.ops.members import members_of


def test_the_members_of_groups_come_in_their_order():
    place, member = members_of(torch.tensor([2, 0, 1, 2]), torch.tensor([2, 0, 3]))
    assert place.tolist() == [0, 0, 0, 1, 1, 3, 3, 3]
    assert member.tolist() == [2, 3, 4, 0, 1, 2, 3, 4]
    place, member = members_of(torch.tensor([], dtype=torch.int64), torch.tensor([2]))
    assert len(place) == len(member) == 0


def test_the_atoms_of_many_molecules_are_chosen_in_little_memory(largest_bytes):
    count = 3000
    batch = torch.arange(count).repeat_interleave(4)
    atoms = AtomFeatures.of_scalars(batch + 1, torch.rand(4 * count, 3), batch, count, torch.rand(4 * count, 2))
    order = torch.arange(count - 1, -1, -1)
    chosen = atoms.select(order)
    assert torch.equal(chosen.z, order.repeat_interleave(4) + 1)
    assert torch.equal(chosen.pos, atoms.pos.view(count, 4, 3).flip(0).flatten(0, 1))
    assert largest_bytes(atoms.select, order) <= 8 * 4 * count * 3
