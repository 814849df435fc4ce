"""Bond orders that a network is to predict."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torch_geometric.data import Data

from tg_molfield.nn.decoders.flow.bond_orders import ORDERS
from tg_molfield.nn.ops.united_atoms import Membership

_UNKNOWN = -100


def bond_targets(batch: Data, owner: Tensor, member: Membership, mask: Tensor) -> Tensor:
    """The orders ``[B, n, n]`` of bonds between united atoms, 0 for none.

    They are unknown between an atom and itself, and in molecules of which no bond is given.

    Args:
        batch: with ``edge_index [2, E]``, the bonds in one direction or both, and ``bond_order [E]``, see
            `structures.with_bonds`.
        owner: ``[N]``, the molecule of each atom.
        member: which united atom each atom is part of.
        mask: ``[B, n]``: where there are united atoms.

    Raises:
        ValueError: the batch has no bonds, or edges without an order.
    """
    if any(getattr(batch, name, None) is None for name in ("edge_index", "bond_order")):
        raise ValueError(
            "batch: expected edge_index and bond_order, which a FlowDecoder with bonds=True learns, got none; add them "
            "to each molecule, see tg_molfield.structures.with_bonds (AugmentedMolecules has none), or give "
            "FlowLoss(bonds=0)"
        )
    if batch.edge_index.size(1) != len(batch.bond_order):
        raise ValueError(
            f"batch.bond_order: expected one for each of {batch.edge_index.size(1)} edges, got "
            f"{len(batch.bond_order)}; edge_index has to hold the bonds, see tg_molfield.structures.with_bonds"
        )
    _check_orders(batch.bond_order)
    start, end = torch.cat([batch.edge_index, batch.edge_index.flip(0)], dim=1)
    known = torch.zeros(len(mask), dtype=torch.bool, device=mask.device).index_fill(0, owner[start], True)
    known = known[:, None, None] & mask.unsqueeze(1) & mask.unsqueeze(2)
    heavy = (member.slot[start] == 0) & (member.slot[end] == 0) & (owner[start] == owner[end])
    where = owner[start], member.place[start], torch.where(heavy, member.place[end], member.place[start])
    orders = torch.where(known, 0, _UNKNOWN).index_put(where, batch.bond_order.long().repeat(2))
    own = torch.eye(mask.size(1), dtype=torch.bool, device=mask.device)
    return orders.masked_fill(own, _UNKNOWN)


def _check_orders(orders: Tensor) -> None:
    integers = orders.dim() == 1 and not orders.is_floating_point() and orders.dtype != torch.bool
    wrong = (orders < 1) | (orders >= ORDERS)
    if not integers or bool(wrong.any()):
        got = f"{int(orders[wrong][0])} among them" if integers else f"{orders.dtype} of {list(orders.shape)}"
        raise ValueError(
            f"batch.bond_order: expected integers [E] from 1 to {ORDERS - 1}, got {got}; aromatic rings have single "
            "and double bonds in turn, see tg_molfield.structures.with_bonds"
        )


def bond_error(logits: Tensor, orders: Tensor, place: Tensor) -> Tensor:
    """The cross-entropy of bond orders, summed over all pairs of which they are known.

    Args:
        logits: ``[B, n, n, 4]``.
        orders: ``[B, n, n]``, see :func:`bond_targets`.
        place: where each atom of the ``logits`` is in ``orders``, ``[B, n]``.
    """
    orders = orders.gather(1, place.unsqueeze(2).expand_as(orders))
    orders = orders.gather(2, place.unsqueeze(1).expand_as(orders))
    return F.cross_entropy(logits.flatten(0, 2), orders.flatten(), ignore_index=_UNKNOWN, reduction="sum")
