"""`comparison_page`: reconstructed fields next to the true ones, as a table, slices and surfaces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tg_molfield.chem.atoms import AtomList
from tg_molfield.fields.volume import Volume
from tg_molfield.viz.definitions import described
from tg_molfield.viz.inputs import chosen_channels
from tg_molfield.viz.interactive import interactive_surfaces
from tg_molfield.viz.levels import LEVEL, is_distance, is_peaked
from tg_molfield.viz.molecule import formula
from tg_molfield.viz.page import Page
from tg_molfield.viz.slices import plot_slices
from tg_molfield.viz.tables import Cell

_VALUES_A_CASE = 600_000
_HOW_TO_READ = (
    "Each channel is a function of space, one for each kind of atom. The **slices** cut every channel where its sum of "
    "squares is largest; all fields of a channel share one colour scale, and the differences have their own, white at "
    "0, red below and blue above. The **surfaces** are drawn at the same level in every scene. Drag to turn all of "
    "them, or use the arrow keys; sliders set the levels, and boxes show or hide a channel."
)


@dataclass(frozen=True)
class Case:
    """A molecule of the report.

    Args:
        name: name of the molecule.
        truth: the true field.
        reconstruction: the field to evaluate, with the same channels.
        atoms: the atoms of the molecule; by default those of ``truth``.
        baselines: other fields for comparison, by name.
        merits: figures of merit by name, such as ``{"PSNR (dB)": 38.5}``.
        label: what ``reconstruction`` is called in pictures, as in the table.
    """

    name: str
    truth: Volume
    reconstruction: Volume
    atoms: AtomList | None = None
    baselines: Mapping[str, Volume] = field(default_factory=dict)
    merits: Mapping[str, Cell] = field(default_factory=dict)
    label: str = "reconstruction"


def comparison_page(
    title: str,
    cases: Sequence[Case],
    table: tuple[Sequence[Sequence[Cell]], Sequence[str]] | None = None,
    *,
    subtitle: str = "",
    text: str = "",
    best: Mapping[str, str] | None = None,
    unit: str | None = None,
    visible: str | Sequence[str] | None = None,
) -> Page:
    """A page that compares the reconstruction of every case with the truth.

    Args:
        title: title of the page.
        cases: the molecules; few, because each adds up to about a megabyte.
        table: rows and headers of the summary; by default the merits of the cases.
        subtitle: a line below the title.
        text: introduction, with a small part of Markdown (see `Page.text`).
        best: ``"max"`` or ``"min"`` for the columns of the table whose best value is highlighted.
        unit: unit of the values; by default what the definition of the fields tells.
        visible: the channels whose surfaces are visible at first; by default all. The legend shows the others.

    Raises:
        ValueError: there are no cases, or two fields of one have the same name.
        ImportError: plotly or scikit-image is missing.
    """
    if not cases:
        raise ValueError("cases: expected at least one Case, got none; give [Case(...)]")
    page = Page(title, subtitle)
    if text:
        page.text(text)
    rows, headers = table if table is not None else _summary(cases)
    page.table(rows, headers, best)
    page.text(_HOW_TO_READ)
    for case in cases:
        _add_case(page, case, unit, visible)
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


def _add_case(page: Page, case: Case, unit: str | None, visible: str | Sequence[str] | None) -> None:
    atoms = _atoms(case)
    if case.label == "truth" or {"truth", case.label} & set(case.baselines):
        names = ", ".join(map(repr, [case.label, *case.baselines]))
        raise ValueError(f"cases: expected names that differ from 'truth' and each other, got {names}; rename one")
    fields = {"truth": case.truth, case.label: case.reconstruction, **case.baselines}
    page.heading(case.name, "" if atoms is None else f"{formula(atoms)}, {len(atoms.z)} atoms")
    if case.merits:
        page.facts(case.merits)
    dots = "" if atoms is None else " Dots are the atoms within 0.6\u00a0Å of the plane."
    slices = [
        plot_slices(fields, name, difference=True, atoms=atoms, unit=unit) for name in chosen_channels(case.truth, None)
    ]
    page.figure(slices, f"Slices through {case.name}. {described(case.truth)}{dots}")
    if min(n for volume in fields.values() for n in volume.grid.shape) > 1:
        surfaces = interactive_surfaces(
            fields, difference=True, atoms=atoms, unit=unit, visible=visible, max_values=_VALUES_A_CASE
        )
        page.figure(
            surfaces,
            f"Surfaces of {case.name} at {_level(case.truth)} at first. {described(case.truth)}{surfaces.note}",
        )


def _level(truth: Volume) -> str:
    if is_distance(truth):
        return "a distance of 0"
    peaked = any(is_peaked(truth, channel) for channel in truth.channels)
    less = ", or less where that is at nuclei alone," if peaked else ""
    return f"{LEVEL:.0%} of each channel's peak in the truth{less}"
