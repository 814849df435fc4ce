"""`Page`: text, tables and figures as one self-contained HTML file."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import lru_cache
from html import escape
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

from tg_molfield.arguments import as_path, check_kind
from tg_molfield.files import atomic_write
from tg_molfield.optional import require
from tg_molfield.viz.figures import inline_svg
from tg_molfield.viz.gallery import Drawing, to_gallery
from tg_molfield.viz.interactive import InteractiveSurfaces
from tg_molfield.viz.markup import to_html
from tg_molfield.viz.notebook_page import page_in_notebook
from tg_molfield.viz.tables import Cell, plain, to_table

_SCRIPTS = ("controls.js", "camera.js", "frames.js", "samples.js", "surface_net.js", "levels.js", "page.js")
_KEYS = "The arrow keys turn it, + and − change the distance, Home goes back."


class Page:
    """A page, written from top to bottom; every method returns the page itself.

    All text is escaped. The page follows the light or dark preference of the reader.

    Args:
        title: title of the page and of the window.
        subtitle: a line below the title.
    """

    def __init__(self, title: str, subtitle: str = "") -> None:
        check_kind("title", title, str, "a string", "give the title of the page")
        self.title = title
        below = f'<p class="subtitle">{escape(subtitle)}</p>' if subtitle else ""
        self._parts = [f"<header><h1>{escape(title)}</h1>{below}</header>"]
        self._interactive = False
        self._scripts: dict[str, None] = {}
        self._styles: dict[str, None] = {}

    def heading(self, text: str, note: str = "") -> Page:
        """A heading of level 2, without Markdown, with an optional lighter ``note`` after it."""
        beside = f" <small>{escape(note)}</small>" if note else ""
        return self._add(f"<h2>{escape(text)}{beside}</h2>")

    def text(self, text: str) -> Page:
        """Paragraphs of plain text with a small part of Markdown: headings, lists, bold, code."""
        return self._add(to_html(text))

    def facts(self, facts: Mapping[str, Cell]) -> Page:
        """A few values by name, side by side in large type."""
        items = (f"<div><dt>{escape(name)}</dt><dd>{escape(_brief(value))}</dd></div>" for name, value in facts.items())
        return self._add(f'<dl class="facts">{"".join(items)}</dl>')

    def table(
        self, rows: Sequence[Sequence[Cell]], headers: Sequence[str], best: Mapping[str, str] | None = None
    ) -> Page:
        """A table.

        Args:
            rows: rows with one cell per header.
            headers: the names of the columns.
            best: ``"max"`` or ``"min"`` for the columns whose best value is highlighted.

        Raises:
            ValueError: a row does not fit the headers, or ``best`` has another value.
            KeyError: ``best`` has a name that is not a column.
        """
        return self._add(to_table(rows, headers, best))

    def gallery(self, drawings: Sequence[Drawing]) -> Page:
        """Small drawings with a title and a note each, as many beside each other as there is room for."""
        return self._add(to_gallery(drawings))

    def figure(self, figure: Any, caption: str = "") -> Page:
        """A matplotlib or plotly figure, or `interactive_surfaces`, with a caption.

        Matplotlib figures in a list stand beside each other, as many as there is room for, below each other on phones.
        All scenes of a figure turn together. Checkboxes and sliders below it take the place of plotly's legend and
        slider, which keys do not reach.

        Raises:
            TypeError: it is neither.
        """
        if isinstance(figure, Sequence) and figure and all(hasattr(one, "savefig") for one in figure):
            labels = [f"{caption or 'figure'} {number} of {len(figure)}" for number in range(1, len(figure) + 1)]
            panels = "".join(inline_svg(one, label) for one, label in zip(figure, labels, strict=True))
            content = f'<div class="panels">{panels}</div>'
        elif hasattr(figure, "savefig"):
            content = f'<div class="scroll" tabindex="0">{inline_svg(figure, caption or "figure")}</div>'
        elif isinstance(figure, InteractiveSurfaces):
            data = figure.figure.to_json()[:-1] + f', "live": {json.dumps(figure.live, allow_nan=False)}}}'
            packed = _packed_text(data, ' class="figure"') + _packed(figure.samples, ' class="samples"')
            content = self._plot(figure.figure, caption, packed)
        elif hasattr(figure, "to_plotly_json"):
            content = self._plot(figure, caption, _packed_text(figure.to_json(), ' class="figure"'))
        else:
            raise TypeError(
                f"figure: expected a matplotlib or plotly figure, got {type(figure).__name__}; give plot_slices(...)"
            )
        return self._add(_figure(content, caption))

    def widget(self, markup: str, caption: str = "", *, script: str, style: str = "") -> Page:
        """A figure that draws itself: ``markup`` as it stands, not escaped, with a script and a style.

        Args:
            markup: HTML of the figure; `packed` gives the data of one.
            caption: plain text below it.
            script: JavaScript without ``</script>``, written once for all figures that share it.
            style: CSS, likewise.
        """
        self._scripts[script] = None
        self._styles[style] = None
        return self._add(_figure(markup, caption))

    def html(self) -> str:
        """The page as one HTML document."""
        parts = []
        scripts = list(self._scripts)
        if self._interactive:
            parts.append(_packed_plotly())
            scripts += [resource(__package__, name) for name in _SCRIPTS]
        if scripts:
            scripts.insert(0, resource(__package__, "unpack.js"))
        parts += [f"<script>{script}</script>" for script in scripts]
        style = "\n".join([resource(__package__, "page.css"), *self._styles])
        return Template(resource(__package__, "page.html")).substitute(
            title=escape(self.title), style=style, body="\n".join(self._parts), scripts="\n".join(parts)
        )

    def save(self, path: str | Path) -> None:
        """Write the page; a failed write leaves no file.

        Raises:
            ValueError: the name does not end in ``.html`` or ``.htm``.
        """
        if as_path(path).suffix.lower() not in (".html", ".htm"):
            raise ValueError(
                f"{path}: expected a page file (.html, .htm), got the suffix {Path(path).suffix!r}; rename it"
            )
        content = self.html().encode("utf-8", "replace")
        with atomic_write(path) as stream:
            stream.write(content)

    def _repr_html_(self) -> str:
        """The page in a notebook, in a frame."""
        return page_in_notebook(self)

    def _plot(self, figure: Any, caption: str, packed: str) -> str:
        self._interactive = True
        label = f"{caption or 'figure'} {_KEYS}"
        return (
            f'<div class="plot" tabindex="0" role="group" aria-label="{escape(label)}" '
            f'style="min-height: {figure.layout.height or 460:.0f}px">{packed}</div>'
        )

    def _add(self, part: str) -> Page:
        self._parts.append(part)
        return self


def resource(package: str | None, name: str) -> str:
    """The text of a file of the package ``package``."""
    assert package is not None
    return resources.files(package).joinpath(name).read_text(encoding="utf-8")


def packed(data: Any) -> str:
    """Data for the script of a `Page.widget`, as compressed JSON; ``unpack(element)`` gives its text there."""
    return _packed_text(json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")))


@lru_cache(maxsize=1)
def _packed_plotly() -> str:
    return _packed_text(require("plotly.offline", "viz").get_plotlyjs(), ' id="plotly"')


def _packed_text(text: str, attributes: str = "") -> str:
    return _packed(text.encode("utf-8", "replace"), attributes)


def _packed(data: bytes, attributes: str) -> str:
    content = b64encode(gzip.compress(data, mtime=0)).decode()
    return f'<script{attributes} type="application/gzip">{content}</script>'


def _figure(content: str, caption: str) -> str:
    below = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f"<figure>{content}{below}</figure>"


def _brief(value: Cell) -> str:
    known = plain(value)
    if known is None or known != known:
        return "–"
    return f"{known:.4g}".replace("-", "−").replace("inf", "∞") if isinstance(known, float) else str(known)
