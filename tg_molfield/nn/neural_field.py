"""A pointwise decoder bound to a latent."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from tg_molfield.fields import Field, Grid, Volume
from tg_molfield.nn.checks import check_queries
from tg_molfield.nn.latent import Latent
from tg_molfield.nn.pointwise_decoder import PointwiseDecoder

_PASSES_AT_ONCE = 2**15
"""Points times frames that the decoder sees at once on a grid."""


@final
class NeuralField(Field):
    """The field that a `PointwiseDecoder` gives for the latents of one or more molecules.

    Args:
        decoder: the decoder; its parameters are used, not copied.
        latent: the latents of ``B`` molecules.
    """

    def __init__(self, decoder: PointwiseDecoder, latent: Latent) -> None:
        self.decoder = decoder
        self.latent = latent

    @property
    def channels(self) -> tuple[str, ...]:
        return self.decoder.channels

    @property
    def num_graphs(self) -> int:
        return len(self.latent)

    @property
    def dtype(self) -> torch.dtype:
        return self.latent.code.dtype

    @property
    def device(self) -> torch.device:
        return self.latent.code.device

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
        self._require_single("on")
        size = max(1, _PASSES_AT_ONCE // self.latent.pose.weights.size(1))
        nodes = grid.points(self.dtype, self.device)
        values = torch.cat([checkpoint(self, some, use_reentrant=False) for some in nodes.split(size)])
        return Volume(values.T.reshape(len(self.channels), *grid.shape), grid, self.channels, atoms=self.atoms)

    def unbatch(self) -> list[NeuralField]:
        """One field for each molecule."""
        return [NeuralField(self.decoder, self.latent[i]) for i in range(len(self.latent))]
