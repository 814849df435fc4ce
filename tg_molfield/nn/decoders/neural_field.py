"""A pointwise decoder bound to a latent."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from tg_molfield.fields import Grid, Volume
from tg_molfield.nn.checks import check_queries
from tg_molfield.nn.decoders.latent_field import LatentField
from tg_molfield.nn.decoders.pointwise_decoder import PointwiseDecoder

_PASSES_AT_ONCE = 2**15
"""Points times frames that the decoder sees at once on a grid."""


@final
class NeuralField(LatentField[PointwiseDecoder]):
    """The field that a `PointwiseDecoder` gives for the latents of one or more molecules.

    Args:
        decoder: the decoder; its parameters are used, not copied.
        latent: the latents of ``B`` molecules.
    """

    def __repr__(self) -> str:
        return f"NeuralField({type(self.decoder).__name__}, channels={' '.join(self.channels)})"

    def __call__(self, pos: Tensor, batch: Tensor | None = None) -> Tensor:
        """The values ``[Q, C]``: the mean over the molecule's frames, by their weights."""
        latent = self.latent
        batch = check_queries(pos, batch, len(latent), latent.code)
        graph, frames, share = latent.pose.views()
        count = torch.bincount(graph, minlength=len(latent))
        size = count[batch]
        query = torch.repeat_interleave(size)
        within = torch.arange(query.size(0), device=pos.device) - (size.cumsum(0) - size)[query]
        view = (count.cumsum(0) - count)[batch[query]] + within
        offset = (pos - latent.origin[batch])[query]
        local = latent.pose.fold(torch.einsum("pij,pj->pi", frames[view], offset), batch[query])
        values = self.decoder.values(latent.code, local, batch[query]) * share[view].unsqueeze(1)
        return values.new_zeros(pos.size(0), values.size(1)).index_add(0, query, values)

    def on(self, grid: Grid) -> Volume:
        """The field sampled at the nodes of ``grid``, some at a time, so that memory does not grow with the decoder.

        Where gradients are recorded, the decoder's steps are computed anew in the backward pass.
        """
        return self._sampled(grid, max(1, _PASSES_AT_ONCE // self.latent.pose.weights.size(1)))
