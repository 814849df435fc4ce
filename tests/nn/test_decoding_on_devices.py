"""Atoms from structure factors as a device finds them: few operations for many molecules, and several walks for one."""

import pytest
import torch
from device_operations import Operations
from small_models import SMALL, build

from tg_molfield import devices
from tg_molfield.nn import Latent
from tg_molfield.nn.decoders.flow.exact import _starting_places
from tg_molfield.nn.decoders.gaussian_atoms.padded_atoms import PaddedAtoms
from tg_molfield.nn.decoders.structure_factors.bucketing import bucket_by_size
from tg_molfield.nn.decoders.structure_factors.walks import Target, Walks, _first_least
from tg_molfield.nn.ops.structure_factors import StructureFactors

SPREAD = 2.0


@pytest.fixture
def _like_a_device(monkeypatch):
    monkeypatch.setattr(devices, "_HOST", "none")


def codes(model, sizes, seed=0):
    """Codes of clouds of atoms, at least 1.1 Å apart, which an untrained guess does not find."""
    generator = torch.Generator().manual_seed(seed)
    owner = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    pos = []
    for size in sizes:
        cloud = torch.empty(0, 3, dtype=torch.float64)
        while len(cloud) < size:
            point = SPREAD * torch.randn(1, 3, generator=generator, dtype=torch.float64)
            cloud = torch.cat([cloud, point]) if not (torch.cdist(cloud, point) < 1.1).any() else cloud
        pos.append(cloud - cloud.mean(0))
    z = torch.tensor([6, 7, 8])[torch.randint(0, 3, (len(owner),), generator=generator)]
    return model.decoder.transform(z, torch.cat(pos), owner, len(sizes))


def model_of(num_searches=60):
    options = {**SMALL["structure_factors"], "num_searches": num_searches}
    return build("structure_factors", decoder_options=options).double()


def solved(model, code):
    with torch.no_grad(), Operations() as counted:
        atoms, matches = model.decoder.solve(Latent.centered(code))
    return atoms, matches, counted


def test_a_device_finds_the_same_atoms(monkeypatch):
    model = model_of()
    code = codes(model, [14, 3, 9, 20, 1, 12, 17])
    host, found, _ = solved(model, code)
    assert found.all()
    monkeypatch.setattr(devices, "_HOST", "none")
    device, found, _ = solved(model, code)
    assert found.all()
    apart = torch.cdist(host.pos, device.pos) + 1e3 * (host.kinds.unsqueeze(2) != device.kinds.unsqueeze(1))
    assert apart.masked_fill(~device.mask.unsqueeze(1), 1e3).min(2).values[host.mask].max() < 1e-6


@pytest.mark.usefixtures("_like_a_device")
def test_operations_and_waits_do_not_grow_with_the_number_of_molecules():
    model = model_of(num_searches=2)
    few, many = (solved(model, codes(model, sizes))[2] for sizes in ([8, 9, 14, 15], 20 * [8, 9, 14, 15]))
    assert many.number <= 1.1 * few.number
    assert many.waits <= 1.1 * few.waits


def test_several_walks_find_more_than_one(monkeypatch):
    model = model_of(num_searches=6)
    code = codes(model, 40 * [22])
    one = solved(model, code)[1]
    monkeypatch.setattr(devices, "_HOST", "none")
    several = solved(model, code)[1]
    assert 20 < int(one.sum()) < int(several.sum()) - 3


def test_walks_of_one_molecule_go_on_apart_and_keep_the_best():
    transform = StructureFactors(64, ("H", "C")).double()
    z, owner = torch.tensor([6, 1, 6]), torch.tensor([0, 0, 1])
    code = transform(z, torch.randn(3, 3, generator=torch.Generator().manual_seed(0)).double(), owner, 2)
    mask = torch.tensor([[True, True], [True, False]])
    atoms = PaddedAtoms(torch.zeros(2, 2, 3).double(), torch.tensor([[0, 1], [1, 0]]), mask, mask.double())
    walks = Walks(transform, Target(code, torch.tensor([0, 5])), atoms)
    assert walks.lost(also_between=False).tolist() == [0, 1]
    walks.multiply(3)
    seeds, starts = [], []

    def attempt(target, atoms):
        """Walks of larger seeds come nearer."""
        seeds.extend(target.seed.tolist())
        starts.append(atoms.pos.clone())
        moved = atoms.pos + target.seed.view(-1, 1, 1)
        return atoms.at(moved), 1 / (1.0 + target.seed.double())

    lost = walks.lost(also_between=False)
    assert lost.tolist() == list(range(6))
    walks.attempt(attempt, lost)
    assert len(set(seeds)) == 6
    first = [seed for seed in seeds if seed % 353 == 0]
    second = [seed for seed in seeds if seed % 353 == 5]
    assert (len(first), len(second)) == (3, 3)
    assert walks.pos[0, :, 0].tolist() == [max(first)] * 2
    assert walks.pos[1, 0, 0] == max(second)
    torch.testing.assert_close(walks.error, 1 / (1 + torch.tensor([max(first), max(second)]).double()))
    walks.attempt(attempt, lost[:4])
    assert sorted(starts[-1][:, 0, 0].tolist()) == sorted([*first, *second])[:4]


def test_of_equal_walks_the_first_is_kept():
    values = torch.tensor([2.0, 1.0, 1.0, torch.inf, 3.0, 1.0])
    owner = torch.tensor([0, 0, 0, 1, 2, 2])
    assert _first_least(values, owner, 4).tolist() == [False, True, False, True, False, True]


def test_buckets_hold_every_molecule_once(monkeypatch):
    count = torch.randint(0, 90, (300,), generator=torch.Generator().manual_seed(0))
    host = bucket_by_size(count)
    monkeypatch.setattr(devices, "_HOST", "none")
    for buckets in (host, bucket_by_size(count)):
        assert torch.cat([rows for rows, _ in buckets]).sort().values.equal(torch.arange(300))
        for rows, largest in buckets:
            assert largest == int(count[rows].max()) <= 2 * int(count[rows].min()) + 1
    assert 2 * len(bucket_by_size(count)) < len(host)


def test_atoms_that_a_flow_found_start_where_their_kind_is():
    generator = torch.Generator().manual_seed(0)
    wanted, found = (
        PaddedAtoms(
            torch.randn(40, size, 3, generator=generator),
            torch.randint(0, 3, (40, size), generator=generator),
            torch.arange(size) < torch.randint(0, size + 1, (40, 1), generator=generator),
            torch.ones(40, size),
        )
        for size in (7, 6)
    )
    start = _starting_places(wanted, found)
    for row in range(40):
        left = found.mask[row].nonzero()[:, 0].tolist()
        expected, others = {}, []
        for slot in wanted.mask[row].nonzero()[:, 0].tolist():
            alike = [one for one in left if found.kinds[row, one] == wanted.kinds[row, slot]]
            if alike:
                expected[slot] = alike[0]
                left.remove(alike[0])
            else:
                others.append(slot)
        expected |= dict(zip(others, left, strict=False))
        for slot in range(7):
            place = found.pos[row, expected[slot]] if slot in expected else torch.zeros(3)
            assert start[row, slot].equal(place)
