"""The files and the sentence on what was sampled."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, count
from pathlib import Path

from tg_molfield.cli.compare.outputs import write_csv
from tg_molfield.cli.decoded_files import formula_of, write_molecules
from tg_molfield.cli.sample.drawing import Samples
from tg_molfield.cli.wording import counted
from tg_molfield.viz import samples_page

_HEADERS = ("name", "formula", "SMILES", "valid")


def write_samples(folder: Path, model: str, groups: Sequence[Samples]) -> None:
    """Write the molecules, the table and the page.

    Args:
        folder: where to.
        model: the name of the model.
        groups: the molecules.
    """
    molecules = [data for group in groups for data in group.molecules]
    smiles = _smiles(groups)
    near = [group.near for group in groups for _ in group.molecules]
    names = [f"sample {place}" for place in range(1, len(molecules) + 1)]
    write_molecules(folder / "samples", names, molecules, smiles)
    headers = (*_HEADERS, "near") if any(near) else _HEADERS
    rows = [
        (name, formula_of(data), text, "yes" if text else "no", *([title] if any(near) else []))
        for name, data, text, title in zip(names, molecules, smiles, near, strict=True)
    ]
    write_csv(folder / "samples.csv", headers, rows)
    headings = _headings(groups)
    given = {heading: one.given for heading, one in zip(headings, groups, strict=True) if one.given is not None}
    page = samples_page(
        "Sampled molecules",
        {heading: one.molecules for heading, one in zip(headings, groups, strict=True)},
        given=given,
        subtitle=f"by the model {model}",
        facts={"sampled": len(molecules), "valid": sum(map(bool, smiles)), "unique": len(set(filter(None, smiles)))},
    )
    page.save(folder / "page.html")


def summary(groups: Sequence[Samples]) -> str:
    """How many there are, how many are valid, and how many of these differ."""
    smiles = _smiles(groups)
    valid = list(filter(None, smiles))
    return f"{counted(len(smiles), 'molecule')}: {len(valid):,} valid, {len(set(valid)):,} unique"


def _smiles(groups: Sequence[Samples]) -> list[str]:
    return [text for group in groups for text in group.molecules.smiles]


def _headings(groups: Sequence[Samples]) -> list[str]:
    """A different heading for each."""
    found: list[str] = []
    for group in groups:
        first = f"Near {group.near}" if group.near else "Molecules"
        others = (f"{first} ({number})" for number in count(2))
        found.append(next(one for one in chain([first], others) if one not in found))
    return found
