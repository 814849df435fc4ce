"""The molecules and terms that the commands of comparison are given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from tg_molfield.cli.terminal import say
from tg_molfield.files import distinct_names

if TYPE_CHECKING:
    from torch_geometric.data import Data

    from tg_molfield.compare import Scoring
    from tg_molfield.fields import MolField
    from tg_molfield.structures.library import Entry, Recipe


class Molecule(NamedTuple):
    """A molecule from the command line.

    Attributes:
        entry: its record or SMILES.
        data: the molecule, with what the scores read.
        title: its name, else the number of its record and the file.
        charges: where its partial charges are from, if the scores read them: ``"file"`` or ``"computed"``.
        conformer: which conformer of its record it is, from 1.
    """

    entry: Entry
    data: Data
    title: str
    charges: str
    conformer: int


def weights(by: Sequence[str]) -> dict[str | MolField, float]:
    """The terms of a score: ``shape color`` or ``shape=2 color=1``.

    Raises:
        ValueError: a term is unknown or named twice, or a weight is no number.
    """
    from tg_molfield.compare.scoring import NAMED

    found: dict[str | MolField, float] = {}
    for word in by:
        name, _, weight = word.partition("=")
        if name not in NAMED:
            raise ValueError(f"--by: expected some of {', '.join(NAMED)}, got {name[:40]}; choose from these")
        if name in found:
            raise ValueError(f"--by: expected different terms, got {name} twice; name each once")
        try:
            found[name] = float(weight) if weight else 1.0
        except ValueError as error:
            raise ValueError(f"--by: expected a number after {name}=, got {weight!r}; give for example 2") from error
    return found


def recipe(
    scoring: Scoring, conformers: int | None, seed: int | None, dimension: int | None, timeout: float | None = None
) -> Recipe:
    """How molecules are read; None is the default of an option."""
    from tg_molfield.structures.library import Recipe

    given = {"conformers": conformers, "seed": seed, "timeout": timeout, "dimension": dimension}
    options: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    return Recipe(scoring.properties, scoring.color, **options)


def load_both(first: str, second: str, scoring: Scoring, how: Recipe) -> tuple[list[Molecule], list[Molecule]]:
    """The molecules that two texts name, see `load`; files of one name are told apart by their folders."""
    one, other = distinct_names([first, second])
    return load(first, scoring, how, one), load(second, scoring, how, other)


def load(text: str, scoring: Scoring, how: Recipe, name: str | None = None) -> list[Molecule]:
    """The molecules that ``text`` names, see `read_molecules`, with what the scores read."""
    from tg_molfield.cli.reading import read_molecules
    from tg_molfield.compare.partial_charges import charges_of_record

    return [
        Molecule(source.entry, data, source.title, charges_of_record(scoring, source.built), conformer)
        for source in read_molecules(text, how, scoring.prepared, name)
        for conformer, data in enumerate(source.molecules, start=1)
    ]


def one_record(molecules: Sequence[Molecule], record: int | None, option: str) -> list[Molecule]:
    """The molecules (conformers) of one record, the first if None; the screen tells if there are more records.

    Raises:
        ValueError: there is no such record.
    """
    record = 1 if record is None else record
    chosen = [molecule for molecule in molecules if molecule.entry.record == record]
    numbers = sorted({molecule.entry.record for molecule in molecules})
    if not chosen:
        raise ValueError(
            f"{option}: expected a readable record from {numbers[0]} to {numbers[-1]}, got {record}; records are "
            "counted from 1"
        )
    if len(numbers) > 1:
        say(f"{chosen[0].entry.file}: record {record} of {numbers[-1]}; {option} chooses another")
    return chosen
