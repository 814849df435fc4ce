"""Whether a decoded field has the atoms of the molecule."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from tg_molfield.chem.elements import atomic_numbers
from tg_molfield.fields import Field, MolField, RBFField


class FoundAtoms(NamedTuple):
    """The atoms of a decoded field beside those of the molecule.

    Attributes:
        right: whether there are as many of each element.
        rmsd: of the best assignment of atoms of an element in Å; NaN where they are not right.
    """

    right: bool
    rmsd: float


def elements_of(mol_field: MolField) -> list[str]:
    """The channels that hold the atoms of an element each; none where the field is no sum of one function an atom."""
    if not mol_field.is_one_term_an_atom or mol_field.split_parts:
        return []
    return [name for name in mol_field.channels if name in atomic_numbers()]


def found_atoms(decoded: Field, exact: Field, elements: list[str]) -> FoundAtoms | None:
    """The Gaussians of a decoded field as atoms; None where it is no sum of them.

    A Gaussian is an atom of an element if its weight there is above half of an atom's, which is that of the exact
    field: or that of its largest channel, where it has no such atom.

    Args:
        decoded: the field of one molecule.
        exact: that of its atoms.
        elements: the channels of elements.
    """
    if not elements or not isinstance(decoded, RBFField) or not isinstance(exact, RBFField):
        return None
    known = exact[tuple(elements)].weights.abs().amax(0)
    if not bool(known.any()):
        return None
    limits = torch.where(known > 0, known, known.max()) / 2
    squares, count = 0.0, 0
    ours, theirs = (one[tuple(elements)].weights > limits for one in (decoded, exact))
    if not torch.equal(ours.sum(0), theirs.sum(0)):
        return FoundAtoms(False, math.nan)
    for column in range(len(elements)):
        here, there = decoded.centers[ours[:, column]], exact.centers[theirs[:, column]]
        squares += _least_squares(here, there)
        count += len(there)
    return FoundAtoms(True, math.sqrt(squares / count))


def _least_squares(first: Tensor, second: Tensor) -> float:
    """The sum of squared distances of the best assignment, Å²."""
    distances = torch.cdist(first.double(), second.double(), compute_mode="donot_use_mm_for_euclid_dist").square()
    row, column = linear_sum_assignment(distances)
    return float(distances[row, column].sum())
