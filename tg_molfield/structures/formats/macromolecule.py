"""Proteins, nucleic acids and what is around them, as gemmi reads them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch_geometric.data import Data

from tg_molfield.structures.build import build, check_apart

if TYPE_CHECKING:
    import gemmi

_CAPS = {"ACE", "NH2", "NMA", "NME"}
_WATERS = {"SOL", "TIP3", "TIP4", "TIP5"}
_AMBER = {f"R{base}{end}" for base in "ACGU" for end in ("", "3", "5")}
_AMBER |= {f"D{base}{end}" for base in "ACGT" for end in "35"} | {
    "HID",
    "HIE",
    "HIP",
    "CYX",
    "CYM",
    "ASH",
    "GLH",
    "LYN",
}
_STANDARD_ELEMENTS = {"H", "D", "C", "N", "O", "P", "S", "Se"}


@dataclass
class Model:
    """One model of a structure file; every list has one entry an atom.

    Attributes:
        z: atomic numbers.
        pos: positions in Å.
        residue: residue identifiers ``"NFT/A/283"``, the insertion code after the number.
        residue_number: residue numbers.
        chain: chains counted from 0.
        hetero: whether the atom is a HETATM of something else than an amino acid, a nucleotide (modified ones
            included, as far as gemmi tabulates them) or the caps ACE, NH2, NMA and NME; or belongs to a water.
        water: whether it belongs to a water molecule.
    """

    z: list[int] = field(default_factory=list)
    pos: list[list[float]] = field(default_factory=list)
    residue: list[str] = field(default_factory=list)
    residue_number: list[int] = field(default_factory=list)
    chain: list[int] = field(default_factory=list)
    hetero: list[bool] = field(default_factory=list)
    water: list[bool] = field(default_factory=list)

    def data(self, dtype: torch.dtype | None, name: str, rows: np.ndarray | None = None) -> Data:
        """The model, or its atoms ``rows``, as ``Data``.

        Raises:
            ValueError: no atoms, unknown elements, coordinates that are not finite, or atoms that coincide.
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
        check_apart(torch.as_tensor(pos))
        return data


def model_of(model: gemmi.Model) -> Model:
    """The atoms of a gemmi model, one alternate location each.

    Of a residue with alternate locations, also of two residues that share one place, the location with the
    highest mean occupancy is kept, the first in the alphabet where they are equal; atoms without a location
    stay. Elements of standard residues, also under AMBER's names, can only be H, C, N, O, P, S or Se: any other
    element there ("HO" for an HO'2 hydrogen) is replaced by the first letter of the atom name.
    """
    import gemmi

    result = Model()
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
    """The alternate location to keep at each residue place that has some."""
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
