"""The way from fields to their plots, which lie in a layer above and need matplotlib or plotly.

Fields call the backend through this file, which imports it by name when a picture is wanted, as pandas does for its
plots. So the fields know nothing of plotting, and stay as light as they are without it.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, Protocol, cast

BACKEND = "tg_molfield.viz.backend"
PICTURES = (".png", ".svg", ".pdf", ".html")
"""The suffixes that `save_volume` of the backend writes."""


class Backend(Protocol):
    """What shows fields."""

    def plot_field(self, field: Any, kind: str, channels: Any, plane: Any, grid: Any, **options: Any) -> Any:
        """A matplotlib figure."""

    def show_field(self, field: Any, channels: Any, level: Any, color_by: Any, grid: Any, **options: Any) -> None:
        """Show surfaces in a notebook or browser."""

    def figure_in_notebook(self, figure: Any) -> str:
        """HTML of a figure for the output of a cell."""

    def save_volume(self, volume: Any, path: Path) -> None:
        """Write a picture or page."""


def backend() -> Backend:
    """The module that shows fields."""
    return cast("Backend", importlib.import_module(BACKEND))
