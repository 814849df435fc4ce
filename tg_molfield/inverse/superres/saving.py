"""The parts of a `SuperresField` to a safetensors file and back."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from tg_molfield.chem.atoms import AtomList
from tg_molfield.fields import Grid, MolField, RBFField, Volume
from tg_molfield.fields.definition_dict import mol_field_from_dict, mol_field_to_dict
from tg_molfield.fields.kernels import KERNELS
from tg_molfield.files import decoding
from tg_molfield.inverse.superres.lattice_field import LatticeField
from tg_molfield.tensor_files import read_object, with_memory, write_object

_KIND = "SuperresField"


def save_parts(
    path: str | PathLike[str],
    functions: RBFField,
    lattices: Sequence[LatticeField],
    interpolated: Volume | None,
    mol_field: MolField | None,
) -> None:
    """Write the parts and the definition; an existing file is replaced once the new one is complete.

    Raises:
        ValueError: a kernel is not one of this package's.
    """
    if KERNELS.get(functions.kernel.name) != functions.kernel:
        raise ValueError(
            f"kernel: expected one of {', '.join(KERNELS)}, got {functions.kernel}; only kernels known by name can be "
            "saved"
        )
    tensors = {"centers": functions.centers, "weights": functions.weights, "widths": functions.widths}
    tensors |= {f"lattice.{number}": lattice.weights for number, lattice in enumerate(lattices)}
    if functions.cell is not None and functions.pbc is not None:
        tensors |= {"cell": functions.cell, "pbc": functions.pbc}
    if functions.atoms is not None:
        tensors |= {"z": functions.atoms.z, "pos": functions.atoms.pos}
    if interpolated is not None:
        tensors |= {"interpolated": interpolated.values}
    parameters = {
        "channels": functions.channels,
        "kernel": functions.kernel.name,
        "lattices": [
            {**_grid(one.grid), "widths": one.widths, "periodic": one.periodic, "kinds": one.kinds} for one in lattices
        ],
        "interpolated": None
        if interpolated is None
        else {
            **_grid(interpolated.grid),
            "interpolation": interpolated.interpolation,
            "periodic": interpolated.periodic,
        },
        "mol_field": None if mol_field is None else mol_field_to_dict(mol_field),
    }
    write_object(path, _KIND, parameters, tensors)


def load_parts(
    path: str | PathLike[str],
) -> tuple[RBFField, list[LatticeField], Volume | None, MolField | None]:
    """The parts and the definition that :func:`save_parts` wrote.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it holds something else.
    """
    parameters, tensors = read_object(path, _KIND)
    with decoding(Path(path)), with_memory():
        channels = tuple(parameters["channels"])
        functions = RBFField(
            tensors["centers"],
            tensors["weights"],
            tensors["widths"],
            parameters["kernel"],
            channels,
            cell=tensors.get("cell"),
            pbc=tensors.get("pbc"),
            atoms=AtomList(tensors["z"], tensors["pos"]) if "z" in tensors else None,
        )
        lattices = [
            LatticeField(
                tensors[f"lattice.{number}"],
                _read_grid(one),
                one["widths"],
                channels,
                one["periodic"],
                one["kinds"],
                functions.dtype,
            )
            for number, one in enumerate(parameters["lattices"])
        ]
        interpolated, samples = None, parameters["interpolated"]
        if samples is not None:
            interpolated = Volume(
                tensors["interpolated"],
                _read_grid(samples),
                channels,
                interpolation=samples["interpolation"],
                periodic=samples["periodic"],
            )
        mol_field = parameters["mol_field"]
        return functions, lattices, interpolated, None if mol_field is None else mol_field_from_dict(mol_field)


def _grid(grid: Grid) -> dict[str, Any]:
    return {"origin": grid.origin, "axes": grid.axes, "shape": grid.shape}


def _read_grid(parameters: dict[str, Any]) -> Grid:
    x, y, z = map(tuple, parameters["axes"])
    return Grid(tuple(parameters["origin"]), (x, y, z), tuple(parameters["shape"]))
