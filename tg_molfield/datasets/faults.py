"""What is wrong with an entry, in words that fit where it is from."""

from __future__ import annotations

from tg_molfield.files import shortened
from tg_molfield.structures.library import Entry, fault_of_entry


def fault_of(entry: Entry, error: Exception) -> str:
    """What is wrong with an entry of a file or in memory, from what its builder raised.

    Raises:
        Exception: ``error`` itself, where it says nothing about the entry.
    """
    fault = fault_of_entry(error)
    return fault if entry.file or isinstance(error, OSError) else fault_of_molecule(error)


def fault_of_molecule(error: Exception) -> str:
    """What is wrong with a molecule in memory."""
    told = shortened(str(error), 500)
    if isinstance(error, ValueError) or ": expected " in told:
        return told
    return f"expected a molecule that can be converted, got {type(error).__name__}: {told}; correct it or leave it out"
