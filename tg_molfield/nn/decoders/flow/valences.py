"""Elements and hydrogens of atoms whose bonds add up to a valence of the element."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from tg_molfield.precision import full_precision
from tg_molfield.structures.valences import valences

_ROUNDS = 3
_MOST_OF_METALS = 12


def valence_table(numbers: Sequence[int]) -> Tensor:
    """Which sums of bond orders ``[T, V]``, 0 to V - 1, elements have in neutral molecules; 1 or 0.

    Elements without a rule, as most metals are, may have all, up to 12. Atoms with formal charges, as in nitro groups,
    have others.
    """
    known = [valences(number) for number in numbers]
    most = max(max(each, default=_MOST_OF_METALS) for each in known)
    return torch.tensor([[float(not each or valence in each) for valence in range(most + 1)] for each in known])


@full_precision
def given_valences(
    kinds: Tensor, counts: Tensor, orders: Tensor, table: Tensor, mask: Tensor, others: float = 0.001
) -> tuple[Tensor, Tensor]:
    """Logits of elements and of numbers of hydrogens, given that the bonds of each atom add up to a valence of it.

    Logits are independent of each other; that sums are valences ties them. What follows for each is found by belief
    propagation (Pearl 1988; Kschischang, Frey & Loeliger 2001, IEEE Trans. Inf. Theory 47, 498, eqs. 5 and 6), in
    rounds in which each atom tells of each of its bonds what its other bonds, its hydrogens and its element leave for
    it. This is exact where no bonds form a ring and no atoms are more than three bonds apart.

    Args:
        kinds: ``[B, n, T]``.
        counts: ``[B, n, K]``, of 0 to K - 1 hydrogens.
        orders: ``[B, n, n, O]``, symmetric, of bonds of the orders 0, no bond, to O - 1.
        table: ``[T, V]``, see :func:`valence_table`.
        mask: ``[B, n]``: where there are atoms.
        others: the weight of sums that are no valence, as those of charged atoms, beside 1 of those that are.
    """
    size = table.size(1)
    kind, order = kinds.softmax(2), _bonds_between(orders.softmax(3), mask)
    hydrogens = _sum_matrices(counts.softmax(2), size)
    wanted = kind @ table
    seen = order
    for _ in range(_ROUNDS):
        rest = _sums_without_each(_sum_matrices(seen, size)) @ hydrogens
        seen = order * (_chances(rest, wanted.unsqueeze(2), order.size(3)) + others).transpose(1, 2)
        seen = seen / seen.sum(3, keepdim=True)
    bonds = _sums(_sum_matrices(seen, size))[-1]
    with_hydrogens = (bonds.unsqueeze(2) @ hydrogens).squeeze(2)
    return (
        kinds + (with_hydrogens @ table.T + others).log(),
        counts + (_chances(bonds, wanted, counts.size(2)) + others).log(),
    )


def _bonds_between(order: Tensor, mask: Tensor) -> Tensor:
    """The distributions ``order [B, n, n, O]`` where there are two atoms, and no bond elsewhere."""
    two = mask.unsqueeze(2) & mask.unsqueeze(1) & ~torch.eye(mask.size(1), dtype=torch.bool, device=mask.device)
    none = torch.arange(order.size(3), device=order.device) == 0
    return torch.where(two.unsqueeze(3), order, none.to(order))


def _sum_matrices(chances: Tensor, size: int) -> Tensor:
    """Matrices ``[..., size, size]`` by which a distribution of sums is multiplied to add a number to them.

    Args:
        chances: of the number to be 0 to K - 1, ``[..., K]``.
        size: sums of ``size`` and more are left out.
    """
    place = torch.arange(size, device=chances.device)
    step = place - place.unsqueeze(1)
    inside = (step >= 0) & (step < chances.size(-1))
    return chances[..., step.clamp(0, chances.size(-1) - 1)] * inside


def _sums(matrices: Tensor) -> list[Tensor]:
    """Distributions ``[B, n, V]`` of the sums of none, one, and at last all n of the numbers ``[B, n, n, V, V]``."""
    sums = [matrices[:, :, 0, 0] * 0]
    sums[0][..., 0] = 1
    for number in range(matrices.size(2)):
        sums.append((sums[-1].unsqueeze(2) @ matrices[:, :, number]).squeeze(2))
    return sums


def _sums_without_each(matrices: Tensor) -> Tensor:
    """The distributions ``[B, n, n, V]`` of the sums of all but one of n numbers ``[B, n, n, V, V]``."""
    before = torch.stack(_sums(matrices)[:-1], dim=2)
    after = torch.stack(_sums(matrices.flip(2))[-2::-1], dim=2)
    return (before.unsqueeze(3) @ _sum_matrices(after, after.size(3))).squeeze(3)


def _chances(sums: Tensor, wanted: Tensor, values: int) -> Tensor:
    """How likely ``sums [..., V]`` and a number from 0 to ``values`` - 1 add up to what is wanted ``[..., V]``."""
    size = sums.size(-1)
    each = [(sums[..., : max(size - value, 0)] * wanted[..., value:]).sum(-1) for value in range(values)]
    return torch.stack(each, dim=-1)
