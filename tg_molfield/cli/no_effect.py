"""Options that have no effect on what a command is given are refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def refuse(options: Mapping[str, Any], wanted: str, got: object) -> None:
    """Raise a ValueError if an option is given, as it needs something else.

    Args:
        options: values by name, None where not given.
        wanted: what it needs.
        got: what there is instead.
    """
    for name, value in options.items():
        if value is not None:
            text = str(got)
            short = text if len(text) <= 40 else text[:40] + "…"
            raise ValueError(f"{name}: expected {wanted} with it, got {short}; leave it out")


def check_reading(
    inputs: Sequence[str | Path],
    of_files: Mapping[str, Any] | None = None,
    of_smiles: Mapping[str, Any] | None = None,
    of_drawings: Mapping[str, Any] | None = None,
) -> None:
    """Refuse options of reading that concern none of the inputs.

    Args:
        inputs: files, or SMILES.
        of_files: options for files, not for a SMILES on the command line.
        of_smiles: options for SMILES and tables of them.
        of_drawings: options for SDF and MOL files.

    Raises:
        ValueError: one is given without effect.
    """
    from tg_molfield.files import format_suffix
    from tg_molfield.structures.formats.registry import FORMATS
    from tg_molfield.structures.library import TABLES

    suffixes = [format_suffix(one) for one in inputs]
    listed = ", ".join(map(str, inputs))
    if not any(suffix in FORMATS or suffix in TABLES for suffix in suffixes):
        refuse(of_files or {}, "a file", listed)
    if all(suffix in FORMATS for suffix in suffixes):
        refuse(of_smiles or {}, "a SMILES or a table of them", listed)
    if not any(suffix in FORMATS and FORMATS[suffix].has_drawings for suffix in suffixes):
        refuse(of_drawings or {}, "an SDF or MOL file", listed)
