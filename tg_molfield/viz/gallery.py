"""Small drawings of molecules side by side, as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any, NamedTuple

from tg_molfield.chem.atoms import AtomList
from tg_molfield.display.atoms_svg import atoms_svg
from tg_molfield.display.card import sized

_UNIT, _WIDTH, _HEIGHT = 0.5, 170, 112


class Drawing(NamedTuple):
    """A drawing with a title and a note below it.

    Attributes:
        svg: as `depict` or `atoms_svg` makes it; may be empty.
        title: plain text.
        note: plain text, may be empty.
        faint: whether it is less than the others.
    """

    svg: str
    title: str
    note: str = ""
    faint: bool = False


def drawn_molecule(data: Any, smiles: str, title: str, otherwise: str = "") -> Drawing:
    """The structural formula of a molecule with its SMILES below, or of mere atoms their picture.

    Args:
        data: with ``z`` and ``pos``.
        smiles: empty where the atoms are no molecule.
        title: the title.
        otherwise: the note where the atoms are no molecule.
    """
    from tg_molfield.structures.depiction import depict

    if smiles:
        return Drawing(depict(smiles).svg, title, smiles)
    return Drawing(atoms_svg(AtomList(data.z, data.pos.detach())), title, otherwise, faint=True)


def to_gallery(drawings: Sequence[Drawing]) -> str:
    """A ``<ul>``."""
    return f'<ul class="gallery">{"".join(map(_item, drawings))}</ul>'


def _item(one: Drawing) -> str:
    style = ' class="faint"' if one.faint else ""
    note = f"<span>{escape(one.note)}</span>" if one.note else ""
    drawn = f'<div class="drawing" aria-hidden="true">{sized(one.svg, _UNIT, _WIDTH, _HEIGHT)}</div>'
    return f"<li{style}>{drawn}<strong>{escape(one.title)}</strong>{note}</li>"
