"""The report that sets fields beside what they should be: a table, slices and surfaces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tg_molfield.chem.atoms import AtomList
from tg_molfield.fields.volume import Volume
from tg_molfield.viz.levels import LEVEL
from tg_molfield.viz.molecule import formula
from tg_molfield.viz.page import Page
from tg_molfield.viz.slices import plot_slices
from tg_molfield.viz.surfaces import plot_surfaces
from tg_molfield.viz.tables import Cell

_NODES_A_SCENE = 44**3
_HOW_TO_READ = (
    "Each channel is a function of space, one for each kind of atom. The **slices** cut every channel where there is "
    "most of it to be seen; in a column all fields have one colour scale, and the differences have a scale of their "
    "own, white at 0. The **surfaces** are drawn at the same level in every scene; drag to turn all of them, click a "
    "name in the legend to hide a channel."
)


@dataclass(frozen=True)
class Case:
    """A molecule of the report.

    Args:
        name: of the molecule.
        truth: the field as it should be.
        reconstruction: the field to judge, with the same channels.
        atoms: of the molecule; those of ``truth`` if not given.
        baselines: other fields to set beside it, by name.
        merits: figures of merit by name, such as ``{"PSNR (dB)": 38.5}``.
    """

    name: str
    truth: Volume
    reconstruction: Volume
    atoms: AtomList | None = None
    baselines: Mapping[str, Volume] = field(default_factory=dict)
    merits: Mapping[str, Cell] = field(default_factory=dict)


def comparison_page(
    title: str,
    cases: Sequence[Case],
    table: tuple[Sequence[Sequence[Cell]], Sequence[str]] | None = None,
    *,
    subtitle: str = "",
    text: str = "",
    best: Mapping[str, str] | None = None,
    unit: str = "",
) -> Page:
    """A page that sets every case's reconstruction beside the truth.

    Args:
        title: of the page.
        cases: the molecules; a handful, as each adds up to about a megabyte.
        table: rows and headers of the summary; the merits of the cases if not given.
        subtitle: a line below the title.
        text: what the reader should know first; a few signs of Markdown are understood.
        best: ``"max"`` or ``"min"`` for the columns of the table whose best value is to be set off.
        unit: of the values.

    Raises:
        ValueError: there are no cases.
        ImportError: plotly or scikit-image is missing.
    """
    if not cases:
        raise ValueError("cases: is empty; give at least one Case")
    page = Page(title, subtitle)
    if text:
        page.text(text)
    rows, headers = table if table is not None else _summary(cases)
    page.table(rows, headers, best)
    page.text(_HOW_TO_READ)
    for case in cases:
        _add_case(page, case, unit)
    return page


def _summary(cases: Sequence[Case]) -> tuple[list[list[Cell]], list[str]]:
    names = list(dict.fromkeys(name for case in cases for name in case.merits))
    rows: list[list[Cell]] = []
    for case in cases:
        atoms = _atoms(case)
        rows.append([case.name, None if atoms is None else len(atoms.z), *(case.merits.get(name) for name in names)])
    return rows, ["molecule", "atoms", *names]


def _atoms(case: Case) -> AtomList | None:
    return case.atoms if case.atoms is not None else case.truth.atoms


def _add_case(page: Page, case: Case, unit: str) -> None:
    atoms = _atoms(case)
    fields = {"truth": case.truth, "reconstruction": case.reconstruction, **case.baselines}
    page.heading(case.name, "" if atoms is None else f"{formula(atoms)}, {len(atoms.z)} atoms")
    if case.merits:
        page.facts(case.merits)
    shape = "×".join(map(str, case.truth.grid.shape))
    dots = "" if atoms is None else " Dots are the atoms within 0.6\u00a0Å of the plane."
    page.figure(
        plot_slices(fields, difference=True, atoms=atoms, unit=unit),
        f"Slices through {case.name}, sampled on {shape} nodes.{dots}",
    )
    if min(n for volume in fields.values() for n in volume.grid.shape) > 1:
        page.figure(
            plot_surfaces(fields, atoms=atoms, max_nodes=_NODES_A_SCENE),
            f"Surfaces of {case.name} at {LEVEL:.0%} of each channel's peak in the truth (the number in the legend).",
        )
