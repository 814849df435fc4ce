"""The molecules that a command is given: the records of a file, or a SMILES."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tg_molfield.cli.terminal import progress

if TYPE_CHECKING:
    from torch_geometric.data import Data

    from tg_molfield.nn import FieldAutoEncoder
    from tg_molfield.structures.library import Built, Entry, Recipe


def check_different(files: Sequence[Path], name: str = "files") -> None:
    """Refuse a file that is named twice, so that no molecule counts twice.

    Args:
        files: the files.
        name: of the argument.

    Raises:
        ValueError: there is one.
    """
    seen: set[Path] = set()
    for path in files:
        if path.resolve() in seen:
            raise ValueError(f"{name}: expected different files, got {path} twice; name each once")
        seen.add(path.resolve())


class Source(NamedTuple):
    """A record or a SMILES.

    Attributes:
        entry: as it stands in its file.
        built: what was read.
        molecules: its conformers, prepared.
        title: its name, else the number of its record and the file.
    """

    entry: Entry
    built: Built
    molecules: list[Data]
    title: str


def read_molecules(text: str, how: Recipe, prepared: Callable[[Data], Data], name: str | None = None) -> list[Source]:
    """The molecules that ``text`` names: those of a file if its suffix is that of one, else of a SMILES.

    Args:
        text: path of a file, or a SMILES.
        how: how molecules are read.
        prepared: what they are made into; it may refuse one by a ValueError.
        name: of the file in titles, where it is not that of the path.

    Raises:
        ValueError: it is neither, or there is no readable molecule.

    Warns:
        SkippedRecordsWarning: records of the file cannot be read, or are refused.
        StructureWarning: what the readers warn of.
    """
    from tg_molfield.cli.structure import not_a_structure
    from tg_molfield.files import format_suffix
    from tg_molfield.structures.formats.registry import SUFFIXES
    from tg_molfield.structures.library import TABLES, Library, build_entry, fault_of_entry, smiles_entry
    from tg_molfield.structures.library.problems import Problems

    is_file = format_suffix(text) in (*SUFFIXES, *TABLES)
    problems = Problems()
    found: list[Source] = []
    total = 0
    source = Library(text) if is_file else None
    with progress(f"reading {text}") as show:
        for entry in source or [smiles_entry(text)]:
            total += 1
            if source is not None:
                show(f"{total} records", source.done)
            try:
                built = build_entry(entry, how)
                molecules = [prepared(data) for data in built.molecules]
            except Exception as error:
                reason = fault_of_entry(error)
                if source is None:
                    raise not_a_structure(text, error) from error
                problems.fail(entry, reason)
                continue
            for note in built.notes:
                problems.note(entry, note)
            title = entry.title or f"record {entry.record} of {name or Path(text).name}"
            found.append(Source(entry, built, molecules, title))
    if not found:
        reasons = "".join(f"\n  {record}" for record in problems.failed[:10])
        raise ValueError(f"{text}: expected a readable record, got none among {total}; correct the file{reasons}")
    problems.warn(total, stacklevel=2)
    return found


def read_for_model(text: str, model: FieldAutoEncoder) -> list[Source]:
    """The molecules of a file or a SMILES that a model can encode, see `read_molecules`."""
    import torch

    from tg_molfield.structures import PROPERTIES, with_properties
    from tg_molfield.structures.library import Recipe

    def prepared(data: Data) -> Data:
        missing = [name for name in model.properties if name not in data]
        data = with_properties(data, missing) if missing else data
        try:
            with torch.no_grad():
                model.encode(data)
        except ValueError as error:
            raise ValueError(str(error).removeprefix("molecule 0: ")) from error
        return data

    how = Recipe(tuple(name for name in model.properties if name in PROPERTIES), dtype=next(model.parameters()).dtype)
    return read_molecules(text, how, prepared)
