"""Pages in the output of a notebook's cell, and in a browser from elsewhere."""

from __future__ import annotations

import gzip
import os
import re
import sys
import tempfile
import webbrowser
from base64 import b64encode
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

_LIBRARY = re.compile(r'(?<=<script id="plotly" type="application/gzip">)[\w+/=]+')
_FRAMED = "body { background: none } main { max-width: none; padding: 0 }"
_BARE = "header { display: none } main > figure { margin: 0 }"
_PLACE = "<tg-molfield-library>"
"""Stands for the library in a page, whose text cannot hold it since it is escaped."""

_HEIGHT = 560
_WITHOUT_SCRIPTS = "This figure is drawn by a script: trust the notebook to see it."
"""Shown until the script runs."""


class _Cell(NamedTuple):
    """A cell as it was run.

    Attributes:
        name: which one it is: its identifier where the front end tells it, else its text.
        run: the number of the run.
    """

    name: str
    run: int


_holder: _Cell | None = None
"""The cell whose output has the library for the other outputs of the notebook."""


def page_in_notebook(page: Any, bare: bool = False) -> str:
    """A page as HTML for the output of a cell, in a frame of its own, so that the styles stay apart.

    Plotly is in the first output of a notebook alone, which keeps the others small. In Colab and Databricks, where each
    output is a page of its own, it is in all.

    Args:
        page: a `Page`.
        bare: without its title.
    """
    html = page.html().replace("</head>", f"<style>{_FRAMED}{_BARE if bare else ''}</style></head>", 1)
    library = _LIBRARY.search(html)
    held = ""
    if library:
        html = f"{html[: library.start()]}{_PLACE}{html[library.end() :]}"
        held = _script(library.group()) if _needs_library() else ""
    packed = b64encode(gzip.compress(html.encode("utf-8", "replace"), mtime=0)).decode()
    name = f"tg-molfield-{uuid4().hex}"
    attributes = f'id="{name}" data-title="{escape(page.title)}" style="min-height: {_HEIGHT}px"'
    script = resources.files(__package__ or "").joinpath("notebook.js").read_text(encoding="utf-8")
    inside = f"{_script(packed)}{held}<p>{_WITHOUT_SCRIPTS}</p>"
    return f"<div {attributes}>{inside}</div><script>{script.replace('$id', name)}</script>"


def show_page(page: Any, text: str) -> None:
    """Show a page: below the cell of a notebook, else in the browser.

    Args:
        page: a `Page`.
        text: what a notebook shows where it cannot show pages.

    Raises:
        RuntimeError: there is neither a notebook nor a browser.
    """
    if _kernel() is not None:
        from IPython.display import display

        display({"text/html": page_in_notebook(page, bare=True), "text/plain": text}, raw=True)
        return
    path = Path(tempfile.mkdtemp(prefix="tg_molfield_")) / "field.html"
    page.save(path)
    if not webbrowser.open(path.as_uri()):
        raise RuntimeError(f"show: expected a notebook or a browser, got neither; open {path}")


def _needs_library() -> bool:
    """Whether the output of this cell must have the library: it is the first, or the first one is made anew."""
    global _holder
    cell = _current_cell()
    if cell is None or "google.colab" in sys.modules or "DATABRICKS_RUNTIME_VERSION" in os.environ:
        return True
    if _holder is not None and (cell.name != _holder.name or cell.run == _holder.run):
        return False
    _holder = cell
    return True


def _current_cell() -> _Cell | None:
    kernel = _kernel()
    if kernel is None:
        return None
    request = kernel.get_parent() or {}
    name = request.get("metadata", {}).get("cellId") or request.get("content", {}).get("code", "")
    return _Cell(name, kernel.shell.execution_count)


def _kernel() -> Any:
    """The kernel of the notebook that runs this; None elsewhere."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return getattr(shell, "kernel", None)


def _script(content: str) -> str:
    return f'<script type="application/gzip">{content}</script>'
