"""One panel of a slice figure: the image, the colour scale, and the atoms near the plane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tg_molfield.chem.atoms import AtomList
from tg_molfield.chem.elements import symbols
from tg_molfield.chem.principal_axes import Array
from tg_molfield.display.colors import INK, element_color
from tg_molfield.viz.planes import Planes
from tg_molfield.viz.signs import NOISE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Normalize
    from matplotlib.image import AxesImage

_NEAR = 0.6
_MOST_SYMBOLS = 60
_DOT, _ALL_DOTS, _EDGE = 8, 1600, 0.7
"""Square points of an atom without its symbol, and of all at most, so that the field is seen; points of an edge."""

_BLANK = "#8a949e40"
_THINNEST = 0.5
"""Å on either side of a single node."""


def scale_of(panels: Sequence[Array], signed: bool | None = None) -> Normalize:
    """The shared colour scale of several panels.

    Symmetric about 0 if ``signed``, from 0 to the largest value if not; where that is not known, symmetric if the
    smallest value is below −5 % of the largest absolute value. Values that are not finite are ignored.
    """
    from matplotlib.colors import Normalize

    finite = np.concatenate([panel[np.isfinite(panel)] for panel in panels])
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    peak = max(abs(low), abs(high)) or 1.0
    signed = low < -NOISE * peak if signed is None else signed
    return Normalize(-peak if signed else 0.0, peak)


def draw_panel(
    axis: Axes, values: Array, scale: Normalize, window: tuple[float, float, float, float], difference: bool = False
) -> AxesImage:
    """Draw the samples [rows, columns] over ``window`` (Å), with a note if all are 0 or none is finite.

    Samples outside the grid are NaN and stay grey.
    """
    diverging = scale.vmin is not None and scale.vmin < 0
    image = axis.imshow(
        values, cmap="RdBu" if diverging else "viridis", norm=scale, extent=_extent(window), origin="lower",
        interpolation="none", aspect="equal",
    )  # fmt: skip
    axis.set_facecolor(_BLANK)
    finite = values[np.isfinite(values)]
    note = ""
    if not finite.size:
        note = "no finite values\nin this plane"
    elif not finite.any():
        note = "no difference" if difference else "empty"
    if note:
        box = {"boxstyle": "round,pad=0.3", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}
        axis.text(0.5, 0.06, note, transform=axis.transAxes, ha="center", fontsize=7.5, color="#101418", bbox=box)
    return image


def _extent(window: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """The window, some Å wide also where the grid has one node along an axis."""
    u_low, u_high, v_low, v_high = window
    u, v = (_THINNEST if high - low < 1e-9 else 0.0 for low, high in ((u_low, u_high), (v_low, v_high)))
    return u_low - u, u_high + u, v_low - v, v_high + v


def draw_atoms(axis: Axes, atoms: AtomList, planes: Planes, position: float | None) -> None:
    """Draw the atoms within 0.6 Å of the plane as dots in element colours, with symbols if there are at most 60.

    Without a position, all atoms are drawn, as small dots.
    """
    u_low, u_high, v_low, v_high = planes.window
    u, v, height = planes.coordinates(atoms).T
    level = height if position is None else position
    near = (np.abs(height - level) <= _NEAR) & (u >= u_low) & (u <= u_high) & (v >= v_low) & (v <= v_high)
    numbers = atoms.z.cpu().numpy()[near]
    few = position is not None and near.sum() <= _MOST_SYMBOLS
    size = 52 if few else min(_DOT, _ALL_DOTS / max(len(numbers), 1))
    axis.scatter(
        u[near], v[near], s=size, c=[element_color(int(z)) for z in numbers], edgecolors="white",
        linewidths=_EDGE * min(size / _DOT, 1), zorder=3,
    )  # fmt: skip
    if few:
        for x, y, z in zip(u[near], v[near], numbers, strict=True):
            ink = "#101418" if z in (1, 9, 16) else "white"
            axis.text(x, y, symbols()[z], ha="center", va="center_baseline", fontsize=5.5, color=ink, zorder=4)


def draw_cell(axis: Axes, polygon: Array) -> None:
    """Draw the outline [P, 2] in which the plane cuts the cell."""
    axis.plot(*polygon.T, color=INK, linewidth=0.8, zorder=2.5, scalex=False, scaley=False)
