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

from tg_molfield.chem.checked_numbers import numbers_are_checked
from tg_molfield.devices import widest_type

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


@lru_cache(maxsize=64)
def _table(name: str, device: torch.device, dtype: torch.dtype) -> Tensor:
    """The values [120] by atomic number; NaN before and after those of the elements."""
    values = [float(row[name]) if row[name] else math.nan for row in _rows()]
    return torch.tensor([math.nan, *values, math.nan], dtype=dtype, device=device)


def looked_up(table: Tensor, z: Tensor) -> Tensor:
    """The rows of ``z`` [N] in a table by atomic number; what is no element in it has the first or the last row."""
    return table[z.clamp(0, len(table) - 1)]


def element_property(name: str, z: Tensor) -> Tensor:
    """The property ``name`` of the elements ``z``.

    Args:
        name: one of ``ELEMENT_PROPERTIES``.
        z: atomic numbers [N], int64.

    Returns:
        The values [N], float64, on the device of ``z``.

    Raises:
        ValueError: ``name`` is not a property, or an element has no known value; on devices it is NaN, see
            `checked_on_devices`.
    """
    if name not in ELEMENT_PROPERTIES:
        raise ValueError(f"name: expected one of {', '.join(ELEMENT_PROPERTIES)}, got {name!r}; choose one of them")
    values = looked_up(_table(name, z.device, widest_type(z.device)), z)
    unknown = values.isnan()
    if numbers_are_checked(z) and unknown.any():
        missing = sorted({symbols()[int(number)] for number in z[unknown]})
        raise ValueError(
            f"{name}: expected elements with a known value, got {', '.join(missing)}; "
            "give the values as a per-atom attribute instead"
        )
    return values
