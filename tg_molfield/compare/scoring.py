"""What molecules are compared by: one or several fields, their weights, and the measure of likeness."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import Tensor
from torch_geometric.data import Batch, Data

from tg_molfield.arguments import as_list, check_kind, check_number
from tg_molfield.chem.cells import is_periodic, pbc_of
from tg_molfield.chem.validation import check_data, check_single
from tg_molfield.compare.metrics import Metric, as_metric
from tg_molfield.devices import device_with_double
from tg_molfield.fields import MolField, RBFField
from tg_molfield.fields.gaussian_sums import as_gaussians
from tg_molfield.structures import PROPERTIES, with_color, with_properties

NAMED = {"shape": "shape", "color": "color", "esp": "esp_gaussian"}
"""Presets of `MolField` that molecules are compared by, by their short names."""

By: TypeAlias = str | MolField | Sequence[str | MolField] | Mapping[str | MolField, float]
"""What molecules are compared by: a name, a definition, several, or weights of several."""


class Measure(NamedTuple):
    """How the likenesses of several fields make one score.

    Attributes:
        names: of the terms.
        weights: of the terms, adding up to 1.
        metric: the measure of likeness.
    """

    names: tuple[str, ...]
    weights: tuple[float, ...]
    metric: Metric


@dataclass(frozen=True)
class Term:
    """A part of a score: a field that is compared, and its weight.

    Attributes:
        name: of the term.
        mol_field: the definition of the field.
        weight: its share of the score.
    """

    name: str
    mol_field: MolField
    weight: float


@dataclass(frozen=True)
class Scoring:
    """The score of two molecules: the weighted mean, over terms, of the likeness of their fields.

    Attributes:
        terms: the fields and their weights, which add up to 1.
        metric: the measure of likeness.
    """

    terms: tuple[Term, ...]
    metric: Metric

    @classmethod
    def of(cls, by: By = "shape", metric: str | Metric = "tanimoto") -> Scoring:
        """A score from a short description.

        Args:
            by: ``"shape"``, ``"color"`` (donors, acceptors, rings, hydrophobes, charges) or ``"esp"`` (electrostatic
                potential), a `MolField` of Gaussians, a sequence of these with equal weights, or a mapping from them to
                weights.
            metric: a measure by name, or a `Metric`.

        Raises:
            TypeError: ``by`` is something else.
            ValueError: an unknown name, two equal terms, a weight that is not positive, or a definition that does not
                turn with the molecule.
        """
        weights = dict(by) if isinstance(by, Mapping) else _equal(by)
        if not weights:
            raise ValueError("by: expected at least one field to compare, got none; give for example 'shape'")
        for weight in weights.values():
            check_number("by", weight)
            if not 0 < float(weight) < float("inf"):
                raise ValueError(f"by: expected positive weights, got {weight}; leave out what does not count")
        total = sum(map(float, weights.values()))
        terms = [Term(*_named(key, i), float(weight) / total) for i, (key, weight) in enumerate(weights.items(), 1)]
        return cls(tuple(terms), as_metric(metric))

    @property
    def measure(self) -> Measure:
        """What remains of it once the fields are there."""
        return Measure(tuple(term.name for term in self.terms), tuple(term.weight for term in self.terms), self.metric)

    @cached_property
    def properties(self) -> tuple[str, ...]:
        """The per-atom properties that the terms read and RDKit computes."""
        return tuple(sorted({name for term in self.terms for name in term.mol_field.attributes & set(PROPERTIES)}))

    @cached_property
    def color(self) -> bool:
        """Whether the terms read pharmacophore features."""
        return any(term.mol_field.centers == "color" for term in self.terms)

    def prepared(self, data: Data) -> Data:
        """The molecule with what the terms read: colour features and per-atom properties that RDKit computes.

        What is there already is kept. The bonds, which these need, are perceived from the positions
        (`tg_molfield.structures.to_rdkit`); read files with ``color=True`` and ``properties=`` to take theirs.

        Raises:
            ValueError: the bonds cannot be perceived.
        """
        check_data(data)
        missing = [name for name in self.properties if getattr(data, name, None) is None]
        color = self.color and getattr(data, "color_pos", None) is None
        if missing:
            data = with_properties(data, missing, color=color)
        elif color:
            data = with_color(data)
        return data

    def fields(self, molecules: Sequence[Data]) -> list[RBFField]:
        """For each term, the fields of all molecules as one batch of Gaussians, in double precision.

        They are where the molecules are, or on the host where these are on a device without double precision.

        Raises:
            ValueError: a molecule lacks what a term reads, is periodic, or a field is no sum of Gaussians.
        """
        molecules = as_list("molecules", molecules, "Data")
        if not molecules:
            raise ValueError("molecules: expected at least one, got none; give a Data")
        for number, data in enumerate(molecules):
            check_kind(f"molecules[{number}]", data, Data, "a Data", "give molecules")
            if isinstance(data, Batch):
                raise TypeError(f"molecules[{number}]: expected a Data, got a Batch; give batch.to_data_list()")
            check_single(f"molecules[{number}]", data, "give them one by one")
            check_data(data)
            if is_periodic(pbc_of(data)):
                raise ValueError("data.pbc: expected a molecule, got a periodic one; leave out cell and pbc")
        attributes = {name for term in self.terms for name in term.mol_field.attributes}
        known = [data.to_dict() for data in molecules]
        device = device_with_double(molecules[0].z.device)
        tensors = {name: _joined(known, name) for name in sorted({"z", "pos", "part"} | attributes)}
        counts = torch.tensor([len(data.z) for data in molecules], device=device)
        batch = torch.arange(len(molecules), device=device).repeat_interleave(counts)
        found = {name: tensor for name, tensor in tensors.items() if tensor is not None}
        joined = Data(**found, batch=batch, num_graphs=len(molecules))
        return [_gaussians(term, joined) for term in self.terms]


def _joined(molecules: Sequence[Mapping[str, Any]], name: str) -> Tensor | None:
    """One attribute of all molecules, positions in double precision; None where one molecule lacks it."""
    parts = [part for part in (attributes.get(name) for attributes in molecules) if isinstance(part, Tensor)]
    if len(parts) < len(molecules):
        return None
    whole = torch.cat(parts)
    whole = whole.to(device_with_double(whole.device))
    return whole.double() if name in ("pos", "color_pos") else whole


def _equal(by: Any) -> dict[str | MolField, float]:
    keys = [by] if isinstance(by, str | MolField) else as_list("by", by, "names or MolFields")
    if len(set(keys)) != len(keys):
        raise ValueError(f"by: expected different fields, got {keys}; name each once")
    return dict.fromkeys(keys, 1.0)


def _named(key: Any, number: int) -> tuple[str, MolField]:
    if isinstance(key, str):
        if key not in NAMED:
            raise ValueError(f"by: expected {', '.join(NAMED)} or a MolField, got {key!r}; choose one")
        return key, MolField.preset(NAMED[key])
    if not isinstance(key, MolField):
        raise TypeError(f"by: expected names or MolFields, got {type(key).__name__}; give for example 'shape'")
    if any(channel.vector for channel in key.specification):
        raise ValueError("by: expected scalar channels, got vectors, which would have to turn too; leave them out")
    if key.normalize_grid_size is not None:
        raise ValueError(
            "by: expected a field that turns with the molecule, got one divided by its maximum on a grid; give "
            "normalize_grid_size=None"
        )
    return f"field {number}", key


def _gaussians(term: Term, batch: Data) -> RBFField:
    field = as_gaussians(term.mol_field(batch))
    if field is None:
        raise ValueError(
            f"by: expected a sum of Gaussians, got {term.mol_field!r}; give kernel='gaussian' and aggregate='sum'"
        )
    return field
