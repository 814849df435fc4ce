"""The values of a field at the vertices of surfaces, and the colour scale that they share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from tg_molfield.arguments import check_number
from tg_molfield.chem.principal_axes import Array
from tg_molfield.display.colors import DIVERGING, SEQUENTIAL
from tg_molfield.fields.field import Field
from tg_molfield.fields.volume import Volume
from tg_molfield.viz.signs import is_signed

PERCENTILE = 98
"""The percentile of the absolute values on the surfaces at which colours end by default."""

_AT_ONCE = 2**16
_SLACK = 1e-3
_NOISE = 1e-3


def values_at(field: Field, channel: str, vertices: Array, argument: str) -> Array:
    """The values [V] of a channel at ``vertices`` [V, 3] in Å.

    Args:
        field: evaluated at the vertices; a volume is interpolated there.
        channel: name of the channel.
        vertices: the points.
        argument: name of the field for errors.

    Raises:
        ValueError: vertices lie outside a volume, where it has no values, or values are not finite.
    """
    points = torch.from_numpy(vertices).to(field.device, field.dtype)
    if isinstance(field, Volume):
        _require_inside(field, points, argument)
    (index,) = field.channel_indices(channel)
    with torch.no_grad():
        values = torch.cat([field(chunk)[:, index] for chunk in points.split(_AT_ONCE)]).cpu().double()
    bad = int((~values.isfinite()).sum())
    if bad:
        raise ValueError(
            f"{argument}: expected finite values on the surface, got {bad} NaN or infinite ones of {len(values)} in "
            f"channel {channel!r}; replace them or choose another channel"
        )
    return values.numpy()


def has_sign(field: Field, channel: str, values: Sequence[Array]) -> bool:
    """Whether a channel can be negative: by its definition where that tells, else where a value on a surface is.

    Values below 0 by less than 0.1 % of the largest are rounding.
    """
    told = is_signed(field.mol_field, channel)
    lowest = min((float(array.min()) for array in values), default=0.0)
    return lowest < -_NOISE * _percentile(values, 100) if told is None else told


def color_axis(values: Sequence[Array], signed: bool, color_range: float | None, title: str) -> dict[str, Any]:
    """Plotly's colour axis for values on surfaces: from red to blue about 0 if ``signed``, else viridis from 0.

    Args:
        values: the values [V] on each surface.
        signed: whether the values can be negative.
        color_range: the absolute value at which the colours end; by default the 98th percentile.
        title: of the colour bar.

    Raises:
        ValueError: ``color_range`` is not a positive, finite number.
    """
    if color_range is not None:
        check_number("color_range", color_range)
        if not 0 < color_range < math.inf:
            raise ValueError(
                f"color_range: expected a positive, finite number, got {color_range}; colours end at this value"
            )
    end = float(color_range) if color_range is not None else _percentile(values, PERCENTILE)
    end = end or _percentile(values, 100) or 1.0
    colors = DIVERGING if signed else SEQUENTIAL
    scale = [[place, color] for place, color in zip(np.linspace(0, 1, len(colors)).tolist(), colors, strict=True)]
    bar = {
        "title": {"text": title, "side": "top"}, "thickness": 14, "len": 0.72, "y": 0.5, "outlinewidth": 0,
        "ticks": "outside", "ticklen": 4, "nticks": 7, "exponentformat": "power",
    }  # fmt: skip
    return {"cmin": -end if signed else 0.0, "cmax": end, "colorscale": scale, "colorbar": bar}


def _percentile(values: Sequence[Array], percent: float) -> float:
    return float(np.percentile(np.abs(np.concatenate(values)), percent)) if values else 0.0


def _require_inside(volume: Volume, points: torch.Tensor, argument: str) -> None:
    steps = volume.grid.fractional(points)
    last = steps.new_tensor(volume.grid.shape) - 1
    bounded = ~torch.tensor(volume.periodic, device=steps.device)
    outside = (((steps < -_SLACK) | (steps > last + _SLACK)) & bounded).any(1)
    if outside.any():
        raise ValueError(
            f"{argument}: expected a volume around the whole surface, got {int(outside.sum())} of {len(points)} "
            "vertices outside its grid; sample it on a larger grid, or give the field itself"
        )
