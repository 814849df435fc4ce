"""Matplotlib figures as files, and as SVG in the colours of the page around it."""

from __future__ import annotations

import re
from html import escape
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from tg_molfield.arguments import as_path
from tg_molfield.display.colors import INK
from tg_molfield.files import atomic_write

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAPER = "paper"
"""The group id of a background that may be removed."""
FORMATS = ("png", "svg", "pdf")

_ONE_AT_A_TIME = Lock()
"""Of threads, which share matplotlib's parameters."""


def save_figure(figure: Figure, path: str | Path, dpi: float = 200) -> None:
    """Write a figure as PNG, SVG or PDF by the suffix; a failed write leaves no file.

    Args:
        figure: a matplotlib figure.
        path: ends in ``.png``, ``.svg`` or ``.pdf``; missing folders are created.
        dpi: dots per inch of a PNG, and of images inside SVG and PDF.

    Raises:
        ValueError: another suffix.
    """
    suffix = as_path(path).suffix.lower().lstrip(".")
    if suffix not in FORMATS:
        known = ", ".join(f".{name}" for name in FORMATS)
        raise ValueError(f"{path}: expected a figure file ({known}), got the suffix .{suffix}; rename it")
    if not hasattr(figure, "savefig"):
        raise TypeError(
            f"figure: expected a matplotlib figure, got {type(figure).__name__}; give for example plot_slices(volume)"
        )
    content = _rendered(figure, suffix, dpi)
    with atomic_write(path) as stream:
        stream.write(content)


def inline_svg(figure: Figure, label: str) -> str:
    """The figure as an ``<svg>`` element for a page.

    The background of figures from this package is removed, and their text takes the text colour of the page.

    Args:
        figure: a matplotlib figure.
        label: description for screen readers.
    """
    svg = _rendered(figure, "svg", 150).decode()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", svg, flags=re.DOTALL)
    if figure.patch.get_gid() == PAPER:
        svg = re.sub(rf'<g id="{PAPER}">.*?</g>', "", svg, count=1, flags=re.DOTALL).replace(INK, "currentColor")
    width = figure.get_figwidth()
    head, _, rest = svg.partition(">")
    view = re.search(r'viewBox="[^"]*"', head)
    assert view is not None
    return (
        f'<svg xmlns:xlink="http://www.w3.org/1999/xlink" {view.group()} role="img" aria-label="{escape(label)}" '
        f'style="max-width: {width * 110:.0f}px; min-width: {width * 62:.0f}px">{rest}'
    )


def _rendered(figure: Figure, suffix: str, dpi: float) -> bytes:
    import matplotlib

    buffer = BytesIO()
    with _ONE_AT_A_TIME, matplotlib.rc_context({"svg.hashsalt": "tg_molfield"}):
        figure.savefig(
            buffer,
            format=suffix,
            dpi=dpi,
            metadata={} if suffix == "png" else {"Date" if suffix == "svg" else "CreationDate": None},
        )
    return buffer.getvalue()
