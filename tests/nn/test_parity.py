"""What an even number of electrons says of single atoms, against sums over all molecules."""

from itertools import product

import pytest
import torch

from tg_molfield.nn.decoders.flow.parity import given_even_electrons, with_even_electrons

ODD = torch.tensor([True, False, True])


def logits(scale: float, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    return [scale * torch.randn(4, 3, 3, generator=generator, dtype=torch.float64).to(dtype) for _ in range(2)]


def summed(kinds, counts):
    """The probabilities of one molecule ``[n, 3]``, by all that it can be."""
    n = len(kinds)
    chances = [each.double().log_softmax(1) for each in (kinds, counts)]
    totals = [torch.full((n, 3), -torch.inf, dtype=torch.float64) for _ in chances]
    for states in product(product(range(3), range(3)), repeat=n):
        if sum(int(ODD[kind]) + count for kind, count in states) % 2:
            continue
        weight = sum(chances[0][row, kind] + chances[1][row, count] for row, (kind, count) in enumerate(states))
        for row, state in enumerate(states):
            for total, value in zip(totals, state, strict=True):
                total[row, value] = torch.logaddexp(total[row, value], weight)
    return [total.softmax(1) for total in totals]


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-7), (torch.float32, 1e-5)])
@pytest.mark.parametrize("scale", [0.0, 1.0, 10.0, 50.0])
def test_chances_are_those_among_all_molecules_with_an_even_number(scale, dtype, tolerance):
    kinds, counts = logits(scale, dtype)
    mask = torch.arange(3) < torch.tensor([3, 2, 1, 3]).unsqueeze(1)
    found = given_even_electrons(kinds, counts, ODD, mask)
    for row, n in enumerate(mask.sum(1).tolist()):
        for one, two in zip(found, summed(kinds[row, :n], counts[row, :n]), strict=True):
            torch.testing.assert_close(one[row, :n].softmax(1).double(), two, atol=tolerance, rtol=0)


def test_of_an_odd_molecule_the_least_certain_part_changes():
    kinds = torch.tensor([[[0.0, 30.0, 0.0], [0.0, 25.0, 0.0]]])
    counts = torch.tensor([[[30.0, 0.0, 0.0], [0.0, 7.0, 4.0]]])
    found = given_even_electrons(kinds, counts, ODD, torch.ones(1, 2, dtype=torch.bool))
    assert found[0].argmax(2).tolist() == [[1, 1]]
    assert found[1].argmax(2).tolist() == [[0, 2]]


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("scale", [0.0, 1e-20, 1.0, 1e3])
def test_gradients_are_finite(scale, compiled):
    parts = [part.requires_grad_() for part in logits(scale, torch.float32)]
    call = torch.compile(given_even_electrons, backend="eager") if compiled else given_even_electrons
    found = call(*parts, ODD, torch.tensor([[True, True, False]]).expand(4, 3))
    sum(each.log_softmax(2)[..., 0].sum() for each in found).backward()
    assert all(bool(part.grad.isfinite().all()) for part in parts)


@pytest.mark.parametrize("odd", [torch.zeros(3, dtype=torch.bool), torch.ones(3, dtype=torch.bool)])
def test_elements_that_are_all_alike_leave_hydrogens_to_decide(odd):
    kinds, counts = logits(1.0)
    found = given_even_electrons(kinds, counts, odd, torch.ones(4, 3, dtype=torch.bool))
    torch.testing.assert_close(found[0].softmax(2), kinds.softmax(2))
    assert not torch.allclose(found[1].softmax(2), counts.softmax(2))


def test_an_odd_number_is_made_even_where_that_costs_least():
    kinds = torch.tensor([[[0.0, 0.9, 0.1], [0.0, 0.8, 0.2], [5.0, 0.0, 4.9]]]).repeat(3, 1, 1)
    counts = torch.tensor([[[0.1, 0.9, 0.0], [0.2, 0.7, 0.65], [5.0, 4.9, 0.0]]]).repeat(3, 1, 1)
    counts[1, 0] = torch.tensor([0.9, 0.1, 0.0])
    counts[2, 1] = torch.tensor([0.75, 0.85, 0.8])
    counts[2, 0] = torch.tensor([0.9, 0.1, 0.0])
    mask = torch.tensor([True, True, False]).expand(3, 3)
    found = with_even_electrons(kinds, counts, ODD, mask)
    assert found[0].argmax(2)[:, :2].tolist() == [[1, 1]] * 3
    assert found[1].argmax(2)[:, :2].tolist() == [[1, 1], [0, 0], [0, 0]]
    assert torch.equal(found[0][0], kinds[0])
    assert torch.equal(found[1][0], counts[0])


def test_what_cannot_be_even_stays():
    kinds, counts = torch.tensor([[[1.0, 0.0]]]), torch.tensor([[[1.0, 0.0, 0.5]]])
    found = with_even_electrons(kinds, counts, torch.tensor([True, True]), torch.ones(1, 1, dtype=torch.bool))
    assert torch.equal(found[0], kinds)
    assert torch.equal(found[1], counts)
