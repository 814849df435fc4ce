"""``read``: every record of a structure file as ``Data``."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Literal

import torch
from torch_geometric.data import Data

from tg_molfield.arguments import as_path, check_flag
from tg_molfield.files import decoding, format_suffix
from tg_molfield.structures.build import float_dtype
from tg_molfield.structures.formats.records import ReadOptions, Record, build_records, check_dimension, failed_record
from tg_molfield.structures.formats.registry import FORMATS, format_of
from tg_molfield.structures.formats.text_file import read_text
from tg_molfield.structures.needed import Definition, completed, needed_names, to_compute
from tg_molfield.structures.properties import check_properties


def read(
    path: str | Path,
    errors: str = "raise",
    dtype: torch.dtype | None = None,
    properties: Iterable[str] | None = None,
    labels: Iterable[str] = (),
    dimension: Literal[3] | None = None,
    color: bool = False,
    mol_field: Definition | None = None,
) -> list[Data]:
    """Every record or model of a structure file.

    ========================  =========================================================================
    ``.xyz`` ``.extxyz``      ``cell``, ``pbc``, ``energy``, ``forces`` and what else :func:`from_ase` reads, from
                              extended XYZ, with the numbers of the file (ASE takes them as eV and Å);
                              ``charges`` (Mulliken) and ``name`` from the raw files of QM9
    ``.sdf`` ``.mol``         ``formal_charge``, ``name``
    ``.mol2``                 ``name``, ``partial_charge`` if the file has charges, and ``formal_charge`` if it has
                              the section ``UNITY_ATOM_ATTR``
    ``.pdb`` ``.ent``         ``residue_number``, ``chain``, ``hetero``, ``water``, ``name``; one ``Data``
    and mmCIF                 per model; of alternate locations the one with the highest occupancy in
                              each residue; no ``cell``, because the file holds only part of the crystal;
                              ``name`` alone if mmCIF has only elements and positions
    ``.cif`` of a crystal     all atoms of the unit cell, ``cell``, ``pbc``, ``name``; by the operators that
                              the file lists, else by its space group; of disordered sites the likeliest
                              group in each place
    ``.cif`` of components    ``name``, and ``formal_charge`` if the file has charges; one ``Data`` per
                              component of the Chemical Component Dictionary, at its ideal coordinates
    ========================  =========================================================================

    Every ``Data`` has ``z`` [N] and ``pos`` [N, 3] in Å. Any suffix may be followed by ``.gz``. Records of SDF, MOL
    and MOL2 need valid elements and coordinates; they need valid bonds only for ``color`` and for ``properties`` that
    depend on bonds. Nitro groups of SDF may be drawn ``N(=O)=O`` or ``N([O-])[O-]``, too. One
    :class:`StructureWarning` tells if some of them lack all hydrogens, or lie in one plane though they should not.
    Results that are not finite or of another shape than ``KEYS`` gives are left out with a :class:`StructureWarning`.

    Args:
        path: the file.
        errors: ``"raise"`` stops at the first record that cannot be read. ``"skip"`` leaves out such records and
            lists them in one :class:`SkippedRecordsWarning`; a damaged gzip file is read up to the damage.
        dtype: floating type of the result; ``None`` means ``torch.get_default_dtype()``.
        properties: names of per-atom properties to compute as :func:`from_rdkit` does; only for SDF, MOL and MOL2.
            Charges that a MOL2 record gives are taken, not computed. ``"auto"`` for what ``mol_field`` reads, also its
            features, of any format: properties must then be in a file without bonds, whose features are those of bonds
            perceived from the positions.
        labels: names of numbers to take, each as [1]: SDF tags, key=value pairs of the comment line of XYZ, and the
            properties of QM9's raw files (A, B, C, mu, alpha, homo, lumo, gap, r2, zpve, U0, U, H, G, Cv).
        dimension: 3 to take every record of an SDF or MOL file as a geometry, even where all z are 0. ``None`` takes
            flat records as geometries if their header says 3D, or if it says nothing and the record has every
            hydrogen, bonds of plausible lengths and no saturated carbon with two heavy neighbours.
        color: add the pharmacophore features, as in :func:`from_rdkit`; only for SDF, MOL and MOL2.
        mol_field: a `MolField`, with ``properties="auto"``.

    Returns:
        One ``Data`` per record, all with the same keys.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the suffix is unknown, or the file or one of its records is invalid: no atoms, a wrong count,
            an unknown element or a dummy atom, a coordinate or label that is not finite, 2D coordinates, atoms
            closer than 0.001 Å, or coordinates too large for ``dtype``. The message gives the file, the record and
            what to do.
    """
    needed = needed_names(properties, mol_field)
    given = None if needed is not None else properties
    return [data for _, data in read_records(path, errors, dtype, given, labels, dimension, color, needed)]


def read_records(
    path: str | Path,
    errors: str = "raise",
    dtype: torch.dtype | None = None,
    properties: Iterable[str] | None = None,
    labels: Iterable[str] = (),
    dimension: Literal[3] | None = None,
    color: bool = False,
    needed: Collection[str] | None = None,
) -> list[tuple[Record, Data]]:
    """As `read`, each ``Data`` with the record that it was built from.

    Args:
        path: see `read` for this and the next ones.
        errors: see there.
        dtype: see there.
        properties: None with ``needed``.
        labels: see there.
        dimension: see there.
        color: see there.
        needed: names of attributes; those that can be computed are, see `tg_molfield.structures.needed`.
    """
    if errors not in ("raise", "skip"):
        raise ValueError(f"errors: expected 'raise' or 'skip', got {errors!r}; choose one of them")
    check_flag(color=color)
    check_dimension(dimension)
    path = as_path(path)
    with decoding(path):
        records = _opened(path, errors, dtype, properties, labels, dimension, color, needed)
        return build_records(path, records, errors)


def read_record(
    path: str | Path,
    number: int,
    dimension: Literal[3] | None = None,
    needed: Collection[str] | None = None,
    name: str = "record",
) -> tuple[Record, Data, int]:
    """A single record of a structure file, from which alone a ``Data`` is built.

    Args:
        path: see `read` for this and ``dimension``.
        number: of the record, from 1.
        dimension: see there.
        needed: see `read_records`.
        name: of the number, for messages.

    Returns:
        The record, its ``Data`` and how many records the file has.

    Raises:
        ValueError: as for `read`, but that other records may be invalid; or there is no record of that number.
    """
    if number < 1:
        raise ValueError(f"{name}: expected at least 1, got {number}; records are counted from 1")
    check_dimension(dimension)
    path = as_path(path)
    chosen, count = None, 0
    with decoding(path):
        for count, record in enumerate(_opened(path, dimension=dimension, needed=needed), start=1):
            chosen = record if count == number else chosen
        if chosen is not None:
            return *build_records(path, [chosen], "raise", number)[0], count
    raise ValueError(f"{name}: expected at most {count}, the records of {path}, got {number}; they count from 1")


def _opened(
    path: Path,
    errors: str = "raise",
    dtype: torch.dtype | None = None,
    properties: Iterable[str] | None = None,
    labels: Iterable[str] = (),
    dimension: Literal[3] | None = None,
    color: bool = False,
    needed: Collection[str] | None = None,
) -> Iterator[Record]:
    """The records of a file, not built; arguments as for `read_records`."""
    source = format_of(path)
    names = frozenset(needed or ())
    if needed is not None and source.has_bonds:
        properties, features = to_compute(names)
        color = color or features
    options = ReadOptions(
        float_dtype(dtype),
        None if properties is None else check_properties(properties),
        (labels,) if isinstance(labels, str) else tuple(labels),
        dimension,
        bool(color),
    )
    if (options.properties or options.color) and not source.has_bonds:
        raise ValueError(f"{path}: {no_bonds(path, 'properties' if options.properties else 'color')}")
    if options.labels and not source.has_labels:
        raise ValueError(
            f"{path}: expected a format with labels ({_suffixes_with('has_labels')}), got {format_suffix(path)}; "
            "leave out labels"
        )
    if dimension is not None and not source.has_drawings:
        raise ValueError(
            f"{path}: expected a format with drawings for dimension ({_suffixes_with('has_drawings')}), got "
            f"{format_suffix(path)}; leave out dimension"
        )
    text, damage = read_text(path, salvage=errors == "skip" and source.has_counts)
    records = source.records(text, options)
    if names and not source.has_bonds:
        records = (completed(record, names, no_bonds(path, "properties")) for record in records)
    return _all_records(records, damage)


def no_bonds(path: Path, what: str) -> str:
    """What is wrong where ``"properties"`` or ``"color"`` are asked of a format without bonds."""
    call = "with_properties(data, ...)" if what == "properties" else "with_color(data)"
    return (
        f"expected a format with bonds for {what} ({_suffixes_with('has_bonds')}), got {format_suffix(path)}; convert "
        f"it to SDF, or perceive the bonds: {call}"
    )


def _suffixes_with(feature: str) -> str:
    return ", ".join(suffix for suffix, source in FORMATS.items() if getattr(source, feature))


def _all_records(records: Iterator[Record], damage: str) -> Iterator[Record]:
    """The records, then the damage of the file as a failed record."""
    yield from records
    if damage:
        yield failed_record("", damage)
