import math

import pytest
import torch

from tg_molfield import Grid, RBFField, psnr

GRID = Grid.cube((0, 0, 0), 8, 17)


def ball(weight: float, channels=("a", "empty")) -> RBFField:
    return RBFField(torch.zeros(1, 3), torch.tensor([[weight, 0.0]]), 1.0, channels=channels)


def test_known_error_gives_known_ratio():
    truth = ball(2.0)
    ratio = psnr(ball(1.8), truth, GRID)
    values = truth.on(GRID).values / 2.0
    error = (0.1 * values) ** 2
    assert ratio.all_nodes == pytest.approx(-10 * math.log10(float(error.mean())), abs=1e-4)
    assert ratio.occupied == pytest.approx(-10 * math.log10(float(error[values > 0.01].mean())), abs=1e-4)
    assert ratio.all_nodes > ratio.occupied


def test_equal_fields_are_infinitely_alike():
    assert psnr(ball(1.0), ball(1.0), GRID) == (math.inf, math.inf)


def test_given_peak():
    difference = psnr(ball(1.8), ball(2.0), GRID).all_nodes - psnr(ball(1.8), ball(2.0), GRID, peak=1.0).all_nodes
    assert difference == pytest.approx(20 * math.log10(2), abs=1e-4)


def test_signed_targets_count_both_signs():
    assert psnr(ball(-1.8), ball(-2.0), GRID) == pytest.approx(psnr(ball(1.8), ball(2.0), GRID), abs=1e-6)


def test_different_channels_are_refused():
    with pytest.raises(ValueError, match="channels differ"):
        psnr(ball(1.0), ball(1.0, channels=("b", "c")), GRID)


def test_bad_peak_is_refused():
    with pytest.raises(ValueError, match="peak=0"):
        psnr(ball(1.0), ball(1.0), GRID, peak=0)
