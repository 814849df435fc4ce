"""Residue names of the force fields and simulation programs, beside those that gemmi tabulates.

The names are in ``residue_names.csv``. Sources: the residue libraries of AMBER (leap), CHARMM36 (toppar), and of
GROMOS and OPLS as GROMACS distributes them.
"""

from __future__ import annotations

import csv
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING

from tg_molfield.chem.elements import atomic_numbers

if TYPE_CHECKING:
    import gemmi


@lru_cache(maxsize=1)
def _rows() -> list[tuple[str, str, list[str]]]:
    with resources.files(__package__).joinpath("residue_names.csv").open() as stream:
        return [(row["kind"], row["element"], row["names"].split()) for row in csv.DictReader(stream)]


@lru_cache(maxsize=16)
def names_of(kind: str) -> frozenset[str]:
    """The residue names of a kind: ``"amino acid"``, ``"nucleotide"``, ``"cap"``, ``"water"`` or ``"lipid"``.

    Names of nucleotides and waters may be those of other molecules in the PDB. The amino acids are those with the
    names of force fields: protonation states, and AMBER's names for the ends of chains ("NALA").
    """
    names = {name for found, _, names in _rows() if found == kind for name in names}
    if kind == "amino acid":
        names |= {end + name for end in "NC" for name in names_of("standard amino acid") | {"HID", "HIE", "HIP", "CYX"}}
    return frozenset(names)


@lru_cache(maxsize=1)
def ions() -> dict[str, int]:
    """The atomic numbers of ions by residue name: CHARMM, AMBER, GROMOS, OPLS and PDB."""
    numbers = atomic_numbers()
    return {name: numbers[element] for kind, element, names in _rows() if kind == "ion" for name in names}


@lru_cache(maxsize=1)
def four_letter_names() -> frozenset[str]:
    """Names that fill the column between the residue name and the chain of a PDB file."""
    kinds = ("amino acid", "nucleotide", "water", "lipid")
    return frozenset(name for kind in kinds for name in names_of(kind) if len(name) == 4)


@lru_cache(maxsize=4096)
def tabulated(name: str) -> gemmi.ResidueInfo:
    """What gemmi knows of a residue name."""
    import gemmi

    return gemmi.find_tabulated_residue(name)


def is_polymer(name: str, atoms: frozenset[str]) -> bool:
    """Whether a name is that of an amino acid, a nucleotide or a cap.

    Args:
        name: the residue name in capitals.
        atoms: the names of its atoms, which tell force-field names from ligands of the same name.
    """
    if name == "UNK" or name in names_of("amino acid"):
        return "CA" in atoms
    if name in names_of("nucleotide"):
        return any("'" in atom or "*" in atom for atom in atoms)
    return tabulated(name).is_amino_acid() or tabulated(name).is_nucleic_acid() or name in names_of("cap")


def is_standard(name: str, atoms: frozenset[str]) -> bool:
    """Whether all atoms of the residue are H, C, N, O, P, S or Se, with the element's symbol first in their names."""
    if tabulated(name).found() and name != "MSE" and name not in names_of("cap"):
        return tabulated(name).is_standard() and name not in ("UNK", "N", "DN")
    return is_polymer(name, atoms)


def is_known(name: str) -> bool:
    """Whether any table has the name."""
    kinds = ("amino acid", "nucleotide", "cap", "water", "lipid")
    return tabulated(name).found() or name in ions() or any(name in names_of(kind) for kind in kinds)
