"""Molecules and fields as comparisons take them: one, several, or a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import torch
from torch_geometric.data import Batch, Data

from tg_molfield.arguments import as_list, check_kind
from tg_molfield.compare.gaussian_fields import gaussians_of
from tg_molfield.compare.metrics import Metric, as_metric
from tg_molfield.compare.scoring import By, Measure, Scoring
from tg_molfield.devices import device_with_double
from tg_molfield.fields import Field, RBFField

Molecules: TypeAlias = Data | Batch | Sequence[Data] | Field
"""One molecule, several, or a batch of fields of Gaussians."""


def listed(name: str, molecules: Molecules) -> tuple[Data, ...]:
    """The molecules one by one; none where fields are given.

    Raises:
        TypeError: something else is given.
        ValueError: there are none.
    """
    if isinstance(molecules, Field):
        return ()
    if isinstance(molecules, Batch):
        return tuple(molecules.to_data_list())
    found = [molecules] if isinstance(molecules, Data) else as_list(name, molecules, "Data")
    for number, data in enumerate(found):
        check_kind(f"{name}[{number}]", data, Data, "a Data", "give molecules, or a batch of fields")
    if not found:
        raise ValueError(f"{name}: expected at least one molecule, got none; give a Data")
    return tuple(found)


def fields_to_compare(
    given: dict[str, Molecules], by: By | None, metric: str | Metric
) -> tuple[list[list[RBFField]], Measure]:
    """For each argument, the fields of every term as batches, in double precision, and how they are scored.

    They are where the molecules are, or on the host where these are on a device without double precision.

    Args:
        given: the arguments by name, all molecules or all fields.
        by: what molecules are compared by, ``"shape"`` if None; None for fields.
        metric: the measure of likeness.

    Raises:
        TypeError: an argument is of another kind.
        ValueError: fields and molecules are mixed, or a field is no sum of Gaussians.
    """
    kinds = {isinstance(one, Field) for one in given.values()}
    if kinds == {True}:
        if by is not None:
            raise ValueError(f"by: expected nothing where fields are given, got {by!r}; leave it out")
        return [[_double(name, one)] for name, one in given.items()], Measure(("field",), (1.0,), as_metric(metric))
    if len(kinds) > 1:
        raise ValueError(
            f"{list(given)[1]}: expected molecules or fields on both sides, got one of each; give one kind"
        )
    scoring = Scoring.of("shape" if by is None else by, metric)
    molecules = [listed(name, one) for name, one in given.items()]
    return [scoring.fields([scoring.prepared(data) for data in some]) for some in molecules], scoring.measure


def _double(name: str, field: Molecules) -> RBFField:
    gaussians = gaussians_of(name, field)
    return gaussians.to(device_with_double(gaussians.device), torch.float64)
