"""The atom sites of PDB and mmCIF models, with their residues, as gemmi reads them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch_geometric.data import Data

from tg_molfield.structures.build import build, check_coincident_atoms
from tg_molfield.structures.formats.records import Record, failed_record

if TYPE_CHECKING:
    import gemmi

_CAPS = {"ACE", "NH2", "NMA", "NME"}
_WATERS = {"SOL", "TIP3", "TIP4", "TIP5"}
_AMBER = {f"R{base}{end}" for base in "ACGU" for end in ("", "3", "5")}
_AMBER |= {f"D{base}{end}" for base in "ACGT" for end in "35"}
_AMBER |= {"HID", "HIE", "HIP", "CYX", "CYM", "ASH", "GLH", "LYN"}
_STANDARD_ELEMENTS = {"H", "D", "C", "N", "O", "P", "S", "Se"}


@dataclass
class AtomSites:
    """The atoms of one model; every list but ``notes`` has one entry per atom.

    Attributes:
        z: atomic numbers.
        pos: positions in Å.
        residue: residue identifiers such as ``"NFT/A/283"``: name, chain, and number with insertion code.
        residue_number: residue numbers.
        chain: chains, counted from 0.
        hetero: true for waters, and for HETATM records except amino acids and nucleotides (also modified ones that
            gemmi tabulates) and the caps ACE, NH2, NMA and NME.
        water: true for the atoms of water molecules.
        notes: what may not be read as the file means it, see :class:`~.records.Record`.
    """

    z: list[int] = field(default_factory=list)
    pos: list[list[float]] = field(default_factory=list)
    residue: list[str] = field(default_factory=list)
    residue_number: list[int] = field(default_factory=list)
    chain: list[int] = field(default_factory=list)
    hetero: list[bool] = field(default_factory=list)
    water: list[bool] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def data(self, dtype: torch.dtype | None, name: str, rows: np.ndarray | None = None) -> Data:
        """All atoms, or the atoms ``rows``, as ``Data``.

        Raises:
            ValueError: no atoms, unknown elements, coordinates that are not finite, or coincident atoms.
        """
        chosen = slice(None) if rows is None else rows
        pos = np.array(self.pos, dtype=np.float64).reshape(-1, 3)[chosen]
        data = build(
            np.array(self.z, dtype=np.int64)[chosen],
            pos,
            dtype,
            residue_number=np.array(self.residue_number, dtype=np.int64)[chosen],
            chain=np.array(self.chain, dtype=np.int64)[chosen],
            hetero=np.array(self.hetero, dtype=np.bool_)[chosen],
            water=np.array(self.water, dtype=np.bool_)[chosen],
            name=name,
        )
        check_coincident_atoms(torch.as_tensor(pos))
        return data


class ModelRecord(NamedTuple):
    """One model of a PDB or mmCIF file.

    Attributes:
        title: of the record, for messages.
        name: of the entry.
        sites: its atoms; empty if the model is invalid.
        fault: what is wrong with the model, or an empty string.
    """

    title: str
    name: str
    sites: AtomSites
    fault: str = ""

    def record(self, dtype: torch.dtype | None) -> Record:
        """The model as a record that builds its ``Data``."""
        if self.fault:
            return failed_record(self.title, self.fault)
        return Record(self.title, partial(self.sites.data, dtype, self.name), self.sites.notes)


def atom_sites(model: gemmi.Model) -> AtomSites:
    """The atoms of a gemmi model, with one alternate location per residue.

    Of the alternate locations of a residue, or of two residues in the same place, the one with the highest mean
    occupancy is kept, or the first in alphabetical order if they are equal; atoms without an alternate location are
    always kept. Atoms of standard residues, including AMBER's names for them, can only be H, C, N, O, P, S or Se: any
    other element ("HO" for an HO'2 hydrogen) is replaced by the first letter of the atom name.
    """
    import gemmi

    result = AtomSites()
    chains: dict[str, int] = {}
    for chain in model:
        number = chains.setdefault(chain.name, len(chains))
        kept = _kept_locations(chain)
        for residue in chain:
            known = gemmi.find_tabulated_residue(residue.name)
            standard = known.is_standard() or residue.name in _AMBER
            water = known.is_water() or residue.name in _WATERS
            polymer = known.is_amino_acid() or known.is_nucleic_acid() or residue.name in _CAPS
            identifier = f"{residue.name}/{chain.name}/{residue.seqid}"
            location = kept.get(str(residue.seqid), "\0")
            for atom in residue:
                if atom.altloc in ("\0", location):
                    result.z.append(_atomic_number(atom, standard))
                    result.pos.append(atom.pos.tolist())
                    result.residue.append(identifier)
                    result.residue_number.append(int(residue.seqid.num or 0))
                    result.chain.append(number)
                    result.hetero.append(water or (residue.het_flag == "H" and not polymer))
                    result.water.append(water)
    return result


def _kept_locations(chain: gemmi.Chain) -> dict[str, str]:
    """The alternate location to keep, by the number of the residue."""
    occupancies: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for residue in chain:
        for atom in residue:
            if atom.altloc != "\0":
                occupancies[str(residue.seqid)][atom.altloc].append(atom.occ)
    return {
        place: min(found, key=lambda location: (-sum(found[location]) / len(found[location]), location))
        for place, found in occupancies.items()
    }


def _atomic_number(atom: gemmi.Atom, standard: bool) -> int:
    import gemmi

    if standard and atom.element.name not in _STANDARD_ELEMENTS:
        letter = atom.name.lstrip("0123456789'")[:1].upper()
        if letter in _STANDARD_ELEMENTS:
            return int(gemmi.Element(letter).atomic_number or 0)
    return int(atom.element.atomic_number or 0)
