"""The charges of unbonded metals, metalloids and halogens, which types and bonds do not give."""

from __future__ import annotations

from tg_molfield.chem.elements import atomic_numbers
from tg_molfield.chem.metals import METALLOIDS, is_metal
from tg_molfield.structures.formats.mol2.record import Mol2Record
from tg_molfield.structures.formats.mol2.types import ion_charge
from tg_molfield.text_numbers import parse_number

_SYMBOLS_OF = {
    -1: "F Cl Br I",
    1: "Li Na K Rb Cs Ag",
    2: "Be Mg Ca Sr Ba Mn Fe Co Ni Cu Zn Cd Hg Pb",
    3: "Al Sc Cr Ga Y In La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu",
}
_USUAL = {atomic_numbers()[symbol]: charge for charge, symbols in _SYMBOLS_OF.items() for symbol in symbols.split()}
_SURE = {-1, 1}
"""Usual charges that need no note: elements with them have no others in practice."""


def ion_charges(record: Mol2Record, atoms: list[int], numbers: list[int]) -> tuple[dict[int, int], list[str]]:
    """The charges of unbonded metals and halogens by place, and notes on those that are only usual ones.

    The attribute of the record counts first, then the type, as ``Zn2+``, then the rounded charge of the row. Metalloids
    are ions only where one of them says so, else hydrides.

    Args:
        record: the record.
        atoms: its rows that are atoms.
        numbers: their atomic numbers.
    """
    bonded = {end for bond in record.bonds for end in bond[:2]}
    charges: dict[int, int] = {}
    notes: list[str] = []
    for place, (row, number) in enumerate(zip(atoms, numbers, strict=True)):
        is_halogen = _USUAL.get(number) == -1
        if record.ids[row] in bonded or not (is_halogen or number in METALLOIDS or is_metal(number)):
            continue
        given = _given(record, row, -1 if is_halogen else 1)
        if given is None and number in METALLOIDS:
            continue
        charges[place] = _USUAL.get(number, 0) if given is None else given
        if given is None and charges[place] not in _SURE:
            notes.append(
                f"formal_charge: expected a charge of the ion {record.names[row][:40]!r} in its row, got "
                f"{record.charges[row][:40] or 'none'!r}; {charges[place]:+d} was taken, write its charge there"
            )
    return charges, notes


def _given(record: Mol2Record, row: int, sign: int) -> int | None:
    """The charge that the record gives to an ion, or None."""
    attributes = record.formal_charges or {}
    if record.ids[row] in attributes:
        return round(attributes[record.ids[row]])
    if of_type := ion_charge(record.kinds[row]):
        return of_type
    try:
        charge = 0 if record.charge_type == "NO_CHARGES" else round(parse_number(record.charges[row]))
    except (ValueError, OverflowError):
        return None
    return charge if charge * sign > 0 else None
