"""An atom-anchored decoder bound to a latent."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from torch import Tensor

from tg_molfield.fields import Grid, Volume
from tg_molfield.nn.checks import check_queries
from tg_molfield.nn.decoders.latent_field import LatentField
from tg_molfield.nn.latent.latent import Latent

if TYPE_CHECKING:
    from tg_molfield.nn.decoders.atoms import AtomDecoder

_POINTS_AT_ONCE = 2**12


@final
class AtomField(LatentField["AtomDecoder"]):
    """The field that an `AtomDecoder` gives for the latents of one or more molecules.

    Args:
        decoder: the decoder; its parameters are used, not copied.
        latent: the latents of ``B`` molecules, with anchors.

    Raises:
        ValueError: the latent has no anchors, or its anchors lack tensors that the decoder reads.
    """

    def __init__(self, decoder: AtomDecoder, latent: Latent) -> None:
        if latent.anchors is None:
            raise ValueError(
                "latent has no anchors: an AtomDecoder reads atoms; encode with a model whose decoder is 'atoms'"
            )
        if decoder.tensors is not None and latent.anchors.tensors is None:
            raise ValueError("latent has anchors without tensors: encode with the model that the decoder belongs to")
        super().__init__(decoder, latent)

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
        return self._sampled(grid, _POINTS_AT_ONCE)
