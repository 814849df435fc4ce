"""`NotebookFigure`: a figure that notebooks show. Import it late, since it needs matplotlib."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

_DPI = 110


class NotebookFigure(Figure):
    """A figure without pyplot that notebooks show all the same, also without ``%matplotlib inline``."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        FigureCanvasAgg(self)

    def _repr_png_(self) -> bytes:
        content = BytesIO()
        self.savefig(content, format="png", dpi=_DPI)
        return content.getvalue()
