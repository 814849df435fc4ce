"""Codes to sums of Gaussians."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from tg_molfield.fields import RBFField
from tg_molfield.nn.decoders.base import Decoder
from tg_molfield.nn.decoders.slots import Slots
from tg_molfield.nn.decoders.smooth_field import SmoothField
from tg_molfield.nn.latent.latent import Latent
from tg_molfield.nn.ops.attention import AttentionBlock
from tg_molfield.nn.ops.ball import ball_points


class RBFDecoder(Decoder):
    """A code becomes K Gaussians, each with a centre, a width and a weight in every channel.

    K learned queries start from anchors spread over a ball. In every round each of them sees how the smooth field that
    the code stands for (`SmoothField`) differs from what all of them explain, and moves and changes by it, at most 1 Å:
    deconvolution with a learned step. In the first ``num_blocks`` rounds they attend to the code and to each other
    besides (DETR, Carion et al. 2020, arXiv 2005.12872); the ``num_steps`` rounds after that share their parameters. A
    Gaussian that is not needed ends with weights near 0. A molecule with more than K centres is blurred: raise
    ``num_slots``.

    Args:
        channels: the names of the C channels.
        latent_dim: the length of the codes.
        num_slots: K; 64 suits molecules of about 40 atoms.
        width: the size of a query.
        num_tokens: the number of tokens that the code becomes for attention.
        num_blocks: rounds with attention.
        num_steps: rounds without.
        num_parts: see `SmoothField`.
        num_waves: see `SmoothField`.
        spread: the radius in Å of the ball of anchors.
        sigma: the width in Å that Gaussians start from.
    """

    def __init__(
        self,
        channels: Sequence[str],
        latent_dim: int = 512,
        num_slots: int = 64,
        width: int = 64,
        num_tokens: int = 8,
        num_blocks: int = 1,
        num_steps: int = 8,
        num_parts: int | None = None,
        num_waves: int = 32,
        spread: float = 2.0,
        sigma: float = 0.75,
    ) -> None:
        super().__init__(channels, latent_dim)
        if num_slots < 1:
            raise ValueError(f"num_slots is {num_slots}: give at least 1")
        num_channels = len(self.channels)
        self.num_slots = num_slots
        self.num_steps = num_steps
        self.tokens = nn.Sequential(nn.Linear(latent_dim, num_tokens * width), nn.Unflatten(1, (num_tokens, width)))
        self.smooth = SmoothField(num_channels, latent_dim, num_parts, num_waves)
        self.anchors = nn.Parameter(ball_points(num_slots, spread).to(torch.get_default_dtype()))
        self.queries = nn.Parameter(torch.randn(num_slots, width))
        self.reading = nn.ModuleList(nn.Linear(self.smooth.out_channels, width) for _ in range(num_blocks))
        self.blocks = nn.ModuleList(AttentionBlock(width) for _ in range(num_blocks))
        changes = 5 + 2 * num_channels
        self.heads = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, changes)) for _ in range(num_blocks)
        )
        self.norm = nn.LayerNorm(width)
        self.step = nn.Sequential(
            nn.Linear(width + self.smooth.out_channels, 2 * width), nn.SiLU(), nn.Linear(2 * width, width + changes)
        )
        self.absent = nn.Parameter(torch.full((num_channels,), -3.0))
        self.amplitude = nn.Parameter(torch.ones(num_channels))
        self.log_sigma = nn.Parameter(torch.full((num_channels,), math.log(sigma)))

    def slots(self, code: Tensor) -> Slots:
        """The Gaussians that ``code [B, latent_dim]`` stands for, in the molecules' frames."""
        return self.rounds(code)[-1]

    def rounds(self, code: Tensor) -> list[Slots]:
        """The Gaussians after each round; the last are those of :meth:`slots`."""
        context, sketch = self.tokens(code), self.smooth(code)
        size = code.size(0), self.num_slots
        x = self.queries.expand(*size, -1)
        centers = self.anchors.expand(*size, 3)
        state = code.new_zeros(*size, 1 + 2 * len(self.channels))
        found = [self._slots(centers, state)]
        for index in range(len(self.blocks) + self.num_steps):
            seen, pull = self.smooth.compare(sketch, found[-1])
            if index < len(self.blocks):
                x = self.blocks[index](x + self.reading[index](seen), context)
                change = self.heads[index](x)
            else:
                update = self.step(torch.cat([self.norm(x), seen], dim=2))
                x = x + update[..., : x.size(2)]
                change = update[..., x.size(2) :]
            move = change[..., :3] + change[..., 3:4] * pull
            centers = centers + move / (1 + move.square().sum(2, keepdim=True)).sqrt()
            state = state + change[..., 4:]
            found.append(self._slots(centers, state))
        return found[1:]

    def field(self, latent: Latent) -> RBFField:
        """The fields of ``B`` latents: K centres for each of a molecule's frames."""
        return self.place(self.slots(latent.code), latent)

    def place(self, slots: Slots, latent: Latent) -> RBFField:
        """The field of ``slots`` in the poses of ``latent``."""
        graph, frames, share = latent.pose.views()
        per_slot = graph.repeat_interleave(self.num_slots)
        local = latent.pose.confine(slots.centers[graph].flatten(0, 1), per_slot)
        centers = local.view(-1, self.num_slots, 3) @ frames + latent.origin[graph].unsqueeze(1)
        weights = slots.weights[graph] * share[:, None, None]
        return RBFField(
            centers.flatten(0, 1),
            weights.flatten(0, 1),
            slots.widths[graph].flatten(),
            channels=self.channels,
            batch=per_slot,
            num_graphs=len(latent),
        )

    def _slots(self, centers: Tensor, state: Tensor) -> Slots:
        """The Gaussians whose width, presence and amplitude are ``state [B, K, 1 + 2 C]``."""
        num_channels = len(self.channels)
        width, presence, amplitude = state.split([1, num_channels, num_channels], dim=2)
        log_width = presence.softmax(dim=2) @ self.log_sigma + 0.5 * torch.tanh(width.squeeze(2))
        return Slots(centers, presence + self.absent, self.amplitude * (1 + amplitude), log_width.exp())
