"""Where `torch.set_default_device` names a device, everything stays where its inputs are, on the host or there."""

import pytest
import torch
from emulated_device import EmulatedTensor, emulated_device
from torch_geometric.data import Data

from tg_molfield import (
    FieldPath,
    Grid,
    MolField,
    MolFieldTransform,
    align,
    find_atoms,
    fit_rbf,
    psnr,
    similarity,
    superresolve,
)
from tg_molfield.compare import interaction, pair_overlaps, score_in_place
from tg_molfield.compare.alignment import pair_group, rigid_motion, starts

FIELD = MolField("C N O", widths=0.7)
CUBE = Grid.cube((0, 0, 0), 9.0, 16)


def molecule(seed):
    generator = torch.Generator().manual_seed(seed)
    pos = torch.empty(0, 3, dtype=torch.float64)
    while len(pos) < 5:
        point = 1.4 * torch.randn(1, 3, generator=generator, dtype=torch.float64)
        pos = pos if (torch.cdist(pos, point) < 1.2).any() else torch.cat([pos, point])
    return Data(z=torch.tensor([6, 8, 6, 7, 6]), pos=pos)


def crystals(one, two):
    cell = 6 * torch.eye(3).to(one.pos)
    field = FIELD(Data(z=one.z, pos=one.pos, cell=cell[None]))
    yield field(two.pos)
    yield field.on(Grid.from_cell(cell, (6, 6, 6)))(two.pos)


def superresolved(method):
    def compute(one, two):
        finer, _ = superresolve(FIELD(one).on(Grid.cube((0, 0, 0), 9.0, 12)), method=method)
        yield finer(two.pos)
        yield finer.gradient(two.pos)
        yield finer.on(CUBE).values

    return compute


COMPUTATIONS = {
    "values": lambda one, two: [FIELD(one)(two.pos), FIELD(one).laplacian(two.pos), FIELD(one).on(CUBE)(two.pos)],
    "normalized": lambda one, two: [MolField.preset("mnf")(one)(two.pos)],
    "nearest": lambda one, two: [MolField.preset("vdw")(one)(two.pos)],
    "crystals": crystals,
    "queries": lambda one, two: [MolFieldTransform(FIELD, num_queries=4)(Data(**one, draw_seed=two.z[:1])).field],
    "atoms": lambda one, two: [find_atoms(FIELD(one).on(CUBE)).pos],
    "fit": lambda one, two: [fit_rbf(FIELD(one).on(CUBE), one.pos)[0](two.pos)],
    "spline": superresolved("spline"),
    "kriging": superresolved("kriging"),
    "align": lambda one, two: [align(one, two).moved.pos, score_in_place(one, two).score],
    "similarity": lambda one, two: [
        similarity(FIELD(one), FIELD(two)).by_channel,
        similarity(FIELD(one).on(CUBE), FIELD(two).on(CUBE)).by_channel,
    ],
    "overlaps": lambda one, two: [
        pair_overlaps(FIELD(one), FIELD(two).on(CUBE)).values,
        interaction(one, two, by="contact").values,
    ],
    "path": lambda one, two: [FieldPath([one, one.clone()]).field(0.5)(two.pos)],
    "psnr": lambda one, two: [torch.tensor([psnr(FIELD(one), FIELD(two), CUBE).all_nodes], device=one.pos.device)],
}


@pytest.fixture
def forget_tables(monkeypatch):
    """Forgets what is kept for later calls; that of the test is forgotten after it."""

    def forget():
        monkeypatch.setattr(pair_group, "_BUFFERS", pair_group._Buffers())
        starts.start_rotations.cache_clear()
        rigid_motion.motion_maps.cache_clear()

    yield forget
    forget()


@pytest.mark.filterwarnings("ignore:grid. expected overlaps:tg_molfield.compare.QuadratureWarning")
@pytest.mark.parametrize("name", COMPUTATIONS)
def test_what_is_computed_where(name, forget_tables):
    inputs = molecule(0), molecule(1)
    host = list(COMPUTATIONS[name](*(one.clone() for one in inputs)))
    forget_tables()
    with emulated_device() as device:
        far = [one.clone().to(device) for one in inputs]
        with torch.device(device):
            near = list(COMPUTATIONS[name](*(one.clone() for one in inputs)))
            there = list(COMPUTATIONS[name](*far))
    for expected, one, other in zip(host, near, there, strict=True):
        assert not isinstance(one, EmulatedTensor)
        torch.testing.assert_close(one, expected, rtol=0, atol=1e-6)
        torch.testing.assert_close(other.held, expected, rtol=0, atol=1e-6)


def test_alignments_go_on_after_inference_mode(forget_tables):
    forget_tables()
    one, two = molecule(0), molecule(1)
    with torch.inference_mode():
        expected = align(one, two).score
    assert align(one, two).score == expected
