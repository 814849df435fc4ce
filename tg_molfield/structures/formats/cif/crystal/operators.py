"""Symmetry operators as CIF lists them: parsed here, checked to be a group that keeps the metric of the cell."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np

METRIC = 5e-3
"""Largest change of the metric tensor by an operator, relative to the lengths of the cell vectors."""

MAX_OPERATORS = 1024

_TERM = re.compile(r"([+-]?)(?:(\d{1,8}(?:\.\d{0,8})?|\.\d{1,8})(?:/(\d{1,4}))?)?\*?([xyz]?)", re.ASCII)
_DENOMINATORS = (1, 2, 7, 22, 48)
"""By the number of decimals, the largest denominator up to which fractions differ by more than they were rounded."""


class SymmetryOperators(NamedTuple):
    """Operators x → R x + t on fractional coordinates.

    Attributes:
        rotations: [n, 3, 3] matrices R.
        translations: [n, 3] vectors t.
    """

    rotations: np.ndarray
    translations: np.ndarray

    def __len__(self) -> int:
        return len(self.rotations)

    def images(self, fract: np.ndarray) -> np.ndarray:
        """[N, n, 3] images of the fractional coordinates ``fract`` [N, 3]."""
        return np.einsum("gij,aj->agi", self.rotations, fract) + self.translations


IDENTITY = SymmetryOperators(np.eye(3)[None], np.zeros((1, 3)))


def parse_operators(texts: Sequence[str]) -> SymmetryOperators:
    """The operators written as ``x, y+1/2, -z``, each once; translations keep what the file writes.

    Letters may be capital and terms in any order. Decimals become the fraction that they round.

    Raises:
        ValueError: a text is no operator, or there are too many.
    """
    joined = _join_unquoted(texts)
    if len(joined) > MAX_OPERATORS:
        raise ValueError(
            f"symmetry operators: expected at most {MAX_OPERATORS}, got {len(joined)}; "
            "list all atoms of the cell in P 1 instead"
        )
    parsed = np.array([_parse(text) for text in joined])
    return _each_once(parsed[:, :, :3], parsed[:, :, 3])


def all_products(first: SymmetryOperators, second: SymmetryOperators) -> SymmetryOperators:
    """The products of each operator of the first list and each of the second, which acts before it, each once.

    Raises:
        ValueError: there are too many.
    """
    count = len(first) * len(second)
    if count > MAX_OPERATORS:
        raise ValueError(
            f"symmetry operators: expected at most {MAX_OPERATORS}, got {count} with centrings; list all atoms of the "
            "cell in P 1 instead"
        )
    rotations = np.einsum("aij,bjk->abik", first.rotations, second.rotations)
    translations = np.einsum("aij,bj->abi", first.rotations, second.translations) + first.translations[:, None]
    return _each_once(rotations.reshape(-1, 3, 3), translations.reshape(-1, 3))


def _each_once(rotations: np.ndarray, translations: np.ndarray) -> SymmetryOperators:
    _, first = np.unique(_keys(rotations, translations), axis=0, return_index=True)
    return SymmetryOperators(rotations[np.sort(first)], translations[np.sort(first)])


def check_group(operators: SymmetryOperators) -> None:
    """Check that the operators are a space group modulo lattice translations.

    Raises:
        ValueError: the identity or a product of two operators is missing.
    """
    known = _rows_by_key(operators)
    if _IDENTITY_KEY not in known:
        raise ValueError("symmetry operators: expected x,y,z among them, got a list without it; complete the list")
    for row in range(len(operators)):
        for other, key in enumerate(_product_keys(operators, row)):
            if key not in known:
                raise ValueError(
                    f"symmetry operators: expected a group, got a list without the product of operators {row + 1} and "
                    f"{other + 1} ({format_operator(operators, row)} and {format_operator(operators, other)}); "
                    "correct or complete the list"
                )


def coset_representatives(operators: SymmetryOperators, members: np.ndarray) -> np.ndarray | None:
    """[n] whether an operator is the first of its left coset of a subgroup.

    Args:
        operators: the operators of a group.
        members: [n] which of them are in the subgroup; the identity is added.

    Returns:
        The first operators, or ``None`` if ``members`` are no subgroup.
    """
    known = _rows_by_key(operators)
    subgroup = np.union1d(np.flatnonzero(members), known[_IDENTITY_KEY])
    first, seen = (np.zeros(len(operators), dtype=np.bool_) for _ in range(2))
    for row in range(len(operators)):
        if not seen[row]:
            products = _product_keys(operators, row)
            coset = [known[products[other]] for other in subgroup]
            if seen[coset].any():
                return None
            seen[coset] = first[row] = True
    return first


def check_metric(operators: SymmetryOperators, cell: np.ndarray) -> None:
    """Check that the operators keep the lengths and angles of the cell.

    Args:
        operators: the operators.
        cell: [3, 3] cell vectors in rows, in Å.

    Raises:
        ValueError: an operator does not.
    """
    metric = cell @ cell.T
    lengths = np.sqrt(np.diag(metric))
    changed = np.einsum("gji,jk,gkl->gil", operators.rotations, metric, operators.rotations) - metric
    worst = np.abs(changed / np.outer(lengths, lengths)).max(axis=(1, 2))
    wrong = np.flatnonzero(~(worst <= METRIC))
    if len(wrong):
        raise ValueError(
            f"symmetry operators: expected lengths and angles of the cell that they keep, got "
            f"{format_operator(operators, int(wrong[0]))}, which changes them; correct the cell, or list the operators "
            "of its setting"
        )


def same_operators(first: SymmetryOperators, second: SymmetryOperators) -> bool:
    """Whether two groups are the same but for lattice translations and order."""
    one, other = (sorted(map(tuple, _keys(*operators).tolist())) for operators in (first, second))
    return one == other


def operator_types(operators: SymmetryOperators) -> list[tuple[int, int, bool, int]]:
    """What the operators of a group have in common in all of its settings.

    For each class of rotation parts: determinant and trace, whether the operator has a translation along its axis or
    plane (a screw or a glide in every lattice-equivalent form), and how many per primitive cell there are.
    """
    rotations, translations = operators
    keys = _keys(rotations, translations)
    centrings = translations[(keys[:, :9] == _IDENTITY_KEY[:9]).all(axis=1)]
    steps = np.stack(np.meshgrid(*[np.arange(-2, 3)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    lattice = (steps[:, None] + centrings).reshape(-1, 3)
    _, first = np.unique(keys[:, :9], axis=0, return_index=True)
    counts: dict[tuple[int, int, bool], int] = {}
    for row in first:
        rotation = rotations[row]
        powers = [np.eye(3)]
        while len(powers) < 12 and not np.allclose(powers[-1] @ rotation, np.eye(3)):
            powers.append(powers[-1] @ rotation)
        along = np.mean(powers, axis=0)
        intrinsic = np.abs((translations[row] % 1 + lattice) @ along.T).max(axis=1).min() > 1e-3
        kind = (round(np.linalg.det(rotation)), round(np.trace(rotation)), bool(intrinsic))
        counts[kind] = counts.get(kind, 0) + 1
    return sorted((*kind, count) for kind, count in counts.items())


def format_operator(operators: SymmetryOperators, row: int) -> str:
    """The operator as CIF writes it."""
    parts = []
    for factors, shift in zip(operators.rotations[row], operators.translations[row], strict=True):
        text = "".join(
            ("-" if factor < 0 else "+") + ("" if abs(factor) == 1 else f"{abs(factor):g}") + letter
            for factor, letter in zip(factors, "xyz", strict=True)
            if factor
        )
        fraction = Fraction(float(shift)).limit_denominator(96)
        text += f"{'+' if fraction > 0 else ''}{fraction}" if fraction or not text else ""
        parts.append(text.removeprefix("+"))
    return ",".join(parts)


def _join_unquoted(texts: Sequence[str]) -> list[str]:
    """The operators of a column; where quotes were forgotten, ``x, y, z`` came as three values."""
    if len(texts) % 3 or not all(text.endswith(",") == (row % 3 < 2) for row, text in enumerate(texts)):
        return list(texts)
    return ["".join(texts[row : row + 3]) for row in range(0, len(texts), 3)]


def _parse(text: str) -> list[list[float]]:
    """[3, 4] rows of R and t."""
    parts = re.sub(r"[\s'\"]", "", text).lower().split(",")
    rows = [_parse_part(part) for part in parts] if len(text) <= 200 else []
    matrix = [row for row in rows if row is not None]
    if len(parts) != 3 or len(matrix) != 3:
        raise ValueError(
            f"symmetry operators: expected one such as 'x, y+1/2, -z', got {text[:40]!r}; correct it, in quotes if it "
            "has blanks"
        )
    determinant = np.linalg.det(np.array(matrix)[:, :3])
    if abs(abs(determinant) - 1) > 1e-6:
        raise ValueError(
            f"symmetry operators: expected a rotation or reflection with translation, got {text[:40]!r}; correct it"
        )
    return matrix


def _parse_part(part: str) -> list[float] | None:
    """The factors of x, y and z and the translation, or ``None`` if it is no sum of these."""
    row = [Fraction(0)] * 4
    start = 0
    while start < len(part):
        match = _TERM.match(part, start)
        sign, digits, divisor, letter = match.groups() if match else ("", None, None, "")
        if not match or not (digits or letter) or (start and not sign) or (divisor and int(divisor) == 0):
            return None
        value = (_fraction(digits) if digits else Fraction(1)) / int(divisor or 1)
        row["xyz".index(letter) if letter else 3] += -value if sign == "-" else value
        start = match.end()
    return [float(value) for value in row] if part else None


def _fraction(digits: str) -> Fraction:
    """The number, or the fraction that its decimals round: 0.3333 is 1/3."""
    exact = Fraction(digits)
    decimals = len(digits.partition(".")[2])
    nearest = exact.limit_denominator(_DENOMINATORS[min(decimals, len(_DENOMINATORS) - 1)])
    return nearest if abs(nearest - exact) < Fraction(1, 10**decimals) else exact


def _keys(rotations: np.ndarray, translations: np.ndarray) -> np.ndarray:
    """[n, 12] integers that are equal for operators that are equal but for a lattice translation."""
    turned = np.rint(rotations.reshape(-1, 9) * 24)
    shifted = np.rint(translations * 1e6 + 0.123) % 1e6
    return np.concatenate([turned, shifted], axis=1).astype(np.int64)


_IDENTITY_KEY = tuple(_keys(*IDENTITY)[0].tolist())


def _rows_by_key(operators: SymmetryOperators) -> dict[tuple[int, ...], int]:
    return {tuple(key): row for row, key in enumerate(_keys(*operators).tolist())}


def _product_keys(operators: SymmetryOperators, row: int) -> list[tuple[int, ...]]:
    """The keys of the products of operator ``row`` with each operator on its right."""
    rotations, translations = operators
    products = _keys(rotations[row] @ rotations, translations @ rotations[row].T + translations[row])
    return [tuple(key) for key in products.tolist()]
