"""`Topology`: what the atoms of a trajectory are, by MDAnalysis."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from tg_molfield.files import NO_FAULTS, fault_message, format_suffix, readable, shortened
from tg_molfield.optional import require
from tg_molfield.structures.formats.macromolecule.site_types import site_types
from tg_molfield.structures.formats.macromolecule.table import BLANK, AtomTable, Residue, Texts
from tg_molfield.structures.trajectories.masses import checked_by_mass

_WITH_SOME_BONDS = (".pdb", ".ent", ".cif", ".mmcif", ".pdbqt")
"""Formats that list the bonds of some residues alone."""


class Topology:
    """The atoms of a topology file.

    Args:
        path: a file of any format of topologies that MDAnalysis reads (PDB, GRO, TPR, PSF, PRMTOP, …), or SDF.
        selection: the atoms to keep, in the language of MDAnalysis.

    Attributes:
        path: the file.
        num_atoms: N, the number of atoms in the file.
        rows: [n] the atoms that are kept: those of the selection, without sites that have no mass.
        z: [n] their atomic numbers.
        bonded_z: [N] atomic numbers; 0 for sites without mass, and for waters that are not kept.
        values: attributes of the kept atoms by name, [n] each.
        bonds: [B, 2] bonds of all atoms, or None where the file does not list them.
        pos: [N, 3] positions in Å that the file has, or None.
        cell: [3, 3] cell vectors in Å that it has with them, or None.
        notes: what may not be read as the file means it.

    Raises:
        ImportError: MDAnalysis is not installed.
        OSError: the file cannot be read.
        ValueError: it is no topology, the selection is none or empty, or elements are not known.
    """

    def __init__(self, path: Path, selection: str) -> None:
        self.path = path
        universe = _universe(path)
        atoms = universe.atoms
        self.num_atoms = len(atoms)
        self.pos, self.cell = _coordinates(universe)
        self.bonds: np.ndarray | None = None
        if hasattr(atoms, "bonds") and format_suffix(path) not in _WITH_SOME_BONDS:
            self.bonds = np.asarray(universe.bonds.indices, dtype=np.int64).reshape(-1, 2)
        table = _table(atoms, self.pos)
        types = site_types(table)
        masses = np.asarray(atoms.masses, dtype=np.float64) if hasattr(atoms, "masses") else None
        z, guessed = checked_by_mass(types.z, types.guessed, masses)
        massless = types.massless & (z == 0)
        if masses is not None:
            massless |= masses == 0
        chosen = _selected(atoms, selection)
        kept = np.zeros(len(z), dtype=np.bool_)
        kept[chosen] = True
        self.bonded_z = np.where(massless | (types.water & ~kept), 0, z)
        self.rows = chosen[~massless[chosen]]
        self.z = z[self.rows]
        unknown = self.rows[self.z == 0]
        if len(unknown):
            raise ValueError(
                f"{path}: expected a chemical element for {table.describe(unknown[0])}, got none; give a topology with "
                "elements (PDB, PRMTOP, TPR), or a selection without it"
            )
        if not len(self.rows):
            raise ValueError(f"selection: expected atoms of {path.name}, got none; correct {selection[:40]!r}")
        self.notes = _notes(table, self.rows, z, guessed, chosen[massless[chosen]])
        residue = table.residue[self.rows]
        self.values: dict[str, np.ndarray] = {}
        if hasattr(atoms, "resnames"):
            chains: dict[str, int] = {}
            chain = np.array([chains.setdefault(found.chain, len(chains)) for found in table.residues])
            self.values = {
                "residue_number": np.array([found.number for found in table.residues])[residue],
                "chain": chain[residue],
                "hetero": types.hetero[self.rows],
                "water": types.water[self.rows],
            }
        if hasattr(atoms, "charges"):
            charges = np.asarray(atoms.charges, dtype=np.float64)[self.rows]
            if np.isfinite(charges).all():
                self.values["partial_charge"] = charges


def _universe(path: Path) -> Any:
    """What MDAnalysis reads, without anything that it would guess."""
    package = require("MDAnalysis", "trajectories")
    with readable(path) as stream:
        start = stream.read(64)
    options: dict[str, Any] = {}
    if path.suffix.lower() == ".top" and not start.lstrip().startswith(b"%"):
        options["topology_format"] = "ITP"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if format_suffix(path) in (".sdf", ".mol"):
                return package.Universe(_mol(path), to_guess=())
            return package.Universe(str(path), to_guess=(), **options)
        except NO_FAULTS:
            raise
        except Exception as error:
            reason = fault_message(error, 200).partition("\n")[0]
            raise ValueError(
                f"{path}: expected a topology (PDB, GRO, TPR, PSF, PRMTOP, …), got another file ({reason}); give the "
                "file that the simulation was started from"
            ) from error


def _mol(path: Path) -> Any:
    from rdkit import Chem

    mol = next(iter(Chem.SDMolSupplier(str(path), sanitize=False, removeHs=False)), None)
    if mol is None:
        raise ValueError("expected a molecule in the first record, got none")
    return mol


def _coordinates(universe: Any) -> tuple[np.ndarray | None, np.ndarray | None]:
    if not hasattr(universe, "trajectory"):
        return None, None
    from MDAnalysis.lib.mdamath import triclinic_vectors

    pos = np.array(universe.atoms.positions, dtype=np.float64)
    dimensions = universe.dimensions
    cell = None if dimensions is None else np.array(triclinic_vectors(dimensions), dtype=np.float64)
    return (pos if np.isfinite(pos).all() else None), (cell if cell is not None and cell.any() else None)


def _table(atoms: Any, pos: np.ndarray | None) -> AtomTable:
    """The atoms as a table of a PDB or mmCIF file would list them."""
    count = len(atoms)

    def texts(name: str) -> list[str]:
        return [str(text) for text in getattr(atoms, name)] if hasattr(atoms, name) else [""] * count

    chains = texts("chainIDs")
    segments = texts("segids")
    chains = [chain.strip() or segment for chain, segment in zip(chains, segments, strict=True)]
    kinds = texts("record_types")
    numbers = atoms.resids.tolist() if hasattr(atoms, "resids") else [0] * count
    found = zip(texts("resnames"), chains, numbers, texts("icodes"), atoms.resindices.tolist(), kinds, strict=True)
    distinct: dict[Residue, int] = {}
    residue = np.array(
        [
            distinct.setdefault(
                Residue(name.strip(), chain, int(number), code.strip(), str(index), kind == "HETATM"), len(distinct)
            )
            for name, chain, number, code, index, kind in found
        ],
        dtype=np.int64,
    )
    return AtomTable(
        name=Texts.of(texts("names")),
        symbol=Texts.of([text.strip() for text in texts("elements")]),
        altloc=np.full(count, BLANK),
        occupancy=np.ones(count),
        pos=np.zeros((count, 3)) if pos is None else pos,
        residue=residue,
        residues=list(distinct),
        part=np.zeros(count, dtype=np.int64),
        line=np.empty(0, dtype=np.int64),
        aligned=False,
    )


def _selected(atoms: Any, selection: str) -> np.ndarray:
    if not isinstance(selection, str):
        raise TypeError(f"selection: expected a text, got {type(selection).__name__}; give for example 'protein'")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = atoms.select_atoms(selection)
        except NO_FAULTS:
            raise
        except Exception as error:
            reason = shortened(str(error), 100).partition("\n")[0]
            raise ValueError(
                f"selection: expected words that MDAnalysis knows, such as 'protein' or 'resname LIG', got "
                f"{selection[:40]!r} ({reason}); correct it"
            ) from error
    return np.asarray(found.indices, dtype=np.int64)


def _notes(table: AtomTable, rows: np.ndarray, z: np.ndarray, guessed: np.ndarray, massless: np.ndarray) -> list[str]:
    from tg_molfield.chem.elements import symbols

    notes = []
    doubtful = rows[guessed[rows]]
    if len(doubtful):
        taken = dict.fromkeys(f"{table.name.at(row).strip()} as {symbols()[z[row]]}" for row in doubtful.tolist())
        listed = ", ".join(list(taken)[:5]) + (", …" if len(taken) > 5 else "")
        notes.append(
            f"elements: expected elements in the topology, got none for {len(doubtful)} atoms; check what their names "
            f"were taken for: {listed}"
        )
    if len(massless):
        notes.append(f"virtual sites: expected atoms only, got {len(massless)} sites without mass; they were left out")
    return notes
