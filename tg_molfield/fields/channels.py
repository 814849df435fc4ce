"""The channels of a molecule's field, and the per-atom weights and widths that they stand for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from tg_molfield.arguments import as_list, check_finite, check_flag, check_kind, check_positive
from tg_molfield.chem.checked_numbers import numbers_are_checked
from tg_molfield.chem.computed import COMPUTED_PROPERTIES
from tg_molfield.chem.elements import ELEMENT_PROPERTIES, MAX_Z, atomic_numbers, element_property, looked_up
from tg_molfield.chem.validation import all_finite, check_atoms, check_data, check_real, check_tensor
from tg_molfield.devices import widest_type

PARTS = ("ligand", "protein")
GROUPS = ("all", "heavy", "other")
"""Channels of several elements: every atom, all but hydrogen, the elements that no other channel names."""

_VECTOR = ":vector"


@dataclass(frozen=True, repr=False)
class Channel:
    """One channel of a field.

    Args:
        name: of the channel.
        weight: the weight of each atom: an element symbol, ``other``, ``all``, ``heavy``, an element property or a
            per-atom attribute; the name itself if not given.
        width: the widths of this channel before scaling, an element property, a per-atom attribute or a number in
            Å; those of the definition if not given.
        width_scale: the factor from ``width`` to σ in Å.
        factor: multiplies the weights.
        vector: the weight is a per-atom vector [N, 3], such as forces; it becomes three channels, ``name.x``,
            ``name.y`` and ``name.z``, which rotate with the molecule. In strings: ``"forces:vector"``.

    Raises:
        TypeError: an argument is of another kind.
        ValueError: ``name`` is empty, a width is not positive, ``width_scale`` is given without one, or ``factor`` is
            not finite.
    """

    name: str
    weight: str = ""
    width: str | float | None = None
    width_scale: float = 1.0
    factor: float = 1.0
    vector: bool = False

    def __post_init__(self) -> None:
        check_kind("name", self.name, str, "a string", "give the name of a channel")
        if not self.name:
            raise ValueError("name: expected the name of a channel, got an empty string; give one")
        check_kind("weight", self.weight, str, "a string", "give an element or an attribute, and numbers as factor")
        if not isinstance(self.width, str | None):
            check_positive("width", self.width, f"correct that of channel {self.name!r}")
        check_positive("width_scale", self.width_scale, f"correct that of channel {self.name!r}")
        if self.width is None and self.width_scale != 1:
            raise ValueError(
                f"width_scale: expected 1 without a width, got {self.width_scale} for channel {self.name!r}; give "
                "its width"
            )
        check_finite("factor", self.factor)
        check_flag(vector=self.vector)
        for name in ("width", "width_scale", "factor"):
            value = getattr(self, name)
            object.__setattr__(self, name, value if isinstance(value, str | None) else float(value))
        object.__setattr__(self, "vector", bool(self.vector))
        object.__setattr__(self, "weight", self.weight or self.name)

    def __repr__(self) -> str:
        implied = Channel(self.name)
        names = [field.name for field in fields(self)[1:]]
        told = [f"{name}={getattr(self, name)!r}" for name in names if getattr(self, name) != getattr(implied, name)]
        return f"Channel({', '.join([repr(self.name), *told])})"

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the field's channels made from this one."""
        return tuple(f"{self.name}.{axis}" for axis in "xyz") if self.vector else (self.name,)

    @property
    def written(self) -> str:
        """The channel as a word for `parse_channels`; empty if one word does not describe it."""
        word = self.name + _VECTOR * self.vector
        return word if self == _from_word(word) and not set(word) & set(", ") else ""


def parse_channels(channels: str | Sequence[str | Channel]) -> tuple[Channel, ...]:
    """Channels from ``"H C other"`` or from a sequence of names and `Channel`.

    Raises:
        TypeError: something else is given.
        ValueError: there are none, or two have one name.
    """
    words = channels.replace(",", " ").split() if isinstance(channels, str) else as_list("channels", channels, "names")
    parsed = tuple(word if isinstance(word, Channel) else _from_word(word) for word in words)
    names = [name for channel in parsed for name in channel.names]
    if not parsed:
        raise ValueError(f"channels: expected at least one, got {channels!r}; give for example 'C' or 'all'")
    if len(set(names)) != len(names):
        raise ValueError(f"channels: expected different names, got {channels!r}; give each channel its own")
    return parsed


def split_part(name: str) -> tuple[int | None, str]:
    """The part (0 ligand, 1 protein, or None) and the rest of the name of a field's channel."""
    check_kind("name", name, str, "a string", "give the name of a channel")
    for index, part in enumerate(PARTS):
        if name.startswith(part + "."):
            return index, name[len(part) + 1 :]
    return None, name


def _from_word(word: str) -> Channel:
    check_kind("channels", word, str, "names", "give for example 'C N O'")
    return Channel(word.removesuffix(_VECTOR), vector=word.endswith(_VECTOR))


@dataclass(frozen=True)
class CheckedAtoms:
    """The checked atoms of a molecule or a batch, and the data that their attributes come from."""

    z: Tensor
    pos: Tensor
    batch: Tensor | None
    num_graphs: int
    cell: Any
    pbc: Any
    source: Any

    @classmethod
    def of(cls, data: Any) -> CheckedAtoms:
        """Read and check the atoms of ``data``.

        Raises:
            ValueError: see `MolField.__call__`.
        """
        check_data(data)
        batch = getattr(data, "batch", None)
        num_graphs = None if batch is None else getattr(data, "num_graphs", None)
        _, num_graphs = check_atoms(data.z, data.pos, batch, num_graphs, prefix="data.")
        cell, pbc = getattr(data, "cell", None), getattr(data, "pbc", None)
        return cls(data.z.long(), data.pos, batch, num_graphs, cell, pbc, data)

    def attribute(self, name: str, vector: bool = False, argument: str = "channels") -> Tensor:
        """The per-atom attribute ``name``, [N] or, where ``vector`` is set, [N, 3].

        Args:
            name: of the attribute.
            vector: whether it has three numbers an atom.
            argument: ``"channels"`` or ``"widths"``, which names it, for errors.

        Raises:
            ValueError: it is missing, of another shape, or not finite.
        """
        values = getattr(self.source, name, None)
        if not isinstance(values, Tensor) and name in COMPUTED_PROPERTIES:
            raise ValueError(
                f"data.{name}: expected a tensor [N], got none; call with_properties(data, ['{name}']), or give "
                "properties='auto' and this definition as mol_field to read or from_smiles"
            )
        if not isinstance(values, Tensor):
            keys = getattr(self.source, "keys", None)
            present = sorted(keys()) if callable(keys) else []
            kinds = "an element, 'other', 'all', 'heavy'" if argument == "channels" else "a number in Å"
            words = (*atomic_numbers(), "other", "all", "heavy") if argument == "channels" else ()
            known = {word.lower(): word for word in (*present, *ELEMENT_PROPERTIES, *words)}
            meant = known.get(name.lower())
            remedy = f"write {meant!r}" if meant else "correct it or add it to the data"
            raise ValueError(
                f"{argument}: expected {kinds}, an element property ({', '.join(ELEMENT_PROPERTIES)}) or an attribute "
                f"of the data ({', '.join(present)}), got {name!r}; {remedy}"
            )
        values = values[:, 0] if values.ndim == 2 and values.shape[1] == 1 and not vector else values
        expected = (len(self.z), 3) if vector else (len(self.z),)
        if values.shape != expected:
            hint = f"write '{name}{_VECTOR}'" if values.shape == (len(self.z), 3) else "give one row an atom"
            raise ValueError(f"data.{name}: expected shape {list(expected)}, got {list(values.shape)}; {hint}")
        check_tensor(f"data.{name}", values)
        check_real(f"data.{name}", values)
        if values.is_floating_point() and numbers_are_checked(values) and not all_finite(values):
            raise ValueError(f"data.{name}: expected finite numbers, got NaN or infinity; repair them")
        return values


def weights_of_channels(atoms: CheckedAtoms, channels: tuple[Channel, ...]) -> Tensor:
    """The weights [N, C] of the atoms in all channels, in the `widest_type` of their device."""
    table = _element_weights(channels, atoms.z.device, widest_type(atoms.z.device))
    if table is not None:
        return looked_up(table, atoms.z)
    return torch.cat([weights_of(channel, atoms, channels) for channel in channels], 1)


@lru_cache(maxsize=64)
def _element_weights(channels: tuple[Channel, ...], device: torch.device, dtype: torch.dtype) -> Tensor | None:
    """The weights [120, C] by atomic number, NaN before and after those of the elements.

    None where a channel depends on more than elements.
    """
    known = {*atomic_numbers(), *GROUPS}
    if any(channel.vector or channel.weight not in known for channel in channels):
        return None
    z = torch.arange(MAX_Z + 2)
    atoms = CheckedAtoms(z, torch.zeros(len(z), 3), None, 1, None, None, None)
    weights = torch.cat([weights_of(channel, atoms, channels) for channel in channels], 1)
    weights[[0, -1]] = math.nan
    return weights.to(device, dtype)


def weights_of(channel: Channel, atoms: CheckedAtoms, channels: tuple[Channel, ...]) -> Tensor:
    """The weights [N, 1] or, for a vector channel, [N, 3] of the atoms in ``channel``."""
    if channel.vector:
        return channel.factor * atoms.attribute(channel.weight, vector=True)
    return channel.factor * per_atom(channel.weight, atoms, channels)[:, None]


def per_atom(
    what: str | float, atoms: CheckedAtoms, channels: tuple[Channel, ...], argument: str = "channels"
) -> Tensor:
    """The numbers [N] that ``what`` stands for; ``other`` means the elements that ``channels`` do not name.

    ``argument`` is that which gives ``what``, ``"channels"`` or ``"widths"``, for errors.
    """
    z, dtype = atoms.z, widest_type(atoms.z.device)
    if not isinstance(what, str):
        return torch.full_like(z, what, dtype=dtype)
    if what in atomic_numbers():
        return (z == atomic_numbers()[what]).to(dtype)
    if what == "all":
        return torch.ones_like(z, dtype=dtype)
    if what == "heavy":
        return (z > 1).to(dtype)
    if what == "other":
        named = [atomic_numbers()[channel.weight] for channel in channels if channel.weight in atomic_numbers()]
        return (~torch.isin(z, z.new_tensor(named))).to(dtype)
    if what in ELEMENT_PROPERTIES:
        return element_property(what, z)
    return atoms.attribute(what, argument=argument)
