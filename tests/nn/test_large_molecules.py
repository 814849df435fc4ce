"""Molecules of many atoms: computed in pieces, with the same result, or refused before anything is computed."""

import pytest
import torch
from small_models import build
from torch_geometric.nn.models import DimeNetPlusPlus, SchNet, ViSNet

from tg_molfield import memory
from tg_molfield.nn import FieldAutoEncoder
from tg_molfield.nn.latent import canonical_frames
from tg_molfield.nn.ops import pieces
from tg_molfield.nn.ops.pieces import pieces_of, rows_of, runs_of

TENSORS = {"encoder_options": {"out_channels": 8, "num_layers": 2, "tensor_channels": 3}}


def cloud(count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    pos = (10 * count) ** (1 / 3) * torch.rand(count, 3, generator=generator)
    return torch.randint(6, 9, (count,), generator=generator), pos


def schnet():
    return {"encoder": SchNet(8, 8, 2, 8, cutoff=4.0), "encoder_options": None}


@pytest.fixture
def small_pieces(monkeypatch):
    monkeypatch.setattr(pieces, "_EDGES", 100)
    monkeypatch.setattr(pieces, "_ROWS", 30)
    monkeypatch.setattr(pieces, "_RECORDED", 1)
    monkeypatch.setattr(canonical_frames, "_PAIRS_AT_ONCE", 64)


@pytest.mark.parametrize("options", [dict, lambda: TENSORS, schnet], ids=["painn", "tensors", "schnet"])
def test_pieces_make_the_whole(options, monkeypatch, request):
    model = build("atoms", **options()).double().eval()
    (z, pos), (z_other, pos_other) = cloud(150), cloud(20, seed=1)
    z, pos, batch = torch.cat([z, z_other]), torch.cat([pos, pos_other]), (torch.arange(170) >= 150).long()

    def computed():
        model.zero_grad()
        latent = model.encode(z, pos.double(), batch)
        (latent.code.square().sum() + latent.atoms.scalars.square().sum()).backward()
        gradients = [p.grad for p in (*model.encoder.parameters(), *model.pooling.parameters()) if p.grad is not None]
        with torch.no_grad():
            return [latent.code.detach(), model.encode(z, pos.double(), batch).code, *gradients]

    whole = computed()
    request.getfixturevalue("small_pieces")
    for part, expected in zip(computed(), whole, strict=True):
        assert torch.allclose(part, expected, rtol=1e-9, atol=1e-9 * float(expected.abs().max()))


def test_a_piece_has_all_edges_of_its_atoms(small_pieces):
    generator = torch.Generator().manual_seed(0)
    target = torch.randint(0, 90, (1000,), generator=generator).sort().values
    found = pieces_of(torch.stack([target.flip(0), target]), torch.zeros(97, dtype=torch.int64))
    assert len(found) > 5
    assert [piece.atoms.start for piece in found[1:]] == [piece.atoms.stop for piece in found[:-1]]
    assert (found[0].atoms.start, found[-1].atoms.stop, found[-1].edges.stop) == (0, 97, 1000)
    for atoms, edges in found:
        assert bool(((target[edges] >= atoms.start) & (target[edges] < atoms.stop)).all())


def test_batches_of_small_molecules_are_one_piece_in_training(small_pieces):
    batch = torch.arange(40).repeat_interleave(10)
    edges = torch.arange(400).repeat(2, 1)
    assert len(pieces_of(edges, batch)) == len(rows_of(batch)) == 1
    with torch.no_grad():
        assert len(pieces_of(edges, batch)) > 1 < len(rows_of(batch))


def test_runs_are_bounded():
    sizes = torch.tensor([0, 0, 3, 4, 90, 0, 1, 1, 1])
    runs = runs_of(sizes, 10)
    assert [one for run in runs for one in range(run.start, run.stop)] == list(range(9))
    assert len(runs) == 3
    assert all(int(sizes[run][1:].sum()) <= 10 for run in runs)


@pytest.mark.parametrize("decoder", ["rbf", "atoms"])
def test_memory_of_codes_grows_with_the_atoms(decoder, largest_bytes):
    model = build(decoder).eval()
    sizes = {}
    for count in (500, 4000):
        z, pos = cloud(count)
        with torch.no_grad():
            sizes[count] = largest_bytes(model.encode, z, pos)
    assert sizes[4000] < 8 * 1.5 * sizes[500]


@pytest.mark.parametrize("summary_channels", [0, 6])
def test_what_the_code_cannot_hold_is_refused_first(summary_channels, monkeypatch):
    model = build("structure_factors", latent_dim=64, summary_channels=summary_channels, encoder_options=None).eval()

    def fail(*args, **kwargs):
        raise AssertionError("computed before the limit was checked")

    monkeypatch.setattr(type(model.encoder), "forward", fail)
    monkeypatch.setattr("tg_molfield.nn.autoencoder.canonical_pose", fail)
    monkeypatch.setattr(type(model.domain), "check", fail)
    z, pos = cloud(1000)
    with pytest.raises(ValueError, match=r"molecule 0: expected at most \d+ atoms"):
        model.encode(z, pos)
    with pytest.raises(ValueError, match="z: expected elements that this model knows"):
        model.encode(torch.full_like(z[:3], 92), pos[:3])


@pytest.mark.parametrize(
    "network",
    [lambda: DimeNetPlusPlus(16, 1, 1, 8, 8, 16, 3, 3, cutoff=6.0), lambda: ViSNet(hidden_channels=64, cutoff=6.0)],
    ids=["dimenet++", "visnet"],
)
def test_networks_that_need_too_much_refuse_with_the_size(network, monkeypatch):
    model = FieldAutoEncoder(["C"], encoder=network()).eval()
    monkeypatch.setattr(memory, "available_bytes", lambda device=None: 2**24)
    z, pos = cloud(200)
    with pytest.raises(MemoryError, match=r"200 atoms with \d+ .*edges within the cutoff, which needs .* GiB"):
        model.encode(z, pos)
