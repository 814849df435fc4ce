"""Per-atom chemical properties that RDKit computes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from tg_molfield.chem.computed import COMPUTED_PROPERTIES

if TYPE_CHECKING:
    from rdkit.Chem import Atom, Mol

Computed = Callable[["Mol"], np.ndarray]


def _formal_charge(mol: Mol) -> np.ndarray:
    """[N] the charges that sanitization gives, such as those of N(=O)=O, also where the molecule does not pass it."""
    from rdkit import Chem

    clean = Chem.Mol(mol)
    Chem.Cleanup(clean)
    return np.array([atom.GetFormalCharge() for atom in clean.GetAtoms()], dtype=np.float64)


def _aromatic(mol: Mol) -> np.ndarray:
    return np.array([atom.GetIsAromatic() for atom in mol.GetAtoms()], dtype=np.float64)


def _logp(mol: Mol) -> np.ndarray:
    return _crippen(mol)[:, 0]


def _molar_refractivity(mol: Mol) -> np.ndarray:
    return _crippen(mol)[:, 1]


def _crippen(mol: Mol) -> np.ndarray:
    """[N, 2] contributions to log P and molar refractivity, with implicit hydrogens added to their heavy atom."""
    from rdkit.Chem import rdMolDescriptors

    full = _with_hydrogens(mol)
    return _sum_hydrogens(full, np.array(rdMolDescriptors._CalcCrippenContribs(full)), mol.GetNumAtoms())


def _partial_charge(mol: Mol) -> np.ndarray:
    """[N] Gasteiger charges, with implicit hydrogens added to their heavy atom, so that they sum to the net charge."""
    from rdkit.Chem import rdPartialCharges

    full = _with_hydrogens(mol)
    rdPartialCharges.ComputeGasteigerCharges(full)
    charges = np.array([[atom.GetDoubleProp("_GasteigerCharge")] for atom in full.GetAtoms()])
    if not np.isfinite(charges).all():
        symbols = sorted({atom.GetSymbol() for atom in full.GetAtoms()})
        raise ValueError(
            f"partial_charge: expected elements with Gasteiger parameters, got a molecule of {', '.join(symbols)}; "
            "leave 'partial_charge' out of properties"
        )
    return _sum_hydrogens(full, charges, mol.GetNumAtoms())[:, 0]


def _tpsa(mol: Mol) -> np.ndarray:
    from rdkit.Chem import rdMolDescriptors

    return np.array(rdMolDescriptors._CalcTPSAContribs(mol), dtype=np.float64)


def _donor(mol: Mol) -> np.ndarray:
    from rdkit.Chem import Lipinski

    return _matches(mol, Lipinski.HDonorSmarts)


def _acceptor(mol: Mol) -> np.ndarray:
    from rdkit.Chem import Lipinski

    return _matches(mol, Lipinski.HAcceptorSmarts)


def _matches(mol: Mol, pattern: Mol) -> np.ndarray:
    """[N] 1 for the first atom of each match and for water, which Lipinski's patterns leave out, else 0.

    The patterns are those of RDKit for molecules whose hydrogens are implicit: explicit ones count as neighbours, by
    which the OH of a carboxylic acid would be an acceptor.
    """
    bare, rows = without_hydrogens(mol)
    flags = np.zeros(mol.GetNumAtoms())
    found = bare.GetSubstructMatches(pattern, maxMatches=max(1, bare.GetNumAtoms()))
    flags[[rows[match[0]] for match in found]] = 1.0
    flags[[row for row, atom in zip(rows, bare.GetAtoms(), strict=True) if _is_water(atom)]] = 1.0
    return flags


def _is_water(atom: Atom) -> bool:
    alone = atom.GetAtomicNum() == 8 and not atom.GetDegree() and not atom.GetFormalCharge()
    return bool(alone and atom.GetTotalNumHs() == 2)


def without_hydrogens(mol: Mol) -> tuple[Mol, list[int]]:
    """A copy whose hydrogens are implicit where RDKit can have them so, and the row in ``mol`` of each of its atoms."""
    from rdkit import Chem, rdBase

    options: Any = Chem.RemoveHsParameters()
    options.removeIsotopes = True
    options.removeDefiningBondStereo = True
    labelled = Chem.Mol(mol)
    for atom in labelled.GetAtoms():
        atom.SetIntProp("row", atom.GetIdx())
    with rdBase.BlockLogs():
        bare = Chem.RemoveHs(labelled, options)
    return bare, [atom.GetIntProp("row") for atom in bare.GetAtoms()]


def _with_hydrogens(mol: Mol) -> Mol:
    from rdkit import Chem

    return Chem.AddHs(mol)


def _sum_hydrogens(full: Mol, values: np.ndarray, atoms: int) -> np.ndarray:
    """[atoms, K] from [M, K]: the rows of the added hydrogens are summed into the row of their heavy atom."""
    folded = values[:atoms].copy()
    for atom in list(full.GetAtoms())[atoms:]:
        folded[atom.GetNeighbors()[0].GetIdx()] += values[atom.GetIdx()]
    return folded


_COMPUTE: dict[str, Computed] = {
    "formal_charge": _formal_charge,
    "aromatic": _aromatic,
    "donor": _donor,
    "acceptor": _acceptor,
    "logp": _logp,
    "molar_refractivity": _molar_refractivity,
    "tpsa": _tpsa,
    "partial_charge": _partial_charge,
}

PROPERTIES = COMPUTED_PROPERTIES
"""Names of all properties; ``properties=PROPERTIES`` computes all of them."""

ALWAYS_DEFINED = tuple(name for name in PROPERTIES if name != "partial_charge")
"""Properties that are defined for all elements."""


def check_properties(properties: Iterable[str]) -> tuple[str, ...]:
    """The names as a tuple.

    Raises:
        ValueError: a name is not known; the message lists those that are.
    """
    names = (properties,) if isinstance(properties, str) else tuple(properties)
    for name in names:
        if name not in _COMPUTE:
            raise ValueError(
                f"properties: expected names among {', '.join(PROPERTIES)}, got {name!r}; correct the name"
            )
    return names


def compute_properties(mol: Mol, properties: Iterable[str]) -> dict[str, np.ndarray]:
    """The named per-atom properties of ``mol``, each [N].

    If a property other than ``formal_charge`` is among them, a copy of the molecule is sanitized first. Formal charges
    are the same with and without others.

    Raises:
        ValueError: an unknown name, a molecule that RDKit cannot sanitize, or no Gasteiger parameters for an element.
    """
    from rdkit import rdBase

    names = check_properties(properties)
    if set(names) - {"formal_charge"}:
        mol = sanitized(mol, "properties", "give properties=('formal_charge',)")
    with rdBase.BlockLogs():
        return {name: _COMPUTE[name](mol) for name in names}


def sanitized(mol: Mol, name: str, remedy: str) -> Mol:
    """A sanitized copy of ``mol``.

    Args:
        mol: the molecule.
        name: of the argument that needs it, for the message.
        remedy: what else to do, for the message.

    Raises:
        ValueError: RDKit cannot sanitize it.
    """
    from rdkit import Chem, rdBase

    copy = Chem.Mol(mol)
    with rdBase.BlockLogs():
        try:
            Chem.SanitizeMol(copy)
        except ValueError as error:
            raise ValueError(
                f"{name}: expected a molecule that RDKit can sanitize, got: {error}; correct bonds and charges, or "
                f"{remedy}"
            ) from error
    return copy
