"""Paths go through their frames, keep integrals and bonds, move with rigid motions, and name bad input."""

import math

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from torch_geometric.data import Batch, Data

from tg_molfield import Channel, FieldPath, Grid, MolField, from_smiles, psnr
from tg_molfield.paths import path_metrics

MOL_FIELD = MolField("H C O")


def rmsd(one, two):
    return float((one - two).square().sum(1).mean().sqrt())


@pytest.mark.parametrize("kind", ["spline", "arap"])
def test_the_path_goes_through_its_frames(trajectory, kind):
    path = FieldPath(trajectory, MOL_FIELD, times=torch.arange(9.0) * 2 - 3, kind=kind)
    for number, frame in enumerate(trajectory):
        torch.testing.assert_close(path.positions(2.0 * number - 3), frame.pos, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", ["spline", "arap"])
def test_a_moved_trajectory_has_a_moved_path(trajectory, kind):
    turn = torch.from_numpy(Rotation.from_euler("xyz", [0.7, -1.9, 2.5]).as_matrix())
    shift = torch.tensor([3.0, -2.0, 7.0], dtype=torch.float64)
    moved = [Data(z=frame.z, pos=frame.pos @ turn.T + shift) for frame in trajectory[:4]]
    one, two = FieldPath(trajectory[:4], MOL_FIELD, kind=kind), FieldPath(moved, MOL_FIELD, kind=kind)
    torch.testing.assert_close(two.positions(1.4), one.positions(1.4) @ turn.T + shift, rtol=0, atol=1e-4)


def test_a_rigid_motion_is_followed_rigidly(trajectory):
    first = trajectory[0]
    start = first.pos - first.pos.mean(0)
    turn = Rotation.from_rotvec([0.0, 0.0, 2.8])
    end = Data(z=first.z, pos=torch.from_numpy(turn.apply(start)) + torch.tensor([5.0, 0.0, 0.0], dtype=torch.float64))
    half = torch.from_numpy(Rotation.from_rotvec([0.0, 0.0, 1.4]).apply(start)) + torch.tensor([2.5, 0.0, 0.0]).double()
    for kind in ("spline", "arap"):
        path = FieldPath([Data(z=first.z, pos=start), end], MOL_FIELD, kind=kind)
        torch.testing.assert_close(path.positions(0.5), half, rtol=0, atol=1e-5)


def test_between_smooth_frames_the_spline_is_nearer_than_blending(trajectory, swinging):
    path, grid = FieldPath(trajectory, MOL_FIELD), Grid.around(torch.cat([one.pos for one in trajectory]), 0.5, 3.0)
    assert path.kind == "spline"
    for number in range(8):
        truth = MOL_FIELD(swinging(number + 0.5))
        neighbours = (MOL_FIELD(trajectory[number]) + MOL_FIELD(trajectory[number + 1])) * 0.5
        blended = Data(z=path.z, pos=(trajectory[number].pos + trajectory[number + 1].pos) / 2)
        ours = psnr(path.field(number + 0.5), truth, grid).occupied
        assert ours > psnr(MOL_FIELD(blended), truth, grid).occupied + 3
        assert ours > psnr(neighbours, truth, grid).occupied + 10


def test_a_jump_hardly_affects_frames_two_away(trajectory):
    still = [Data(z=trajectory[0].z, pos=trajectory[0].pos.clone()) for _ in range(10)]
    for frame in still[5:]:
        frame.pos[3] += 2.0
    path = FieldPath(still, MOL_FIELD, kind="spline")
    for time in (0.5, 1.5, 2.5, 6.5, 7.5):
        inside = path.positions(time)
        inside = inside - inside[0]
        frame = still[int(time)].pos - still[int(time)].pos[0]
        assert rmsd(inside, frame) < 0.03, time


def test_bonds_are_kept_and_atoms_do_not_meet(conformers):
    mol_field = MolField("H C")
    path = FieldPath(conformers, mol_field)
    assert path.kind == "arap"
    grid = Grid.around(torch.cat([path.positions(t / 4) for t in range(5)]), 0.5, 4.0)
    points = [path_metrics(path.data(t / 4), conformers, mol_field, path.field(t / 4).on(grid)) for t in range(5)]
    assert max(point.bond_drift for point in points) < 0.05
    assert (
        min(point.shortest_contact for point in points)
        > min(points[0].shortest_contact, points[-1].shortest_contact, 1.6) - 0.02
    )
    assert all(point.atoms_found and point.rmsd < 1e-3 for point in points)
    assert max(point.integral_drift for point in points) < 1e-6

    line = [Data(z=path.z, pos=torch.lerp(conformers[0].pos, conformers[1].pos, t)) for t in (0.25, 0.5, 0.75)]
    straight = [path_metrics(one, conformers, mol_field, mol_field(one).on(grid)) for one in line]
    assert max(point.bond_drift for point in straight) > 0.3


def test_attributes_change_in_between(trajectory):
    frames = [frame.clone() for frame in trajectory[:2]]
    for charge, frame in zip((1.0, 3.0), frames, strict=True):
        frame.partial_charge = torch.full((len(frame.z),), charge, dtype=torch.float64)
    field = FieldPath(frames, MolField("partial_charge")).field(0.25)
    torch.testing.assert_close(field.weights[:, 0], torch.full((9,), 1.5, dtype=torch.float64))


@pytest.mark.parametrize("kind", ["spline", "arap"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_vectors_turn_with_the_molecule(trajectory, kind, dtype):
    pos, push = trajectory[0].pos, torch.linspace(-1, 1, 27, dtype=torch.float64).reshape(9, 3)
    turns = [torch.from_numpy(Rotation.from_rotvec([0.4 * k, 0, 1.1 * k]).as_matrix()) for k in (0.0, 1.0, 2.0, 1.5)]
    frames = [Data(z=trajectory[0].z, pos=pos @ turn.T, forces=push @ turn.T) for turn in turns[:3]]
    frames = [frame.apply(lambda one: one.to(dtype) if one.is_floating_point() else one) for frame in frames]
    path = FieldPath(frames, MolField([Channel("pull", "forces", vector=True)]), kind=kind)
    between = path.data(1.5)
    torch.testing.assert_close(between.forces.double(), push @ turns[3].T, rtol=0, atol=1e-5)
    assert torch.equal(path.data(1.0).forces, frames[1].forces)


def test_labels_are_those_of_the_frame_at_its_time(trajectory):
    frames = [frame.clone() for frame in trajectory[:3]]
    for number, frame in enumerate(frames):
        frame.energy, frame.formal_charge = torch.tensor([float(number)]), torch.full_like(frame.z, number)
    path = FieldPath(frames, MOL_FIELD)
    for time, number in ((0.0, 0), (0.9, 0), (1.0, 1), (2.0, 2)):
        assert float(path.data(time).energy) == number
        assert (path.data(time).formal_charge == number).all()


@pytest.mark.parametrize("kind", ["spline", "arap"])
def test_times_of_single_precision_are_on_the_path(trajectory, kind):
    path = FieldPath(trajectory[:2], MOL_FIELD, times=torch.tensor([0.1, 0.7]), kind=kind)
    torch.testing.assert_close(path.positions(0.1), trajectory[0].pos, rtol=0, atol=1e-9)
    torch.testing.assert_close(path.positions(torch.tensor(0.7)), trajectory[1].pos, rtol=0, atol=1e-9)
    with pytest.raises(ValueError, match=r"time: expected 0.1 to 0.7, got 0.70001"):
        path.positions(0.70001)


def test_types_are_those_of_the_frames():
    frames = [Data(z=torch.tensor([8]), pos=torch.full((1, 3), float(x))) for x in range(3)]
    path = FieldPath(frames, MolField("O"))
    assert path.positions(1.5).dtype == torch.float32
    torch.testing.assert_close(path.positions(1.5), torch.full((1, 3), 1.5))
    assert repr(path) == "FieldPath(3 frames of 1 atoms, 0 to 2, kind='spline')"


def test_blind_and_informed_paths_agree(trajectory):
    grid = Grid.around(torch.cat([frame.pos for frame in trajectory[:4]]), 0.4, 3.0)
    volumes = [MOL_FIELD(frame).on(grid) for frame in trajectory[:4]]
    blind = FieldPath.from_fields(volumes, MOL_FIELD)
    informed = FieldPath(trajectory[:4], MOL_FIELD)
    assert psnr(blind.field(1.5), informed.field(1.5), grid).occupied > 80


def test_volumes_of_different_atoms(trajectory):
    grid = Grid.around(torch.cat([frame.pos for frame in trajectory[:2]]), 0.4, 3.0)
    less = Data(z=trajectory[1].z[:-1], pos=trajectory[1].pos[:-1])
    volumes = [MOL_FIELD(frame).on(grid) for frame in (trajectory[0], less)]
    with pytest.raises(ValueError, match=r"fields\[1\]: expected the atoms of fields\[0\], H6 C2 O1, got H5 C2 O1"):
        FieldPath.from_fields(volumes, MOL_FIELD)


def _frames(trajectory, change):
    first, second = trajectory[0].clone(), trajectory[1].clone()
    change(second)
    return [first, second]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda d: d.update({"z": d.z[:-1], "pos": d.pos[:-1]}),
            r"frames\[1\]: expected 9 atoms as in frames\[0\], got 8",
        ),
        (lambda d: d.update({"z": d.z.flip(0)}), r"frames\[1\].z: expected C at atom 0 as in frames\[0\], got H"),
        (
            lambda d: d.pos[4].fill_(math.nan),
            r"frames\[1\].pos: expected finite positions, got NaN or infinity for atom 4",
        ),
        (
            lambda d: d.update({"pbc": torch.tensor([[True, False, False]])}),
            r"frames\[1\].pbc: expected \[False,",
        ),
        (
            lambda d: d.update({"pos": d.pos[:, :2]}),
            r"frames\[1\].pos: expected floats of shape \[9, 3\], got torch.float64 of \[9, 2\]",
        ),
        (lambda d: d.pop("z"), r"frames\[1\].z: expected a tensor"),
    ],
)
def test_frames_that_do_not_fit(trajectory, change, message):
    with pytest.raises(ValueError, match=message):
        FieldPath(_frames(trajectory, change))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"times": [0.0, 1.0, 1.0]}, r"times\[2\]: expected more than 1, got 1"),
        ({"times": [0.0, math.nan, 1.0]}, "times: expected finite numbers"),
        ({"times": [0.0, 1.0]}, "times: expected 3 numbers, one for each frame"),
        ({"kind": "cubic"}, "kind: expected one of auto, spline, arap, got 'cubic'"),
    ],
)
def test_options_that_do_not_fit(trajectory, options, message):
    with pytest.raises(ValueError, match=message):
        FieldPath(trajectory[:3], **options)


def test_too_few_frames_batches_and_times_off_the_path(trajectory):
    with pytest.raises(ValueError, match="frames: expected at least 2, got 1"):
        FieldPath(trajectory[:1])
    with pytest.raises(ValueError, match=r"frames\[0\]: expected one molecule, got a batch"):
        FieldPath([Batch.from_data_list(trajectory[:2])] * 2)
    path = FieldPath(trajectory)
    for time in (-0.1, 8.1, math.nan):
        with pytest.raises(ValueError, match="time: expected 0 to 8"):
            path.positions(time)


def test_unordered_frames_are_no_trajectory(trajectory):
    assert FieldPath(trajectory).roughness < 0.2
    generator = np.random.default_rng(0)
    noise = [Data(z=torch.tensor([6] * 9), pos=torch.from_numpy(generator.normal(size=(9, 3)))) for _ in range(40)]
    assert FieldPath(noise).roughness == pytest.approx(3, rel=0.15)
    assert FieldPath(noise).kind == "arap"


def test_roughness_goes_by_the_times():
    generator = np.random.default_rng(1)
    times = np.cumsum(generator.uniform(0.1, 3, 400))
    spans = np.diff(times, prepend=times[0])[:, None, None]
    start = generator.normal(size=(1, 9, 3))
    steady = start + times[:, None, None]
    walk = start + np.cumsum(generator.normal(size=(400, 9, 3)) * np.sqrt(spans), axis=0)
    for positions, expected in ((steady, 0), (walk, 1)):
        frames = [Data(z=torch.tensor([6] * 9), pos=torch.from_numpy(pos)) for pos in positions]
        assert FieldPath(frames, times=times.tolist(), kind="spline").roughness == pytest.approx(expected, abs=0.1)


def test_changing_what_a_path_gives_does_not_change_the_path(trajectory):
    path = FieldPath(trajectory, MOL_FIELD)
    before = path.positions(1.5)
    for given in (path.z, path.times, path.positions(1.5), path.data(1.5).pos, path.data(1.5).z):
        given.zero_()
    assert torch.equal(path.z, trajectory[0].z)
    assert torch.equal(path.positions(1.5), before)


def test_changing_frames_and_times_afterwards_does_not_change_the_path(trajectory):
    frames, times = [frame.clone() for frame in trajectory[:3]], torch.arange(3.0, dtype=torch.float64)
    for number, frame in enumerate(frames):
        frame.charge = torch.full((len(frame.z),), float(number), dtype=torch.float64)
    path = FieldPath(frames, MolField([Channel("q", "charge")]), times)
    at = frames[1].pos.clone()
    before = path.data(1.0), path.field(1.5)(at), path.times
    for frame in frames:
        frame.charge.zero_()
        frame.pos += 1.0
    times += 5
    assert torch.equal(path.data(1.0).charge, before[0].charge)
    assert torch.equal(path.field(1.5)(at), before[1])
    assert torch.equal(path.times, before[2])


def test_changing_molecules_afterwards_does_not_change_a_morph():
    ends = [from_smiles(smiles, seed=1, dtype=torch.float64) for smiles in ("CCO", "CCN")]
    path = FieldPath(ends, MOL_FIELD, match="mcs")
    before = path.positions(0.3), path.field(0.0)(torch.zeros(1, 3, dtype=torch.float64))
    for end in ends:
        end.pos += 1.0
    assert torch.equal(path.positions(0.3), before[0])
    assert torch.equal(path.field(0.0)(torch.zeros(1, 3, dtype=torch.float64)), before[1])


def test_changing_cells_afterwards_does_not_change_a_periodic_path():
    cells = [torch.eye(3, dtype=torch.float64) * size for size in (4.0, 5.0)]
    pos, pbc = torch.zeros(1, 3, dtype=torch.float64), torch.tensor([[True, True, True]])
    frames = [Data(z=torch.tensor([18]), pos=pos.clone(), cell=cell[None], pbc=pbc) for cell in cells]
    path = FieldPath(frames)
    frames[0].cell *= 2
    torch.testing.assert_close(path.data(0.0).cell[0], 4 * torch.eye(3, dtype=torch.float64))
