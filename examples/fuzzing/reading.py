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
from pathlib import Path
from typing import Any, NamedTuple

from fuzzing.inputs import Input
from fuzzing.peers import complex_difference, structure_difference
from fuzzing.peers_volumes import cell_difference, model_fault, volume_difference
from fuzzing.seed_files import MODEL
from fuzzing.targets import is_harmless, reader
from tg_molfield.fields import CoarseCoordinatesWarning
from tg_molfield.files import format_suffix
from tg_molfield.structures.formats.registry import SUFFIXES as STRUCTURES

LONGEST_MESSAGE = 2000


class Outcome(NamedTuple):
    """The verdict, what it is about, and what was read without a warning, for comparison."""

    verdict: str
    message: str
    result: Any = None


def read_input(path: Path, job: Input) -> Outcome:
    """Read the file ``path``, which has the content of ``job``, with the package."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = reader(path, job.target, job.errors, job.residue)()
        except (ValueError, OSError, MemoryError) as error:
            return _judge(path, error, job.errors)
        except Exception as error:
            return Outcome("foreign", _described(error))
    told = [warning for warning in caught if not is_harmless(str(warning.message))]
    for warning in caught:
        if issubclass(warning.category, CoarseCoordinatesWarning):
            continue
        fault = _message_fault(path, str(warning.message), job.errors)
        if fault:
            return Outcome("foreign", f"{warning.category.__name__} {fault}: {str(warning.message)[:300]}")
    if told:
        return Outcome("ok", f"warned: {str(told[0].message)[:200]}")
    return Outcome("ok", "read", result)


def difference(path: Path, content: bytes, result: Any, job: Input) -> str | None:
    """How an independent reader disagrees about the file, or an empty string; ``None`` if none reads it."""
    suffix = format_suffix(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if path.suffix == MODEL:
            return model_fault(result)
        if job.target == "expand":
            return cell_difference(content, result)
        if job.target in ("protein", "ligand"):
            return complex_difference(suffix, content, result, job.target, bool(job.residue))
        if suffix in STRUCTURES:
            return structure_difference(suffix, content, result) if job.errors == "raise" else None
        return volume_difference("".join(path.suffixes).removesuffix(".gz"), content, result)


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
