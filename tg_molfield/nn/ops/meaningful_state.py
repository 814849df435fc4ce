"""`MeaningfulState`: modules whose ``state_dict`` tells what its tensors mean."""

from __future__ import annotations

import json
from operator import methodcaller
from typing import Any

from torch import nn

_KEY = "tg_molfield_meaning"
"""Of the meaning in the metadata of a state, where PyTorch keeps the version of a module."""


class MeaningfulState(nn.Module):
    """A module whose tensors mean what their shapes do not tell, such as the channels of a field.

    ``state_dict()`` tells it as metadata, without further keys, which ``torch.save`` keeps. ``load_state_dict`` then
    refuses tensors of another meaning, as it refuses those of another shape. A plain dictionary, such as
    ``dict(state)``, has no metadata and is taken as it is.
    """

    def _state_meaning(self) -> dict[str, Any]:
        """What the tensors mean, as JSON values by name; None where it is not known."""
        return {}

    def _meaning_fault(self, told: dict[str, Any]) -> str:
        """What is wrong with tensors of which `_state_meaning` ``told``; empty where nothing is."""
        for name, own in _as_json(self._state_meaning()).items():
            other = told.get(name)
            if own is not None and other is not None and own != other:
                return f"{name}: expected {_words(own)}, got {_words(other)}"
        return ""

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        if hasattr(destination, "_metadata"):
            destination._metadata.setdefault(prefix[:-1], {})[_KEY] = _as_json(self._state_meaning())

    def _load_from_state_dict(
        self,
        state_dict: Any,
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        if fault := self._meaning_fault(local_metadata.get(_KEY, {})):
            error_msgs.append(
                f"{prefix}{fault}; build the model as that of the weights, or give dict(state_dict) to begin from "
                "weights of another meaning"
            )
        super()._load_from_state_dict(
            state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )


def _as_json(values: dict[str, Any]) -> dict[str, Any]:
    """With lists for tuples and Python's numbers, so that files with it are loaded without running code."""
    found: dict[str, Any] = json.loads(json.dumps(values, default=methodcaller("item")))
    return found


def _words(value: Any) -> str:
    return " ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)
