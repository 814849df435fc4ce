"""`from_ase` and `to_ase`: ASE ``Atoms`` to ``Data`` and back without loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data

from tg_molfield.arguments import check_kind
from tg_molfield.chem.cells import as_cells, as_pbc
from tg_molfield.chem.elements import MAX_Z
from tg_molfield.structures.build import build, float_dtype
from tg_molfield.structures.fit_labels import fit_labels, warn_labels
from tg_molfield.structures.keys import KEYS, LABELS, RESULTS, validate
from tg_molfield.structures.length_units import length_unit_notes

if TYPE_CHECKING:
    from ase import Atoms


def from_ase(atoms: Atoms, dtype: torch.dtype | None = None) -> Data:
    """The molecule or crystal of an ASE ``Atoms``.

    Copies ``z`` [N]; ``pos`` [N, 3] in Å; ``cell`` [1, 3, 3] in Å and ``pbc`` [1, 3] if a cell or periodicity is set;
    ``initial_charges``, ``initial_magmoms`` and ``tags`` [N] if set; ``name`` from ``atoms.info["name"]``; and the
    results that the attached calculator already has for these positions, in ASE's units (``energy`` [1] eV,
    ``forces`` [N, 3] eV/Å, ``stress`` [1, 6] eV/Å³, ``dipole`` [1, 3] e·Å, ``charges`` and ``magmoms`` [N], …). No
    calculation is run, and outdated results, from before the atoms moved, are ignored. Results and initial values
    that are not finite or do not have these shapes, such as vector moments, are left out with a
    :class:`StructureWarning`. Momenta, masses, constraints and custom arrays are not copied.

    Args:
        atoms: one ASE ``Atoms``.
        dtype: floating type of the result; ``None`` means ``torch.get_default_dtype()``. Float32 keeps about seven
            digits, too few for a total energy of thousands of eV.

    Raises:
        TypeError: ``atoms`` is not an ``Atoms``, for example a list of frames.
        ValueError: no atoms, a dummy atom X, or a position or cell that is not finite.

    Warns:
        StructureWarning: labels were left out, or positions seem to be in nm, bohr or pm.

    Example:
        >>> from ase.build import molecule
        >>> from_ase(molecule("CH4"))
        Data(pos=[5, 3], z=[5])
    """
    from ase import Atoms

    check_kind("atoms", atoms, Atoms, "one ase.Atoms", "convert frames one by one")
    values: dict[str, Any] = {}
    if atoms.pbc.any() or atoms.cell.any():
        values["cell"] = np.asarray(atoms.cell.array)[None]
        values["pbc"] = np.asarray(atoms.pbc)[None]
    found = {name: atoms.arrays[name] for name in LABELS if name not in RESULTS and atoms.has(name)}
    labels, notes = fit_labels(found | _results(atoms), len(atoms), float_dtype(dtype))
    title = atoms.info.get("name")
    data = build(
        atoms.numbers, atoms.positions, dtype, **values, **labels, name=title if isinstance(title, str) else None
    )
    warn_labels([*notes, *length_unit_notes(data["z"], torch.from_numpy(atoms.positions))])
    return data


def _results(atoms: Atoms) -> dict[str, Any]:
    """Results that need no calculation."""
    calculator = atoms.calc
    if calculator is None or not getattr(calculator, "results", None) or calculator.check_state(atoms):
        return {}
    return {name: calculator.results[name] for name in RESULTS if calculator.results.get(name) is not None}


def to_ase(data: Data) -> Atoms:
    """The ASE ``Atoms`` of a ``Data``, the inverse of :func:`from_ase`.

    Takes any ``Data`` with ``z`` [N] and ``pos`` [N, 3] in Å. ``cell``, ``pbc``, ``initial_charges``,
    ``initial_magmoms``, ``tags`` and ``name`` are restored, and results such as ``energy`` and ``forces`` are
    attached as a ``SinglePointCalculator``. Those that are not finite or do not have the shapes of ``KEYS`` are left
    out with a :class:`StructureWarning`. Other attributes are ignored.

    Raises:
        TypeError: ``data`` is a ``Batch`` or not a ``Data``.
        ValueError: ``z`` or ``pos`` is missing, has the wrong shape or is not finite, an atomic number is above 118 or
            negative, or ``cell`` or ``pbc`` has the wrong shape.
    """
    from ase import Atoms
    from ase.calculators.singlepoint import SinglePointCalculator

    validate(data, used=())
    wrong = ((data["z"] < 0) | (data["z"] > MAX_Z)).nonzero().flatten().tolist()
    if wrong:
        raise ValueError(
            f"z: expected atomic numbers up to {MAX_Z}, or 0 for a dummy atom, got {int(data['z'][wrong[0]])} for atom "
            f"{wrong[0]}; correct data.z"
        )
    atoms = Atoms(numbers=_array(data["z"]), positions=_array(data["pos"].cpu().double()))
    if getattr(data, "cell", None) is not None:
        cell = as_cells(data["cell"], 1)[0]
        if not bool(torch.isfinite(cell).all()):
            raise ValueError("cell: expected finite numbers, got NaN or infinity; correct or remove data.cell")
        atoms.set_cell(_array(cell.cpu().double()))
    if getattr(data, "pbc", None) is not None:
        atoms.set_pbc(_array(as_pbc(data["pbc"], 1)[0]))
    found = {name: data[name] for name in LABELS if getattr(data, name, None) is not None}
    labels, notes = fit_labels(found, len(atoms), torch.float64)
    for name in ("initial_charges", "initial_magmoms", "tags"):
        if name in labels:
            atoms.set_array(name, labels[name].astype(int if name == "tags" else float))
    if isinstance(getattr(data, "name", None), str):
        atoms.info["name"] = data["name"]
    results = {name: labels[name] if KEYS[name].per_atom else labels[name][0] for name in RESULTS if name in labels}
    if results:
        atoms.calc = SinglePointCalculator(
            atoms, **{name: value if np.ndim(value) else float(value) for name, value in results.items()}
        )
    warn_labels(notes)
    return atoms


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy().copy()
