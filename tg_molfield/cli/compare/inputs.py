"""The molecules and terms that the commands of comparison are given."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tg_molfield.cli.terminal import progress, say

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
    """

    entry: Entry
    data: Data
    title: str
    charges: str


def weights(by: Sequence[str]) -> dict[str | MolField, float]:
    """The terms of a score: ``shape color`` or ``shape=2 color=1``.

    Raises:
        ValueError: a term is named twice, or a weight is no number.
    """
    found: dict[str | MolField, float] = {}
    for word in by:
        name, _, weight = word.partition("=")
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


def load(text: str, scoring: Scoring, how: Recipe) -> list[Molecule]:
    """The molecules that ``text`` names: those of a file if its suffix is that of one, else of a SMILES.

    Raises:
        ValueError: it is neither, or there is no readable molecule.

    Warns:
        SkippedRecordsWarning: records of the file cannot be read.
        StructureWarning: what the readers warn of.
    """
    from tg_molfield.cli.structure import not_a_structure
    from tg_molfield.compare.partial_charges import charges_of_record
    from tg_molfield.files import format_suffix
    from tg_molfield.structures.formats.registry import SUFFIXES
    from tg_molfield.structures.library import TABLES, Library, build_entry, fault_of_entry, smiles_entry
    from tg_molfield.structures.library.problems import Problems

    is_file = format_suffix(text) in (*SUFFIXES, *TABLES)
    problems = Problems()
    found: list[Molecule] = []
    total = 0
    source = Library(text) if is_file else None
    with progress(f"reading {text}") as show:
        for entry in source or [smiles_entry(text)]:
            total += 1
            if source is not None:
                show(f"{total} records", source.done)
            try:
                built = build_entry(entry, how)
                molecules = [scoring.prepared(data) for data in built.molecules]
            except Exception as error:
                reason = fault_of_entry(error)
                if source is None:
                    raise not_a_structure(text, error) from error
                problems.fail(entry, reason)
                continue
            for note in built.notes:
                problems.note(entry, note)
            title = entry.title or f"record {entry.record} of {Path(text).name}"
            charges = charges_of_record(scoring, built)
            found += [Molecule(entry, data, title, charges) for data in molecules]
    if not found:
        reasons = "".join(f"\n  {record}" for record in problems.failed[:10])
        raise ValueError(f"{text}: expected a readable record, got none among {total}; correct the file{reasons}")
    problems.warn(total, stacklevel=2)
    return found


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
