"""CUDA graphs that are being captured."""

from __future__ import annotations

import torch


def check_not_captured() -> None:
    """Refuse to make a table that later calls share while a CUDA graph is captured.

    It would be there once the graph is replayed, and other calls would read it before.

    Raises:
        RuntimeError: a graph is being captured.
    """
    if torch.cuda.is_available() and torch.cuda.is_current_stream_capturing():
        raise RuntimeError(
            "field: expected a call with as many atoms and points and the same grids before a CUDA graph is captured, "
            "got none; make the call once, then capture it"
        )
