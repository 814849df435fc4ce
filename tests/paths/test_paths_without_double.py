"""Paths between molecules on a device without double precision."""

import pytest
import torch
from emulated_device import emulated_device
from torch_geometric.data import Data
from without_double import check_on_device

from tg_molfield import FieldPath, Grid, MolField, from_smiles
from tg_molfield.paths import path_metrics

FIELD = MolField("H C N O other", widths=0.5, width_scale=1.0)


def ethanol(turn=0.0, **attributes):
    data = from_smiles("CCO", seed=1)
    pos = data.pos.float() - data.pos.float().mean(0)
    angle = torch.tensor(turn)
    rotation = torch.eye(3)
    rotation[:2, :2] = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()]).view(2, 2)
    return Data(z=data.z, pos=pos @ rotation.T + 0.3 * turn, **attributes)


FRAMES = [ethanol(0.0), ethanol(0.2), ethanol(0.5)]
CELLS = [torch.diag(torch.tensor([8.0 + size, 8.0, 8.0]))[None] for size in (0.0, 0.1, 0.2)]
PERIODIC = torch.tensor([[True, True, True]])
CRYSTALS = [ethanol(turn, cell=cell, pbc=PERIODIC) for turn, cell in zip((0.0, 0.2, 0.5), CELLS, strict=True)]


def values_of(path, time=0.4):
    yield path.positions(time)
    yield path.field(time)(path.positions(time) + 0.2)


@pytest.mark.parametrize("kind", ["spline", "arap"])
def test_frames_are_connected(kind):
    def connect(*frames):
        path = FieldPath(frames, FIELD, kind=kind)
        yield from values_of(path)
        yield path.data(0.4).pos
        yield path.occupancies(0.4)

    check_on_device(connect, *FRAMES)


def test_crystals_are_connected():
    def connect(*frames):
        path = FieldPath(frames, FIELD)
        yield from values_of(path)
        yield path.data(0.4).cell

    check_on_device(connect, *CRYSTALS)


def test_times_may_be_on_the_device():
    with emulated_device(double=False) as device:
        times = torch.tensor([0.0, 2.0, 3.0]).to(device)
        path = FieldPath([frame.clone().to(device) for frame in FRAMES], FIELD, times=times)
        assert path.times.tolist() == [0, 2, 3]


@pytest.mark.parametrize("match", ["mcs", "field"])
def test_molecules_become_others(match):
    def morph(first, last):
        first.forces, last.forces = first.pos * 2, last.pos * 3
        path = FieldPath([first, last], FIELD, match=match)
        yield from values_of(path)
        yield path.occupancies(0.4)
        yield path.data(1.0).forces

    other = from_smiles("CCN", seed=1)
    check_on_device(morph, ethanol(), Data(z=other.z, pos=other.pos.float()))


def test_conformers_are_numbered_alike():
    def connect(first, last):
        yield from values_of(FieldPath([first, last], FIELD, match="mcs"))

    check_on_device(connect, ethanol(), ethanol(0.5))


def test_fields_are_connected():
    grid = Grid.around(FRAMES[0].pos, spacing=0.3, margin=3.5)

    def connect(*frames):
        yield from values_of(FieldPath.from_fields([FIELD(frame) for frame in frames], FIELD))
        yield from values_of(FieldPath.from_fields([FIELD(frame).on(grid) for frame in frames], FIELD))

    check_on_device(connect, *FRAMES)


@pytest.mark.parametrize("frames", [FRAMES, CRYSTALS], ids=["molecule", "crystal"])
def test_points_are_measured(frames):
    def measure(*frames):
        path = FieldPath(frames, FIELD)
        data = path.data(0.4)
        volume = path.field(0.4).on(Grid.of(data, 0.3))
        found = path_metrics(data, frames[:2], FIELD, volume)
        assert found.atoms_found
        yield found.shortest_contact
        yield found.bond_drift + 1
        yield found.integral_drift + 1
        yield found.rmsd + 1

    check_on_device(measure, *frames)
