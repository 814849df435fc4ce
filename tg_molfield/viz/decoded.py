"""`samples_page` and `walk_page`: molecules that a model decoded, new ones and those on the way between two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch

from tg_molfield.arguments import check_counts
from tg_molfield.chem.atoms import AtomList
from tg_molfield.chem.elements import symbols
from tg_molfield.fields.field import Field
from tg_molfield.fields.grid import Grid
from tg_molfield.fields.volume import Volume
from tg_molfield.structures.whole_molecule import canonical_smiles, whole_molecule
from tg_molfield.viz.gallery import Drawing, drawn_molecule
from tg_molfield.viz.inputs import chosen_channels
from tg_molfield.viz.interactive import InteractiveSurfaces
from tg_molfield.viz.interactive_animation import interactive_animation
from tg_molfield.viz.page import Page
from tg_molfield.viz.tables import Cell

_NONE = "no molecule"
_MOLECULE = (
    "Atoms are a molecule where RDKit finds bonds for them, without a net charge and in one piece. Others are drawn as "
    f"they lie and called {_NONE}."
)
_SURFACES = "Isosurfaces, at 0.3 of the peak of each channel at first."
_MARGIN, _FINEST = 3.0, 0.3
_NODES, _NODES_OF_ONE = 1_000_000, 40**3
"""Of all volumes on a page, and of one."""
_MOST_ATOMS_WITH_HYDROGEN = 80


class _Shown(NamedTuple):
    """A molecule whose field is drawn."""

    label: str
    data: Any
    field: Field


def samples_page(
    title: str,
    molecules: Any,
    *,
    given: Mapping[str, Any] | None = None,
    subtitle: str = "",
    facts: Mapping[str, Cell] | None = None,
    drawn: int = 120,
    surfaces: int = 8,
) -> Page:
    """A page with the drawings of new molecules, and the fields of a few.

    Args:
        title: title of the page.
        molecules: `DecodedMolecules`, as ``FieldAutoEncoder.sample`` gives; or several, by their headings.
        given: the molecules that they are near as ``Data``, by the headings.
        subtitle: a line below the title.
        facts: a few values by name, above the drawings.
        drawn: how many molecules are drawn under each heading.
        surfaces: how many have their field drawn: molecules first.

    Raises:
        TypeError: these are no `DecodedMolecules`.
        KeyError: ``given`` has no molecule for a heading.
        ImportError: plotly or scikit-image is missing.
    """
    check_counts(1, drawn=drawn)
    check_counts(0, surfaces=surfaces)
    groups = molecules if isinstance(molecules, Mapping) else {"Molecules": molecules}
    for heading, group in groups.items():
        _check_decoded(f"molecules[{heading!r}]" if isinstance(molecules, Mapping) else "molecules", group)
        if given and heading not in given:
            known = ", ".join(map(repr, given))
            raise KeyError(
                f"given: expected a molecule for the heading {heading!r}, got those of {known}; give one each"
            )
    page = Page(title, subtitle)
    if facts:
        page.facts(facts)
    page.text(_MOLECULE)
    found: list[tuple[bool, _Shown]] = []
    for heading, group in groups.items():
        names = [f"sample {len(found) + place}" for place in range(1, len(group) + 1)]
        parts = list(zip(names, group, group.smiles, group.field.unbatch(), strict=True))
        found += [(bool(text), _Shown(name, data, field)) for name, data, text, field in parts]
        page.heading(heading, f"the first {drawn:,} of {len(group):,}" if len(group) > drawn else "")
        first = [_given(given[heading])] if given else []
        page.gallery(first + [drawn_molecule(data, text, name, _NONE) for name, data, text, _ in parts[:drawn]])
    valid = [one for is_valid, one in found if is_valid]
    shown = (valid or [one for _, one in found])[:surfaces]
    if shown:
        several = len(shown) > 1
        of_all = f"of the first {len(shown)}" + " that are molecules" * bool(valid)
        page.heading("Fields", of_all if several else f"of {shown[0].label}")
        figure = _animated(shown, prefix="")
        page.figure(figure, _SURFACES + " The slider goes from one to the next." * several)
    return page


def walk_page(
    title: str,
    molecules: Any,
    *,
    noise: Sequence[float] | None = None,
    subtitle: str = "",
    facts: Mapping[str, Cell] | None = None,
    text: str = "",
) -> Page:
    """A page that walks from one molecule to another: their fields by a slider, and their drawings.

    Args:
        title: title of the page.
        molecules: `DecodedMolecules` from the first to the last, as ``FieldAutoEncoder.path`` gives.
        noise: how much each was decoded with, to be told.
        subtitle: a line below the title.
        facts: a few values by name, above the figure.
        text: a few words on the way, in Markdown, see `Page.text`.

    Raises:
        TypeError: these are no `DecodedMolecules`.
        ValueError: there are fewer than two molecules, or another number of ``noise``.
        ImportError: plotly or scikit-image is missing.
    """
    _check_decoded("molecules", molecules)
    if len(molecules) < 2:
        raise ValueError(f"molecules: expected at least 2 on a way, got {len(molecules)}; take a path")
    if noise is not None and len(noise) != len(molecules):
        raise ValueError(f"noise: expected {len(molecules)}, one for each molecule, got {len(noise)}; give one each")
    page = Page(title, subtitle)
    if facts:
        page.facts(facts)
    places = shares(len(molecules))
    smiles = molecules.smiles
    labels = [f"{place}, {'molecule' if text else _NONE}" for place, text in zip(places, smiles, strict=True)]
    figure = _animated(list(map(_Shown, labels, molecules, molecules.field.unbatch())))
    page.figure(figure, f"{_SURFACES} Steps are in per cent of the way.")
    page.heading("Step by step")
    page.text(text)
    page.text(_MOLECULE)
    levels = [""] * len(places) if noise is None else [f", noise {level:.2f}" for level in noise]
    page.gallery(
        [
            drawn_molecule(data, text, f"{place}{level}", _NONE)
            for data, text, place, level in zip(molecules, smiles, places, levels, strict=True)
        ]
    )
    return page


def shares(count: int) -> list[str]:
    """How far each of ``count`` steps is on its way, in per cent: different texts as short as may be."""
    values = [100 * step / (count - 1) for step in range(count)]
    for decimals in range(7):
        texts = [f"{value:.{decimals}f}" for value in values]
        if all(abs(float(text) - value) <= 10 / (count - 1) for text, value in zip(texts, values, strict=True)):
            break
    return [f"{text} %" for text in texts]


def _check_decoded(name: str, group: Any) -> None:
    if not hasattr(group, "smiles") or not hasattr(group, "field"):
        got = type(group).__name__
        raise TypeError(f"{name}: expected DecodedMolecules, got {got}; give model.sample(...) or model.decoded(...)")


def _given(data: Any) -> Drawing:
    mol = whole_molecule(data)
    return drawn_molecule(data, "" if mol is None else canonical_smiles(mol), "given")


def _animated(shown: Sequence[_Shown], prefix: str = "at ") -> InteractiveSurfaces:
    """The surfaces of fields, one after another."""
    atoms = [AtomList(one.data.z, one.data.pos.detach()) for one in shown]
    volumes = {
        one.label: _sampled(one.field.detach(), each, _NODES // len(shown))
        for one, each in zip(shown, atoms, strict=True)
    }
    names = {name for volume in volumes.values() for name in chosen_channels(volume, None)}
    elements = [name for name in shown[0].field.channels if name in names and name in symbols()]
    if max(len(each.z) for each in atoms) > _MOST_ATOMS_WITH_HYDROGEN and len(elements) > 1:
        elements = [name for name in elements if name != "H"]
    return interactive_animation(volumes, elements or None, prefix=prefix)


def _sampled(field: Field, atoms: AtomList, most: int) -> Volume:
    spans = atoms.pos.amax(0) - atoms.pos.amin(0) + 2 * _MARGIN
    spacing = max(_FINEST, float(spans.prod() / min(most, _NODES_OF_ONE)) ** (1 / 3))
    with torch.no_grad():
        return field.on(Grid.around(atoms.pos, spacing, _MARGIN)).with_atoms(atoms)
