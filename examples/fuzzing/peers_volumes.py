"""Values, axes and atoms of volumes by independent readers, compared with what the package read without a warning.

============== ================= ====================================================================================
format         reader            compared
============== ================= ====================================================================================
CUBE           ASE               values of a single data set, first node, steps, atoms
OpenDX         GridDataFormats   values, first node, steps; only if it is installed
CCP4, MRC      mrcfile           values, in the order x, y, z; lengths of the steps
NumPy archive  NumPy             values, first node, steps, atoms
CHGCAR, LOCPOT ASE               values of the first data set, steps, atoms
XSF            ASE               values of the first grid, first node, steps, atoms
expanded maps  gemmi             most values
============== ================= ====================================================================================

Differences that are let through, and why:

- maps, XSF: the package leaves out repeated nodes of a period, so that its values are a corner of those of the file;
- maps: extended headers, and files longer than the header says, which mrcfile refuses.

Models have no independent reader; no parameter and no value may be NaN or infinite.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from tempfile import NamedTemporaryFile
from typing import Any, NamedTuple

import numpy as np
import torch

from tg_molfield import Field, Volume

ABSOLUTE, RELATIVE = 1e-6, 1e-5


class Content(NamedTuple):
    """What an independent reader finds; what is ``None`` is not compared."""

    values: np.ndarray
    origin: np.ndarray | None = None
    axes: np.ndarray | None = None
    lengths: np.ndarray | None = None
    numbers: np.ndarray | None = None
    positions: np.ndarray | None = None


def volume_difference(suffix: str, content: bytes, volume: Volume) -> str | None:
    """What an independent reader finds in ``content`` that ``volume`` does not have; ``None`` if it cannot read it."""
    if suffix not in READERS:
        return None
    try:
        theirs = READERS[suffix](content)
    except Exception:
        return None
    axes = volume.grid.axes_tensor().numpy()
    values = volume.values.numpy() if theirs.values.ndim == 4 else volume.values[0].numpy()
    corner = tuple(slice(0, n) for n in values.shape) if suffix in (*_MAPS, ".xsf") else ...
    pairs = {
        "values": (values, theirs.values[corner]),
        "first node": (volume.grid.origin_tensor().numpy(), theirs.origin),
        "steps": (axes, theirs.axes),
        "lengths of the steps": (np.linalg.norm(axes, axis=1), theirs.lengths),
    }
    if volume.atoms is not None:
        pairs["elements"] = volume.atoms.z.numpy(), theirs.numbers
        pairs["positions"] = volume.atoms.pos.numpy(), theirs.positions
    return next((found for what, pair in pairs.items() if (found := _differs(what, *pair))), "")


def cell_difference(content: bytes, volume: Volume) -> str | None:
    """What gemmi makes of the whole cell of a map that ``volume`` does not have; ``None`` if it cannot expand it.

    Where equivalent nodes of the file differ, the two may take different ones.
    """
    import gemmi

    with NamedTemporaryFile(suffix=".ccp4") as file:
        file.write(content)
        file.flush()
        theirs = gemmi.read_ccp4_map(file.name)
        theirs.setup(float("nan"))
    full, values = np.array(theirs.grid.array), volume.values[0].numpy()
    if volume.grid.origin != (0, 0, 0) or np.isnan(full).any():
        return None
    if full.shape != values.shape:
        return f"values of shape {values.shape}, gemmi has {full.shape}"
    apart = np.abs(values - full)
    return "" if np.median(apart) <= ABSOLUTE + RELATIVE * np.abs(full).max() else "values of gemmi elsewhere"


def model_fault(model: torch.nn.Module | Field) -> str:
    """The first parameter of a model that is not finite, or that a value of a field is NaN; else an empty string.

    Weights near the largest number of their type are finite, but their sums overflow.
    """
    if isinstance(model, Field):
        return "a value is NaN" if bool(model(torch.zeros(1, 3, dtype=model.dtype)).isnan().any()) else ""
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            return f"{name} is not finite"
    return ""


def _differs(what: str, ours: Any, theirs: Any) -> str:
    if theirs is None:
        return ""
    ours, theirs = np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float)
    if ours.shape != theirs.shape:
        return f"{what} of shape {ours.shape}, the other reader has {theirs.shape}"
    if not np.allclose(ours, theirs, rtol=RELATIVE, atol=ABSOLUTE):
        worst = int(np.abs(ours - theirs).argmax())
        return f"{what}: {ours.flat[worst]:.9g}, the other reader has {theirs.flat[worst]:.9g}"
    return ""


def _cube(content: bytes) -> Content:
    from ase.io.cube import read_cube

    read = read_cube(io.StringIO(content.decode("ascii")), read_data=True)
    atoms = read["atoms"]
    return Content(
        np.asarray(read.get("datas", [read["data"]])),
        read["origin"],
        read["spacing"],
        None,
        atoms.numbers,
        atoms.positions,
    )


def _dx(content: bytes) -> Content:
    from gridData.OpenDX import field

    read = field(0)
    with NamedTemporaryFile(suffix=".dx") as file:
        file.write(content)
        file.flush()
        read.read(file.name)
    positions = read.components["positions"]
    if len(positions.origin) != 3:
        raise ValueError("GridDataFormats takes numbers between the lines of the header as part of them")
    values = np.array(read.components["data"].array, dtype=float).reshape(positions.shape)
    return Content(values, positions.origin, positions.delta)


def _map(content: bytes) -> Content:
    from mrcfile.mrcinterpreter import MrcInterpreter

    with MrcInterpreter(io.BytesIO(content)) as read:
        header, data = read.header, np.array(read.data, dtype=float)
    sections_first = [int(header[name]) - 1 for name in ("maps", "mapr", "mapc")]
    lengths = np.array([header.cella[axis] / header[f"m{axis}"] for axis in "xyz"])
    return Content(data.transpose(np.argsort(sections_first)), lengths=lengths)


def _npz(content: bytes) -> Content:
    with np.load(io.BytesIO(content), allow_pickle=False) as read:
        return Content(read["values"], read["origin"], read["axes"], None, read.get("numbers"), read.get("positions"))


def _chgcar(content: bytes) -> Content:
    from ase.calculators.vasp import VaspChargeDensity

    with NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        read = VaspChargeDensity(file.name)
    atoms, values = read.atoms[0], read.chg[0]
    axes = np.array(atoms.cell) / np.array(values.shape)[:, None]
    return Content(values, np.zeros(3), axes, None, atoms.numbers, atoms.positions)


def _locpot(content: bytes) -> Content:
    """As CHGCAR, but not divided by the volume of the cell, which ASE does with all files of VASP."""
    read = _chgcar(content)
    cell = read.axes * np.array(read.values.shape)[:, None]
    return read._replace(values=read.values * abs(np.linalg.det(cell)))


def _xsf(content: bytes) -> Content:
    from ase.io.xsf import read_xsf

    values, origin, spans, atoms = read_xsf(io.StringIO(content.decode("ascii")), read_data=True)
    axes = spans / (np.array(values.shape) - 1)[:, None]
    return Content(values, origin, axes, None, atoms.numbers, atoms.positions)


_MAPS = (".ccp4", ".map", ".mrc")
READERS: dict[str, Callable[[bytes], Content]] = {
    ".cube": _cube,
    ".cub": _cube,
    ".dx": _dx,
    ".npz": _npz,
    ".CHGCAR.vasp": _chgcar,
    ".LOCPOT.vasp": _locpot,
    ".xsf": _xsf,
    **dict.fromkeys(_MAPS, _map),
}
