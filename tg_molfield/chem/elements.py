"""Properties of the chemical elements as tensors indexed by atomic number.

The values are in ``elements.csv``. Sources: van der Waals radii from Bondi (1964) and Mantina et al. (2009), or
Alvarez (2013) for the remaining elements; covalent radii from Cordero et al. (2008); Pauling electronegativities;
standard atomic weights (IUPAC). Radii are in Å, masses in amu.
"""

from __future__ import annotations

import csv
import math
from functools import lru_cache
from importlib import resources

import torch
from torch import Tensor

ELEMENT_PROPERTIES = ("vdw_radius", "covalent_radius", "electronegativity", "mass")
MAX_Z = 118


@lru_cache(maxsize=1)
def _rows() -> list[dict[str, str]]:
    with resources.files(__package__).joinpath("elements.csv").open() as stream:
        return list(csv.DictReader(stream))


@lru_cache(maxsize=1)
def symbols() -> tuple[str, ...]:
    """The element symbols by atomic number; entry 0 is ``"X"``, the dummy atom."""
    return ("X", *(row["symbol"] for row in _rows()))


@lru_cache(maxsize=1)
def atomic_numbers() -> dict[str, int]:
    """The atomic number of every element symbol."""
    return {symbol: z for z, symbol in enumerate(symbols()) if z > 0}


@lru_cache(maxsize=len(ELEMENT_PROPERTIES))
def _table(name: str) -> Tensor:
    values = [float(row[name]) if row[name] else math.nan for row in _rows()]
    return torch.tensor([math.nan, *values], dtype=torch.float64)


def element_property(name: str, z: Tensor) -> Tensor:
    """The property ``name`` of the elements ``z``.

    Args:
        name: one of ``ELEMENT_PROPERTIES``.
        z: atomic numbers [N], int64.

    Returns:
        The values [N], float64, on the device of ``z``.

    Raises:
        ValueError: ``name`` is not a property, or an element has no known value.
    """
    if name not in ELEMENT_PROPERTIES:
        raise ValueError(f"name: expected one of {', '.join(ELEMENT_PROPERTIES)}, got {name!r}; choose one of them")
    values = _table(name).to(z.device)[z]
    unknown = values.isnan()
    if unknown.any():
        missing = sorted({symbols()[int(number)] for number in z[unknown]})
        raise ValueError(
            f"{name}: expected elements with a known value, got {', '.join(missing)}; "
            "give the values as a per-atom attribute instead"
        )
    return values
