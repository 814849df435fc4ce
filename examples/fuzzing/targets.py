"""The ways in which a file can be read: by which function, and with which options.

============== ================================================================= ============================
target         reads                                                             formats
============== ================================================================= ============================
``read``       `read`, `Volume.read`, ``load``, ``from_pretrained``, and fits    all
               and searches that go on from a checkpoint
``properties`` `read` with properties that depend on bonds                       SDF, MOL, MOL2
``protein``    `read_complex` of the file, and a residue in it or another        PDB, mmCIF
               molecule
``ligand``     `read_complex` of another molecule and the file                   SDF, MOL, MOL2, PDB, mmCIF
``expand``     `Volume.read` of the whole unit cell                              CCP4, MRC
============== ================================================================= ============================
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch_geometric.data import Data

from fuzzing.seed_files import MODEL
from fuzzing.written_files import resume_fit, resume_search
from tg_molfield import FieldAutoDecoder, FieldAutoEncoder, Volume, read_complex
from tg_molfield.files import format_suffix
from tg_molfield.inverse.superres import SuperresField
from tg_molfield.nn import MoleculeDescriptor
from tg_molfield.structures import PROPERTIES, read
from tg_molfield.structures.formats.registry import FORMATS

TARGETS = ("read", "properties", "protein", "ligand", "expand")
FAR_AWAY = Data(z=torch.tensor([6, 8]), pos=torch.tensor([[5000.0, 0, 0], [5001.2, 0, 0]], dtype=torch.float64))
"""The other half of a complex, which overlaps with no file; that it is not near is no fault, see `is_harmless`."""

_COMPUTED = tuple(name for name in PROPERTIES if name != "formal_charge")
_MAPS = (".ccp4", ".map", ".mrc")
_LOADERS: dict[str, Callable[[Path], Any]] = {
    **{kind.__name__: kind.load for kind in (FieldAutoDecoder, MoleculeDescriptor, SuperresField)},
    "FieldAutoEncoder": FieldAutoEncoder.load,
    "pretrained": FieldAutoEncoder.from_pretrained,
    "fit": resume_fit,
    "search": resume_search,
}
_RESIDUE = re.compile(rb"^HETATM.{11}([A-Z0-9 ]{3})", re.MULTILINE)
_CODE = re.compile(rb"^HETATM.*?\s([A-Z][A-Z0-9]{1,2})\s+[A-Z]", re.MULTILINE)


def targets_of(suffix: str) -> tuple[str, ...]:
    """The targets for files of one format; the first is drawn as often as all others together."""
    source = FORMATS.get(suffix)
    if source is None:
        return ("read", "expand") if suffix in _MAPS else ("read",)
    several = ("properties",) * source.has_bonds + ("protein",) * (source.models is not None)
    return ("read", *several, *("ligand",) * bool(several))


def residues(suffix: str, content: bytes) -> list[str]:
    """The hetero residues in a file of a macromolecule, and an empty string for a ligand of its own."""
    found = {name.decode().strip() for name in (_CODE if "cif" in suffix else _RESIDUE).findall(content)}
    return ["", *sorted(found - {""})]


def reader(path: Path, target: str, errors: str, residue: str = "") -> Callable[[], Any]:
    """A function that reads the file ``path``.

    Args:
        path: the file.
        target: one of ``TARGETS``.
        errors: as in ``read``; complexes keep their waters and hetero atoms with ``"skip"``.
        residue: the ligand of the target ``protein``, see `residues`.
    """
    if path.suffix == MODEL:
        load = _LOADERS.get(path.name.split(".")[-2], FieldAutoEncoder.load)
        return lambda: load(path)
    if format_suffix(path) not in FORMATS:
        return lambda: Volume.read(path, dtype=torch.float64, expand=target == "expand")
    if target in ("protein", "ligand"):
        pair = (path, residue or FAR_AWAY) if target == "protein" else (FAR_AWAY, path)
        keep = errors == "skip"
        return lambda: read_complex(*pair, dtype=torch.float64, waters=keep, hetero=keep)
    properties = _COMPUTED if target == "properties" else None
    return lambda: read(path, errors=errors, dtype=torch.float64, properties=properties)


def is_harmless(message: str) -> bool:
    """Whether a warning tells only that the halves of a complex are far apart."""
    return "expected a ligand within" in message
