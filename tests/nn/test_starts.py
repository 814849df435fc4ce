"""Of several starts of the flow, the atoms whose code is nearest to the one decoded."""

from types import SimpleNamespace

import torch

from tg_molfield.nn.decoders.gaussian_atoms.padded_atoms import PaddedAtoms
from tg_molfield.nn.generation.starts import from_nearest_start
from tg_molfield.nn.ops.element_kinds import ElementKinds
from tg_molfield.random_draws import uniform

METHANE = [[0.0, 0.0, 0.0], [0.6, 0.6, 0.6], [-0.6, -0.6, 0.6], [-0.6, 0.6, -0.6], [0.6, -0.6, -0.6]]
KINDS, MASK = torch.tensor([[1, 0, 0, 0, 0]]), torch.ones(1, 5, dtype=torch.bool)
SEEDS = torch.arange(6)


class Flow:
    """A decoder and an encoder whose codes are positions, decoded too large by an amount that the seed tells."""

    element_kinds = ElementKinds(["H", "C"])
    max_heavy_atoms, learned_dim, least_noise, transform = 5, 15, 0.1, None

    def __init__(self, misses=0.0):
        self.misses, self.seeds = misses, []

    def learned(self, latent):
        return latent.code

    def encode(self, z, pos, owner, num_graphs, frames):
        code = pos.view(num_graphs, 15)
        return SimpleNamespace(code=code, origin=pos.new_zeros(num_graphs, 3))

    def error(self, seed):
        return uniform(seed, 1, "size").double()[:, :, None]

    def find_atoms(self, code, noise, seed):
        assert bool((noise == self.least_noise).all())
        self.seeds.append(seed)
        pos = code.view(-1, 5, 3) * (1 + self.misses + self.error(seed))
        count = len(seed)
        return PaddedAtoms(pos, KINDS.expand(count, 5), MASK.expand(count, 5), MASK.double().expand(count, 5))


def decoded(flow, seeds):
    code = torch.tensor(METHANE, dtype=torch.float64).flatten().expand(len(seeds), 15)
    first = flow.find_atoms(code, torch.full((len(seeds),), 0.1), seeds)
    return code, first, *from_nearest_start(flow, flow.encode, first, code, seeds)


def test_the_nearest_is_taken_and_the_others_stay():
    flow = Flow()
    code, first, found, seed = decoded(flow, SEEDS)
    before, after = flow.error(SEEDS)[:, 0, 0], flow.error(seed)[:, 0, 0]
    near = before * float(code[0].square().mean().sqrt()) < 0.2
    assert near.any()
    assert not near.all()
    assert torch.equal(seed[near], SEEDS[near])
    assert torch.equal(found.pos[near], first.pos[near])
    assert bool((after[~near] < before[~near]).all())
    assert torch.equal(found.pos, code.view(-1, 5, 3) * (1 + flow.error(seed)))
    for row in (~near).nonzero()[:, 0].tolist():
        tried = [seeds for seeds in flow.seeds[1:] if int(seed[row]) in seeds.tolist()]
        assert len(tried) == 1


def test_what_is_never_near_starts_eight_times():
    flow = Flow(misses=1.0)
    decoded(flow, SEEDS)
    assert [len(seeds) for seeds in flow.seeds] == [6] * 8
    assert len(torch.cat(flow.seeds).unique()) == 48


def test_a_molecule_starts_as_it_would_alone():
    together = decoded(Flow(), SEEDS)[3]
    assert together.tolist() == [int(decoded(Flow(), SEEDS[row : row + 1])[3]) for row in range(6)]


def test_atoms_that_the_model_has_no_room_for_are_tried_again():
    class Carbons(Flow):
        max_heavy_atoms = 4

        def error(self, seed):
            return 0.1 * super().error(seed)

        def find_atoms(self, code, noise, seed):
            found = super().find_atoms(code, noise, seed)
            fault = (seed < 6).unsqueeze(1)
            return PaddedAtoms(found.pos, torch.where(fault, 1, found.kinds), found.mask, found.weights)

    flow = Carbons()
    _, first, found, seed = decoded(flow, SEEDS)
    assert bool((first.kinds == 1).all())
    assert bool((seed >= 6).all())
    assert torch.equal(found.kinds, KINDS.expand(6, 5))
