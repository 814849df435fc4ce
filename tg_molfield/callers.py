"""Which line of whose code a warning is about."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import torch
import torch_geometric

_INTERNAL = tuple(f"{Path(file).parent}{os.sep}" for file in (__file__, torch.__file__, torch_geometric.__file__))


def caller_level() -> int:
    """The ``stacklevel`` for `warnings.warn` with which the function that asks warns of its caller outside the package.

    Decorators of torch and of the package, and transforms of PyG, add frames, which differ between the doors to one
    function.
    """
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_INTERNAL):
        level, frame = level + 1, frame.f_back
    return level
