"""Elements and positions by independent readers, compared with those that the package read without a warning.

================ ================== ==================================================================================
format           reader             compared
================ ================== ==================================================================================
XYZ              ASE                number of frames, elements, positions
SDF, MOL         RDKit              number of records; elements and positions of those that RDKit reads
MOL2             RDKit; the words   elements where RDKit reads the record; positions by the words of the ATOM lines
PDB              ASE                every atom at its place with its element; the number of atoms if none has an
                                    alternate location
CIF of a crystal ASE                the number of atoms in the cell, and the elements at their places
mmCIF            gemmi's CIF parser every atom at a place that the file lists
================ ================== ==================================================================================

Where the other reader fails, there is nothing to compare. Differences that are let through, and why:

- SDF: RDKit loses records after a data item without its empty line: as many records as lines ``M  END`` are right;
- PDB: the element is compared only where columns 77 and 78 hold one, since both readers guess it otherwise, and where
  the residue does not contradict it (a mercury HG of a serine is a hydrogen);
- PDB: ASE makes several frames of one model or the reverse (END, ENDMDL), so that all atoms of a file are compared;
- XYZ: ASE stops at an empty line between frames;
- SDF: RDKit reads numbers such as 5.1*^-6 and 1.0D+02 to their asterisk or D, and as 0 after an odd blank (U+001F);
- PDB: ASE leaves out record names in lower case;
- PDB: an element that the name of the atom contradicts, as in a line that lost a column;
- CIF: elements in capitals, SI or CL, which ASE cuts to one letter;
- CIF: disordered crystals, of which the package chooses one part, while ASE keeps all;
- CIF: dummy sites and sites of occupancy 0, which the package leaves out;
- CIF: angles that are not given, which are 90 degrees by the dictionary;
- CIF: tables with a comment among their tags, which ASE does not see;
- CIF: files of crystals and molecules together, and of components;
- deuterium and tritium are hydrogen.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from torch_geometric.data import Data

TOLERANCE = 2e-3
_SAME_SITE = 0.02
_ANGLES = ("alpha", "beta", "gamma")
_ORGANIC = (1, 6, 7, 8, 15, 16)
_BLANKS = re.compile(r"[^\S\n]")
_EXPONENTS = re.compile(r"\*\^|(?<=\d)[dD](?=[-+]\d)")


Atoms = tuple[np.ndarray, np.ndarray]
"""Atomic numbers [N] and positions [N, 3] in Å."""


class Comparison(NamedTuple):
    """An independent reader, and what of it is compared.

    Attributes:
        read: what the other reader makes of the text; it may raise anything, ``None`` means that there is nothing to
            compare.
        difference: from the records of the package and of the other reader, a difference or an empty string.
    """

    read: Callable[[str], Any]
    difference: Callable[[list[Atoms], Any], str]


def structure_difference(suffix: str, content: bytes, records: list[Any]) -> str | None:
    """What an independent reader finds in ``content`` that ``records`` do not have; ``None`` if it cannot read it."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    comparison = COMPARISONS[suffix]
    try:
        theirs = comparison.read(text.replace("\r\n", "\n").replace("\r", "\n"))
    except Exception:
        return None
    ours = [(data.z.numpy(), data.pos.double().numpy()) for data in records]
    return None if theirs is None else comparison.difference(ours, theirs)


def complex_difference(suffix: str, content: bytes, data: Any, role: str, from_file: bool) -> str | None:
    """What an independent reader finds in ``content`` that a complex does not have; ``None`` if it cannot read it.

    Args:
        suffix: of the file.
        content: of the file.
        data: the complex.
        role: of the file, ``"protein"`` or ``"ligand"``.
        from_file: whether the ligand too is from the file of the protein.
    """
    part = data.part.numpy() == (role == "protein")
    own = np.ones_like(part) if from_file else part
    z, pos = data.z.numpy()[own], data.pos.double().numpy()[own]
    if role == "ligand":
        return structure_difference(suffix, content, [Data(z=data.z[part], pos=data.pos[part])])
    try:
        theirs = COMPARISONS[suffix].read(content.decode("latin-1").replace("\r\n", "\n").replace("\r", "\n"))
    except Exception:
        return None
    places = theirs.pos if isinstance(theirs, _PDBAtoms) else theirs
    return _sites_differ([(z, pos)], places) if isinstance(places, np.ndarray) else None


def _frames_differ(ours: list[Atoms], theirs: list[Atoms | None]) -> str:
    """Compares record by record, leaving out those that the other reader could not read."""
    if len(ours) != len(theirs):
        return f"{len(ours)} records, the other reader has {len(theirs)}"
    for number, (one, other) in enumerate(zip(ours, theirs, strict=True), start=1):
        if other is not None:
            found = _atoms_differ(*one, *other)
            if found:
                return f"record {number}: {found}"
    return ""


def _atoms_differ(z: np.ndarray, pos: np.ndarray, other_z: np.ndarray, other_pos: np.ndarray) -> str:
    if len(z) != len(other_z):
        return f"{len(z)} atoms, the other reader has {len(other_z)}"
    if (z != other_z).any():
        atom = int((z != other_z).argmax())
        return f"element {z[atom]} of atom {atom}, the other reader has {other_z[atom]}"
    apart = np.abs(pos - other_pos).max(initial=0)
    return "" if apart < TOLERANCE else f"positions up to {apart:.4g} Å from those of the other reader"


def _xyz(text: str) -> list[Atoms]:
    from ase.io.extxyz import read_xyz

    return [(frame.numbers, frame.positions) for frame in read_xyz(io.StringIO(text), slice(None))]


def _xyz_difference(ours: list[Atoms], theirs: list[Atoms]) -> str:
    return _frames_differ(ours[: len(theirs)], theirs)


class _SDF(NamedTuple):
    """The records that RDKit reads, ``None`` for those that it cannot, and the number of lines ``M  END``."""

    records: list[Atoms | None]
    ends: int


def _sdf(text: str) -> _SDF:
    from rdkit import Chem

    supplier = Chem.SDMolSupplier()
    supplier.SetData(_BLANKS.sub(" ", _EXPONENTS.sub("e", text)), sanitize=False, removeHs=False)
    records = [None if mol is None else _mol(mol) for mol in supplier]
    return _SDF(records, sum(line.startswith("M  END") for line in text.split("\n")))


def _sdf_difference(ours: list[Atoms], theirs: _SDF) -> str:
    if len(ours) == len(theirs.records):
        return _frames_differ(ours, theirs.records)
    return "" if len(ours) == theirs.ends else f"{len(ours)} records, RDKit has {len(theirs.records)}"


def _mol2(text: str) -> list[tuple[np.ndarray, Atoms | None]]:
    """The positions by the words of the ATOM lines, and what RDKit reads."""
    from rdkit import Chem

    records = []
    for block in ("\n" + text).split("\n@<TRIPOS>MOLECULE")[1:]:
        sections = [part.partition("\n") for part in block.split("\n@<TRIPOS>")]
        lines = [line for name, _, text in sections if name.strip() == "ATOM" for line in text.split("\n")]
        rows = [line.split() for line in lines if line.strip() and not line.startswith("#")]
        pos = np.array([[float(word) for word in row[2:5]] for row in rows]).reshape(-1, 3)
        mol = Chem.MolFromMol2Block("@<TRIPOS>MOLECULE" + block, sanitize=False, removeHs=False)
        records.append((pos, None if mol is None else _mol(mol)))
    return records


def _mol2_difference(ours: list[Atoms], theirs: list[tuple[np.ndarray, Atoms | None]]) -> str:
    found = _frames_differ(ours, [atoms for _, atoms in theirs])
    if found:
        return found
    by_words = [(z, pos) for (z, _), (pos, _) in zip(ours, theirs, strict=True)]
    return _frames_differ(ours, by_words)


def _mol(mol: Any) -> Atoms:
    numbers = np.array([atom.GetAtomicNum() for atom in mol.GetAtoms()], dtype=int)
    return numbers, np.array(mol.GetConformer().GetPositions()).reshape(-1, 3)


class _PDBAtoms(NamedTuple):
    """What ASE reads; ``z`` is 0 where the columns hold no element, ``chosen`` tells of alternate locations."""

    z: np.ndarray
    pos: np.ndarray
    chosen: bool


def _pdb(text: str) -> _PDBAtoms | None:
    from ase.data import chemical_symbols
    from ase.io import read as read_ase

    lines = [line for line in text.split("\n") if line[:6].upper() in ("ATOM  ", "HETATM")]
    frames = read_ase(io.StringIO(text), index=":", format="proteindatabank")
    pos = np.concatenate([frame.positions for frame in frames])
    if len(pos) != len(lines):
        return None
    known = {symbol.upper(): number for number, symbol in enumerate(chemical_symbols) if number} | {"D": 1, "T": 1}
    listed = [line[76:78].strip().upper() for line in lines]
    names = [line[12:16].strip(" 0123456789").upper() for line in lines]
    agree = [name.startswith(word) for name, word in zip(names, listed, strict=True)]
    z = np.array([known.get(word, 0) if same else 0 for word, same in zip(listed, agree, strict=True)])
    return _PDBAtoms(z, pos, any(line[16:17] != " " for line in lines))


def _pdb_difference(ours: list[Atoms], theirs: _PDBAtoms) -> str:
    from scipy.spatial import cKDTree

    z, pos = (np.concatenate([atoms[i] for atoms in ours]) for i in range(2))
    if not theirs.chosen and len(pos) != len(theirs.pos):
        return f"{len(pos)} atoms, ASE has {len(theirs.pos)}"
    tree = cKDTree(theirs.pos)
    distance, nearest = tree.query(pos)
    if distance.max() > TOLERANCE:
        return f"an atom at {pos[distance.argmax()].tolist()}, ASE has none there"
    alone = tree.query_ball_point(pos, TOLERANCE, return_length=True) == 1
    listed = theirs.z[nearest]
    wrong = alone & (listed > 0) & (listed != z) & ~np.isin(z, _ORGANIC)
    if wrong.any():
        atom = int(wrong.argmax())
        return f"element {z[atom]} at {pos[atom].tolist()}, the columns say {listed[atom]}"
    return ""


def _cif(text: str) -> Any:
    tags = text.lower()
    crystal, model = "_atom_site_fract_" in tags, "_atom_site.cartn_" in tags
    if crystal == model or any(tag in tags for tag in ("_disorder_", "_atom_site_calc_flag", "_chem_comp_atom")):
        return None
    return _mmcif(text) if model else _crystals(text)


def _cif_difference(ours: list[Atoms], theirs: Any) -> str:
    return _sites_differ(ours, theirs) if isinstance(theirs, np.ndarray) else _crystals_differ(ours, theirs)


def _crystals(text: str) -> list[Any] | None:
    import gemmi
    from ase.io import read as read_ase

    blocks = gemmi.cif.read_string(text)
    if any(gemmi.cif.as_number(word) == 0 for block in blocks for word in block.find_values("_atom_site_occupancy")):
        return None
    if re.search(r"(?m)^\s*\w+\s+[A-Z]{2}\s", text) or not all(
        f"_cell_angle_{name}" in text.lower() for name in _ANGLES
    ):
        return None
    return read_ase(io.StringIO(text), index=":", format="cif", fractional_occupancies=False)


def _crystals_differ(ours: list[Atoms], theirs: list[Any]) -> str:
    if len(ours) < len(theirs):
        return f"{len(ours)} crystals, ASE has {len(theirs)}"
    if len(ours) > len(theirs):
        return ""
    for number, ((z, pos), frame) in enumerate(zip(ours, theirs, strict=True), start=1):
        if Counter(frame.numbers.tolist()) != Counter(z.tolist()):
            return f"record {number}: cell of {dict(Counter(z.tolist()))}, ASE {dict(Counter(frame.numbers.tolist()))}"
        cell = np.array(frame.cell)
        shift = (pos @ np.linalg.inv(cell))[:, None] - frame.get_scaled_positions()[None]
        apart = np.linalg.norm((shift - np.rint(shift)) @ cell, axis=-1)
        apart[z[:, None] != frame.numbers[None]] = np.inf
        if apart.min(axis=1).max() > _SAME_SITE:
            return f"record {number}: an atom {apart.min(axis=1).max():.3f} Å from those of ASE"
    return ""


def _mmcif(text: str) -> np.ndarray:
    import gemmi

    rows: list[list[float]] = []
    for block in gemmi.cif.read_string(text):
        for row in block.find("_atom_site.", ["Cartn_x", "Cartn_y", "Cartn_z"]):
            rows.append([float(gemmi.cif.as_string(word).partition("(")[0]) for word in row])
    return np.array(rows)


def _sites_differ(ours: list[Atoms], theirs: np.ndarray) -> str:
    from scipy.spatial import cKDTree

    pos = np.concatenate([atoms[1] for atoms in ours])
    distance, _ = cKDTree(theirs).query(pos)
    return f"an atom at {pos[distance.argmax()].tolist()}, not in the file" if distance.max() > TOLERANCE else ""


COMPARISONS = {
    **dict.fromkeys((".xyz", ".extxyz"), Comparison(_xyz, _xyz_difference)),
    **dict.fromkeys((".sdf", ".mol"), Comparison(_sdf, _sdf_difference)),
    ".mol2": Comparison(_mol2, _mol2_difference),
    **dict.fromkeys((".pdb", ".ent"), Comparison(_pdb, _pdb_difference)),
    **dict.fromkeys((".cif", ".mmcif"), Comparison(_cif, _cif_difference)),
}
