"""Paths through frames in reverse order, and rotations between frames."""

import numpy as np
import pytest
import torch
from ase.build import molecule
from scipy.spatial.transform import Rotation
from torch_geometric.data import Data

from tg_molfield import FieldPath
from tg_molfield.paths.rotation_spline import RotationSpline


def turned(rng, degrees, count):
    """Rotations, each from the one before by an angle about a random axis."""
    found = [Rotation.identity()]
    for angle in np.broadcast_to(degrees, count - 1):
        axis = rng.normal(size=3)
        found.append(found[-1] * Rotation.from_rotvec(np.radians(angle) * axis / np.linalg.norm(axis)))
    return Rotation.concatenate(found)


@pytest.mark.parametrize("name", ["CH3CH2OH", "H2O", "CO"])
@pytest.mark.parametrize(("degrees", "count"), [(20, 7), (120, 6), (170, 3)])
def test_frames_in_reverse_order_have_the_reverse_path(name, degrees, count):
    rng = np.random.default_rng(degrees)
    atoms, times = molecule(name), np.cumsum(rng.uniform(0.3, 2, count))
    frames = [
        Data(z=torch.tensor(atoms.numbers), pos=torch.from_numpy(turn.apply(atoms.positions + noise) + noise[0]))
        for turn, noise in zip(turned(rng, degrees, count), rng.normal(size=(count, len(atoms), 3)) * 0.1, strict=True)
    ]
    forth = FieldPath(frames, times=times.tolist(), kind="spline")
    back = FieldPath(frames[::-1], times=(-times[::-1]).tolist(), kind="spline")
    for time in np.linspace(times[0], times[-1], 17):
        torch.testing.assert_close(forth.positions(time), back.positions(-time), rtol=0, atol=1e-9)


def test_a_diatomic_molecule_that_tumbles_is_followed():
    def at(time):
        turn = Rotation.from_rotvec([0, 0, np.radians(20) * time]) * Rotation.from_rotvec([np.radians(3) * time, 0, 0])
        return torch.from_numpy(turn.apply([[0.6, 0, 0.05], [-0.6, 0, -0.05]]))

    path = FieldPath([Data(z=torch.tensor([6, 8]), pos=at(float(time))) for time in range(20)], kind="spline")
    for time in np.arange(19) + 0.5:
        torch.testing.assert_close(path.positions(time), at(time), rtol=0, atol=1e-3)


def test_angular_velocity_and_acceleration_are_continuous():
    times = np.array([0.0, 1.0, 1.7, 3.0, 3.8])
    spline = RotationSpline(times, turned(np.random.default_rng(1), 100, 5).as_matrix())
    step = 1e-4

    def velocity(time):
        return (spline(time - step).inv() * spline(time + step)).as_rotvec() / (2 * step)

    def acceleration(time, side):
        three = [velocity(time + side * step * count) for count in (1, 11, 21)]
        return side * (4 * three[1] - 3 * three[0] - three[2]) / (20 * step)

    for time in times[1:-1]:
        np.testing.assert_allclose(velocity(time - step), velocity(time + step), atol=0.01)
        np.testing.assert_allclose(acceleration(time, -1), acceleration(time, 1), atol=0.05)


@pytest.mark.parametrize("unit", [1e-15, 1.0, 1e9])
@pytest.mark.parametrize("shortest", [0.1, 1e-3])
def test_large_turns_at_uneven_times(unit, shortest):
    rng = np.random.default_rng(4)
    times = unit * np.cumsum(shortest ** rng.uniform(size=12))
    turns = turned(rng, rng.uniform(100, 179, 11), 12)
    spline, back = RotationSpline(times, turns.as_matrix()), RotationSpline(-times[::-1], turns[::-1].as_matrix())
    for time, turn in zip(times, turns, strict=True):
        assert (spline(time).inv() * turn).magnitude() < 1e-9
    for time in np.linspace(times[0], times[-1], 100):
        assert (spline(time).inv() * back(-time)).magnitude() < 1e-9
