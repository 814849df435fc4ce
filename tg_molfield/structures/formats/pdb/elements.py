"""The element columns of a PDB file."""

from __future__ import annotations

from tg_molfield.chem.elements import atomic_numbers

_AUTODOCK = {"HD": "H", "HS": "H", "NA": "N", "NS": "N", "OA": "O", "OS": "O", "SA": "S"}


def element_symbol(text: str) -> str:
    """What columns 77 to 80 give as element, or an empty string.

    Before 1996 the columns ended the number of the line. Files for AutoDock have an atom type in columns 78 and 79.

    Args:
        text: columns 77 to 80.
    """
    symbol = text[:2].strip().upper()
    if text[0] == " " and text[2].isalpha():
        pair = text[1:3].strip().upper()
        if pair in _AUTODOCK or pair.capitalize() in atomic_numbers():
            return _AUTODOCK.get(pair, pair)
    return symbol if symbol.isalpha() else ""
