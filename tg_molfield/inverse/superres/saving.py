"""The parts of a `SuperresField` to a safetensors file and back."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from tg_molfield.chem.atoms import AtomList
from tg_molfield.fields import Grid, MolField, RBFField
from tg_molfield.fields.definition_dict import mol_field_from_dict, mol_field_to_dict
from tg_molfield.fields.kernels import KERNELS
from tg_molfield.files import decoding
from tg_molfield.inverse.superres.lattice_field import LatticeField
from tg_molfield.tensor_files import read_object, write_object

_KIND = "SuperresField"


def save_parts(path: str | PathLike[str], functions: RBFField, nodes: LatticeField, mol_field: MolField | None) -> None:
    """Write both fields and the definition; an existing file is replaced once the new one is complete.

    Raises:
        ValueError: a kernel is not one of this package's.
    """
    if KERNELS.get(functions.kernel.name) != functions.kernel:
        raise ValueError(
            f"kernel: expected one of {', '.join(KERNELS)}, got {functions.kernel}; only kernels known by name can be "
            "saved"
        )
    tensors = {
        "centers": functions.centers,
        "weights": functions.weights,
        "widths": functions.widths,
        "nodes": nodes.weights,
    }
    if functions.cell is not None and functions.pbc is not None:
        tensors |= {"cell": functions.cell, "pbc": functions.pbc}
    if functions.atoms is not None:
        tensors |= {"z": functions.atoms.z, "pos": functions.atoms.pos}
    parameters = {
        "channels": nodes.channels,
        "kernel": functions.kernel.name,
        "origin": nodes.grid.origin,
        "axes": nodes.grid.axes,
        "shape": nodes.grid.shape,
        "node_widths": nodes.widths,
        "periodic": nodes.periodic,
        "kinds": nodes.kinds,
        "mol_field": None if mol_field is None else mol_field_to_dict(mol_field),
    }
    write_object(path, _KIND, parameters, tensors)


def load_parts(path: str | PathLike[str]) -> tuple[RBFField, LatticeField, MolField | None]:
    """The fields and the definition that :func:`save_parts` wrote.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it holds something else.
    """
    parameters, tensors = read_object(path, _KIND)
    with decoding(Path(path)):
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
        x, y, z = map(tuple, parameters["axes"])
        grid = Grid(tuple(parameters["origin"]), (x, y, z), tuple(parameters["shape"]))
        nodes = LatticeField(
            tensors["nodes"], grid, parameters["node_widths"], channels, parameters["periodic"], parameters["kinds"]
        )
        mol_field = parameters["mol_field"]
        return functions, nodes, None if mol_field is None else mol_field_from_dict(mol_field)
