"""As-rigid-as-possible paths have no jumps, depend on the time alone, and move with the molecules."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from torch_geometric.data import Data

from tg_molfield import FieldPath, MolField, from_smiles
from tg_molfield.chem.bonds import bonds
from tg_molfield.fields import AtomList
from tg_molfield.paths.handedness import Inversions

FIELD = MolField("H C N O")
STEPS = 64
EXCHANGED = r"frames\[1\]: expected the handedness of frames\[0\] at each atom, got atoms \d+ and \d+ exchanged at atom"
MIRRORED = r"frames\[1\]: expected the handedness of frames\[0\] at each atom, got the mirror image at atom"


def path_of(frames, **options):
    return FieldPath(frames, FIELD, kind="arap", **options)


def along(path, steps=STEPS):
    return torch.stack([path.positions(step / steps) for step in range(steps + 1)])


def longest_step(path):
    return float(along(path).diff(dim=0).norm(dim=2).max())


def conformer(smiles, seed):
    return from_smiles(smiles, seed=seed, dtype=torch.float64)


def with_exchanged(data, one, other):
    """A copy in which two atoms have changed places."""
    order = torch.arange(len(data.z))
    order[[one, other]] = order[[other, one]]
    return Data(z=data.z, pos=data.pos[order])


@pytest.fixture(scope="module")
def propanols():
    """Conformers of propanol with the torsions turned, and hydrogens at the same places."""
    data = conformer("CCCO", 1)
    path = data.pos.numpy().copy()
    found = bonds(AtomList(data.z, data.pos)).tolist()
    for start, end, angle in ((1, 2, 130.0), (2, 3, -140.0)):
        moved, waiting = {end}, [end]
        while waiting:
            atom = waiting.pop()
            new = {j if i == atom else i for i, j in found if atom in (i, j)} - moved - {start}
            moved |= new
            waiting += new
        rows = sorted(moved)
        axis = path[end] - path[start]
        turn = Rotation.from_rotvec(np.radians(angle) * axis / np.linalg.norm(axis))
        path[rows] = turn.apply(path[rows] - path[end]) + path[end]
    return [Data(z=data.z, pos=data.pos), Data(z=data.z, pos=torch.from_numpy(path))]


@pytest.fixture(scope="module")
def butanols():
    """Conformers of butanol that RDKit embedded, of which three methylene groups have their hydrogens exchanged."""
    return [conformer("CCCCO", seed) for seed in (1, 2)]


@pytest.mark.filterwarnings("ignore:frames:UserWarning")
@pytest.mark.parametrize("smiles", ["CCCCO", "CC(C)CCO", "OCC(O)CO", "C1CCCCC1O", "CC(N)C(=O)O"])
def test_no_atom_jumps_between_conformers(smiles):
    path = path_of([conformer(smiles, seed) for seed in (3, 4)])
    assert longest_step(path) < 0.4
    torch.testing.assert_close(along(path, 256)[::4], along(path), rtol=0, atol=0)


def test_bonds_and_angles_stay_between_conformers(propanols):
    path = path_of(propanols)
    assert longest_step(path) < 0.2
    pairs = torch.tensor(bonds(AtomList(path.z, propanols[0].pos)).tolist())
    around = [pairs[(pairs == atom).any(1)].flatten() for atom in range(len(path.z))]
    angles = [
        pair
        for atom, near in enumerate(around)
        for pair in itertools.combinations([one for one in near.tolist() if one != atom], 2)
    ]
    for rows, most in ((pairs, 0.02), (torch.tensor(angles), 0.06)):
        distances = (along(path)[:, rows[:, 0]] - along(path)[:, rows[:, 1]]).norm(dim=2)
        line = torch.linspace(0, 1, STEPS + 1, dtype=torch.float64)[:, None]
        assert float((distances - torch.lerp(distances[:1], distances[-1:], line)).abs().max()) < most


def test_a_point_does_not_depend_on_others(propanols):
    alone, among = path_of(propanols).positions(0.5), path_of(propanols)
    for time in (0.9, 0.5, 0.1):
        among.positions(time)
    assert torch.equal(among.positions(0.5), alone)
    assert torch.equal(along(among)[STEPS // 2], alone)


def test_ends_are_the_frames_to_the_bit(propanols):
    path = path_of(propanols)
    assert torch.equal(path.positions(0.0), propanols[0].pos)
    assert torch.equal(path.positions(1.0), propanols[1].pos)
    near = path.positions(1e-9), path.positions(1 - 1e-9)
    for one, frame in zip(near, propanols, strict=True):
        torch.testing.assert_close(one, frame.pos, rtol=0, atol=1e-6)


@pytest.mark.filterwarnings("ignore:frames:UserWarning")
@pytest.mark.parametrize("molecule", ["propanols", "butanols"])
@pytest.mark.parametrize("time", [0.2, 0.5, 0.7])
def test_moved_exchanged_and_renumbered_molecules(molecule, time, request):
    frames = request.getfixturevalue(molecule)
    expected = path_of(frames).positions(time)
    turn = torch.from_numpy(Rotation.from_euler("xyz", [0.7, -1.9, 2.5]).as_matrix())
    shift = torch.tensor([30.0, -20.0, 7.0], dtype=torch.float64)
    moved = [Data(z=frame.z, pos=frame.pos @ turn.T + shift) for frame in frames]
    torch.testing.assert_close(path_of(moved).positions(time), expected @ turn.T + shift, rtol=0, atol=1e-3)
    torch.testing.assert_close(path_of(frames[::-1]).positions(1 - time), expected, rtol=0, atol=1e-3)
    order = torch.randperm(len(frames[0].z), generator=torch.Generator().manual_seed(2))
    renumbered = [Data(z=frame.z[order], pos=frame.pos[order]) for frame in frames]
    torch.testing.assert_close(path_of(renumbered).positions(time), expected[order], rtol=0, atol=1e-3)


def test_hydrogens_that_are_exchanged_pass_each_other():
    propane = conformer("CCC", 1)
    with pytest.warns(UserWarning, match=rf"{EXCHANGED} 1, which turn about each other.*match='mcs'"):
        path = path_of([propane, with_exchanged(propane, 6, 7)])
    positions = along(path)
    assert float(positions.diff(dim=0).norm(dim=2).max()) < 0.4
    assert min(float(torch.pdist(one).min()) for one in positions) > 1.0


def test_exchanged_hydrogens_are_put_back_where_molecules_are_matched(butanols):
    with pytest.warns(UserWarning, match=rf"{EXCHANGED} \d+ \(and 2 more on the path\)"):
        path_of(butanols)
    path = path_of(butanols, match="mcs")
    assert len(path.matched) == len(path.z)
    moved = (path.matched[:, 0] != path.matched[:, 1]).nonzero()[:, 0]
    assert len(moved) == 6
    assert (path.z[moved] == 1).all()
    ends = [path.data(time) for time in (0.0, 1.0)]
    assert not len(Inversions.between(path.z, *(end.pos.numpy() for end in ends)).exchanged)
    assert torch.equal(butanols[1].z[path.matched[:, 1]], path.z)
    inner = torch.pdist(butanols[1].pos[path.matched[:, 1]])
    torch.testing.assert_close(torch.pdist(ends[1].pos), inner, rtol=0, atol=1e-9)


def test_the_other_enantiomer_is_told():
    right = conformer("C[C@H](O)F", 1)
    with pytest.warns(UserWarning, match=rf"{MIRRORED} 1, where bonds bend"):
        path = path_of([right, conformer("C[C@@H](O)F", 1)])
    assert min(float(torch.pdist(one).min()) for one in along(path, 16)) > 0.5


def test_hydrogens_of_any_kind_of_methyl_group_are_told():
    methane = conformer("C", 1)
    same = path_of([methane, Data(z=methane.z, pos=methane.pos[[0, 2, 3, 1, 4]])])
    assert longest_step(same) < 0.2
    with pytest.warns(UserWarning, match=f"{EXCHANGED} 0"):
        path_of([methane, with_exchanged(methane, 1, 2)])


@pytest.mark.parametrize(
    ("z", "start", "end"),
    [
        ([8], [[0, 0, 0]], [[3, 0, 0]]),
        ([1, 9], [[0, 0, 0], [0.9, 0, 0]], [[0, 0, 0], [-0.9, 0, 0]]),
        ([8, 6, 8], [[-1.2, 0, 0], [0, 0, 0], [1.2, 0, 0]], [[0, -1.2, 0], [0, 0, 0], [0, 1.2, 0]]),
        ([6, 6], [[0, 0, 0], [0, 0, 0]], [[0, 0, 0], [5, 0, 0]]),
        ([2, 2], [[0, 0, 0], [4, 0, 0]], [[4, 0, 0], [0, 0, 0]]),
    ],
    ids=["one atom", "two atoms", "on a line", "coincident", "without bonds"],
)
def test_few_atoms(z, start, end):
    start, end = (torch.tensor(pos, dtype=torch.float64) for pos in (start, end))
    path = path_of([Data(z=torch.tensor(z), pos=pos) for pos in (start, end)])
    positions = along(path)
    assert torch.isfinite(positions).all()
    assert torch.equal(positions[0], start)
    assert torch.equal(positions[-1], end)
    assert math.isfinite(longest_step(path))
    assert longest_step(path) < 0.2
