"""The fits of 1/r against 1/r, and against a fit made anew."""

import math

import numpy as np
import pytest
import torch
from scipy.optimize import least_squares
from scipy.special import erf

from tg_molfield.chem.coulomb_gaussians import CoulombGaussians


def values(heights, widths, r):
    return (heights[:, None] * np.exp(-(r**2) / (2 * widths[:, None] ** 2))).sum(0)


def fitted(terms):
    heights, widths = CoulombGaussians(terms).gaussians(torch.tensor([6]))
    return heights[0].numpy(), widths[0].numpy()


@pytest.mark.parametrize(
    ("terms", "greatest", "rms"),
    [(2, 13, 6.9), (3, 3.5, 1.6), (4, 0.8, 0.33), (5, 0.35, 0.07), (6, 0.27, 0.03)],
)
def test_errors_are_the_stated_ones(terms, greatest, rms):
    r = np.linspace(1.5, 12, 4000)
    errors = 100 * (r * values(*fitted(terms), r) - 1)
    assert 0.9 * greatest < np.abs(errors).max() < greatest
    assert 0.7 * rms < np.sqrt((errors**2).mean()) < rms


@pytest.mark.parametrize("terms", [2, 3, 4])
def test_fits_are_least_squares_in_the_ball(terms):
    r = (np.arange(600) + 0.5) * 12 / 600
    target = erf(r / math.sqrt(0.5)) / r

    def errors(logarithms):
        heights, widths = np.exp(logarithms).reshape(2, -1)
        return r * (values(heights, widths, r) - target)

    start = np.log([np.geomspace(1.0, 0.2, terms), np.geomspace(0.7, 8.0, terms)]).ravel()
    best = least_squares(errors, start, xtol=1e-12, ftol=1e-12, gtol=1e-12)
    own = np.square(errors(np.log(np.concatenate(fitted(terms))))).sum()
    assert own == pytest.approx(2 * best.cost, rel=1e-3)
    heights, widths = np.exp(best.x).reshape(2, -1)
    order = widths.argsort()
    assert widths[order] == pytest.approx(fitted(terms)[1], rel=2e-3)
    assert heights[order] == pytest.approx(fitted(terms)[0], rel=2e-3)


@pytest.mark.parametrize("terms", [1, 7, 2.5, True])
def test_other_numbers_of_terms_are_refused(terms):
    with pytest.raises(ValueError, match="terms: expected"):
        CoulombGaussians(terms)
