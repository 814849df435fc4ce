"""Local maxima are those of a plain comparison with all neighbours."""

import itertools

import pytest
import torch

from tg_molfield.inverse.maxima import local_maxima

OFFSETS = [offset for offset in itertools.product((-1, 0, 1), repeat=3) if any(offset)]


def plain(values, periodic, lowest):
    """The maxima node by node."""
    found, shape = [], values.shape
    for node in itertools.product(*map(range, shape)):
        around = []
        for offset in OFFSETS:
            place = [a + b for a, b in zip(node, offset, strict=True)]
            if all(wraps or 0 <= n < count for n, count, wraps in zip(place, shape, periodic, strict=True)):
                around.append(float(values[tuple(n % count for n, count in zip(place, shape, strict=True))]))
        if float(values[node]) > lowest and all(float(values[node]) >= one for one in around):
            found.append(list(node))
    return found


@pytest.mark.parametrize("periodic", [(False, False, False), (True, True, True), (True, False, True)])
@pytest.mark.parametrize("shape", [(6, 7, 5), (1, 5, 3), (2, 2, 2), (3, 1, 1)])
def test_maxima_are_those_of_a_plain_comparison(shape, periodic):
    values = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for lowest in (-9.0, 0.0, 0.9):
        assert local_maxima(values, periodic, lowest).tolist() == plain(values, periodic, lowest)


def test_of_equal_neighbours_the_last_is_the_maximum():
    values = torch.zeros(5, 5, 5, dtype=torch.float64)
    values[1:3, 2, 3:5] = 1.0
    assert local_maxima(values, (False, False, False), 0.5).tolist() == [[1, 2, 3], [1, 2, 4], [2, 2, 3], [2, 2, 4]]
    assert local_maxima(values, (False, False, False), 0.5, tilt=1e-10).tolist() == [[2, 2, 4]]


def test_part_of_a_larger_tensor():
    values = torch.randn(8, 9, 10, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    part = values[1:7, 2:8, 3:9]
    assert local_maxima(part, (False, False, False), 0.0).tolist() == plain(part, (False, False, False), 0.0)


def test_nothing_above_the_lowest():
    assert local_maxima(torch.zeros(3, 4, 5), (True, False, False), 0.0).shape == (0, 3)
