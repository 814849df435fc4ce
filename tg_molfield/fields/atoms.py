"""The atoms a field or a volume belongs to, carried along so that files and pictures can show them."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class AtomList(NamedTuple):
    """Atomic numbers ``z`` [N] (int64) and positions ``pos`` [N, 3] in Å."""

    z: Tensor
    pos: Tensor
