"""The attention block of poolings and decoders."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tg_molfield.devices import is_on_host


class AttentionBlock(nn.Module):
    """A pre-norm transformer block whose tokens attend to themselves and to a context (Vaswani et al. 2017).

    Args:
        width: the size of a token.
        heads: the number of attention heads; divides ``width``.

    Raises:
        ValueError: it does not.
    """

    def __init__(self, width: int, heads: int = 4) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"width: expected a multiple of {heads} heads, got {width}; change one of them")
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.context_norm = nn.LayerNorm(width)
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)
        self.mlp = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.SiLU(), nn.Linear(2 * width, width)
        )

    def forward(self, tokens: Tensor, context: Tensor, mask: Tensor | None = None) -> Tensor:
        """``tokens [B, T, W]``, ``context [B, S, W]``, ``mask [B, S]`` (true: used) → ``[B, T, W]``."""
        own = self.norm(tokens)
        both = torch.cat([own, self.context_norm(context)], dim=1)
        if mask is not None:
            mask = F.pad(mask, (tokens.size(1), 0), value=True)[:, None, None, :]
        query = self._split(self.query(own))
        key, value = self.key_value(both).chunk(2, dim=-1)
        mixed = _attended(query, self._split(key), self._split(value), mask)
        tokens = tokens + self.out(mixed.transpose(1, 2).flatten(2))
        return tokens + self.mlp(tokens)

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


def _attended(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
    """Scaled dot-product attention, all ``[B, H, T, W]``.

    PyTorch's own is quickest, but on a processor its backward pass is slow in half precision.
    """
    if query.dtype in (torch.float32, torch.float64) or not is_on_host(query):
        return F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
    logits = query @ key.transpose(2, 3) * query.size(3) ** -0.5
    if mask is not None:
        logits = logits.masked_fill(~mask, -torch.inf)
    return logits.softmax(3).to(value.dtype) @ value
