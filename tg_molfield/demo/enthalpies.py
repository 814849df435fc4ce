"""Enthalpies of formation of the organic molecules in the G2 set, and predictions of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import Any

import torch
from torch_geometric.data import Data

ORGANIC = (1, 6, 7, 8, 9, 16, 17)


@dataclass(frozen=True)
class Enthalpies:
    """Enthalpies of formation of held-out molecules in kcal/mol.

    Attributes:
        names: the names of the molecules.
        reference: the measured values, in the order of ``names``.
        predicted: the predictions of each model, in the same order.
        num_train: the number of training molecules.
    """

    names: list[str]
    reference: list[float]
    predicted: dict[str, list[float]]
    num_train: int

    def errors(self) -> list[tuple[str, int, float, float | None]]:
        """For each model: number of molecules, mean absolute error and its standard error (None for one molecule)."""
        rows = []
        for model, values in self.predicted.items():
            errors = [abs(value - true) for value, true in zip(values, self.reference, strict=True)]
            spread = stdev(errors) / len(errors) ** 0.5 if len(errors) > 1 else None
            rows.append((model, len(errors), mean(errors), spread))
        return rows


def with_enthalpies(molecules: Sequence[Data]) -> list[Data]:
    """The closed-shell ``molecules`` with at least 2 atoms, of H, C, N, O, F, S and Cl only.

    Each gets ``y [1, 1]``, its enthalpy of formation at 298 K in kcal/mol (Curtiss et al. 1997), which ASE lists by
    ``name``.
    """
    from ase.data.g2 import data as g2

    known: Mapping[str, Any] = g2
    return [
        Data(z=data.z, pos=data.pos, name=data.name, y=torch.tensor([[known[data.name]["enthalpy"]]]).to(data.pos))
        for data in molecules
        if data.num_nodes > 1 and set(data.z.tolist()) <= set(ORGANIC) and known[data.name]["magmoms"] is None
    ]
