"""Models as JSON values and tensors, in memory, in files and in folders."""

from tg_molfield.nn.serialization.description import (
    asked_channels,
    check_modules,
    check_same_model,
    describe_model,
    difference,
    rebuild_model,
)
from tg_molfield.nn.serialization.folder import pretrained_file
from tg_molfield.nn.serialization.serializable import Serializable

__all__ = [
    "Serializable",
    "asked_channels",
    "check_modules",
    "check_same_model",
    "describe_model",
    "difference",
    "pretrained_file",
    "rebuild_model",
]
