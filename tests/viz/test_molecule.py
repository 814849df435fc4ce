import numpy as np
import torch

from tg_molfield.chem.principal_axes import principal_axes
from tg_molfield.fields import AtomList
from tg_molfield.viz.molecule import ball, formula


def test_formula_in_hills_order():
    z = torch.tensor([8, 1, 6, 1, 6, 35])
    assert formula(AtomList(z, torch.zeros(6, 3))) == "C₂H₂BrO"
    assert formula(AtomList(torch.tensor([8, 1, 1]), torch.zeros(3, 3))) == "H₂O"


def test_ball_is_round_and_closed():
    for subdivisions in range(3):
        vertices, faces = ball(subdivisions)
        assert len(vertices) == 10 * 4**subdivisions + 2
        assert len(faces) == 20 * 4**subdivisions
        np.testing.assert_allclose(np.linalg.norm(vertices, axis=1), 1)
        assert (np.linalg.det(vertices[faces]) > 0).all()


def test_principal_axes_are_a_right_handed_frame():
    axes = principal_axes(np.random.default_rng(0).normal(size=(9, 3)) * [1, 5, 2])
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(axes) > 0
    assert abs(axes[0, 1]) > 0.9
