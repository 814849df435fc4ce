"""``tg-molfield align``: one molecule laid on another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tg_molfield.cli.options import By, Conformers, Dimension, Metric, Record, Search, Seed
from tg_molfield.cli.terminal import progress, say

if TYPE_CHECKING:
    from tg_molfield.cli.compare.inputs import Molecule
    from tg_molfield.compare import Alignment

_SUFFIXES = (".sdf", ".html")
_VERTICES = 12_000
"""Of a surface on the page, which has two."""


def align(
    mobile: Annotated[str, typer.Argument(help="The molecule to move: a structure file, or a SMILES.")],
    fixed: Annotated[str, typer.Argument(help="The molecule that stays: a structure file, or a SMILES.")],
    by: By = None,
    output: Annotated[
        list[Path] | None,
        typer.Option("--output", "-o", help="The files to write: the moved molecule (.sdf), a page (.html)."),
    ] = None,
    record: Record = None,
    fixed_record: Annotated[
        int | None, typer.Option(help="The record of the fixed molecule, counted from 1.  \\[default: 1]")
    ] = None,
    metric: Metric = "tanimoto",
    search: Search = None,
    conformers: Conformers = None,
    seed: Seed = None,
    dimension: Dimension = None,
) -> None:
    """Lay one molecule on another by their fields, and print how alike they are.

    Examples:

    tg-molfield align ligand.sdf crystal.mol2 --by shape color -o moved.sdf -o overlay.html

    tg-molfield align "CC(=O)Oc1ccccc1C(=O)O" "OC(=O)c1ccccc1O" --conformers 10
    """
    from tg_molfield.cli.compare.inputs import load_both, one_record, recipe, weights
    from tg_molfield.cli.compare.outputs import terms_of
    from tg_molfield.cli.no_effect import check_reading
    from tg_molfield.cli.output_files import check_outputs
    from tg_molfield.cli.packages import check_pages
    from tg_molfield.compare import Scoring, align_many
    from tg_molfield.compare.partial_charges import warn_of_charges

    check_reading([mobile], {"--record": record})
    check_reading([fixed], {"--fixed-record": fixed_record})
    of_smiles = {"--conformers": conformers, "--seed": seed}
    check_reading([mobile, fixed], None, of_smiles, {"--dimension": dimension})
    outputs = check_outputs(output, _SUFFIXES, [mobile, fixed])
    check_pages(outputs)
    scoring = Scoring.of(weights(by or ["shape"]), metric)
    how = recipe(scoring, conformers, seed, dimension)
    movable, still = load_both(mobile, fixed, scoring, how)
    mobiles = one_record(movable, record, "--record")
    fixeds = one_record(still, fixed_record, "--fixed-record")
    warn_of_charges({one.charges for one in mobiles}, {one.charges for one in fixeds})
    with progress("aligning"):
        found = align_many(
            [one.data for one in mobiles],
            [one.data for one in fixeds],
            weights(by or ["shape"]),
            metric=metric,
            search=search or "normal",
        )
    row, column = divmod(int(found.score.argmax()), len(fixeds))
    best = found[row, column]
    say(f"{mobiles[row].title} on {fixeds[column].title}: score {best.score:.4f}{terms_of(best.by_term)}")
    for path in outputs:
        with progress(f"writing {path.name}"):
            _write(path, mobiles[row], fixeds[column], best)
        say(f"{path}: {'the moved molecule' if path.suffix.lower() == '.sdf' else 'both molecules'}")


def _write(path: Path, mobile: Molecule, fixed: Molecule, found: Alignment) -> None:
    from tg_molfield.cli.compare.outputs import terms_of
    from tg_molfield.structures.library import write_sdf

    assert found.moved is not None
    if path.suffix.lower() == ".sdf":
        tags = {"tg_molfield_score": f"{found.score:.6f}"}
        if len(found.by_term) > 1:
            tags |= {f"tg_molfield_{name}": f"{value:.6f}" for name, value in found.by_term.items()}
        write_sdf(path, [(mobile.entry, found.moved, tags)])
        return
    from tg_molfield.fields import MolField
    from tg_molfield.viz import Page, plot_overlay
    from tg_molfield.viz.definitions import in_words

    shape = MolField.preset("shape")
    page = Page(f"{mobile.title} on {fixed.title}", f"score {found.score:.4f}{terms_of(found.by_term)}")
    fields = shape(fixed.data), shape(found.moved)
    figure = plot_overlay(
        fixed.data, found.moved, fields, names=(fixed.title, mobile.title), max_vertices=_VERTICES, height=640
    )
    page.figure(
        figure, f"The molecules where they are most alike, with a surface of each one's shape. {in_words(shape)}"
    )
    page.save(path)
