"""What is told of a file: names and texts, in the order in which they are printed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tg_molfield.chem.elements import symbols

Facts = dict[str, str]

_SHOWN = 12


def counted(names: Mapping[str, int], shown: int = _SHOWN) -> str:
    """Names with their numbers in brackets, at most ``shown`` of them."""
    listed = ", ".join(f"{name} ({count:,})" for name, count in list(names.items())[:shown])
    return f"{listed} and {len(names) - shown} more" if len(names) > shown else listed


def elements_text(atoms: Mapping[int, int]) -> str:
    """The elements with their numbers of atoms, by atomic number; a dummy atom is X."""
    return ", ".join(f"{symbols()[number] if number else 'X'} {count:,}" for number, count in sorted(atoms.items()))


def listed(names: list[str] | tuple[str, ...], shown: int = 2 * _SHOWN) -> str:
    """Names, at most ``shown`` of them."""
    text = " ".join(names[:shown])
    return f"{text} and {len(names) - shown} more" if len(names) > shown else text


def cell_text(vectors: np.ndarray) -> str:
    """Lengths in Å and angles in degrees of three vectors [3, 3]."""
    lengths = np.linalg.norm(vectors, axis=1)
    a, b, c = vectors / np.where(lengths > 0, lengths, 1.0)[:, None]
    angles = np.degrees(np.arccos(np.clip([b @ c, a @ c, a @ b], -1.0, 1.0)))
    return (
        f"{' × '.join(f'{length:.4g}' for length in lengths)} Å, angles {' '.join(f'{angle:.4g}' for angle in angles)}°"
    )


def periodic_text(flags: list[bool] | tuple[bool, ...]) -> str:
    """The axes that are periodic."""
    names = [name for name, flag in zip("abc", flags, strict=True) if flag]
    return f"periodic along {' '.join(names)}" if names else "not periodic"
