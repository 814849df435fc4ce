"""A part of a data set."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from tg_molfield.cli.wording import worded

if TYPE_CHECKING:
    from tg_molfield.datasets import MoleculeFields

By = Annotated[
    str | None,
    typer.Option(
        help="How to split: random, scaffold (molecules of one in one part); protein for complexes; blocks or "
        "trajectory for frames.  \\[default: random, of frames blocks]"
    ),
]
Fractions = Annotated[
    str | None,
    typer.Option(help="The shares of train, valid and test.  \\[default: 0.8,0.1,0.1]", metavar="TRAIN,VALID,TEST"),
]
SplitSeed = Annotated[int | None, typer.Option(help="The seed of the split.  \\[default: 0]")]

PARTS = ("train", "valid", "test")
FRACTIONS = (0.8, 0.1, 0.1)


def parsed_fractions(text: str | None) -> tuple[float, ...]:
    """The three shares of ``"0.8,0.1,0.1"``.

    Raises:
        ValueError: they are no numbers.
    """
    if text is None:
        return FRACTIONS
    try:
        return tuple(float(word) for word in text.replace(",", " ").split())
    except ValueError as error:
        raise ValueError(f"--fractions: expected three numbers, got {text[:40]!r}; 0.8,0.1,0.1 is usual") from error


def usual_by(dataset: MoleculeFields) -> str:
    """How a data set is split unless it is told otherwise."""
    return inspect.signature(dataset.split_idx).parameters["by"].default


def parts_of(dataset: MoleculeFields, fractions: Sequence[float], by: str, seed: int) -> dict[str, list[int]]:
    """The indices of the parts of a data set, by name.

    Raises:
        ValueError: an argument is out of range.
    """
    with worded({"fractions:": "--fractions:", "by:": "--by:", "seed:": "--split-seed:"}):
        found = dataset.split_idx(fractions, by=by, seed=seed)
    return {name: indices.tolist() for name, indices in found.items()}


def part_of(
    dataset: MoleculeFields, split: str, fractions: Sequence[float], by: str, seed: int, remedy: str
) -> list[int]:
    """The indices of one part of a data set.

    Args:
        dataset: the data set.
        split: the part.
        fractions: shares of the parts.
        by: how they are split.
        seed: of the split.
        remedy: what to do where the part is empty.

    Raises:
        ValueError: there is no such part, it is empty, or an argument is out of range.
    """
    if split not in PARTS:
        raise ValueError(f"--split: expected one of {', '.join(PARTS)}, got {split[:40]!r}; choose one")
    indices = parts_of(dataset, fractions, by, seed)[split]
    if not indices:
        raise ValueError(f"--split: expected molecules in the part {split}, got none of {len(dataset)}; {remedy}")
    return indices
