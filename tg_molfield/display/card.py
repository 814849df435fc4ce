"""`card`: an object in a notebook, as a small piece of HTML: what it is, its figures, and pictures."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

_BOX = (
    "display:inline-block;max-width:60rem;padding:0.6em 0.9em;border:1px solid rgba(128,128,128,0.4);"
    "border-radius:8px;font-family:system-ui,sans-serif;font-size:13px;line-height:1.45;text-align:left"
)
_CELL = "padding:1px 1em 1px 0;border:none;text-align:left;vertical-align:top;background:none;white-space:normal"
_ROW = '<tr style="background:none">'
_SOFT = "opacity:0.65"
_PICTURES = "display:flex;flex-wrap:wrap;gap:0.5em 1em;margin-top:0.5em"
_LONGEST = 400
_LONG = re.compile(r"(?<![\w.])\d+\.\d{7,}(e[+-]?\d+)?(?![\w.])")


class Picture(NamedTuple):
    """A picture of a card.

    Attributes:
        html: an ``<img>`` or ``<svg>``.
        caption: below it, plain text.
    """

    html: str
    caption: str = ""


def card(
    kind: str,
    facts: Mapping[str, object],
    pictures: Sequence[Picture] = (),
    *,
    table: tuple[Sequence[str], Sequence[Sequence[object]]] | None = None,
) -> str:
    """A card as HTML that follows the light or dark colours of the page around it.

    Args:
        kind: what it is, in bold.
        facts: figures by name; those that are None or empty are left out.
        pictures: below the facts, side by side.
        table: headers and rows, between them.
    """
    told = [(name, _brief(value)) for name, value in facts.items() if value is not None and str(value)]
    rows = "".join(
        f'{_ROW}<td style="{_CELL};{_SOFT}">{escape(name)}</td><td style="{_CELL}">{value}</td></tr>'
        for name, value in told
    )
    listed = "" if table is None else _table(*table)
    drawn = "".join(
        f'<div style="text-align:center">{picture.html}<div style="{_SOFT}">{escape(picture.caption)}</div></div>'
        for picture in pictures
        if picture.html
    )
    shown = f'<div style="{_PICTURES}">{drawn}</div>' if drawn else ""
    body = f'<table style="border:none;margin:0.2em 0 0">{rows}</table>' if rows else ""
    return f'<div style="{_BOX}"><strong>{escape(kind)}</strong>{body}{listed}{shown}</div>'


def sized(svg: str, unit: float = 0.5, width: int = 220, height: int = 170) -> str:
    """A drawing with a size.

    Args:
        svg: as `atoms_svg` makes it.
        unit: pixels for a unit of the drawing, at most.
        width: the most pixels across.
        height: the most pixels down.
    """
    if not svg:
        return ""
    across, down = map(float, svg.partition("viewBox='")[2].partition("'")[0].split()[2:])
    scale = min(unit, width / across, height / down)
    size = f'width="{across * scale:.0f}" height="{down * scale:.0f}" role="img"'
    return svg.replace("<svg", f"<svg {size}", 1)


def short_numbers(text: str) -> str:
    """The text with six digits of numbers that have more than six decimals: ``0.480292`` for ``0.48029212``."""
    return _LONG.sub(lambda found: f"{float(found[0]):.6g}", text)


def numbers_of(holder: Any) -> str:
    """The type of the numbers of a tensor or a field, and where they are: "float32 on cpu"."""
    return f"{str(holder.dtype).removeprefix('torch.')} on {holder.device}"


def _table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    head = "".join(f'<th style="{_CELL};{_SOFT}">{escape(name)}</th>' for name in headers)
    body = "".join(_ROW + "".join(f'<td style="{_CELL}">{_brief(cell)}</td>' for cell in row) + "</tr>" for row in rows)
    return f'<table style="border:none;margin:0.4em 0 0">{_ROW}{head}</tr>{body}</table>'


def _brief(value: object) -> str:
    text = f"{value:.5g}".replace("-", "−") if isinstance(value, float) else short_numbers(str(value))
    return escape(text if len(text) <= _LONGEST else text[:_LONGEST] + "…")
