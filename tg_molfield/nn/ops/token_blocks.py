"""Transformer blocks over united atoms, and the features of their positions."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tg_molfield.arguments import check_counts

_LOWEST = 0.6
RADII = 16
_LONGEST = 5.0
HIDDEN = -1e4
"""What is added to the attention to tokens that are none; it leaves nothing of them in any type."""


def coordinate_size(frequencies: int) -> int:
    """The number of `coordinate_features`."""
    return 3 + 6 * frequencies


def coordinate_features(pos: Tensor, frequencies: int) -> Tensor:
    """``pos [..., 3]``, of order 1, and the sines and cosines of its multiples: ``[..., 3 + 6 · frequencies]``."""
    scale = _LOWEST * 2.0 ** torch.arange(frequencies, dtype=pos.dtype, device=pos.device)
    phase = (pos.unsqueeze(-1) * scale).flatten(-2)
    return torch.cat([pos, phase.sin(), phase.cos()], dim=-1)


class PairBias(nn.Module):
    """What each layer of a transformer adds to its attention: functions of the distances between the tokens.

    Args:
        num_layers: of the transformer.
        heads: of its attention.
        sets: how many sets of positions the tokens have.
    """

    def __init__(self, num_layers: int, heads: int, sets: int = 1) -> None:
        super().__init__()
        self.heads = heads
        self.linear = nn.Linear(sets * RADII, num_layers * heads)

    def forward(self, positions: list[Tensor], mask: Tensor) -> Tensor:
        """``[L, B, H, n, n]`` from sets of positions ``[B, n, 3]`` of order 1; no attention to what ``mask`` hides."""
        features = torch.cat([distance_features(pos) for pos in positions], dim=3)
        bias = self.linear(features).masked_fill(~mask[:, None, :, None], HIDDEN)
        return bias.permute(3, 0, 1, 2).unflatten(0, (-1, self.heads)).transpose(1, 2)


def distance_features(pos: Tensor) -> Tensor:
    """Gaussians ``[B, n, n, 16]`` of the distances, with centres spread evenly."""
    distance = ((pos.unsqueeze(2) - pos.unsqueeze(1)).square().sum(3) + 1e-6).sqrt().unsqueeze(3)
    centers = torch.linspace(0, _LONGEST, RADII, dtype=pos.dtype, device=pos.device)
    return torch.exp(-0.5 * ((distance - centers) * (RADII / _LONGEST)).square())


class TokenBlock(nn.Module):
    """A pre-norm transformer block (Vaswani et al. 2017) with biased attention, a context and a modulation.

    Its norms have no parameters: what scales and shifts them is given (Peebles & Xie 2023, arXiv 2212.09748).

    Args:
        width: the size of a token.
        heads: of the attention; divides ``width``.
        reads_context: whether tokens attend to a context besides themselves.
        expansion: the hidden features of a token, as a multiple of ``width``.

    Raises:
        ValueError: a number is out of range.
    """

    def __init__(self, width: int, heads: int, reads_context: bool, expansion: int = 3) -> None:
        super().__init__()
        check_counts(1, width=width, heads=heads)
        if width % heads:
            raise ValueError(f"width: expected a multiple of {heads} heads, got {width}; change one of them")
        self.heads = heads
        self.query = nn.Linear(width, width, bias=False)
        self.key_value = nn.Linear(width, 2 * width, bias=False)
        self.context = nn.Linear(width, 2 * width, bias=False) if reads_context else None
        self.out = nn.Linear(width, width)
        self.mlp = nn.Sequential(
            nn.Linear(width, expansion * width), nn.GELU("tanh"), nn.Linear(expansion * width, width)
        )

    def forward(
        self, x: Tensor, bias: Tensor, context: Tensor | None = None, modulation: tuple[Tensor, ...] | None = None
    ) -> Tensor:
        """The next tokens ``[B, n, W]``.

        Args:
            x: ``[B, n, W]``.
            bias: added to the attention, ``[B, H, n, n + S]`` or what expands to it.
            context: ``[B, S, W]``, none if None.
            modulation: six tensors that expand to ``x``: scale and shift before the attention and the gate after it,
                the same for the network on each token; ones and zeros if None.
        """
        y = _modulated(x, modulation, 0)
        pairs = self.key_value(y)
        if self.context is not None and context is not None:
            pairs = torch.cat([pairs, self.context(context)], dim=1)
        key, value = pairs.chunk(2, dim=2)
        query = self._split(self.query(y))
        logits = (query @ self._split(key).transpose(2, 3)) * query.size(3) ** -0.5 + bias
        y = self.out((logits.softmax(3).to(value.dtype) @ self._split(value)).transpose(1, 2).flatten(2))
        x = x + (y if modulation is None else y * modulation[2])
        y = self.mlp(_modulated(x, modulation, 3))
        return x + (y if modulation is None else y * modulation[5])

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(2, (self.heads, -1)).transpose(1, 2)


def _modulated(x: Tensor, modulation: tuple[Tensor, ...] | None, first: int) -> Tensor:
    y = F.layer_norm(x, x.shape[2:])
    return y if modulation is None else y * modulation[first] + modulation[first + 1]
