"""What valences say of elements and hydrogens, against sums over all molecules."""

from itertools import product

import pytest
import torch

from tg_molfield.nn.decoders.flow.valences import given_valences, valence_table

H, C, S = range(3)
TABLE = valence_table([1, 6, 16])


def certain(place: int, size: int, sureness: float = 12.0):
    return torch.where(torch.arange(size) == place, sureness, 0.0)


def test_valences_are_those_of_the_periodic_table():
    assert TABLE.tolist() == [[0, 1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 1, 0, 0], [0, 0, 1, 0, 1, 0, 1]]
    assert valence_table([26, 6]).tolist() == [[1] * 13, [0, 0, 0, 0, 1] + [0] * 8]


def test_chances_are_those_among_all_molecules_where_bonds_have_no_rings():
    generator = torch.Generator().manual_seed(0)
    kinds, counts = (torch.randn(1, 3, size, generator=generator, dtype=torch.float64) for size in (3, 5))
    orders = torch.randn(1, 3, 3, 4, generator=generator, dtype=torch.float64)
    orders = orders + orders.transpose(1, 2)
    orders[0, 0, 2] = orders[0, 2, 0] = torch.tensor([0.0, -400, -400, -400])
    found = given_valences(kinds, counts, orders, TABLE.double(), torch.ones(1, 3, dtype=torch.bool), others=0.0)
    kind, count, order = (logits.softmax(-1)[0] for logits in (kinds, counts, orders))
    totals = [torch.zeros(3, size, dtype=torch.float64) for size in (3, 5)]
    for elements in product(range(3), repeat=3):
        for hydrogens in product(range(5), repeat=3):
            weight = torch.stack([kind[row, elements[row]] * count[row, hydrogens[row]] for row in range(3)]).prod()
            for one, two in product(range(4), repeat=2):
                sums = one + hydrogens[0], one + two + hydrogens[1], two + hydrogens[2]
                if all(total < 7 and TABLE[elements[row], total] for row, total in enumerate(sums)):
                    for row in range(3):
                        totals[0][row, elements[row]] += weight * order[0, 1, one] * order[1, 2, two]
                        totals[1][row, hydrogens[row]] += weight * order[0, 1, one] * order[1, 2, two]
    for one, two in zip(found, totals, strict=True):
        torch.testing.assert_close(one[0].softmax(1), two / two.sum(1, keepdim=True))


def chain(orders: list[int], n: int):
    """Carbons in a chain with bonds of these orders, and hydrogens of which nothing is known."""
    bonds = certain(0, 4).expand(1, n, n, 4).clone()
    for row, order in enumerate(orders):
        bonds[0, row, row + 1] = bonds[0, row + 1, row] = certain(order, 4)
    return certain(C, 3).expand(1, n, 3), torch.zeros(1, n, 5), bonds


def test_hydrogens_fill_what_bonds_leave():
    kinds, counts, orders = chain([1, 3, 1, 2], 5)
    _, found = given_valences(kinds, counts, orders, TABLE, torch.ones(1, 5, dtype=torch.bool))
    assert found.argmax(2).tolist() == [[3, 0, 0, 1, 2]]


def test_the_place_of_a_double_bond_follows_from_hydrogens_farther_away():
    kinds, counts, orders = chain([2, 1, 1], 4)
    orders[0, 2, 3] = orders[0, 3, 2] = torch.tensor([-9.0, 0.0, 0.0, -9.0])
    counts = torch.stack([certain(2, 5), certain(1, 5), torch.zeros(5), certain(2, 5)]).unsqueeze(0)
    _, found = given_valences(kinds, counts, orders, TABLE, torch.ones(1, 4, dtype=torch.bool))
    assert found.argmax(2).tolist() == [[2, 1, 1, 2]]


def test_an_element_follows_from_its_bonds():
    kinds, counts, orders = chain([1, 1], 3)
    kinds = kinds.clone()
    kinds[0, 1] = 0
    counts = torch.stack([certain(3, 5), certain(0, 5), certain(3, 5)]).unsqueeze(0)
    found, _ = given_valences(kinds, counts, orders, TABLE, torch.ones(1, 3, dtype=torch.bool))
    assert found.argmax(2).tolist() == [[C, S, C]]


def test_padding_and_the_order_of_atoms_make_no_difference():
    kinds, counts, orders = chain([1, 2, 1], 4)
    counts = torch.randn(1, 4, 5, generator=torch.Generator().manual_seed(0))
    mask = torch.ones(1, 4, dtype=torch.bool)
    found = given_valences(kinds, counts, orders, TABLE, mask)
    order = torch.tensor([2, 0, 3, 1])
    moved = given_valences(kinds[:, order], counts[:, order], orders[:, order][:, :, order], TABLE, mask)
    wide = [
        torch.nn.functional.pad(kinds, (0, 0, 0, 2), value=1.0),
        torch.nn.functional.pad(counts, (0, 0, 0, 2), value=1.0),
        torch.nn.functional.pad(orders, (0, 0, 0, 2, 0, 2), value=1.0),
    ]
    padded = given_valences(*wide, TABLE, torch.arange(6).unsqueeze(0) < 4)
    for one, two, three in zip(found, moved, padded, strict=True):
        torch.testing.assert_close(two, one[:, order])
        torch.testing.assert_close(three[:, :4], one)


@pytest.mark.parametrize("n", [1, 2])
def test_few_atoms_and_certain_contradictions_stay_finite(n):
    kinds, counts, orders = chain([3] * (n - 1), n)
    counts = 1e4 * certain(4, 5).expand(1, n, 5)
    found = given_valences(1e4 * kinds, counts, 1e4 * orders, TABLE, torch.ones(1, n, dtype=torch.bool))
    assert all(bool(each.isfinite().all()) for each in found)
