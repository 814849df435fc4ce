"""`thumbnail`: values on a plane as a small picture, without a plotting package."""

from __future__ import annotations

import struct
import zlib
from base64 import b64encode

import numpy as np
from numpy.typing import NDArray

from tg_molfield.display.colors import DIVERGING, SEQUENTIAL

_LEVELS = 256
_NOISE = 0.05


def is_signed(values: NDArray[np.float64]) -> bool:
    """Whether values reach below −5 % of the largest absolute value."""
    return bool(values.size and values.min() < -_NOISE * np.abs(values).max())


def thumbnail(values: NDArray[np.float64], width: int = 120, height: int = 120, aspect: float | None = None) -> str:
    """An ``<img>`` of values, the first row at the bottom.

    Dark violet is 0 and yellow the largest value; for signed values white is 0, red below and blue above it.

    Args:
        values: ``[rows, columns]``; those that are not finite count as 0.
        width: the most pixels across.
        height: the most pixels down.
        aspect: width over height of the picture, that of the array if not given.
    """
    if not values.size:
        return ""
    finite = np.nan_to_num(np.asarray(values, dtype=np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    signed = is_signed(finite)
    peak = float(np.abs(finite).max()) or 1.0
    share = (finite / peak + 1) / 2 if signed else np.clip(finite / peak, 0, 1)
    table = _ramp(DIVERGING if signed else SEQUENTIAL)
    pixels = table[np.round(share * (_LEVELS - 1)).astype(int)][::-1]
    wide = aspect or values.shape[1] / values.shape[0]
    scale = min(width / wide, height)
    content = b64encode(_png(np.ascontiguousarray(pixels))).decode()
    across, down = max(1, round(wide * scale)), max(1, round(scale))
    size = f'width="{across}" height="{down}" style="max-width:none;width:{across}px;height:{down}px"'
    return f'<img {size} src="data:image/png;base64,{content}">'


def _ramp(stops: tuple[str, ...]) -> NDArray[np.uint8]:
    """The colours ``[256, 3]`` between stops."""
    colors = np.array([[int(stop[place : place + 2], 16) for place in (1, 3, 5)] for stop in stops], dtype=np.float64)
    at = np.linspace(0, len(stops) - 1, _LEVELS)
    mixed = np.stack([np.interp(at, np.arange(len(stops)), column) for column in colors.T], 1)
    return np.round(mixed).astype(np.uint8)


def _png(pixels: NDArray[np.uint8]) -> bytes:
    """Pixels ``[rows, columns, 3]`` as a PNG file."""
    rows, columns, _ = pixels.shape
    lines = np.concatenate([np.zeros((rows, 1), np.uint8), pixels.reshape(rows, -1)], 1)
    header = struct.pack(">IIBBBBB", columns, rows, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes(), 6)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in parts
    )
