"""`components`: which things are connected by pairs of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]


def components(pairs: Indices, count: int) -> Indices:
    """The number [N] of the component of each of ``count`` things.

    Args:
        pairs: those that are connected [P, 2].
        count: N.
    """
    from scipy.sparse import (
        coo_matrix,
    )  # coo_array keeps 64-bit indices, for which csgraph of SciPy 1.11 fails silently
    from scipy.sparse.csgraph import connected_components

    graph = coo_matrix((np.ones(len(pairs)), pairs.T), shape=(count, count))
    return connected_components(graph, directed=False)[1].astype(np.int64)
