"""Molecules of a batch out of each other's reach, for one search of neighbours in all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def apart(pos: NDArray[np.float64], batch: NDArray[np.int64], reach: float) -> NDArray[np.float64]:
    """Positions in four dimensions, [N, 4], of which those of different molecules are more than ``reach`` apart.

    Args:
        pos: [N, 3] in Å.
        batch: [N], the molecule of each.
        reach: Å.
    """
    return np.concatenate([pos, 2 * reach * batch[:, None]], axis=1)
