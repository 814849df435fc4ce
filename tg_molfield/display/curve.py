"""`curve`: a line through values as a small SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence

_MOST_POINTS = 160
_ACCENT = "#0b7a6b"


def curve(values: Sequence[float], width: int = 160, height: int = 70, logarithmic: bool = False) -> str:
    """An ``<svg>`` with values at equal distances, from the least to the greatest; empty for fewer than two.

    Args:
        values: those that are not finite are left out; of many, each stretch is drawn by its mean.
        width: in pixels.
        height: in pixels.
        logarithmic: whether their logarithms are drawn; those that are not positive are then left out.
    """
    length = max(1, math.ceil(len(values) / _MOST_POINTS))
    parts = (values[start : start + length] for start in range(0, len(values), length))
    stretches = ([value for value in part if math.isfinite(value) and (value > 0 or not logarithmic)] for part in parts)
    known = [(place, math.fsum(value / len(part) for value in part)) for place, part in enumerate(stretches) if part]
    if len(known) < 2:
        return ""
    heights = [math.log(value) if logarithmic else value for _, value in known]
    low, high = min(heights), max(heights)
    right = max(known[-1][0], 1)
    course = " ".join(
        f"{place / right * width:.1f},{height - (value - low) / ((high - low) or 1) * height:.1f}"
        for (place, _), value in zip(known, heights, strict=True)
    )
    line = f"<polyline points='{course}' fill='none' stroke='{_ACCENT}' stroke-width='2'/>"
    return (
        f"<svg width='{width}' height='{height + 4}' viewBox='0 -2 {width} {height + 4}' role='img'>"
        f"<path d='M0 {height}H{width}' stroke='currentColor' opacity='0.4'/>{line}</svg>"
    )
