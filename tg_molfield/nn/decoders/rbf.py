"""`RBFDecoder`: codes to sums of Gaussians that a network makes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.nn.inits import reset

from tg_molfield.arguments import check_counts, check_positive, require_counts
from tg_molfield.fields import MolField, RBFField
from tg_molfield.nn.decoders.base import Decoder
from tg_molfield.nn.latent.atom_features import FeatureSizes
from tg_molfield.nn.latent.latent import Latent
from tg_molfield.nn.ops.attention import AttentionBlock
from tg_molfield.nn.ops.ball import ball_points
from tg_molfield.nn.ops.fourier import FourierFeatures
from tg_molfield.nn.ops.short_products import from_frames
from tg_molfield.nn.pooling.base import Pooling
from tg_molfield.precision import full_precision

_MOST_STEPS = 1000


@dataclass(frozen=True, eq=False)
class Slots:
    """K Gaussians for each of ``B`` molecules, in the molecules' own frames.

    Attributes:
        centers: ``[B, K, 3]`` Å.
        logits: ``[B, K, C]``, of the probability that the Gaussian is present in a channel.
        amplitudes: ``[B, K, C]``, its weight where present.
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


class SmoothDensity(nn.Module):
    """Reads the Fourier coefficients Σ_i p_i ⊗ γ(r_i) of P smooth densities from a code, and compares slots with them.

    γ are the Fourier features of a position and p is a learned linear image of the weights in the channels. The value
    of the densities at x is the product of the coefficients with γ(x). Where the code has room for them they are its
    beginning, as `FramePooling` makes it; otherwise they are a learned projection of the code.

    Args:
        num_channels: C.
        latent_dim: the length of a code.
        room: the length without a summary.
        num_densities: P.
        num_waves: the number of waves; γ has J = 2 · num_waves entries.
    """

    def __init__(self, num_channels: int, latent_dim: int, room: int, num_densities: int, num_waves: int = 32) -> None:
        super().__init__()
        self.waves = FourierFeatures(num_waves)
        self.num_waves = num_waves
        self.num_densities = num_densities
        self.size = self.num_densities * self.waves.out_channels
        self.coefficients = nn.Linear(latent_dim, self.size) if self.size > room else nn.Identity()
        self.projection = nn.Linear(num_channels, self.num_densities, bias=False)
        self.out_channels = self.num_densities + 3 * num_channels + 3

    def forward(self, code: Tensor) -> Tensor:
        """The coefficients ``[B, P, J]`` that ``code [B, latent_dim]`` holds."""
        return self.coefficients(code)[:, : self.size].unflatten(1, (self.num_densities, -1))

    @full_precision
    def of(self, centers: Tensor, weights: Tensor) -> Tensor:
        """The coefficients ``[B, P, J]`` of ``centers [B, K, 3]`` with ``weights [B, K, C]``."""
        return self.projection(weights).transpose(1, 2) @ self.waves(centers)

    @full_precision
    def compare(self, coefficients: Tensor, slots: Slots) -> tuple[Tensor, Tensor]:
        """What each slot sees of ``coefficients [B, P, J]`` and of the residual that the slots do not explain.

        Returns:
            Features ``[B, K, out_channels]``: the residual at the slot, residual and total by channel, the pull and
            the slot's weights; and the pull ``[B, K, 3]``, the gradient of the residual in the slot's own channels.
        """
        weights = slots.weights
        basis, derivative = self.waves.with_derivative(slots.centers)
        rest = coefficients - self.projection(weights).transpose(1, 2) @ basis
        kind = self.projection(slots.logits.softmax(dim=2))
        pull = (derivative * (kind @ rest)) @ self.waves.waves.repeat(1, 2).T
        value = basis @ rest.transpose(1, 2)
        whole = basis @ coefficients.transpose(1, 2)
        by_channel = [value @ self.projection.weight, whole @ self.projection.weight]
        return torch.cat([value, *by_channel, pull, weights], dim=2), pull


class RBFDecoder(Decoder):
    """A code becomes K Gaussians, each with a centre, a width and a weight in every channel.

    K learned queries start from anchors spread over a ball. In every round each one sees how the smooth densities in
    the code (`SmoothDensity`) differ from the sum of all Gaussians, and moves, at most 1 Å, and changes accordingly:
    deconvolution with a learned step. In the first ``num_blocks`` rounds they also attend to the code and to each other
    (DETR, Carion et al. 2020, arXiv 2005.12872); the ``num_steps`` rounds after that share their parameters. Gaussians
    that are not needed end with weights near 0. A molecule with more than K centres is blurred: raise ``num_slots``.

    Args:
        channels: the definition of the field, or the names of the C channels.
        latent_dim: the length of the codes.
        summary_channels: see `Decoder`.
        num_slots: K; 64 suits molecules of about 40 atoms.
        width: the size of a query.
        num_tokens: the number of tokens that the code becomes for attention.
        num_blocks: rounds with attention.
        num_steps: rounds without.
        num_densities: see `SmoothDensity`; as many as the code has room for if None.
        num_waves: see `SmoothDensity`.
        spread: the radius in Å of the ball of anchors.
        sigma: the width in Å that Gaussians start from.

    Raises:
        ValueError: an option is out of range.
    """

    compiled_methods = ("rounds",)

    def __init__(
        self,
        channels: MolField | Sequence[str],
        latent_dim: int = 512,
        summary_channels: int = 0,
        num_slots: int = 64,
        width: int = 64,
        num_tokens: int = 8,
        num_blocks: int = 1,
        num_steps: int = 8,
        num_densities: int | None = None,
        num_waves: int = 32,
        spread: float = 2.0,
        sigma: float = 0.75,
    ) -> None:
        super().__init__(channels, latent_dim, summary_channels)
        require_counts(1, num_slots=num_slots, width=width, num_tokens=num_tokens, num_waves=num_waves)
        require_counts(0, num_blocks=num_blocks, num_steps=num_steps)
        check_counts(1, num_densities=num_densities)
        if num_steps > _MOST_STEPS:
            raise ValueError(f"num_steps: expected at most {_MOST_STEPS}, got {num_steps}; give fewer")
        check_positive("spread", spread, "2 is the default")
        check_positive("sigma", sigma, "0.75 is the default")
        num_channels = len(self.channels)
        self.num_slots = num_slots
        self.num_steps = num_steps
        self.tokens = nn.Sequential(nn.Linear(latent_dim, num_tokens * width), nn.Unflatten(1, (num_tokens, width)))
        room = latent_dim - summary_channels
        num_densities = num_densities or max(1, room // (2 * num_waves))
        self.smooth = SmoothDensity(num_channels, latent_dim, room, num_densities, num_waves)
        self.spread, self.sigma = spread, sigma
        self.anchors = nn.Parameter(torch.empty(num_slots, 3))
        self.queries = nn.Parameter(torch.empty(num_slots, width))
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
        self.absent = nn.Parameter(torch.empty(num_channels))
        self.amplitude = nn.Parameter(torch.empty(num_channels))
        self.log_sigma = nn.Parameter(torch.empty(num_channels))
        self._initialize()

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        for child in self.children():
            reset(child)
        self._initialize()

    @torch.no_grad()
    def _initialize(self) -> None:
        self.anchors.copy_(ball_points(self.num_slots, self.spread))
        self.queries.normal_()
        self.absent.fill_(-3.0)
        self.amplitude.fill_(1.0)
        self.log_sigma.fill_(math.log(self.sigma))

    @property
    def max_atoms(self) -> int:
        """The number of slots."""
        return self.num_slots

    def make_pooling(self, sizes: FeatureSizes, /, **options: Any) -> Pooling:
        """A `FramePooling` with the Fourier coefficients that this decoder reads.

        Raises:
            TypeError: the pooling has no such option, or it is one of the decoder.
            ValueError: an option is out of range.
        """
        densities = {"num_densities": self.smooth.num_densities, "num_waves": self.smooth.num_waves}
        taken = sorted(densities.keys() & options.keys())
        if taken:
            raise TypeError(
                f"pooling_options: expected {', '.join(taken)} in decoder_options, got it in pooling_options; move it"
            )
        return super().make_pooling(sizes, **densities, **options)

    def slots(self, code: Tensor) -> Slots:
        """The Gaussians of ``code [B, latent_dim]``, in the molecules' frames."""
        return self.rounds(code)[-1]

    def rounds(self, code: Tensor) -> list[Slots]:
        """The Gaussians after each round; the last are those of :meth:`slots`."""
        context, coefficients = self.tokens(code), self.smooth(code)
        size = code.size(0), self.num_slots
        x = self.queries.expand(*size, -1)
        centers = self.anchors.expand(*size, 3)
        state = code.new_zeros(*size, 1 + 2 * len(self.channels))
        found = [self._slots(centers, state)]
        for index in range(len(self.blocks) + self.num_steps):
            seen, pull = self.smooth.compare(coefficients, found[-1])
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
        latent = self.widened(latent)
        return self.place(self.slots(latent.code), latent)

    @full_precision
    def place(self, slots: Slots, latent: Latent) -> RBFField:
        """The field of ``slots`` in the poses of ``latent``."""
        graph, frames, share = latent.pose.active_frames()
        per_slot = graph.repeat_interleave(self.num_slots)
        local = latent.pose.project_to_rank(slots.centers[graph].flatten(0, 1), per_slot)
        centers = from_frames(local.view(-1, self.num_slots, 3), frames) + latent.origin[graph].unsqueeze(1)
        weights = slots.weights[graph] * share[:, None, None]
        return RBFField(
            centers.flatten(0, 1),
            weights.flatten(0, 1),
            slots.widths[graph].flatten(),
            channels=self.channels,
            batch=per_slot,
            num_graphs=len(latent),
        ).with_mol_field(self.mol_field)

    @full_precision
    def _slots(self, centers: Tensor, state: Tensor) -> Slots:
        """The Gaussians whose width, presence and amplitude are ``state [B, K, 1 + 2 C]``."""
        num_channels = len(self.channels)
        width, presence, amplitude = state.split([1, num_channels, num_channels], dim=2)
        log_width = presence.softmax(dim=2) @ self.log_sigma + 0.5 * torch.tanh(width.squeeze(2))
        return Slots(centers, presence + self.absent, self.amplitude * (1 + amplitude), log_width.exp())
