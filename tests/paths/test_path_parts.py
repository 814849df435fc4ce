"""The parts of paths by themselves."""

import numpy as np
import pytest
import torch
from scipy.interpolate import Akima1DInterpolator
from scipy.spatial.transform import Rotation

from tg_molfield.paths.matching import match_atoms
from tg_molfield.paths.spline import akima_slopes
from tg_molfield.paths.superposition import best_rotation
from tg_molfield.paths.topology import Topology
from tg_molfield.paths.torsions import conserved_torsions, torsion_angles


@pytest.fixture
def random():
    return np.random.default_rng(3)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_the_best_rotation_is_found_for_points_in_a_line_a_plane_and_space(random, rank):
    points = random.normal(size=(6, 3)) * [1, rank > 1, rank > 2]
    turn = Rotation.from_rotvec([0.4, -1.2, 0.8]).as_matrix()
    found = best_rotation(points, points @ turn.T)
    np.testing.assert_allclose(points @ found.T, points @ turn.T, atol=1e-12)
    assert np.linalg.det(found) == pytest.approx(1)


def test_mirror_images_are_not_laid_on_each_other_by_mirroring(random):
    points = random.normal(size=(6, 3))
    assert np.linalg.det(best_rotation(points, -points)) == pytest.approx(1)


def test_opposite_directions_and_single_points():
    line = np.array([[1.0, 0, 0], [-1.0, 0, 0], [2.0, 0, 0]])
    np.testing.assert_allclose(line @ best_rotation(line, -line).T, -line, atol=1e-12)
    np.testing.assert_array_equal(best_rotation(np.zeros((1, 3)), np.zeros((1, 3))), np.eye(3))


def test_slopes_are_akimas_where_values_are_scalars(random):
    times, values = np.sort(random.uniform(size=7)), random.normal(size=7)
    embedded = np.stack([values, 0 * values, 0 * values], 1)[:, None]
    expected = Akima1DInterpolator(times, values).derivative()(times)
    np.testing.assert_allclose(akima_slopes(times, embedded)[:, 0, 0], expected, atol=1e-9)


def test_parabolas_have_exact_slopes():
    times = np.arange(6.0)
    values = (times**2)[:, None, None] * np.array([1.0, 2.0, -1.0])
    np.testing.assert_allclose(akima_slopes(times, values)[:, 0, 0], 2 * times, atol=1e-12)


def test_equal_atoms_are_told_apart_by_their_bonds():
    z = torch.tensor([8, 1, 8, 1])
    last = np.array([[0.0, 0, 0], [1.0, 0, 0], [3.0, 0, 0], [2.0, 0, 0]])
    now = np.array([[0.0, 0, 0], [0.4, 0.9, 0], [3.0, 0, 0], [2.6, 0.9, 0]])
    shuffled = [2, 3, 0, 1]
    order = match_atoms(z, last, last, now[shuffled])
    np.testing.assert_array_equal(now[shuffled][order], now)


def test_torsions_that_stay_and_torsions_that_turn():
    z = torch.tensor([6, 6, 6, 6])
    start = np.array([[1.0, 1.0, 0], [0, 0.5, 0], [0, -0.9, 0], [1.0, -1.4, 0]])
    chain = np.array([[0, 1, 2, 3]])
    for angle, kept in ((20.0, 1), (60.0, 0)):
        end = start.copy()
        end[3] = Rotation.from_rotvec([0, np.radians(angle), 0]).apply(end[3])
        assert abs(float(np.degrees(torsion_angles(end, chain)[0]))) == pytest.approx(angle)
        assert len(conserved_torsions(start, end, Topology.of(z, np.stack([start, end])))) == kept


def test_no_bonds_no_torsions():
    apart = np.arange(9.0).reshape(3, 3) * 10
    topology = Topology.of(torch.tensor([6, 6, 6]), apart[None])
    assert topology.bonds.shape == (0, 2)
    assert conserved_torsions(apart, apart, topology).shape == (0, 2)
