"""``read``: every record of a molecule file as ``Data``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import torch
from torch_geometric.data import Data

from tg_molfield.files import format_suffix
from tg_molfield.structures.build import float_dtype
from tg_molfield.structures.formats.cif import cif_records
from tg_molfield.structures.formats.content import read_text
from tg_molfield.structures.formats.mol2 import mol2_records
from tg_molfield.structures.formats.pdb import pdb_records
from tg_molfield.structures.formats.records import Options, Record, collect, failing
from tg_molfield.structures.formats.sdf import sdf_records
from tg_molfield.structures.formats.xyz import xyz_records
from tg_molfield.structures.properties import check_properties

Reader = Callable[[str, Options], Iterator[Record]]

_READERS: dict[str, Reader] = {
    ".xyz": xyz_records,
    ".extxyz": xyz_records,
    ".sdf": sdf_records,
    ".mol": sdf_records,
    ".mol2": mol2_records,
    ".pdb": pdb_records,
    ".ent": pdb_records,
    ".cif": cif_records,
    ".mmcif": cif_records,
}

SUFFIXES = tuple(_READERS)
"""Suffixes that :func:`read` knows, each also with ``.gz``."""

_WITH_BONDS = (".sdf", ".mol", ".mol2")
_WITH_LABELS = (".xyz", ".extxyz", ".sdf", ".mol")
_COUNTED = (".xyz", ".extxyz", ".sdf", ".mol", ".mol2")
_VOLUMES = (".cube", ".cub", ".dx", ".ccp4", ".map", ".mrc")
_TABLES = (".csv", ".tsv", ".smi", ".smiles", ".txt")


def read(
    path: str | Path,
    errors: str = "raise",
    dtype: torch.dtype | None = None,
    properties: Iterable[str] | None = None,
    labels: Iterable[str] = (),
) -> list[Data]:
    """Every record or model of a molecule file.

    ========================  =========================================================================
    ``.xyz`` ``.extxyz``      what :func:`from_ase` takes: ``cell``, ``pbc``, ``energy``, ``forces``, …
                              with numbers as in the file (ASE reads them as eV and Å)
    ``.sdf`` ``.mol``         ``formal_charge``, ``name``
    ``.mol2``                 ``formal_charge``, ``name``, ``partial_charge`` where the file has charges
    ``.pdb`` ``.ent``         ``residue_number``, ``chain``, ``hetero``, ``water``, ``name``; one ``Data`` a
    and mmCIF                 model; one alternate location a residue, that of the highest occupancy;
                              no ``cell``, because the file holds a part of the crystal only
    ``.cif`` of a crystal     all atoms of the unit cell, ``cell``, ``pbc``, ``name``
    ========================  =========================================================================

    All have ``z`` [N] and ``pos`` [N, 3] in Å, and each suffix may be followed by ``.gz``. SDF, MOL and MOL2
    records need sound elements and coordinates; sound bonds only where ``properties`` asks for chemistry.

    Args:
        path: the file.
        errors: ``"raise"`` stops at the first record that cannot be read. ``"skip"`` leaves such records out
            and tells them in one :class:`SkippedRecordsWarning`; what can be read of a damaged gzip file is read.
        dtype: floating type of the result; ``None`` is ``torch.get_default_dtype()``.
        properties: names of per-atom properties to compute as :func:`from_rdkit` does; SDF, MOL and MOL2 only.
        labels: names of numbers to take from the SDF tags or the comment line of extended XYZ, each as [1].

    Returns:
        One ``Data`` a record, all with the same keys.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the suffix is not known, or the file or a record of it is not sound: no atoms, a wrong
            count, an unknown or dummy element, a coordinate or label that is not finite, 2D coordinates, atoms
            closer than 0.001 Å, or coordinates too large for ``dtype``. The message names file, record and remedy.
    """
    path = Path(path)
    if errors not in ("raise", "skip"):
        raise ValueError(f"errors = {errors!r}; give 'raise' or 'skip'")
    suffix = format_suffix(path)
    reader = _reader(path, suffix)
    options = Options(
        float_dtype(dtype),
        None if properties is None else check_properties(properties),
        (labels,) if isinstance(labels, str) else tuple(labels),
    )
    if options.properties and suffix not in _WITH_BONDS:
        raise ValueError(
            f"{path}: properties need bonds, and a {suffix} file has none; convert it to SDF, or perceive the bonds: "
            f"from_rdkit(to_rdkit(data), properties=...)"
        )
    if options.labels and suffix not in _WITH_LABELS:
        raise ValueError(f"{path}: labels are read from {', '.join(_WITH_LABELS)} only, not from {suffix}")
    text, damage = read_text(path, salvage=errors == "skip" and suffix in _COUNTED)
    return collect(path, _all_records(path, reader(text, options), damage), errors)


def _reader(path: Path, suffix: str) -> Reader:
    if suffix in _READERS:
        return _READERS[suffix]
    hint = ""
    if suffix in _VOLUMES:
        hint = "; this is a volume: use Volume.read"
    elif suffix in _TABLES:
        hint = "; for a table of SMILES use from_smiles on each"
    raise ValueError(f"{path}: the suffix {suffix!r} is not one of {', '.join(SUFFIXES)}, also with .gz{hint}")


def _all_records(path: Path, records: Iterator[Record], damage: str) -> Iterator[Record]:
    """The records, then the damage of the file; a fault of the whole file is told with its path."""
    try:
        yield from records
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    if damage:
        yield failing("", f"{damage}; the records from here on are lost")
