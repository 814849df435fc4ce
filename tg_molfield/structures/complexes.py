"""`read_complex`: a ligand and its protein in one ``Data``."""

from __future__ import annotations

import copy
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Union

import numpy as np
import torch
from torch_geometric.data import Data

from tg_molfield.arguments import check_flag
from tg_molfield.files import decoding, format_suffix
from tg_molfield.structures.build import check_precision, float_dtype
from tg_molfield.structures.formats.registry import FORMATS, SUFFIXES
from tg_molfield.structures.keys import KEYS, is_per_atom, validate
from tg_molfield.structures.rdkit_mol import from_rdkit
from tg_molfield.structures.reading import read
from tg_molfield.structures.residue_selection import only_model, residue_rows, wanted_rows
from tg_molfield.structures.structure_warnings import StructureWarning

if TYPE_CHECKING:
    from rdkit.Chem import Mol

Source = Union[str, Path, Data, "Mol"]

OVERLAP = 0.5
"""Distance in Å below which a ligand atom and a protein atom overlap."""

CONTACT = 10.0
"""Distance in Å beyond which a ligand is not bound: its nearest atom shares no solvation shell with the protein."""

_RESIDUE = re.compile(r"^[A-Za-z0-9+-]{1,5}(/[^/\s]*){0,2}$")


def read_complex(
    protein: Source,
    ligand: Source,
    dtype: torch.dtype | None = None,
    waters: bool = False,
    hetero: bool = False,
) -> Data:
    """A ligand and its protein as one molecule, the ligand's atoms first.

    The result has ``z`` [N], ``pos`` [N, 3] in Å, ``part`` [N] (0 ligand, 1 protein), the per-atom keys that both
    have, and ``name``. Where the protein has residues and the ligand has none, as in an SDF, ``residue_number`` [N],
    ``chain`` [N], ``hetero`` [N] and ``water`` [N] are kept too: the ligand is residue 1 of a chain of its own. Cells
    and graph-level values are dropped.

    Args:
        protein: a file with one model, a ``Data``, or an RDKit molecule.
        ligand: a file with one record, a ``Data``, an RDKit molecule, or a residue of the protein file:
            ``"NFT"`` if it occurs once, else ``"NFT/A/283"`` (name, chain, number).
        dtype: floating type of the result; ``None`` means ``torch.get_default_dtype()``.
        waters: keep the waters of the protein.
        hetero: keep the other hetero atoms of the protein: ligands, ions, lipids, cofactors, sugars, whether they
            are ATOM or HETATM records. Amino acids and nucleotides, also modified ones, and caps such as ACE and NME
            belong to the polymer and are always kept. All atoms of a ``Data`` without ``hetero`` and ``water`` are
            kept. What is left out of a file need not be readable: its elements may be unknown.

    Raises:
        FileNotFoundError: there is no such file.
        TypeError: protein or ligand is none of the kinds above.
        ValueError: a file has several records, the residue is missing or ambiguous, no protein atoms are left, or a
            ligand atom is closer than 0.5 Å to a protein atom.

    Warns:
        StructureWarning: no ligand atom is within 10 Å of the protein.
    """
    check_flag(waters=waters, hetero=hetero)
    dtype = float_dtype(dtype)
    if is_residue(ligand):
        bound, host = split_residue(protein, str(ligand), dtype, waters, hetero)
    else:
        bound, host = _molecule(ligand, dtype, "ligand"), read_protein(protein, dtype, waters, hetero)
    return join_complex(bound, host, dtype, _place(protein, "protein"), _place(ligand, "ligand"))


def is_residue(ligand: Source) -> bool:
    """Whether a ligand is named as a residue of the protein file, not as a file."""
    return isinstance(ligand, str) and format_suffix(ligand) not in SUFFIXES and _RESIDUE.match(ligand) is not None


def join_complex(ligand: Data, protein: Data, dtype: torch.dtype, protein_place: str, ligand_place: str) -> Data:
    """A ligand and its protein as one molecule, see `read_complex`.

    Args:
        ligand: its atoms.
        protein: those that are wanted of it.
        dtype: floating type of the result.
        protein_place: what messages call the protein.
        ligand_place: what messages call the ligand.

    Raises:
        ValueError: a ligand atom is closer than 0.5 Å to a protein atom.

    Warns:
        StructureWarning: no ligand atom is within 10 Å of the protein.
    """
    _check_distance(ligand, protein, protein_place, ligand_place)
    return _join(ligand, protein, dtype)


def read_protein(source: Source, dtype: torch.dtype, waters: bool, hetero: bool) -> Data:
    """The one molecule of a source without the waters and the hetero atoms that are not wanted.

    What is left out of a file need not be readable.
    """
    model = only_model(source, "protein") if isinstance(source, str | Path) else None
    if model is not None and model.sites is not None:
        path, sites, notes = Path(str(source)), model.sites, list(model.notes)
        rows = wanted_rows(str(path), sites.water, sites.hetero, waters, hetero)
        with decoding(path):
            data = sites.data(dtype, model.name, np.flatnonzero(rows), notes)
        _warn(path, notes)
        return data
    data = _molecule(source, dtype, "protein")
    keys = {key: data[key].cpu().numpy() for key in ("water", "hetero") if key in data}
    none = np.zeros(data["z"].numel(), dtype=np.bool_)
    rows = wanted_rows(_place(source, "protein"), keys.get("water", none), keys.get("hetero", none), waters, hetero)
    if rows.all():
        return data
    keep = torch.as_tensor(rows)
    return Data(**{key: data[key][keep] for key in per_atom_keys(data)}, **_name(data))


def _molecule(source: Source, dtype: torch.dtype, role: str) -> Data:
    """The one molecule of a source."""
    from rdkit import Chem

    if isinstance(source, Data):
        return validate(source, used=[name for name, key in KEYS.items() if key.per_atom])
    if isinstance(source, Chem.Mol):
        return from_rdkit(source, dtype=dtype)
    if not isinstance(source, str | Path):
        raise TypeError(
            f"{role}: expected a path, a Data or an rdkit.Chem.Mol, got {type(source).__name__}; convert it first"
        )
    records = read(source, dtype=dtype)
    if len(records) != 1:
        raise ValueError(
            f"{source}: expected 1 record as {role}, got {len(records)}; give one of them: {role}=read(path)[0]"
        )
    return records[0]


def split_residue(protein: Source, residue: str, dtype: torch.dtype, waters: bool, hetero: bool) -> tuple[Data, Data]:
    """A residue of the protein file, and what is wanted of the rest of the file."""
    model = only_model(protein, f"protein and {residue}") if isinstance(protein, str | Path) else None
    if model is None:
        known = ", ".join(suffix for suffix, source in FORMATS.items() if source.models)
        raise ValueError(
            f"protein: expected a file with residues ({known}) because ligand is the residue {residue!r}, got "
            f"{protein!r:.80}; for a ligand file give its path with its suffix"
        )
    path, sites = Path(str(protein)), model.sites
    if sites is None:
        raise ValueError(f"{path}: record 1: {model.fault}")
    chosen = residue_rows(path, sites, residue)
    rest = ~chosen
    rest[rest] = wanted_rows(str(path), sites.water[rest], sites.hetero[rest], waters, hetero)
    notes = list(model.notes)
    with decoding(path):
        ligand, host = (sites.data(dtype, model.name, np.flatnonzero(rows), notes) for rows in (chosen, rest))
    _warn(path, notes)
    return ligand, host


def _warn(path: Path, notes: list[str]) -> None:
    for note in dict.fromkeys(notes):
        warnings.warn(f"{path}: {note}", StructureWarning, stacklevel=4)


def _place(source: Source, role: str) -> str:
    """What messages call a source: its path, or its role."""
    return str(source) if isinstance(source, str | Path) else role


def _check_distance(bound: Data, host: Data, protein: str, ligand: str) -> None:
    from scipy.spatial import cKDTree

    distance, nearest = cKDTree(host["pos"].detach().cpu().numpy()).query(bound["pos"].detach().cpu().numpy())
    close = np.flatnonzero(distance < OVERLAP)
    if len(close):
        row = int(close[0])
        raise ValueError(
            f"{protein} and {ligand}: expected ligand atoms at least {OVERLAP} Å "
            f"from the protein, got {len(close)} closer ones (ligand atom {row} and protein atom {int(nearest[row])}: "
            f"{distance[row]:.2f} Å); if the protein contains the ligand, leave hetero=False or give the residue: "
            "ligand='NAME/CHAIN/NUMBER'"
        )
    if distance.min() > CONTACT:
        warnings.warn(
            f"{protein} and {ligand}: expected a ligand within {CONTACT} Å of the "
            f"protein, got one {distance.min():.1f} Å away; check that both have the same coordinate system",
            StructureWarning,
            stacklevel=4,
        )


def _join(ligand: Data, protein: Data, dtype: torch.dtype) -> Data:
    ligand = _as_residue(ligand, protein)
    shared = [key for key in per_atom_keys(ligand) if key in set(per_atom_keys(protein)) and key != "part"]
    joined = Data()
    for data in (ligand, protein):
        check_precision(data["pos"], dtype)
    for key in shared:
        value = torch.cat([ligand[key].cpu(), protein[key].cpu()])
        joined[key] = value.to(dtype) if value.is_floating_point() else value
    sizes = torch.tensor([ligand["z"].numel(), protein["z"].numel()])
    joined.part = torch.repeat_interleave(torch.arange(2), sizes)
    names = dict.fromkeys(name for data in (protein, ligand) for name in _name(data).values() if name)
    joined.name = " ".join(names)
    return validate(joined)


def _as_residue(ligand: Data, protein: Data) -> Data:
    """The ligand with what the protein tells of its residues: one residue of another chain."""
    values: dict[str, int | bool] = {"residue_number": 1, "hetero": True, "water": False}
    if "chain" in protein:
        values["chain"] = int(protein["chain"].max()) + 1
    ligand = copy.copy(ligand)
    for key, value in values.items():
        if key in protein and key not in ligand:
            ligand[key] = torch.full((ligand["z"].numel(),), value, dtype=protein[key].dtype)
    return ligand


def per_atom_keys(data: Data) -> list[str]:
    """Keys with one row per atom: those in ``KEYS`` and custom ones."""
    return [key for key in data.to_dict() if is_per_atom(data, key)]


def _name(data: Data) -> dict[str, str]:
    return {"name": data["name"]} if isinstance(getattr(data, "name", None), str) else {}
