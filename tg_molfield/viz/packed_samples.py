"""The samples of a volume as bytes that compress well and are precise enough for surfaces."""

from __future__ import annotations

from typing import Any

import numpy as np

from tg_molfield.fields.volume import Volume

_NOTHING = 2e-5
"""The fraction of the largest absolute value below which a sample is taken for 0."""

_FAR = 0.25
"""The fraction of the largest absolute value above which the least is far from 0."""


def packed_samples(volume: Volume) -> tuple[dict[str, Any], bytes]:
    """The grid and the scales of a volume for ``samples.js``, and its values.

    Each channel is divided by its largest absolute value and rounded to half precision, 11 bits; the upper bytes of
    all values of a channel come before the lower ones. From a channel whose values are far from 0 compared with their
    range, the middle of the range is subtracted before, its offset.
    """
    values = volume.values.detach().cpu().double().numpy()
    offsets = np.array([_offset(channel.min(), channel.max()) for channel in values])
    values = values - offsets[:, None, None, None]
    peaks = np.abs(values).reshape(len(values), -1).max(1)
    planes = []
    for channel, peak in zip(values, peaks, strict=True):
        scaled = channel / (peak or 1.0)
        halves = np.where(np.abs(scaled) < _NOTHING, 0.0, scaled).astype(">f2").reshape(-1)
        planes.append(np.ascontiguousarray(halves.view(np.uint8).reshape(-1, 2).T).tobytes())
    placed = {
        "shape": list(volume.grid.shape),
        "origin": list(volume.grid.origin),
        "axes": volume.grid.axes_tensor().tolist(),
        "periodic": list(volume.periodic),
        "peaks": peaks.tolist(),
        "offsets": offsets.tolist(),
    }
    return placed, b"".join(planes)


def _offset(low: float, high: float) -> float:
    nearest, farthest = sorted((abs(low), abs(high)))
    return low + (high - low) / 2 if low * high > 0 and nearest > _FAR * farthest else 0.0
