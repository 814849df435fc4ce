"""`KEYS`: the attributes of a ``Data`` from this package, with their shapes and units."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch_geometric.data import Batch, Data

from tg_molfield.chem.validation import holds_several


@dataclass(frozen=True)
class Key:
    """One data key.

    Attributes:
        name: the attribute of ``Data``.
        shape: sizes; ``"N"`` is the number of atoms, ``"F"`` that of pharmacophore features, ``"E"`` that of bonds in
            both directions.
        kind: ``"float"``, ``"int"`` or ``"bool"``.
        unit: unit of the values, empty if they have none.
        meaning: what the values are.
    """

    name: str
    shape: tuple[int | str, ...]
    kind: str
    unit: str
    meaning: str

    @property
    def per_atom(self) -> bool:
        """Whether there is one row per atom."""
        return self.shape[0] == "N"


_TABLE = (
    Key("z", ("N",), "int", "", "atomic number; 0 is a dummy atom"),
    Key("pos", ("N", 3), "float", "Å", "position"),
    Key("part", ("N",), "int", "", "0 ligand, 1 protein"),
    Key("cell", (1, 3, 3), "float", "Å", "cell vectors as rows; zeros if there is no cell"),
    Key("pbc", (1, 3), "bool", "", "periodic along each cell vector"),
    Key("formal_charge", ("N",), "float", "e", "formal charge"),
    Key("partial_charge", ("N",), "float", "e", "partial charge"),
    Key("logp", ("N",), "float", "", "contribution to the octanol-water log P (Crippen)"),
    Key("molar_refractivity", ("N",), "float", "cm³/mol", "contribution to molar refractivity (Crippen)"),
    Key("tpsa", ("N",), "float", "Å²", "contribution to the topological polar surface area"),
    Key("donor", ("N",), "float", "", "1 for a hydrogen bond donor, else 0"),
    Key("acceptor", ("N",), "float", "", "1 for a hydrogen bond acceptor, else 0"),
    Key("aromatic", ("N",), "float", "", "1 for an aromatic atom, else 0"),
    Key("color_pos", ("F", 3), "float", "Å", "position of a pharmacophore feature"),
    Key("color_type", ("F",), "int", "", "type of a pharmacophore feature, an index into COLOR_TYPES"),
    Key("color_count", (1,), "int", "", "number of pharmacophore features"),
    Key("edge_index", (2, "E"), "int", "", "the atoms of each bond, in both directions"),
    Key("bond_order", ("E",), "int", "", "order of each bond, 1 to 3"),
    Key("residue_number", ("N",), "int", "", "residue number as in the file"),
    Key("chain", ("N",), "int", "", "chain, counted from 0 in the order of the file"),
    Key("hetero", ("N",), "bool", "", "belongs to a ligand, ion, lipid, cofactor or water, not to a polymer"),
    Key("water", ("N",), "bool", "", "belongs to a water molecule"),
    Key("initial_charges", ("N",), "float", "e", "ASE initial charges"),
    Key("initial_magmoms", ("N",), "float", "μB", "ASE initial magnetic moments"),
    Key("tags", ("N",), "int", "", "ASE tags"),
    Key("energy", (1,), "float", "eV", "potential energy"),
    Key("free_energy", (1,), "float", "eV", "free energy"),
    Key("energies", ("N",), "float", "eV", "energy per atom"),
    Key("forces", ("N", 3), "float", "eV/Å", "force"),
    Key("stress", (1, 6), "float", "eV/Å³", "stress in Voigt order xx yy zz yz xz xy"),
    Key("stresses", ("N", 6), "float", "eV/Å³", "stress per atom in Voigt order"),
    Key("dipole", (1, 3), "float", "e·Å", "dipole moment"),
    Key("charges", ("N",), "float", "e", "computed charge"),
    Key("magmom", (1,), "float", "μB", "magnetic moment"),
    Key("magmoms", ("N",), "float", "μB", "computed magnetic moment"),
)

KEYS: dict[str, Key] = {key.name: key for key in _TABLE}
"""All keys by name. The only other attribute that converters set is ``name``, a string."""

RESULTS = (
    "energy free_energy energies forces stress stresses dipole charges magmom magmoms".split()  # noqa: SIM905
)
"""Keys of calculated results, with ASE's names."""

LABELS = (*RESULTS, "initial_charges", "initial_magmoms", "tags")
"""Keys that ASE knows and that atoms and bonds do not need."""


def is_per_atom(data: Data, name: str) -> bool:
    """Whether an attribute of one molecule has one row per atom: as ``KEYS`` tells, and of others as PyG takes them.

    PyG judges by the number of rows, and where there are as many edges as atoms, as in HF, takes ``bond_order`` for an
    attribute of atoms.
    """
    value = data.to_dict().get(name)
    if not isinstance(value, Tensor):
        return False
    if name not in KEYS:
        return bool(data.is_node_attr(name))
    return KEYS[name].per_atom and value.ndim > 0 and value.size(0) == data["z"].numel()


def validate(data: Data, used: Iterable[str] | None = None) -> Data:
    """Check the shape, the kind and the finiteness of ``z``, ``pos`` and other attributes of ``data``.

    Args:
        data: one molecule.
        used: the keys to check where they are present; ``None`` means all of ``KEYS``.

    Returns:
        ``data`` itself.

    Raises:
        TypeError: ``data`` holds several molecules or is no ``Data``, or an attribute has the wrong kind.
        ValueError: ``z`` or ``pos`` is missing, or a key has the wrong shape or contains NaN or infinity.
    """
    if isinstance(data, Batch):
        raise TypeError(
            f"data: expected one molecule, got a Batch of {data.num_graphs} molecules; "
            "convert them one by one: batch.to_data_list()"
        )
    if not isinstance(data, Data):
        raise TypeError(
            f"data: expected a torch_geometric.data.Data, got {type(data).__name__}; make one with Data(z=z, pos=pos)"
        )
    if holds_several(data):
        raise TypeError(
            f"data: expected one molecule, got {len(data.batch.unique())} by data.batch; give them one by one"
        )
    for name in ("z", "pos"):
        if not isinstance(getattr(data, name, None), Tensor):
            raise ValueError(f"{name}: expected a tensor {_sizes(KEYS[name].shape)}, got none; set data.{name}")
    checked = KEYS if used is None else {"z", "pos", *used}
    for name, value in data.to_dict().items():
        if name in KEYS and name in checked:
            _check_value(KEYS[name], value, data)
    return data


_COUNTED = {"F": "features", "E": "bonds in both directions"}
_CONVERSIONS = {"float": ".float()", "int": ".long()", "bool": ".bool()"}


def _check_value(key: Key, value: object, data: Data) -> None:
    if not isinstance(value, Tensor):
        raise TypeError(f"{key.name}: expected a tensor, got {type(value).__name__}; convert it with torch.as_tensor")
    rows = {"N": data["z"].numel(), "F": _size(data, "color_pos", 0), "E": _size(data, "edge_index", 1)}
    shape = tuple(rows[size] if isinstance(size, str) else size for size in key.shape)
    if tuple(value.shape) != shape:
        letter = next((size for size in key.shape if isinstance(size, str) and size in _COUNTED), "N")
        counted = f"{letter} = {rows[letter]} {_COUNTED.get(letter, 'atoms')}"
        raise ValueError(
            f"{key.name}: expected shape {_sizes(key.shape)} with {counted}, got {list(value.shape)}; "
            f"correct data.{key.name}"
        )
    kind = "bool" if value.dtype == torch.bool else "float" if value.is_floating_point() else "int"
    if kind != key.kind and not (key.kind == "float" and kind == "int"):
        raise TypeError(
            f"{key.name}: expected values of type {key.kind}, got {value.dtype}; convert with {_CONVERSIONS[key.kind]}"
        )
    if kind == "float" and not bool(torch.isfinite(value).all()):
        row = int((~torch.isfinite(value)).nonzero()[0, 0])
        where = f" for atom {row}" if key.per_atom else ""
        raise ValueError(
            f"{key.name}: expected finite values, got {value[row].tolist()}{where}; correct or remove the record"
        )


def _size(data: Data, name: str, dim: int) -> int:
    value = getattr(data, name, None)
    return value.size(dim) if isinstance(value, Tensor) and value.ndim > dim else 0


def _sizes(shape: tuple[int | str, ...]) -> str:
    return f"[{', '.join(map(str, shape))}]"
