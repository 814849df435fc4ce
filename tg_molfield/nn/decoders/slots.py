"""Gaussians in the frames of molecules, as a decoder finds them."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, eq=False)
class Slots:
    """K Gaussians for each of ``B`` molecules, in the molecules' own frames.

    Attributes:
        centers: ``[B, K, 3]`` Å.
        logits: ``[B, K, C]``, of the probability that the Gaussian is present in the channel.
        amplitudes: ``[B, K, C]``, the weight of one that is present.
        widths: ``[B, K]`` Å.
    """

    centers: Tensor
    logits: Tensor
    amplitudes: Tensor
    widths: Tensor

    @property
    def weights(self) -> Tensor:
        """``[B, K, C]``: probability times amplitude."""
        return self.logits.sigmoid() * self.amplitudes
