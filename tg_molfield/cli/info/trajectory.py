"""What is in a trajectory whose atoms a topology names."""

from __future__ import annotations

import warnings
from contextlib import closing
from pathlib import Path

from tg_molfield.cli.info.facts import Facts, cell_text
from tg_molfield.files import decoding
from tg_molfield.structures import StructureWarning
from tg_molfield.structures.trajectories import FRAME_FILES


def trajectory_facts(path: Path) -> Facts:
    """Frames, atoms, times and the cell.

    Raises:
        ImportError: MDAnalysis is not installed.
        OSError: the file cannot be read.
        ValueError: it is no file of its format, or its first or last frame is damaged.
    """
    with closing(FRAME_FILES[path.suffix.lower()](path)) as file:
        for note in filter(None, [*file.notes, file.damage]):
            warnings.warn(f"{path}: {note}", StructureWarning, stacklevel=3)
        with decoding(path):
            first, last = file.frame(0), file.frame(len(file) - 1)
        times = "none" if first.time is None else f"{first.time:.6g} to {last.time:.6g} ps"
        return {
            "kind": f"trajectory ({path.suffix.lower()}); its elements are in its topology",
            "frames": f"{len(file):,}",
            "atoms": f"{file.num_atoms:,} a frame",
            "times": times,
            "cell": "none" if first.cell is None else f"of the first frame {cell_text(first.cell)}",
        }
