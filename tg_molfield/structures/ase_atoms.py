"""`from_ase` and `to_ase`: ASE ``Atoms`` to ``Data`` and back without loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch_geometric.data import Data

from tg_molfield.chem.elements import MAX_Z
from tg_molfield.structures.build import build
from tg_molfield.structures.keys import KEYS, RESULTS, validate

if TYPE_CHECKING:
    from ase import Atoms


def from_ase(atoms: Atoms, dtype: torch.dtype | None = None) -> Data:
    """The molecule or crystal of an ASE ``Atoms``.

    Copies ``z`` [N]; ``pos`` [N, 3] in Å; ``cell`` [1, 3, 3] in Å and ``pbc`` [1, 3] if a cell or periodicity is set;
    ``initial_charges``, ``initial_magmoms`` and ``tags`` [N] if set; ``name`` from ``atoms.info["name"]``; and the
    results that the attached calculator already has for these positions, in ASE's units (``energy`` [1] eV,
    ``forces`` [N, 3] eV/Å, ``stress`` [1, 6] eV/Å³, ``dipole`` [1, 3] e·Å, ``charges`` and ``magmoms`` [N], …). No
    calculation is run, and outdated results, from before the atoms moved, are ignored. Momenta, masses, constraints
    and custom arrays are not copied.

    Args:
        atoms: one ASE ``Atoms``.
        dtype: floating type of the result; ``None`` means ``torch.get_default_dtype()``. Float32 keeps about seven
            digits, too few for a total energy of thousands of eV.

    Raises:
        TypeError: ``atoms`` is not an ``Atoms``, for example a list of frames.
        ValueError: no atoms, a dummy atom X, or a position or label that is not finite.

    Example:
        >>> from ase.build import molecule
        >>> from_ase(molecule("CH4"))
        Data(pos=[5, 3], z=[5])
    """
    from ase import Atoms

    if not isinstance(atoms, Atoms):
        raise TypeError(f"atoms: expected one ase.Atoms, got {type(atoms).__name__}; convert frames one by one")
    values: dict[str, Any] = {}
    if atoms.pbc.any() or atoms.cell.any():
        values["cell"] = np.asarray(atoms.cell.array)[None]
        values["pbc"] = np.asarray(atoms.pbc)[None]
    for name in ("initial_charges", "initial_magmoms", "tags"):
        if atoms.has(name):
            values[name] = atoms.arrays[name]
    values.update(_results(atoms))
    title = atoms.info.get("name")
    return build(atoms.numbers, atoms.positions, dtype, **values, name=str(title) if isinstance(title, str) else None)


def _results(atoms: Atoms) -> dict[str, np.ndarray]:
    """Results that need no calculation, each with its shape in ``KEYS``."""
    calculator = atoms.calc
    if calculator is None or not getattr(calculator, "results", None) or calculator.check_state(atoms):
        return {}
    results = {}
    for name in RESULTS:
        value = calculator.results.get(name)
        if value is not None:
            shape = [len(atoms) if size == "N" else int(size) for size in KEYS[name].shape]
            array = np.asarray(value, dtype=np.float64)
            if array.size != np.prod(shape):
                raise ValueError(
                    f"calc.results[{name!r}]: expected shape {shape}, got {list(array.shape)}; correct the calculator"
                )
            results[name] = array.reshape(shape)
    return results


def to_ase(data: Data) -> Atoms:
    """The ASE ``Atoms`` of a ``Data``, the inverse of :func:`from_ase`.

    Takes any ``Data`` with ``z`` [N] and ``pos`` [N, 3] in Å. ``cell``, ``pbc``, ``initial_charges``,
    ``initial_magmoms``, ``tags`` and ``name`` are restored, and results such as ``energy`` and ``forces`` are
    attached as a ``SinglePointCalculator``. Other attributes are ignored.

    Raises:
        TypeError: ``data`` is a ``Batch`` or not a ``Data``.
        ValueError: ``z`` or ``pos`` is missing, an attribute has the wrong shape or is not finite, or an atomic number
            is above 118 or negative.
    """
    from ase import Atoms
    from ase.calculators.singlepoint import SinglePointCalculator

    validate(data)
    wrong = ((data["z"] < 0) | (data["z"] > MAX_Z)).nonzero().flatten().tolist()
    if wrong:
        raise ValueError(
            f"z: expected atomic numbers up to {MAX_Z}, or 0 for a dummy atom, got {int(data['z'][wrong[0]])} for atom "
            f"{wrong[0]}; correct data.z"
        )
    values = {
        key: value.detach().cpu().numpy().copy()
        for key, value in data.to_dict().items()
        if key in KEYS and isinstance(value, torch.Tensor)
    }
    atoms = Atoms(numbers=values["z"], positions=values["pos"].astype(np.float64))
    if "cell" in values:
        atoms.set_cell(values["cell"][0].astype(np.float64))
    if "pbc" in values:
        atoms.set_pbc(values["pbc"][0])
    for key in ("initial_charges", "initial_magmoms"):
        if key in values:
            atoms.set_array(key, values[key].astype(np.float64))
    if "tags" in values:
        atoms.set_tags(values["tags"])
    if isinstance(getattr(data, "name", None), str):
        atoms.info["name"] = data["name"]
    results: dict[str, Any] = {}
    for key in RESULTS:
        if key in values:
            array = values[key].astype(np.float64)
            results[key] = array if KEYS[key].per_atom else float(array[0]) if array.ndim == 1 else array[0]
    if results:
        atoms.calc = SinglePointCalculator(atoms, **results)
    return atoms
