"""The files of QM9 as entries of a data set."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from torch_geometric.data import Data

from tg_molfield.datasets.downloading import downloaded
from tg_molfield.datasets.sources import Source
from tg_molfield.files import atomic_write, decoding
from tg_molfield.structures.library import Entry, Library

_HARTREE = 27.211386246
"""eV, as in PyG's ``QM9``."""

_UNITS = {
    "mu": 1.0, "alpha": 1.0, "homo": _HARTREE, "lumo": _HARTREE, "gap": _HARTREE, "r2": 1.0, "zpve": _HARTREE,
    "U0": _HARTREE, "U": _HARTREE, "H": _HARTREE, "G": _HARTREE, "Cv": 1.0,
}  # fmt: skip
LABELS = tuple(_UNITS)
"""The columns of ``y``."""

_COLUMNS = ("mu", "alpha", "homo", "lumo", "gap", "r2", "zpve", "u0", "u298", "h298", "g298", "cv")
_NAMES = (
    "mu_D", "alpha_a03", "homo_Ha", "lumo_Ha", "gap_Ha", "r2_a02", "zpve_Ha", "U0_Ha", "U_Ha", "H_Ha", "G_Ha",
    "Cv_cal_mol_K",
)  # fmt: skip
_ARRAYS = ("geometries.npz", "properties.npz")
_RAW = ("gdb9.sdf", "gdb9.sdf.csv", "uncharacterized.txt")
_ARCHIVE_URL = "https://deepchemdata.s3-us-west-1.amazonaws.com/datasets/molnet_publish/qm9.zip"
_SKIPPED_URL = "https://ndownloader.figshare.com/files/3195404"
_HEADER, _NUM_SKIPPED = 9, 3054


class QM9Arrays(Source):
    """QM9 from arrays of geometries and properties.

    Args:
        folder: where the files are.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.files = [folder / name for name in _ARRAYS]

    def __iter__(self) -> Iterator[Entry]:
        """The molecules.

        Raises:
            ValueError: the files are not of QM9, or do not belong together.
        """
        geometries, properties = self.files
        with decoding(geometries), np.load(geometries, allow_pickle=False) as found:
            numbers, counts = found["index"].tolist(), found["n"].astype(np.int64)
            z, pos = found["z"].astype(np.int64), found["pos_milliangstrom"]
            if len(counts) != len(numbers) or not counts.sum() == len(z) == len(pos):
                raise ValueError("expected n atoms of each molecule, got another number of rows; copy it again")
        with decoding(properties), np.load(properties, allow_pickle=False) as found:
            values = found["y"] * np.array([*_UNITS.values()])
            if found["index"].tolist() != numbers or tuple(found["names"]) != _NAMES:
                raise ValueError(f"expected {', '.join(_NAMES)} of the same molecules, got others; copy it again")
        ends = counts.cumsum()
        for row, number in enumerate(numbers):
            self.done = (row + 1) / len(numbers)
            atoms = slice(ends[row] - counts[row], ends[row])
            data = Data(z=torch.from_numpy(z[atoms]), pos=torch.from_numpy(pos[atoms] / 1000), name=f"gdb_{number}")
            labels = dict(zip(LABELS, map(repr, values[row].tolist()), strict=True))
            yield Entry(geometries.name, number, data.name, "data", data, values=labels)


class QM9Raw(Source):
    """QM9 from the files that PyG's ``QM9`` downloads.

    Args:
        folder: where the files are.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.files = [folder / name for name in _RAW]

    def __iter__(self) -> Iterator[Entry]:
        """The molecules.

        Raises:
            ValueError: the files are not of QM9, or do not belong together.
        """
        structures, table, skipped = self.files
        with decoding(skipped):
            leave_out = _skipped(skipped)
        library = Library(structures)
        with table.open(encoding="utf-8", newline="") as stream:
            rows = csv.DictReader(stream)
            for entry in library:
                self.done = library.done
                row = next(rows, {})
                if row.get("mol_id") != entry.title:
                    raise ValueError(
                        f"{table}: expected the row of {entry.title[:40]!r}, got that of {row.get('mol_id')!r}; "
                        "download the files again"
                    )
                if entry.record not in leave_out:
                    yield replace(entry, values=_labels(table, row))


QM9Source: TypeAlias = QM9Arrays | QM9Raw


def qm9_source(folder: Path) -> QM9Source:
    """The source of a folder.

    Raises:
        FileNotFoundError: it lacks a file.
    """
    for names, kind in ((_RAW, QM9Raw), (_ARRAYS, QM9Arrays)):
        if all((folder / name).is_file() for name in names):
            return kind(folder)
    raise FileNotFoundError(
        f"{folder}: expected {', '.join(_RAW)}, or {', '.join(_ARRAYS)}, got no such files; give the folder that has "
        "them, or no source to download them"
    )


def download_raw(folder: Path) -> Path:
    """The folder with the files that PyG's ``QM9`` downloads, downloaded if they are not there.

    Raises:
        ConnectionError: they cannot be downloaded.
    """
    if not all((folder / name).exists() for name in _RAW[:2]):
        archive = downloaded(_ARCHIVE_URL, folder, "qm9.zip")
        with decoding(archive), zipfile.ZipFile(archive) as content:
            for name in _RAW[:2]:
                with content.open(name) as packed, atomic_write(folder / name) as stream:
                    while piece := packed.read(2**20):
                        stream.write(piece)
        archive.unlink()
    downloaded(_SKIPPED_URL, folder, _RAW[2])
    return folder


def _labels(table: Path, row: dict[str, str]) -> dict[str, str]:
    try:
        values = [float(row[column]) for column in _COLUMNS]
    except (KeyError, ValueError, TypeError) as error:
        raise ValueError(
            f"{table}: expected numbers in the columns {', '.join(_COLUMNS)}, got others for {row['mol_id']}; download "
            "it again"
        ) from error
    return {name: repr(value * unit) for (name, unit), value in zip(_UNITS.items(), values, strict=True)}


def _skipped(path: Path) -> frozenset[int]:
    """The numbers of the molecules that fail QM9's consistency check."""
    lines = path.read_text("utf-8", "replace").rstrip().split("\n")
    found = frozenset(int(line.split()[0]) for line in lines[_HEADER:-1])
    if len(found) != _NUM_SKIPPED:
        raise ValueError(f"expected {_NUM_SKIPPED} molecules, got {len(found)}; download it again")
    return found
