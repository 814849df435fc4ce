"""NetCDF files of AMBER, with Å as length and ps as time, by SciPy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tg_molfield.files import readable
from tg_molfield.structures.trajectories.frame import Frame, FrameFile, cell_from_lengths

_UNITS = {"coordinates": "angstrom", "time": "picosecond", "cell_lengths": "angstrom", "cell_angles": "degree"}


class NetcdfFile(FrameFile):
    """The frames of a file that is mapped into memory."""

    def __init__(self, path: Path) -> None:
        from scipy.io import netcdf_file

        super().__init__(path)
        with readable(path) as stream:
            start = stream.read(4)
        if start[1:4] == b"HDF":
            raise ValueError(
                f"{path}: expected netCDF 3, as AMBER writes it, got HDF5; convert it by nccopy -k nc6, or by cpptraj"
            )
        try:
            self._file: Any = netcdf_file(str(path), mmap=True, maskandscale=False)
        except Exception as error:
            raise ValueError(
                f"{path}: expected a complete netCDF file, got a damaged or shorter one ({error}); copy it again"
            ) from error
        self._variables: dict[str, Any] = self._file.variables
        if fault := self._fault():
            self.close()
            raise ValueError(f"{path}: {fault}")

    def _fault(self) -> str:
        """What is wrong with the variables, or an empty text."""
        for name, unit in _UNITS.items():
            given = getattr(self._variables.get(name), "units", unit.encode())
            if given.decode("ascii", "replace").rstrip("s") != unit:
                return f"expected {name} in {unit}, got {given[:40]!r}; convert the file"
        shape: tuple[int, ...] = getattr(self._variables.get("coordinates"), "shape", ())
        if len(shape) != 3 or shape[2] != 3:
            return "expected coordinates [frames, atoms, 3], got none; give a trajectory of AMBER"
        self._length, self.num_atoms = shape[:2]
        return "" if self._length else "expected a frame, got none; copy the file again"

    def __len__(self) -> int:
        return int(self._length)

    def frame(self, index: int) -> Frame:
        """The frame of an index."""
        time, lengths, angles = (self._values(name, index) for name in ("time", "cell_lengths", "cell_angles"))
        pos = self._values("coordinates", index)
        assert pos is not None
        cell = None if lengths is None or angles is None else cell_from_lengths(lengths, angles)
        return Frame(pos, cell, None if time is None else float(time))

    def close(self) -> None:
        """Close the file."""
        self._variables = {}
        self._file.close()

    def _values(self, name: str, index: int) -> np.ndarray | None:
        """A copy of what a variable has for a frame, in the unit of the file."""
        variable = self._variables.get(name)
        if variable is None:
            return None
        values = np.array(variable[index], dtype=np.float64)
        return values * float(getattr(variable, "scale_factor", 1.0))
