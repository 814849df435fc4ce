"""The structure formats by suffix, and what each of them can do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from tg_molfield.files import format_suffix
from tg_molfield.structures.formats.cif import cif_models, cif_records
from tg_molfield.structures.formats.macromolecule import ModelRecord
from tg_molfield.structures.formats.mol2 import mol2_blocks, mol2_record, mol2_records
from tg_molfield.structures.formats.pdb import pdb_models, pdb_records
from tg_molfield.structures.formats.records import ReadOptions, Record
from tg_molfield.structures.formats.sdf import sdf_blocks, sdf_record, sdf_records
from tg_molfield.structures.formats.xyz import xyz_records, xyz_streamed


class Format(NamedTuple):
    """One structure format.

    Attributes:
        records: yields the records of a text.
        blocks: yields the text of each record of a file from its lines, if records can be told apart one by one.
        record: the record of such a text.
        streamed: yields the records of a file from its lines as they are read.
        models: yields the models of a text with their residues, if the format has residues.
        has_bonds: whether records have bonds, which per-atom properties need.
        has_labels: whether records have named numbers that ``read(labels=...)`` can take.
        has_drawings: whether records may be 2D drawings.
        has_counts: whether a record gives its number of atoms, so that a truncated record is noticed.
    """

    records: Callable[[str, ReadOptions], Iterator[Record]]
    models: Callable[[str], Iterator[ModelRecord]] | None = None
    blocks: Callable[[Iterable[str]], Iterator[str]] | None = None
    record: Callable[[str, ReadOptions], Record] | None = None
    streamed: Callable[[Iterable[str], ReadOptions], Iterator[Record]] | None = None
    has_bonds: bool = False
    has_labels: bool = False
    has_drawings: bool = False
    has_counts: bool = False


_XYZ = Format(xyz_records, streamed=xyz_streamed, has_labels=True, has_counts=True)
_SDF = Format(
    sdf_records,
    blocks=sdf_blocks,
    record=sdf_record,
    has_bonds=True,
    has_labels=True,
    has_drawings=True,
    has_counts=True,
)
_PDB = Format(pdb_records, pdb_models)
_CIF = Format(cif_records, cif_models)

FORMATS = {
    ".xyz": _XYZ,
    ".extxyz": _XYZ,
    ".sdf": _SDF,
    ".mol": _SDF,
    ".mol2": Format(mol2_records, blocks=mol2_blocks, record=mol2_record, has_bonds=True, has_counts=True),
    ".pdb": _PDB,
    ".ent": _PDB,
    ".cif": _CIF,
    ".mmcif": _CIF,
}
SUFFIXES = tuple(FORMATS)
"""The suffixes that can be read, each also with ``.gz``."""


def format_of(path: Path) -> Format:
    """The format of ``path``, by its suffix.

    Raises:
        ValueError: no structure format has this suffix.
    """
    suffix = format_suffix(path)
    if suffix not in FORMATS:
        from tg_molfield.structures.trajectories import ASE, is_trajectory

        expected = f"{path}: expected a structure file ({', '.join(SUFFIXES)}, also with .gz)"
        if is_trajectory(path):
            way = (
                ", or its frames with [from_ase(atoms) for atoms in ase.io.read(path, ':')]"
                if suffix == ASE
                else " and its topology, or write frames as PDB"
            )
            raise ValueError(
                f"{expected}, got the trajectory {suffix}; read it with EnsembleFields or tg-molfield build{way}"
            )
        raise ValueError(
            f"{expected}, got the suffix {suffix!r}; convert it, read it with another package (from_ase, from_rdkit), "
            "or use Volume.read for a volume and from_smiles for SMILES"
        )
    return FORMATS[suffix]
