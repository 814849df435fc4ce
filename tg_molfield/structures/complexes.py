"""`read_complex`: a ligand and its protein in one ``Data``."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Union

import numpy as np
import torch
from torch_geometric.data import Data

from tg_molfield.files import decoding, format_suffix
from tg_molfield.structures.build import check_precision, float_dtype
from tg_molfield.structures.formats.macromolecule import AtomSites, ModelRecord
from tg_molfield.structures.formats.registry import FORMATS, SUFFIXES
from tg_molfield.structures.formats.text_file import read_text
from tg_molfield.structures.keys import KEYS, validate
from tg_molfield.structures.rdkit_mol import from_rdkit
from tg_molfield.structures.reading import read
from tg_molfield.structures.structure_warnings import StructureWarning

if TYPE_CHECKING:
    from rdkit.Chem import Mol

Source = Union[str, Path, Data, "Mol"]

OVERLAP = 0.5
"""Distance in Å below which a ligand atom and a protein atom overlap."""

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
    have, and ``name``. Cells and graph-level values are dropped.

    Args:
        protein: a file with one model, a ``Data``, or an RDKit molecule.
        ligand: a file with one record, a ``Data``, an RDKit molecule, or a residue of the protein file:
            ``"NFT"`` if it occurs once, else ``"NFT/A/283"`` (name, chain, number).
        dtype: floating type of the result; ``None`` means ``torch.get_default_dtype()``.
        waters: keep the waters of the protein.
        hetero: keep the other hetero atoms of the protein: ligands, ions, cofactors. Modified amino acids and
            nucleotides that gemmi tabulates, and the caps ACE, NH2, NMA and NME, belong to the polymer and are always
            kept. All atoms of a ``Data`` without ``hetero`` and ``water`` are kept.

    Raises:
        FileNotFoundError: there is no such file.
        TypeError: protein or ligand is none of the kinds above.
        ValueError: a file has several records, the residue is missing or ambiguous, no protein atoms are left, or a
            ligand atom is closer than 0.5 Å to a protein atom.
    """
    dtype = float_dtype(dtype)
    if isinstance(ligand, str) and format_suffix(ligand) not in SUFFIXES and _RESIDUE.match(ligand):
        bound, host = _split(protein, ligand, dtype)
    else:
        bound, host = _single(ligand, dtype, "ligand"), _single(protein, dtype, "protein")
    host = _keep(host, waters, hetero)
    _check_overlap(bound, host)
    return _join(bound, host, dtype)


def _single(source: Source, dtype: torch.dtype, role: str) -> Data:
    """The one molecule of a source."""
    from rdkit import Chem

    if isinstance(source, Data):
        return validate(source)
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


def _split(protein: Source, residue: str, dtype: torch.dtype) -> tuple[Data, Data]:
    """A residue of the protein file, and the rest of the file."""
    source = FORMATS.get(format_suffix(protein)) if isinstance(protein, str | Path) else None
    if source is None or source.models is None:
        known = ", ".join(suffix for suffix, source in FORMATS.items() if source.models)
        raise ValueError(
            f"protein: expected a file with residues ({known}) because ligand is the residue {residue!r}, got "
            f"{protein!r:.80}; for a ligand file give its path with its suffix"
        )
    path = Path(str(protein))
    text, _ = read_text(path)
    with decoding(path):
        models = list(source.models(text))
    model = _only_model(path, models)
    for note in dict.fromkeys(model.sites.notes):
        warnings.warn(f"{path}: {note}", StructureWarning, stacklevel=3)
    chosen = _rows(path, model.sites, residue)
    with decoding(path):
        ligand, rest = (model.sites.data(dtype, model.name, np.flatnonzero(rows)) for rows in (chosen, ~chosen))
    return ligand, rest


def _only_model(path: Path, models: list[ModelRecord]) -> ModelRecord:
    if len(models) != 1:
        raise ValueError(f"{path}: expected 1 model, got {len(models)} models; pick one of read({str(path)!r})")
    if models[0].fault:
        raise ValueError(f"{path}: record 1: {models[0].fault}")
    return models[0]


def _rows(path: Path, sites: AtomSites, residue: str) -> np.ndarray:
    """[N] whether the atom belongs to the named residue."""
    wanted = residue.split("/")
    copies = [name for name in dict.fromkeys(sites.residue) if name.split("/")[: len(wanted)] == wanted]
    if not copies:
        others = dict.fromkeys(
            name
            for name, hetero, water in zip(sites.residue, sites.hetero, sites.water, strict=True)
            if hetero and not water
        )
        listed = ", ".join(list(others)[:20]) or "none"
        raise ValueError(
            f"{path}: expected the residue {residue!r} as ligand, got a file without it; "
            f"choose one of its ligands and ions: {listed}"
        )
    if len(copies) > 1:
        raise ValueError(
            f"{path}: expected the residue {residue!r} once as ligand, got it {len(copies)} times; choose one: "
            f"{', '.join(copies[:20])}" + (", …" if len(copies) > 20 else "")
        )
    return np.array([name == copies[0] for name in sites.residue])


def _keep(protein: Data, waters: bool, hetero: bool) -> Data:
    """The protein without its waters and hetero atoms, if it has these keys."""
    keep = torch.ones(protein["z"].numel(), dtype=torch.bool)
    water = protein["water"].cpu() if "water" in protein else ~keep
    if not waters:
        keep &= ~water
    if not hetero and "hetero" in protein:
        keep &= ~protein["hetero"].cpu() | water
    if not bool(keep.any()):
        raise ValueError(
            "protein: expected atoms other than waters and hetero atoms, got none; set waters=True or hetero=True"
        )
    return (
        protein
        if bool(keep.all())
        else Data(**{key: protein[key][keep] for key in _per_atom(protein)}, **_name(protein))
    )


def _check_overlap(ligand: Data, protein: Data) -> None:
    from scipy.spatial import cKDTree

    distance, nearest = cKDTree(protein["pos"].detach().cpu().numpy()).query(ligand["pos"].detach().cpu().numpy())
    close = np.flatnonzero(distance < OVERLAP)
    if len(close):
        row = int(close[0])
        raise ValueError(
            f"ligand: expected atoms at least {OVERLAP} Å from the protein, got {len(close)} closer ones (ligand atom "
            f"{row} and protein atom {int(nearest[row])}: {distance[row]:.2f} Å); if the protein contains the "
            "ligand, leave hetero=False or give the residue: ligand='NAME/CHAIN/NUMBER'"
        )


def _join(ligand: Data, protein: Data, dtype: torch.dtype) -> Data:
    shared = [key for key in _per_atom(ligand) if key in set(_per_atom(protein)) and key != "part"]
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


def _per_atom(data: Data) -> list[str]:
    """Keys with one row per atom: those in ``KEYS`` and custom ones."""
    atoms = data["z"].numel()
    return [
        key
        for key, value in data.to_dict().items()
        if (KEYS[key].per_atom if key in KEYS else isinstance(value, torch.Tensor) and data.is_node_attr(key))
        and value.size(0) == atoms
    ]


def _name(data: Data) -> dict[str, str]:
    return {"name": data["name"]} if isinstance(getattr(data, "name", None), str) else {}
