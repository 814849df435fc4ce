"""Elements and hydrogens of molecules whose number of electrons is even."""

from __future__ import annotations

import torch
from torch import Tensor

from tg_molfield.precision import full_precision

_LEAST, _MOST = 1e-34, 78.0
"""Between which log-odds are told apart."""
_NEAR = 0.1
_NEVER = -1e30


@full_precision
def given_even_electrons(kinds: Tensor, counts: Tensor, odd_kinds: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Logits of elements and of numbers of hydrogens, given that the number of electrons is even.

    It is in neutral molecules without unpaired electrons. Logits of one atom are independent of those of the others. By
    Bayes' rule each state is weighed by the probability that all else is as odd or as even as it is, which is the
    message of a parity check (Hagenauer, Offer & Papke 1996, IEEE Trans. Inf. Theory 42, 429, eq. 12).

    Args:
        kinds: ``[B, n, T]``.
        counts: ``[B, n, K]``, of 0 to K - 1 hydrogens.
        odd_kinds: ``[T]`` bool, the elements whose atomic number is odd.
        mask: ``[B, n]``: where there are atoms.
    """
    odd_counts = torch.arange(counts.size(2), device=counts.device) % 2 == 1
    odds = torch.stack([_odds_of_even(kinds, odd_kinds), _odds_of_even(counts, odd_counts)], dim=2)
    told = _messages(odds, mask)
    return kinds - told[..., :1] * odd_kinds, counts - told[..., 1:] * odd_counts


def with_even_electrons(kinds: Tensor, counts: Tensor, odd_kinds: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """How likely elements and numbers of hydrogens are, so that the likeliest make an even number of electrons.

    Where they do not, what costs least is made the likeliest: another element of one atom, or fewer hydrogens, since
    where others would be is not known.

    Args:
        kinds: ``[B, n, T]``.
        counts: ``[B, n, K]``, of 0 to K - 1 hydrogens.
        odd_kinds: ``[T]`` bool, the elements whose atomic number is odd.
        mask: ``[B, n]``: where there are atoms.
    """
    number = torch.arange(counts.size(2), device=counts.device)
    element, hydrogens = kinds.argmax(2, keepdim=True), counts.argmax(2, keepdim=True)
    odd_element, there = odd_kinds[element], mask.unsqueeze(2)
    other_element = (odd_kinds != odd_element) & there
    fewer = (number < hydrogens) & ((number - hydrogens) % 2 == 1) & there
    odd = ((odd_element.long() + hydrogens) * there).sum((1, 2)) % 2 == 1
    most = kinds.amax(2, keepdim=True), counts.amax(2, keepdim=True)
    gains = torch.cat(
        [
            (kinds - most[0]).masked_fill(~other_element, -torch.inf),
            (counts - most[1]).masked_fill(~fewer, -torch.inf),
        ],
        dim=2,
    )
    best, place = gains.flatten(1).max(1, keepdim=True)
    changes = torch.zeros_like(gains, dtype=torch.bool).flatten(1)
    changes = changes.scatter(1, place, odd.unsqueeze(1) & best.isfinite()).view_as(gains)
    kind, count = changes.split([kinds.size(2), counts.size(2)], dim=2)
    return torch.where(kind, most[0] + 1, kinds), torch.where(count, most[1] + 1, counts)


def _odds_of_even(logits: Tensor, odd: Tensor) -> Tensor:
    """The log-odds ``[B, n]`` of an even state."""
    even, odd = (logits.masked_fill(left_out, _NEVER).logsumexp(2) for left_out in (odd, ~odd))
    return even - odd


def _messages(odds: Tensor, mask: Tensor) -> Tensor:
    """What the odds ``[B, n, 2]`` of all others say of each: the log-odds that they are even together."""
    there = mask.unsqueeze(2).expand_as(odds).flatten(1)
    odds = odds.flatten(1)
    negative = (odds < 0) & there
    size = _mirrored(odds.abs()) * there
    others = ~torch.eye(size.size(1), dtype=torch.bool, device=size.device)
    size = _mirrored((size.unsqueeze(1) * others).sum(2))
    odd = (negative.unsqueeze(1) & others).sum(2) % 2 == 1
    return torch.where(odd, -size, size).unflatten(1, (-1, 2))


def _mirrored(x: Tensor) -> Tensor:
    """``-log tanh(x / 2)`` of ``x`` above 0, which is its own inverse; by its series where that is more exact."""
    x = x.clamp(_LEAST, _MOST)
    near, far = x.clamp(max=_NEAR), x.clamp(min=_NEAR)
    small = torch.exp(-far)
    return torch.where(x < _NEAR, near.square() / 12 - (near / 2).log(), torch.log1p(small) - torch.log1p(-small))
