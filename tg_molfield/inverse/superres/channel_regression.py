"""Regression of channels of mixed or unknown functions on the functions found in other channels."""

from __future__ import annotations

import torch
from torch import Tensor

from tg_molfield.fields import RBFField, Volume

SCALES = (1.0, 0.7, 1.4)
"""Widths in the regressed channels relative to the functions' own; the narrower and the wider ones stand for bound
atoms, such as the hydrogens on a carbon."""

_CUT = 1e-8


def regress_channels(
    volume: Volume, found: dict[int, RBFField], unknown: list[int], seen: Tensor | None = None
) -> RBFField | None:
    """The unknown channels by linear least squares on the found ones, each at all `SCALES`.

    Args:
        volume: the samples.
        found: the functions of some channels, by channel index; each a field of one channel.
        unknown: the indices of the other channels.
        seen: the nodes that count [nx, ny, nz]; all if not given.

    Returns:
        The field of the unknown channels, in their order; None where nothing was found or nothing is unknown.
    """
    if not found or not unknown:
        return None
    copies = [_scaled(field, scale) for field in found.values() for scale in SCALES]
    columns = torch.stack([copy.on(volume.grid).values.flatten() for copy in copies], 1)
    targets = volume.values[unknown].flatten(1).T
    if seen is not None:
        columns, targets = columns[seen.flatten()], targets[seen.flatten()]
    length = columns.norm(dim=0).clamp_min(torch.finfo(columns.dtype).tiny)
    factor, basis = torch.linalg.eigh((columns / length).T @ (columns / length))
    kept = factor > _CUT * factor.max()
    turned = basis[:, kept].T @ ((columns / length).T @ targets)
    shares = basis[:, kept] @ (turned / factor[kept, None]) / length[:, None]
    weights = torch.cat([copy.weights * share for copy, share in zip(copies, shares, strict=True)])
    centers = torch.cat([copy.centers for copy in copies])
    widths = torch.cat([copy.widths for copy in copies])
    return RBFField(centers, weights, widths, channels=[volume.channels[c] for c in unknown])


def _scaled(field: RBFField, scale: float) -> RBFField:
    return RBFField(field.centers, field.weights / scale**3, field.widths * scale, channels=field.channels)


def concat_channels(fields: list[tuple[list[int], RBFField]], channels: tuple[str, ...], like: Tensor) -> RBFField:
    """Fields of different channels as one field of all channels.

    Args:
        fields: each field with the indices of its channels in the result.
        channels: the names of all channels.
        like: gives the type and the device.
    """
    centers = [field.centers for _, field in fields] or [torch.zeros(0, 3)]
    widths = [field.widths for _, field in fields] or [torch.ones(0)]
    rows = [torch.zeros(0, len(channels))]
    for index, field in fields:
        wide = field.weights.new_zeros(len(field.weights), len(channels))
        wide[:, index] = field.weights
        rows.append(wide)
    return RBFField(
        torch.cat(centers).to(like), torch.cat(rows).to(like), torch.cat(widths).to(like), channels=channels
    )  # fmt: skip
