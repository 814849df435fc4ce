"""The element of a site in a crystal CIF, from its type symbol or from its label."""

from __future__ import annotations

import re
from functools import lru_cache

from tg_molfield.chem.elements import atomic_numbers

_TYPE = re.compile(r"([A-Za-z]{1,2})(?:\d*(?:\.\d+)?[+-]\d*|[+-]\d+(?:\.\d+)?)?", re.ASCII)
_LETTERS = re.compile(r"[A-Za-z]+")


def site_element(type_symbol: str, label: str, formula: frozenset[str]) -> tuple[int, bool]:
    """The atomic number of a site, and whether it is guessed from letters that have another reading.

    A type symbol is an element with or without a charge (``Fe3+``, ``O2-``). Without one, the label begins with the
    element: in ``Ca1`` it is Ca, in ``C1A`` it is C. ``CA1`` is Ca or C, whichever ``formula`` has; it is
    guessed if that does not tell. D and T are hydrogen.

    Args:
        type_symbol: type symbol of the site, or empty.
        label: its label.
        formula: the elements in the chemical formula of the block, empty if that is not given.

    Raises:
        ValueError: there is no such element.
    """
    known = _known()
    match = _TYPE.fullmatch(type_symbol)
    if match and match[1].capitalize() in known:
        return known[match[1].capitalize()], False
    letters = _LETTERS.match(type_symbol or label)
    pair, single = (letters[0][:2], letters[0][:1].upper()) if letters else ("", "")
    possible = [symbol for symbol in dict.fromkeys((pair.capitalize(), single)) if symbol in known]
    if len(pair) == 2 and single in ("D", "T"):
        possible = [symbol for symbol in possible if symbol != single]
    if type_symbol and not re.fullmatch(r"[A-Za-z]{1,2}[0-9]+", type_symbol):
        possible = []
    if not possible:
        raise ValueError(
            f"site {label[:40]!r}: expected a chemical element, got {(type_symbol or label)[:40]!r}; name the element "
            "in _atom_site_type_symbol or remove the site"
        )
    certain = len(possible) == 1 and (len(pair) < 2 or possible[0] != single)
    in_formula = [symbol for symbol in possible if symbol in formula]
    if len(in_formula) == 1:
        return known[in_formula[0]], False
    if certain or (pair == possible[0] and pair[1:].islower()):
        return known[possible[0]], False
    hydrogen = single == "H" and "H" in possible
    return known["H" if hydrogen else possible[0]], True


def formula_elements(formula: str) -> frozenset[str]:
    """The element symbols in a chemical formula such as ``C3 H7 N O2``."""
    return frozenset(re.findall(r"[A-Z][a-z]?", formula))


@lru_cache(maxsize=1)
def _known() -> dict[str, int]:
    return {**atomic_numbers(), "D": 1, "T": 1}
