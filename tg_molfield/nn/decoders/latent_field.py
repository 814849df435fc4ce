"""What the fields of decoders that are evaluated point by point have in common."""

from __future__ import annotations

from typing import Generic, TypeVar

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint
from typing_extensions import Self

from tg_molfield.fields import Field, Grid, Volume
from tg_molfield.nn.decoders.base import Decoder
from tg_molfield.nn.latent.latent import Latent

AnyDecoder = TypeVar("AnyDecoder", bound=Decoder)


class LatentField(Field, Generic[AnyDecoder]):
    """A decoder bound to the latents of ``B`` molecules.

    Args:
        decoder: the decoder; its parameters are used, not copied.
        latent: the latents.
    """

    def __init__(self, decoder: AnyDecoder, latent: Latent) -> None:
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

    def unbatch(self) -> list[Self]:
        """One field for each molecule."""
        return [type(self)(self.decoder, self.latent[i]) for i in range(len(self.latent))]

    def _sampled(self, grid: Grid, points: int) -> Volume:
        """The values at the nodes of ``grid``, so many ``points`` at a time.

        Where gradients are recorded, the decoder's steps are computed anew in the backward pass.
        """
        self._require_single("on")
        nodes = grid.points(self.dtype, self.device).split(points)
        values: Tensor = torch.cat([checkpoint(self, some, use_reentrant=False) for some in nodes])
        return Volume(values.T.reshape(len(self.channels), *grid.shape), grid, self.channels, atoms=self.atoms)
