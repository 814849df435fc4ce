"""The packages that files need, asked for before anything is calculated for these."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tg_molfield.files import format_suffix
from tg_molfield.optional import require, require_for_pages


def check_pages(paths: Sequence[Path] | None = None) -> None:
    """Raise an ImportError if one of the files is a page with surfaces, and a package for these is not installed.

    Args:
        paths: the files; None for a page.
    """
    if paths is None or any(path.suffix.lower() == ".html" for path in paths):
        require_for_pages()


def check_tables(paths: Sequence[Path]) -> None:
    """Raise an ImportError if one of the files is a table whose package is not installed."""
    if any(format_suffix(path) == ".parquet" for path in paths):
        require("pyarrow.parquet", "parquet")
