"""`with_properties`: per-atom properties for molecules that lack them."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch_geometric.data import Data

from tg_molfield.structures.properties import check_properties, compute_properties
from tg_molfield.structures.rdkit_mol import to_rdkit


def with_properties(data: Data, properties: Iterable[str], charge: int | None = None) -> Data:
    """A copy of one molecule with per-atom properties [N] that RDKit computes from its bonds.

    Bonds are perceived from the positions, see `to_rdkit`.

    Args:
        data: one molecule with ``z`` [N] and ``pos`` [N, 3] in Å, all hydrogens included.
        properties: names, as for `from_rdkit`.
        charge: net charge in e; that of ``data.formal_charge``, or 0, if not given.

    Raises:
        TypeError: ``data`` is a ``Batch`` or not a ``Data``.
        ValueError: an unknown name, or bonds that cannot be perceived.
    """
    names = check_properties(properties)
    computed = compute_properties(to_rdkit(data, charge), names)
    result = data.clone()
    for name, values in computed.items():
        result[name] = torch.as_tensor(values, dtype=data.pos.dtype, device=data.pos.device)
    return result
