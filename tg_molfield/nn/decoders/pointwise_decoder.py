"""The interface of decoders that are evaluated point by point."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from torch import Tensor

from tg_molfield.nn.decoders.base import Decoder
from tg_molfield.nn.latent.latent import Latent

if TYPE_CHECKING:
    from tg_molfield.nn.decoders.neural_field import NeuralField


class PointwiseDecoder(Decoder):
    """A decoder that is a function of a code and a point in the molecule's frame."""

    @abstractmethod
    def values(self, code: Tensor, local: Tensor, batch: Tensor) -> Tensor:
        """The values ``[P, C]`` for ``code [B, latent_dim]`` at ``local [P, 3]`` Å of the molecules ``batch [P]``."""

    def field(self, latent: Latent) -> NeuralField:
        """The fields of ``B`` latents, with this decoder's parameters."""
        from tg_molfield.nn.decoders.neural_field import NeuralField

        return NeuralField(self, latent)
