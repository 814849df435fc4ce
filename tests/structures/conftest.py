from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def pdb_file(tmp_path) -> Callable[..., Path]:
    """Write the lines of a PDB file and give its path."""

    def write(*lines: str, encoding: str = "utf-8", end: str = "\n") -> Path:
        path = tmp_path / "made.pdb"
        path.write_text("\n".join(lines) + end, encoding=encoding)
        return path

    return write
