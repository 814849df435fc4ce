"""`AtomSites`: the atoms of one model with their residues; `ModelRecord`: the model as a record of its file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch_geometric.data import Data

from tg_molfield.chem.elements import symbols
from tg_molfield.structures.build import build, check_coincident_atoms
from tg_molfield.structures.formats.macromolecule.table import Residue
from tg_molfield.structures.formats.records import Record, failed_record


@dataclass(frozen=True)
class AtomSites:
    """The atoms of one model, [N] each unless stated.

    Attributes:
        z: atomic numbers; 0 where the element is not known, or where the site has no mass.
        pos: [N, 3] positions in Å.
        name: atom names.
        symbol: what the file gives as element.
        residue: row of ``residues``.
        residues: the residues of the model.
        residue_number: residue numbers.
        chain: chains, counted from 0.
        hetero: whether the residue is no amino acid, nucleotide or cap of a polymer: waters, ions, lipids, ligands,
            cofactors, sugars, whether they are ATOM or HETATM records.
        water: whether the residue is a water molecule.
        guessed: whether the atom name alone gave the element, or says another element than the file.
        massless: whether the site is a lone pair, an extra point of a water model or a Drude particle.
    """

    z: np.ndarray
    pos: np.ndarray
    name: np.ndarray
    symbol: np.ndarray
    residue: np.ndarray
    residues: list[Residue]
    residue_number: np.ndarray
    chain: np.ndarray
    hetero: np.ndarray
    water: np.ndarray
    guessed: np.ndarray
    massless: np.ndarray

    def data(
        self,
        dtype: torch.dtype | None,
        name: str,
        rows: np.ndarray | None = None,
        notes: list[str] | None = None,
    ) -> Data:
        """All atoms, or the atoms ``rows``, as ``Data``; sites without mass are left out.

        Args:
            dtype: floating type of the result.
            name: name of the result.
            rows: the atoms to take.
            notes: list to which sentences about guessed elements and sites without mass are added.

        Raises:
            ValueError: no atoms, unknown elements, coordinates that are not finite, or coincident atoms.
        """
        chosen = np.arange(len(self.z)) if rows is None else rows
        massless = chosen[self.massless[chosen]]
        chosen = chosen[~self.massless[chosen]]
        unknown = chosen[self.z[chosen] == 0]
        if len(unknown):
            row = int(unknown[0])
            raise ValueError(
                f"atom {str(self.name[row])!r} of {self.label(row)}: expected a chemical element, got "
                f"{str(self.symbol[row])!r}; give the element or remove the atom"
            )
        if notes is not None:
            notes += [*self._guessed_note(chosen[self.guessed[chosen]]), *self._massless_note(massless)]
        pos = self.pos[chosen]
        data = build(
            self.z[chosen],
            pos,
            dtype,
            residue_number=self.residue_number[chosen],
            chain=self.chain[chosen],
            hetero=self.hetero[chosen],
            water=self.water[chosen],
            name=name,
        )
        check_coincident_atoms(torch.as_tensor(pos))
        return data

    def label(self, row: int) -> str:
        """The residue of an atom: name, chain, and number with insertion code."""
        return self.residues[self.residue[row]].label

    def _guessed_note(self, rows: np.ndarray) -> list[str]:
        if not len(rows):
            return []
        taken = [f"{self.name[row]} as {symbols()[self.z[row]]}" for row in rows.tolist()]
        return [
            f"elements: expected elements that fit the atom names, got none or others for {len(rows)} atoms of "
            f"{_listed(self._residue_names(rows))}; check what they were taken for: {_listed(taken)}"
        ]

    def _massless_note(self, rows: np.ndarray) -> list[str]:
        if not len(rows):
            return []
        places = [
            f"{name} of {residue}" for name, residue in zip(self.name[rows], self._residue_names(rows), strict=True)
        ]
        return [
            f"virtual sites: expected atoms only, got {len(rows)} sites without mass, {_listed(places)}; "
            "they were left out"
        ]

    def _residue_names(self, rows: np.ndarray) -> list[str]:
        return [self.residues[row].name for row in self.residue[rows].tolist()]


def _listed(texts: list[str], length: int = 5) -> str:
    distinct = list(dict.fromkeys(texts))
    return ", ".join(distinct[:length]) + (", …" if len(distinct) > length else "")


class ModelRecord(NamedTuple):
    """One model of a PDB or mmCIF file.

    Attributes:
        title: of the record, for messages.
        name: of the entry.
        sites: its atoms; ``None`` if the model is invalid.
        fault: what is wrong with the model, or an empty string.
        notes: what the file says that its atoms contradict, see :class:`~.records.Record`.
    """

    title: str
    name: str
    sites: AtomSites | None
    fault: str = ""
    notes: tuple[str, ...] = ()

    def record(self, dtype: torch.dtype | None) -> Record:
        """The model as a record that builds its ``Data``."""
        if self.sites is None:
            return failed_record(self.title, self.fault)
        notes = list(self.notes)
        return Record(self.title, partial(self.sites.data, dtype, self.name, notes=notes), notes)


def model_record(title: str, name: str, sites: Callable[[], AtomSites], notes: tuple[str, ...] = ()) -> ModelRecord:
    """The record of the model whose atoms ``sites`` makes; a model with a fault is a record with a fault."""
    try:
        return ModelRecord(title, name, sites(), notes=notes)
    except ValueError as error:
        return ModelRecord(title, name, None, str(error))
