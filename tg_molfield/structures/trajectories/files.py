"""The formats of trajectories by suffix."""

from __future__ import annotations

from pathlib import Path

from tg_molfield.structures.trajectories.dcd import DcdFile
from tg_molfield.structures.trajectories.frame import FrameFile
from tg_molfield.structures.trajectories.gromacs import TrrFile, XtcFile
from tg_molfield.structures.trajectories.netcdf import NetcdfFile

FRAME_FILES: dict[str, type[FrameFile]] = {
    ".xtc": XtcFile,
    ".trr": TrrFile,
    ".dcd": DcdFile,
    ".nc": NetcdfFile,
    ".ncdf": NetcdfFile,
    ".netcdf": NetcdfFile,
}
"""The formats that need a topology."""

ASE = ".traj"
"""The format of ASE, whose frames have their elements."""

TRAJECTORIES = (*FRAME_FILES, ASE)
"""The suffixes of trajectories."""


def is_trajectory(path: Path) -> bool:
    """Whether the suffix of a path is that of a trajectory; ``.gz`` counts as another suffix."""
    return path.suffix.lower() in TRAJECTORIES
