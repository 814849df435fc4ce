"""How near a reconstruction comes to the field, channel by channel."""

from __future__ import annotations

from tg_molfield.fields import Volume
from tg_molfield.metrics import psnr


def channel_rows(volume: Volume, truth: Volume) -> tuple[list[tuple[str, float, float]], str]:
    """The PSNR of each channel in dB over all nodes and over occupied ones, and a line about channels that are 0.

    Args:
        volume: the reconstruction.
        truth: the field that it is compared with, on the same grid.
    """
    rows, empty, most = [], [], 0.0
    for name in truth.channels:
        one, exact = volume[(name,)], truth[(name,)]
        if bool(exact.values.any()):
            rows.append((name, *psnr(one, exact, truth.grid)))
        else:
            empty.append(name)
            most = max(most, float(one.values.abs().max()))
    return rows, f"0 in {', '.join(empty)}; reconstructed at most {most:.2g} there" if empty else ""
