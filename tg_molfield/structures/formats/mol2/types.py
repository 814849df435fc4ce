"""The elements of MOL2 atom types: Sybyl's, elements in any case, and those of the AMBER force fields.

Types of GAFF, AMBER and GLYCAM may spell another element: GAFF's ``ca`` is carbon, Sybyl's ``Ca`` is calcium. The name
of the atom and its bonds decide between the two.
"""

from __future__ import annotations

import re
from functools import lru_cache

from tg_molfield.chem.elements import atomic_numbers

LONE_PAIRS = ("LP", "EP")
"""Types of lone pairs and extra points, which are no atoms."""

_DUMMIES = ("DU", "ANY", "HAL", "HET", "HEV", "X", "XX")
_ION = re.compile(r"([A-Za-z]{1,2})([0-9]*)([+-]+)")
_LETTERS = re.compile(r"[A-Za-z]*")

_TYPES_OF = {
    "C": "c c1 c2 c3 c5 c6 ca cc cd ce cf cg ch cp cq cs cu cv cx cy cz "
    "C CA CB CC CD CI CK CM CN CO CP CQ CR CS CT CV CW CX CY CZ C* C1 C2 C3 C4 C5 C7 C8 2C 3C Cg Cj Ck Cp Cy",
    "H": "h1 h2 h3 h4 h5 ha hc hn ho hp hs hw hx H H0 H1 H2 H3 H4 H5 HA HC HO HP HS HW HZ Ha Hc Ho Hp",
    "N": "n n1 n2 n3 n4 n5 n6 n7 n8 n9 n+ na nb nc nd ne nf nh ni nj nk nl nm nn no np nq ns nt nu nv nx ny nz "
    "N NA NB NC NT NP NQ NY N2 N3 N* Ng Np Nt",
    "O": "o oh op oq os ow O OH OP OS OW O2 O3 Oe Oh Oi Os Oy",
    "P": "p2 p3 p4 p5 pb pc pd pe pf px py P",
    "S": "s s2 s4 s6 sh sp sq ss sx sy S SH Sm",
    "Cl": "IM",
    "Na": "IP",
    "Ca": "C0",
}
_FORCE_FIELDS = {kind: symbol for symbol, kinds in _TYPES_OF.items() for kind in kinds.split()}


def ion_charge(kind: str) -> int:
    """The charge of the type of an ion, as ``Zn2+``, or 0."""
    ion = _ION.fullmatch(kind)
    if not ion:
        return 0
    return int(ion[2][:2] or len(ion[3])) * (1 if ion[3][0] == "+" else -1)


def is_sybyl(kind: str) -> bool:
    """Whether the type is an element as Sybyl writes it, alone or with a dot and its hybridisation."""
    return "." in kind or kind in atomic_numbers()


@lru_cache(maxsize=4096)
def element_of(kind: str, name: str, is_bonded: bool | None) -> tuple[int, str]:
    """The atomic number of a type, and a note if it was guessed.

    Args:
        kind: the type.
        name: the name of the atom.
        is_bonded: whether it has bonds; None where the record has no bonds at all.

    Raises:
        ValueError: the type is a dummy's, or belongs to no element.
    """
    head, dot, _ = kind.partition(".")
    if head.upper() in _DUMMIES:
        raise ValueError(f"expected a chemical element, got the dummy type {kind!r}; remove the atom")
    ion = _ION.fullmatch(kind)
    symbol = (ion[1] if ion else head).capitalize()
    numbers = {**atomic_numbers(), "D": 1, "T": 1}
    spelled, force_field = numbers.get(symbol, 0), numbers.get(_FORCE_FIELDS.get(kind, ""), 0)
    if not (spelled or force_field):
        raise ValueError(f"expected an element or a Sybyl or AMBER type, got {kind[:40]!r}; write Sybyl types, as C.3")
    letters = _LETTERS.match(name)
    is_named = bool(letters) and letters[0].upper().startswith(symbol.upper())  # type: ignore[index]
    if dot or ion or not force_field or force_field == spelled:
        is_sure = bool(force_field or dot or ion) or kind == symbol or is_named or len(symbol) == 2
        return spelled, "" if is_sure else _guess(kind, name, symbol)
    if not spelled or not is_named or (is_bonded and kind != symbol):
        return force_field, ""
    if is_bonded is None and kind != symbol:
        return force_field, _guess(kind, name, _FORCE_FIELDS[kind])
    return spelled, _guess(kind, name, symbol)


def _guess(kind: str, name: str, symbol: str) -> str:
    return (
        f"elements: expected Sybyl types, got {kind!r} for the atom named {name!r}, which was taken as {symbol}; "
        "check it, or write Sybyl types"
    )
