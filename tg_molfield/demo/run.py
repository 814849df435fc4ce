"""The demonstration from molecules to a trained model, its evaluation, files and a page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from rich.table import Column, Table

from tg_molfield.demo.enthalpies import Enthalpies
from tg_molfield.demo.evaluation import LEARNED, NUM_NODES, HeldOut, Summary, evaluate, summary
from tg_molfield.demo.finetuning import RUNS, learn_enthalpies
from tg_molfield.demo.molecules import ase_molecules, split_by_formula
from tg_molfield.demo.page import ENTHALPY_HEADERS, HEADERS, demo_page
from tg_molfield.demo.pretrained import pretrained_model
from tg_molfield.demo.table import write_enthalpies, write_table
from tg_molfield.demo.training import train_model
from tg_molfield.fields import MolField
from tg_molfield.optional import require_for_pages
from tg_molfield.progress import print_table, shown


def run(
    output: str | Path, minutes: float = 3.0, seed: int = 0, held_out: float = 0.2, nodes: int = NUM_NODES
) -> list[HeldOut]:
    """Train on the molecules in ASE, evaluate on held-out ones, and write the results into the folder ``output``.

    The pretrained model of the package is evaluated as well, and its encoder is fine-tuned on enthalpies of
    formation.

    Args:
        output: the folder, which is created if necessary. It receives ``model.safetensors``, ``psnr.csv``,
            ``enthalpies.csv``, ``page.html``, and ``NAME.true.cube`` and ``NAME.learned.cube`` for the molecules on
            the page.
        minutes: the time to train the model. Fine-tuning adds less than one minute and uses fewer epochs if this is
            below 3.
        seed: the seed of the split, the training and the orientations.
        held_out: the fraction of the molecules to hold out.
        nodes: the number of nodes along each axis of the grid on which fields are compared.

    Raises:
        ImportError: plotly or scikit-image, of the extra ``viz``, is missing.
        ValueError: ``minutes`` is not positive, or ``held_out`` is not between 0 and 1.
    """
    if not minutes > 0:
        raise ValueError(f"minutes: expected a positive number, got {minutes}; give the time to train for, such as 3")
    if not 0 < held_out < 1:
        raise ValueError(f"held_out: expected a fraction between 0 and 1, got {held_out}; give one such as 0.2")
    require_for_pages()
    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    mol_field = MolField()
    train, test = split_by_formula(ase_molecules(), held_out, seed)
    print(f"{len(train)} molecules to train on, {len(test)} held out; channels {' '.join(mol_field.channels)}")
    model, report = train_model(train, mol_field, 60 * minutes, seed)
    model.save(folder / "model.safetensors")
    with _progress("evaluating", len(test)) as advance:
        results = evaluate(
            model,
            pretrained_model(mol_field),
            mol_field,
            train,
            test,
            seed,
            nodes=nodes,
            progress=advance,
        )
    with _progress("fine-tuning", 2 * RUNS) as advance:
        enthalpies = learn_enthalpies(train, test, minutes, seed, progress=advance)
    rows = summary(results)
    write_table(folder / "psnr.csv", results)
    write_enthalpies(folder / "enthalpies.csv", enthalpies)
    drawn = quartiles(results)
    for one in drawn:
        one.truth.save(folder / f"{one.data.name}.true.cube")
        one.fields[LEARNED].on(one.grid).save(folder / f"{one.data.name}.learned.cube")
    demo_page(drawn, rows, enthalpies, len(train), len(test), report.seconds, nodes).save(folder / "page.html")
    _print_psnr(rows)
    if enthalpies.names:
        _print_enthalpies(enthalpies)
    print(f"wrote {folder}/: {', '.join(sorted(path.name for path in folder.iterdir()))}")
    return results


def quartiles(results: Sequence[HeldOut], min_atoms: int = 5) -> list[HeldOut]:
    """The molecules at the quartiles of the PSNR of the learned field, among those with at least ``min_atoms``."""
    large = [one for one in results if one.data.num_nodes >= min_atoms] or list(results)
    ordered = sorted(large, key=lambda one: one.ratios[LEARNED].occupied)
    ranks = sorted({round(quartile * (len(ordered) - 1) / 4) for quartile in (1, 2, 3)})
    return [ordered[rank] for rank in ranks]


@contextmanager
def _progress(text: str, total: int) -> Iterator[Callable[[], None]]:
    """What to call after each of ``total`` pieces of work."""
    done = count(1)
    with shown(None, lambda number: (f"{text} {number} of {total}", number / total)) as show:
        yield lambda: show(next(done))


def _print_psnr(rows: Summary) -> None:
    table = Table(
        Column(HEADERS[0], no_wrap=True), *HEADERS[1:], title="PSNR on held-out molecules, random orientations (dB)"
    )
    for method, number, *figures in rows:
        table.add_row(method, str(number), *map(_formatted, figures))
    print_table(table)


def _print_enthalpies(enthalpies: Enthalpies) -> None:
    title = f"Enthalpy of formation of held-out molecules, from {enthalpies.num_train} others (kcal/mol)"
    table = Table(Column(ENTHALPY_HEADERS[0], no_wrap=True), *ENTHALPY_HEADERS[1:], title=title)
    for model, number, *figures in enthalpies.errors():
        table.add_row(model, str(number), *map(_formatted, figures))
    print_table(table)


def _formatted(figure: float | None) -> str:
    return "–" if figure is None else f"{figure:.1f}"
