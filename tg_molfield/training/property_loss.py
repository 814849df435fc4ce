"""Properties read linearly from features, as a loss."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_geometric.data import Data


class PropertyLoss(nn.Module):
    """A linear head from features to properties, and the Huber loss of what it reads.

    Because the head is linear, what training makes small is what a linear probe of the features will find. It takes
    the codes of molecules for properties of molecules, or the features of atoms for properties of atoms::

        loss = PropertyLoss(model.latent_dim, torch.cat([data.y for data in molecules]), key="y")
        optimizer = torch.optim.AdamW([*model.parameters(), *loss.parameters()])
        value = loss(model.encode(batch.z, batch.pos, batch.batch).code, batch)

    Args:
        in_channels: the length D of the features.
        values: ``[M, P]`` of the training data, for the mean and spread of each property; NaN where unknown.
        key: the attribute of a batch that holds the properties.
        weights: ``[P]``, how much each property counts; equally if None.
        clip: standard deviations from the mean at which a property is cut off; the Huber loss is linear from errors of
            a tenth of that on.

    Raises:
        ValueError: ``values`` is no matrix, has infinite numbers, or a property has no known value.
    """

    def __init__(
        self,
        in_channels: int,
        values: Tensor,
        key: str = "properties",
        weights: Tensor | None = None,
        clip: float = 5.0,
    ) -> None:
        super().__init__()
        if values.dim() != 2 or bool(values.isnan().all(0).any()):
            raise ValueError(f"values has shape {tuple(values.shape)}: give [M, P], each property known at least once")
        if bool(values.isinf().any()):
            column = int(values.isinf().any(0).nonzero()[0])
            raise ValueError(f"values has an infinite number in column {column}: give NaN where a property is unknown")
        values = values.double()
        mean = values.nanmean(0)
        spread = (values - mean).square().nanmean(0).sqrt()
        dtype = torch.get_default_dtype()
        self.register_buffer("mean", mean.to(dtype))
        self.register_buffer("spread", torch.where(spread > 1e-6 * mean.abs(), spread, 1.0).to(dtype))
        self.register_buffer("weights", torch.ones_like(mean).to(dtype) if weights is None else weights.to(dtype))
        self.mean: Tensor
        self.spread: Tensor
        self.weights: Tensor
        self.key = key
        self.clip = clip
        self.head = nn.Linear(in_channels, values.size(1))

    def forward(self, features: Tensor, batch: Data) -> Tensor:
        """The loss of ``features [B, D]`` against ``batch[key] [B, P]``, of what is known there.

        Raises:
            ValueError: the batch has no such properties, or of another shape.
        """
        target = getattr(batch, self.key, None)
        if not isinstance(target, Tensor) or target.shape != (features.size(0), self.mean.numel()):
            shape = tuple(target.shape) if isinstance(target, Tensor) else None
            raise ValueError(f"batch.{self.key} has shape {shape}: give {(features.size(0), self.mean.numel())}")
        known = ~target.isnan()
        wanted = torch.where(known, (target - self.mean) / self.spread, 0.0).clamp(-self.clip, self.clip)
        error = F.huber_loss(self.head(features), wanted, reduction="none", delta=0.1 * self.clip)
        weights = self.weights * known
        return (weights * error).sum() / weights.sum().clamp(min=1e-12)

    def predict(self, features: Tensor) -> Tensor:
        """The properties ``[B, P]`` of ``features [B, D]``, in their own units."""
        return self.mean + self.spread * self.head(features)
