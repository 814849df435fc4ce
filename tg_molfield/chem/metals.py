"""Which elements are metals."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

METALLOIDS = (5, 14, 32, 33, 51, 52)
"""B, Si, Ge, As, Sb and Te, which bond as nonmetals do."""

_NONMETALS = (1, 2, *range(6, 11), *range(15, 19), *range(34, 37), 53, 54, 85, 86, 117, 118)


def is_metal(z: ArrayLike) -> NDArray[np.bool_]:
    """Whether elements are metals. Metalloids and dummies (z = 0) are none.

    Args:
        z: atomic numbers [...], or one of them.

    Returns:
        Truth values [...].
    """
    return np.isin(z, (0, *_NONMETALS, *METALLOIDS), invert=True)
