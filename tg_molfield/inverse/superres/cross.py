"""Channels of mixed or unknown functions, predicted from the functions that were found in others."""

from __future__ import annotations

import torch
from torch import Tensor

from tg_molfield.fields import RBFField, Volume

SCALES = (1.0, 0.7, 1.4)
"""The widths that a function found in one channel may have in another, over its own: narrower and wider ones stand
for what is bound to it, as hydrogens are to carbons."""

_CUT = 1e-8


def predict(volume: Volume, found: dict[int, RBFField], unknown: list[int]) -> RBFField | None:
    """The least-squares sum, over the channels found and the `SCALES`, that comes nearest to the unknown channels.

    Args:
        volume: the samples.
        found: the functions of some channels, by their index, each a field of one channel.
        unknown: the indices of the others.

    Returns:
        The field of the unknown channels, in their order; None where nothing was found or nothing is unknown.
    """
    if not found or not unknown:
        return None
    copies = [_scaled(field, scale) for field in found.values() for scale in SCALES]
    columns = torch.stack([copy.on(volume.grid).values.flatten() for copy in copies], 1)
    targets = volume.values[unknown].flatten(1).T
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


def joined(fields: list[tuple[list[int], RBFField]], channels: tuple[str, ...], like: Tensor) -> RBFField:
    """Fields of some channels each as one field of all.

    Args:
        fields: for each field the indices of its channels among all.
        channels: the names of all.
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
