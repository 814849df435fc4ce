"""Reads one input with the package and judges what comes back.

=========== ==========================================================================================
``ok``      read, or refused as promised
``foreign`` an exception that is no ``ValueError`` or ``OSError``, or that does not name the file, or is
            longer than 2000 characters
``memory``  more than 2 GB asked for
``hang``    more than 5 s of processor time
``crash``   the process died
``silent``  read without a warning, but an independent reader finds other elements, positions or values
=========== ==========================================================================================
"""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch

from fuzzing.peers import structure_difference
from fuzzing.peers_volumes import model_fault, volume_difference
from fuzzing.seed_files import MODEL
from tg_molfield import FieldAutoDecoder, FieldAutoEncoder, Volume
from tg_molfield.fields import CoarseCoordinatesWarning
from tg_molfield.files import format_suffix
from tg_molfield.inverse.superres import SuperresField
from tg_molfield.nn import MoleculeDescriptor
from tg_molfield.structures import read
from tg_molfield.structures.formats.registry import SUFFIXES as STRUCTURES

LONGEST_MESSAGE = 2000
_KINDS = (FieldAutoEncoder, FieldAutoDecoder, MoleculeDescriptor, SuperresField)
MODELS: dict[str, Any] = {kind.__name__: kind for kind in _KINDS}


class Outcome(NamedTuple):
    """The verdict, what it is about, and what was read without a warning, for comparison."""

    verdict: str
    message: str
    result: Any = None


def read_input(path: Path, errors: str) -> Outcome:
    """Read the file ``path`` with the package; ``errors`` is as in ``read``."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = _reader(path, errors)()
        except (ValueError, OSError, MemoryError) as error:
            return _judge(path, error, errors)
        except Exception as error:
            return Outcome("foreign", _described(error))
    for warning in caught:
        if issubclass(warning.category, CoarseCoordinatesWarning):
            continue
        fault = _message_fault(path, str(warning.message), errors)
        if fault:
            return Outcome("foreign", f"{warning.category.__name__} {fault}: {str(warning.message)[:300]}")
    if caught:
        return Outcome("ok", f"warned: {str(caught[0].message)[:200]}")
    return Outcome("ok", "read", result)


def difference(path: Path, content: bytes, result: Any, errors: str) -> str | None:
    """How an independent reader disagrees about the file, or an empty string; ``None`` if none reads it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if path.suffix == MODEL:
            return model_fault(result)
        if format_suffix(path) in STRUCTURES:
            return structure_difference(format_suffix(path), content, result) if errors == "raise" else None
        return volume_difference("".join(path.suffixes).removesuffix(".gz"), content, result)


def _reader(path: Path, errors: str) -> Callable[[], Any]:
    if path.suffix == MODEL:
        kind = MODELS.get(path.name.split(".")[-2], FieldAutoEncoder)
        return lambda: kind.load(path)
    if format_suffix(path) in STRUCTURES:
        return lambda: read(path, errors=errors, dtype=torch.float64)
    return lambda: Volume.read(path, dtype=torch.float64)


def _judge(path: Path, error: Exception, errors: str) -> Outcome:
    fault = _message_fault(path, str(error), errors)
    if not fault:
        return Outcome("ok", f"refused: {str(error)[:200]}")
    return Outcome("memory" if isinstance(error, MemoryError) else "foreign", f"{fault}: {_described(error)}")


def _message_fault(path: Path, message: str, errors: str) -> str:
    """What is wrong with a message; with ``errors="skip"`` each of its lines is about a record of its own."""
    if path.name not in message:
        return "does not name the file"
    longest = max(map(len, message.split("\n") if errors == "skip" else [message]))
    return f"has {longest} characters" if longest > LONGEST_MESSAGE else ""


def _described(error: Exception) -> str:
    """The class and the start of the message, and the last place in the package and where it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "tg_molfield/" in frame.filename]
    places = dict.fromkeys(f"{Path(frame.filename).name}:{frame.lineno}" for frame in (*ours[-1:], frames[-1]))
    return f"{type(error).__name__}: {str(error)[:300]} [{' '.join(places)}]"
