"""`depict`: the structural formula of a molecule as a small SVG."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

from tg_molfield.files import shortened

if TYPE_CHECKING:
    from rdkit.Chem import Mol

MAX_ATOMS = 150
"""Largest number of atoms, without hydrogens, of a molecule that is drawn."""

_UNITS = 40
"""Units of a drawing to an Å of RDKit's coordinates: rounded to integers, 1 % of a bond."""

_BLACK = "#000000"


class Depiction(NamedTuple):
    """A drawn molecule.

    Attributes:
        svg: an ``<svg>`` without a size of its own, about 1 kB, drawn in ``currentColor`` and in the colours of
            heteroatoms; empty for more than ``MAX_ATOMS`` atoms.
        heavy_atoms: the number of atoms other than hydrogen.
    """

    svg: str
    heavy_atoms: int


def depict(molecule: str | Mol) -> Depiction:
    """The structural formula of a SMILES or an RDKit molecule, by RDKit's coordinates and rules of drawing.

    Hydrogens are written at heteroatoms; of two that are bonded to each other only, both are drawn.

    Raises:
        TypeError: it is neither.
        ValueError: the SMILES is invalid or has no atoms.
    """
    from rdkit import rdBase

    with rdBase.BlockLogs():
        mol = _without_hydrogens(molecule)
        heavy = int(mol.GetNumHeavyAtoms())
        return Depiction(_condensed(_drawn(mol)) if mol.GetNumAtoms() <= MAX_ATOMS else "", heavy)


def _without_hydrogens(molecule: Any) -> Mol:
    from rdkit import Chem

    if isinstance(molecule, Chem.Mol):
        mol = Chem.RemoveHs(molecule, sanitize=False)
        mol.RemoveAllConformers()
        mol.UpdatePropertyCache(strict=False)
    elif isinstance(molecule, str):
        mol = Chem.MolFromSmiles(molecule)
        if mol is None or not mol.GetNumAtoms():
            raise ValueError(f"smiles: expected a valid SMILES with atoms, got {shortened(molecule, 40)!r}; correct it")
    else:
        raise TypeError(
            f"molecule: expected a SMILES or an RDKit molecule, got {type(molecule).__name__}; give for example 'CCO'"
        )
    return mol


def _drawn(mol: Mol) -> str:
    from rdkit.Chem.Draw.rdMolDraw2D import MolDraw2DSVG, PrepareAndDrawMolecule

    canvas = MolDraw2DSVG(-1, -1, -1, -1, True)
    options: Any = canvas.drawOptions()
    options.scalingFactor, options.padding, options.clearBackground = _UNITS, 0.03, False
    PrepareAndDrawMolecule(canvas, mol)
    canvas.FinishDrawing()
    return str(canvas.GetDrawingText())


_VIEW = re.compile(r"viewBox='([^']*)'")
_PATH = re.compile(r"<path (class='[^']*' )?d='([^']*)' style='([^']*)'")
_TEXT = re.compile(r"<text x='([^']*)' y='([^']*)' .*?font-size:(\d+)px;.*?fill:(#\w+)' ?>(.*?)</text>")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_STROKE, _FILL = re.compile(r"stroke:(#\w+);stroke-width:([\d.]+)px"), re.compile(r"fill:(#\w+)")


def _condensed(svg: str) -> str:
    """An SVG of RDKit with the paths of one style together, and without what a browser takes for granted."""
    view = _VIEW.search(svg)
    assert view is not None
    paths: dict[str, list[str]] = {}
    for bond, course, style in _PATH.findall(svg):
        if bond or "fill:none" not in style:  # the others round the corners between bonds
            paths.setdefault(_style(style), []).append(_rounded(course))
    parts = [f"<path {style} d='{''.join(courses)}'/>" for style, courses in paths.items()]
    for x, y, size, color, letters in _TEXT.findall(svg):
        tint = "" if color == _BLACK else f" fill='{color}'"
        parts.append(f"<text x='{round(float(x))}' y='{round(float(y))}' font-size='{size}'{tint}>{letters}</text>")
    group = "<g fill='currentColor' stroke-linecap='round' font-family='sans-serif'>"
    return f"<svg viewBox='{escape(view[1])}'>{group}{''.join(parts)}</g></svg>"


def _style(style: str) -> str:
    filled = _FILL.search(style)
    if filled:
        return "" if filled[1] == _BLACK else f"fill='{filled[1]}'"
    stroke = _STROKE.search(style)
    assert stroke is not None
    color = "currentColor" if stroke[1] == _BLACK else stroke[1]
    return f"fill='none' stroke='{color}' stroke-width='{float(stroke[2]):g}'"


def _rounded(course: str) -> str:
    """The course of a path in whole units, such as ``M303 167L259 127``."""
    numbers = _NUMBER.sub(lambda found: str(round(float(found[0]))), course.replace(",", " "))
    return numbers.replace("M ", "M").replace(" L ", "L").strip()
