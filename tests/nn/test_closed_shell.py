"""What is known of closed shells changes the molecules that it is known of, on the device that they are on."""

import pytest
import torch
from device_operations import Operations

from tg_molfield.nn.decoders.flow.closed_shell import ClosedShell
from tg_molfield.nn.decoders.flow.prediction import Prediction

NUMBERS = [1, 6, 7, 8]
MASK = torch.tensor([[True, True, True], [True, True, False]])


def prediction(bonds: bool = True) -> Prediction:
    generator = torch.Generator().manual_seed(0)
    sizes = [(3, 3), (3, 4), (3, 5), (3, 12), (3, 3, 4)]
    parts = [torch.randn(2, *size, generator=generator) for size in sizes]
    return Prediction(*parts[:4], parts[4] + parts[4].transpose(1, 2) if bonds else None)


@pytest.mark.parametrize("bonds", [False, True])
def test_molecules_of_which_nothing_is_known_stay(bonds):
    given = prediction(bonds)
    found = ClosedShell(NUMBERS)(given, MASK, torch.tensor([True, False]))
    for name in ("kinds", "counts"):
        one, two = getattr(found, name), getattr(given, name)
        assert torch.equal(one[1], two[1])
        assert not torch.allclose(one[0], two[0])
    for name in ("pos", "hydrogens", "orders"):
        assert getattr(found, name) is getattr(given, name)


def test_bonds_count_where_they_are_predicted():
    shell, every, given = ClosedShell(NUMBERS), torch.ones(2, dtype=torch.bool), prediction()
    found, even = shell(given, MASK, every), shell.even(given, MASK, every)
    assert not torch.allclose(found.counts, even.counts)
    plain = given._replace(orders=None)
    assert torch.equal(shell(plain, MASK, every).counts, even.counts)


def test_nothing_waits_for_a_device():
    shell, given, rows = ClosedShell(NUMBERS), prediction(), torch.tensor([True, False])
    with Operations() as counted:
        found = shell(given, MASK, rows)
        shell.rounded(found.kinds.softmax(2), found.counts.softmax(2), MASK, rows)
    assert counted.waits == 0


def test_half_precision_and_double_precision():
    shell, every, given = ClosedShell(NUMBERS), torch.ones(2, dtype=torch.bool), prediction()
    expected = shell(given, MASK, every)
    double = shell(Prediction(*(part.double() for part in given)), MASK, every)
    with torch.autocast("cpu", torch.bfloat16):
        lower = shell(given, MASK, every)
    assert double.counts.dtype == torch.float64
    torch.testing.assert_close(double.counts.float(), expected.counts, atol=1e-4, rtol=1e-4)
    assert torch.equal(lower.counts, expected.counts)
