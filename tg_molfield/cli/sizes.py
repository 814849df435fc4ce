"""How large the files of a command become: large ones are written only if that is wanted."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

LIMIT = 500_000_000
"""Bytes that are written without a question."""

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Write the files even if they take over 500 MB.")]

_PER_VALUE = {".cube": (13.2, 13.2), ".cub": (13.2, 13.2), ".dx": (13.5, 21.5), ".xsf": (13.5, 21.5), ".npz": (4, 8)}
_MAPS = (".ccp4", ".map", ".mrc")
_VASP = 19.2
_PACKED, _PACKED_TABLE = 0.35, 0.5


def refuse_large(sizes: Mapping[str, float], yes: bool, remedy: str) -> None:
    """Refuse to write files of more than `LIMIT` bytes together.

    Args:
        sizes: of the files by name, bytes.
        yes: whether they are wanted whatever they take.
        remedy: what makes them smaller.

    Raises:
        ValueError: they are larger, and not wanted.
    """
    total = sum(sizes.values())
    if yes or total <= LIMIT:
        return
    names = list(sizes)
    listed = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    raise ValueError(
        f"--output: expected at most {_size(LIMIT)} to write, got about {_size(total)} ({listed}); give --yes to write "
        f"it all the same, or {remedy}"
    )


def volume_size(path: str | Path, values: int, itemsize: int = 4) -> float:
    """About how many bytes a volume takes in a file.

    Args:
        path: the file, whose name decides on the format.
        values: the number of values: nodes times channels.
        itemsize: bytes of one value in memory.
    """
    from tg_molfield.files import format_suffix

    suffix = format_suffix(path)
    if suffix in _MAPS:
        each = 4.0
    else:
        each = _PER_VALUE.get(suffix, (_VASP, _VASP))[itemsize > 4]
    is_text = suffix not in (*_MAPS, ".npz")
    return values * each * (_PACKED if Path(path).suffix.lower() == ".gz" and is_text else 1.0)


def table_size(path: str | Path, values: int, itemsize: int = 4) -> float:
    """About how many bytes the numbers of a table take in a file: CSV, or exact and binary.

    Args:
        path: the file, whose name decides on the format.
        values: the number of values: rows times columns.
        itemsize: bytes of one value in memory.
    """
    from tg_molfield.files import format_suffix

    if format_suffix(path) != ".csv":
        return float(values * itemsize)
    each = 12.5 if itemsize <= 4 else 21.5
    return values * each * (_PACKED_TABLE if Path(path).suffix.lower() == ".gz" else 1.0)


def _size(size: float) -> str:
    return f"{size / 1e6:.0f} MB" if size < 1e9 else f"{size / 1e9:,.{1 if size < 1e11 else 0}f} GB"
