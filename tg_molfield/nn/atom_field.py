"""An atom-anchored decoder bound to a latent."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from tg_molfield.fields import Field, Grid, Volume
from tg_molfield.nn.checks import check_queries
from tg_molfield.nn.latent import Latent

if TYPE_CHECKING:
    from tg_molfield.nn.atom_decoder import AtomDecoder

_POINTS_AT_ONCE = 2**12


@final
class AtomField(Field):
    """The field that an `AtomDecoder` gives for the latents of one or more molecules.

    Args:
        decoder: the decoder; its parameters are used, not copied.
        latent: the latents of ``B`` molecules, with anchors.

    Raises:
        ValueError: the latent has no anchors.
    """

    def __init__(self, decoder: AtomDecoder, latent: Latent) -> None:
        if latent.anchors is None:
            raise ValueError(
                "latent has no anchors: an AtomDecoder reads atoms; encode with a model whose decoder is 'atoms'"
            )
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
        return f"AtomField(channels={' '.join(self.channels)})"

    def __call__(self, pos: Tensor, batch: Tensor | None = None) -> Tensor:
        """The values ``[Q, C]`` at ``pos [Q, 3]`` Å of the molecules ``batch [Q]``."""
        batch = check_queries(pos, batch, len(self.latent), self.latent.code)
        return self.decoder.values(self.latent, pos, batch)

    def on(self, grid: Grid) -> Volume:
        """The field sampled at the nodes of ``grid``, some at a time.

        Where gradients are recorded, the decoder's steps are computed anew in the backward pass.
        """
        self._require_single("on")
        nodes = grid.points(self.dtype, self.device).split(_POINTS_AT_ONCE)
        values = torch.cat([checkpoint(self, some, use_reentrant=False) for some in nodes])
        return Volume(values.T.reshape(len(self.channels), *grid.shape), grid, self.channels, atoms=self.atoms)

    def unbatch(self) -> list[AtomField]:
        """One field for each molecule."""
        return [AtomField(self.decoder, self.latent[i]) for i in range(len(self.latent))]
