"""The interface of decoders."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from torch import Tensor, nn

from tg_molfield.fields import Field
from tg_molfield.nn.latent.latent import Latent


class Decoder(nn.Module, ABC):
    """A map from latents to fields.

    The field of a latent turns and moves with the latent's pose, has the symmetry of its set of frames, and goes to 0
    far from the origin.

    Args:
        channels: the names of the field's channels.
        latent_dim: the length of the codes that it reads.
    """

    def __init__(self, channels: Sequence[str], latent_dim: int) -> None:
        super().__init__()
        self.channels = tuple(channels)
        self.latent_dim = latent_dim

    @abstractmethod
    def field(self, latent: Latent) -> Field:
        """The fields of ``B`` latents as one batched field, differentiable in the latents."""

    def forward(self, latent: Latent, query_pos: Tensor, query_batch: Tensor | None = None) -> Tensor:
        """The values ``[Q, C]`` at ``query_pos [Q, 3]`` Å of the molecules ``query_batch [Q]``."""
        return self.field(latent)(query_pos, query_batch)

    def set_extent(self, extent: float) -> None:
        """Prepare for fields that reach ``extent`` Å from the origin; called once, before the first training step."""
