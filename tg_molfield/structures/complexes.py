"""``read_complex``: a ligand and its protein in one ``Data``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Union

import numpy as np
import torch
from torch_geometric.data import Data

from tg_molfield.files import format_suffix
from tg_molfield.structures.build import check_precision, float_dtype
from tg_molfield.structures.formats.cif import cif_models
from tg_molfield.structures.formats.content import read_text
from tg_molfield.structures.formats.macromolecule import Model
from tg_molfield.structures.formats.pdb import first_model, pdb_models
from tg_molfield.structures.keys import KEYS, validate
from tg_molfield.structures.rdkit_mol import from_rdkit
from tg_molfield.structures.reading import SUFFIXES, read

if TYPE_CHECKING:
    from rdkit.Chem import Mol

Source = Union[str, Path, Data, "Mol"]

OVERLAP = 0.5
"""Distance in Å below which a ligand atom and a protein atom cannot both be there."""

_RESIDUE = re.compile(r"^[A-Za-z0-9+-]{1,5}(/[^/\s]*){0,2}$")


def read_complex(
    protein: Source,
    ligand: Source,
    dtype: torch.dtype | None = None,
    waters: bool = False,
    hetero: bool = False,
) -> Data:
    """A ligand and its protein as one molecule, the ligand's atoms first.

    ``z`` [N], ``pos`` [N, 3] in Å, ``part`` [N] (0 ligand, 1 protein), the per-atom keys that both have, and
    ``name``. Cells and graph-level values are not carried over.

    Args:
        protein: a file with one model, a ``Data``, or an RDKit molecule.
        ligand: a file with one record, a ``Data``, an RDKit molecule; or a residue of the protein file, as
            ``"NFT"`` where there is one of it, else as ``"NFT/A/283"`` (name, chain, number).
        dtype: floating type of the result; ``None`` is ``torch.get_default_dtype()``.
        waters: keep the waters of the protein.
        hetero: keep what else of the protein's source is no polymer: ligands, ions, cofactors. Modified amino
            acids and nucleotides that gemmi tabulates, and the caps ACE, NH2, NMA and NME, are polymer. A ``Data``
            without ``hetero`` and ``water`` is taken whole.

    Raises:
        FileNotFoundError: there is no such file.
        TypeError: protein or ligand is none of the kinds above.
        ValueError: several records where one is needed, a residue that is missing or ambiguous, nothing left of
            the protein, or a ligand atom closer than 0.5 Å to a protein atom.
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
        raise TypeError(f"{role} must be a path, a Data or an rdkit.Chem.Mol, not {type(source).__name__}")
    records = read(source, dtype=dtype)
    if len(records) != 1:
        raise ValueError(
            f"{source}: {role} holds {len(records)} records, one is needed; give one of them: {role}=read(path)[0]"
        )
    return records[0]


def _split(protein: Source, residue: str, dtype: torch.dtype) -> tuple[Data, Data]:
    """A residue of the protein file, and the rest of the file."""
    if not isinstance(protein, str | Path) or format_suffix(protein) not in (".pdb", ".ent", ".cif", ".mmcif"):
        raise ValueError(
            f"ligand = {residue!r} names a residue, so protein must be a PDB or mmCIF file, not {protein!r:.80}; "
            f"for a ligand file give its path with its suffix"
        )
    path = Path(protein)
    text, _ = read_text(path)
    try:
        models = list((pdb_models if format_suffix(path) in (".pdb", ".ent") else cif_models)(text))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    name, model = first_model(path, models)
    chosen = _rows(path, model, residue)
    try:
        return model.data(dtype, name, np.flatnonzero(chosen)), model.data(dtype, name, np.flatnonzero(~chosen))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _rows(path: Path, model: Model, residue: str) -> np.ndarray:
    """[N] whether the atom belongs to the named residue."""
    wanted = residue.split("/")
    copies = [name for name in dict.fromkeys(model.residue) if name.split("/")[: len(wanted)] == wanted]
    if not copies:
        others = dict.fromkeys(
            name
            for name, hetero, water in zip(model.residue, model.hetero, model.water, strict=True)
            if hetero and not water
        )
        listed = ", ".join(list(others)[:20]) or "none"
        raise ValueError(f"{path}: ligand = {residue!r} is not in the file; its ligands and ions are: {listed}")
    if len(copies) > 1:
        raise ValueError(
            f"{path}: ligand = {residue!r} is there {len(copies)} times; name one: {', '.join(copies[:20])}"
            + (", …" if len(copies) > 20 else "")
        )
    return np.array([name == copies[0] for name in model.residue])


def _keep(protein: Data, waters: bool, hetero: bool) -> Data:
    """The protein without its waters and without what is no polymer, where it says which atoms are."""
    keep = torch.ones(protein["z"].numel(), dtype=torch.bool)
    water = protein["water"].cpu() if "water" in protein else ~keep
    if not waters:
        keep &= ~water
    if not hetero and "hetero" in protein:
        keep &= ~protein["hetero"].cpu() | water
    if not bool(keep.any()):
        raise ValueError(
            "nothing is left of the protein without waters and hetero atoms; set waters=True or hetero=True"
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
            f"{len(close)} ligand atoms lie closer than {OVERLAP} Å to a protein atom (ligand atom {row + 1} and "
            f"protein atom {int(nearest[row]) + 1}: {distance[row]:.2f} Å): the protein may contain the ligand; leave "
            f"hetero=False, or name the residue: ligand='NAME/CHAIN/NUMBER'"
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
    """Keys with one row an atom, those of the table and those of the user's own."""
    atoms = data["z"].numel()
    return [
        key
        for key, value in data.to_dict().items()
        if (KEYS[key].per_atom if key in KEYS else isinstance(value, torch.Tensor) and data.is_node_attr(key))
        and value.size(0) == atoms
    ]


def _name(data: Data) -> dict[str, str]:
    return {"name": data["name"]} if isinstance(getattr(data, "name", None), str) else {}
