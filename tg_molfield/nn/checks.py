"""Checks of what is given to models; those of atoms and points alone are in `tg_molfield.chem.validation`."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.utils import degree

from tg_molfield.arguments import as_names, check_kind
from tg_molfield.chem.cells import is_periodic, pbc_of
from tg_molfield.chem.validation import check_atoms, check_data, check_points, check_real, check_tensor
from tg_molfield.fields import Field, MolField


def check_molecules(
    z: Tensor, pos: Tensor, batch: Tensor | None = None, num_graphs: int | None = None
) -> tuple[Tensor, int]:
    """The molecule of each atom ``[N]`` and the number of molecules, each of which must have an atom.

    Raises:
        ValueError: ``z`` is not int64, a molecule has no atoms, or an argument is not as `check_atoms` has it.
    """
    check_tensor("z", z)
    if z.dtype != torch.int64:
        raise ValueError(f"z: expected int64 atomic numbers, got {z.dtype}; convert with .long()")
    batch, num_graphs = check_atoms(z, pos, batch, num_graphs)
    check_filled(batch, num_graphs)
    return batch, num_graphs


def check_filled(batch: Tensor, num_graphs: int) -> None:
    """Raise a ValueError unless each of ``num_graphs`` molecules has atoms in ``batch [N]``, sorted."""
    present = batch.unique_consecutive()
    if len(present) != num_graphs:
        gaps = (present != torch.arange(len(present), device=batch.device)).nonzero()
        empty = int(gaps[0]) if len(gaps) else len(present)
        raise ValueError(
            f"batch: expected atoms of each of {num_graphs} molecules, got none of molecule {empty}; leave it out"
        )


def check_properties(properties: Tensor | None, count: int, pos: Tensor, names: Sequence[str] = ()) -> None:
    """Raise a ValueError unless ``properties`` are what a model reads of the atoms; ``None`` where it reads none.

    Args:
        properties: ``[N, P]``, finite, of the type and on the device of ``pos``.
        count: the number P that the model reads.
        pos: ``[N, 3]`` Å.
        names: what the properties are called, for the message.
    """
    told = f" ({', '.join(names)})" if names else ""
    if count == 0:
        if properties is not None:
            raise ValueError(
                "properties: expected None, since this model reads none, got some; leave it out, or build the model "
                "with properties"
            )
        return
    shape = [pos.size(0), count]
    if properties is None:
        raise ValueError(f"properties: expected floats of shape {shape}{told}, got None; give them, or encode a Data")
    check_kind("properties", properties, Tensor, "a tensor", "convert it with torch.as_tensor")
    if list(properties.shape) != shape or not properties.is_floating_point():
        raise ValueError(
            f"properties: expected floats of shape {shape}{told}, got {properties.dtype} of {list(properties.shape)}; "
            "give one column for each property"
        )
    check_like("properties", properties, pos)
    if not bool(properties.isfinite().all()):
        row, column = (~properties.isfinite()).nonzero()[0].tolist()
        name = names[column] if names else f"column {column}"
        raise ValueError(
            f"properties: expected finite numbers, got NaN or infinity in {name} of atom {row}; remove the atom"
        )


def check_queries(query_pos: Tensor, query_batch: Tensor | None, num_graphs: int, like: Tensor) -> Tensor:
    """The molecule of each query point ``[Q]``; see `check_points`."""
    return check_points(query_pos, query_batch, num_graphs, like.dtype, like.device, prefix="query_")


def check_like(name: str, tensor: Tensor, like: Tensor) -> None:
    """Raise a ValueError unless ``tensor`` has the type and the device of the model's tensor ``like``."""
    if tensor.dtype != like.dtype or tensor.device != like.device:
        raise ValueError(
            f"{name}: expected {like.dtype} on {like.device}, got {tensor.dtype} on {tensor.device}; convert it or the "
            "model with .to()"
        )


def check_names(what: str, names: str | Sequence[str], least: int) -> tuple[str, ...]:
    """Names from one string or a sequence.

    Raises:
        TypeError: ``names`` is something else.
        ValueError: there are fewer than ``least``, or one is given twice.
    """
    given = tuple(as_names(what, names))
    if len(given) < least or len(set(given)) != len(given):
        raise ValueError(f"{what}: expected different names, at least {least}, got {names!r}; repair the list")
    return given


def check_scalars(channels: Sequence[str]) -> None:
    """Raise a ValueError where three ``channels`` are the components ``.x``, ``.y`` and ``.z`` of a vector."""
    for name in channels:
        stem, _, axis = name.rpartition(".")
        if axis == "x" and {f"{stem}.y", f"{stem}.z"} <= set(channels):
            raise ValueError(
                f"channels: expected scalars, since what this decoder gives does not rotate with the molecule, got the "
                f"vector {stem}; leave it out, or fit a FieldAutoDecoder, whose fields keep their orientation"
            )


def as_options(name: str, options: object) -> dict[str, Any]:
    """The arguments of a part, which may be None, as a dictionary of its own.

    Raises:
        TypeError: they are something else.
    """
    check_kind(name, options, Mapping | None, "a dictionary", "give for example {'width': 64}")
    given: dict[str, Any] = deepcopy(dict(options or {}))  # type: ignore[call-overload]
    for key in given:
        check_kind(name, key, str, "names of arguments", "give for example {'width': 64}")
    return given


def check_options(what: str, made: type[nn.Module], options: Collection[str], given: Collection[str]) -> None:
    """Raise a TypeError for options that ``made`` does not have, or that the model gives.

    Args:
        what: ``"encoder"``, ``"decoder"`` or ``"pooling"``.
        made: the class.
        options: names of arguments.
        given: the arguments that the model gives.
    """
    known = [name for name in inspect.signature(made).parameters if name not in given]
    unknown = [name for name in options if name not in known]
    if unknown:
        raise TypeError(
            f"{what}_options: expected some of {', '.join(known)} for a {made.__name__}, got {', '.join(unknown)}; "
            "remove or rename them"
        )


def check_samples(target: Tensor, batch: Tensor, num_channels: int, num_graphs: int) -> None:
    """Raise a ValueError unless ``target`` is ``[Q, C]`` and every molecule has a point in ``batch [Q]``."""
    check_tensor("target", target)
    check_real("target", target)
    if target.shape != (len(batch), num_channels):
        raise ValueError(
            f"target: expected shape [{len(batch)}, {num_channels}], got {list(target.shape)}; give a value for each "
            "point and channel"
        )
    count = degree(batch, num_graphs, dtype=torch.int64)
    if bool((count == 0).any()):
        lacking = int((count == 0).nonzero()[0])
        raise ValueError(
            f"query_pos: expected points of each of {num_graphs} molecules, got none of molecule {lacking}; "
            "add points or remove the molecule"
        )


def atoms_of_data(
    data: Data, properties: Sequence[str] = (), given: Mapping[str, object] | None = None
) -> tuple[Tensor, Tensor, Tensor | None, int | None, Tensor | None]:
    """``z [N]``, ``pos [N, 3]``, ``batch [N]`` or None, B or None, and the named attributes ``[N, P]``, None if none.

    Args:
        data: with ``z``, ``pos`` and the attributes, each ``[N]`` or ``[N, 1]``.
        properties: the names of the attributes; their numbers are converted to the type of ``pos``.
        given: arguments that the data takes the place of, which must be None.

    Raises:
        ValueError: an attribute is missing or of another shape, the atoms are periodic, or an argument is given too.
    """
    double = [name for name, value in (given or {}).items() if value is not None]
    if double:
        raise ValueError(f"{double[0]}: expected None beside a Data, which holds it, got a value; leave it out")
    check_data(data)
    if is_periodic(pbc_of(data)):
        raise ValueError(
            "data.pbc: expected a molecule, got a crystal; remove cell and pbc to encode the atoms of one cell"
        )
    columns = [_column(data, name) for name in properties]
    chosen = torch.stack(columns, dim=1) if columns else None
    return data.z, data.pos, getattr(data, "batch", None), num_graphs_of(data), chosen


def num_graphs_of(data: Data) -> int | None:
    """The number of molecules that ``data`` says it holds; None where only its ``batch`` vector tells."""
    return None if getattr(data, "batch", None) is None else getattr(data, "num_graphs", None)


def count_graphs(data: Data) -> int:
    """The number of molecules of ``data``, by its ``batch`` vector where it does not say it."""
    known = num_graphs_of(data)
    owner = getattr(data, "batch", None)
    return (1 if owner is None else int(owner.max()) + 1) if known is None else known


def _column(data: Data, name: str) -> Tensor:
    values = getattr(data, name, None)
    size = data.pos.size(0)
    if not isinstance(values, Tensor):
        raise ValueError(f"data.{name}: expected a tensor of shape [{size}], which the model reads, got none; add it")
    if values.shape not in ((size,), (size, 1)):
        raise ValueError(
            f"data.{name}: expected one number an atom, shape [{size}], got {list(values.shape)}; reshape it"
        )
    return values.reshape(size).to(data.pos.dtype)


def check_definition(name: str, field: Field, mol_field: MolField | None) -> None:
    """Raise a ValueError where ``field`` is known to follow another definition than the model's ``mol_field``."""
    if mol_field is None or not isinstance(field.mol_field, MolField):
        return
    if field.mol_field.differences(mol_field, field.channels):
        raise ValueError(
            f"{name}: expected a field of {mol_field!r}, got {field.mol_field!r}; make it with the model's definition"
        )


def check_finite_codes(code: Tensor) -> None:
    """Raise a ValueError for codes of which no molecule can be made."""
    wrong = (~code.isfinite()).any(1).nonzero()[:, 0]
    if len(wrong):
        raise ValueError(
            f"code: expected finite numbers, got NaN or infinity for molecule {int(wrong[0])}; encode it again"
        )
