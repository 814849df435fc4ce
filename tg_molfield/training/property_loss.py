"""`PropertyLoss`: a linear head for properties, and its loss."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_geometric.data import Data

from tg_molfield.arguments import check_kind, check_positive, require_counts
from tg_molfield.chem.validation import check_real, check_tensor
from tg_molfield.devices import in_double
from tg_molfield.nn.checks import num_graphs_of


class PropertyLoss(nn.Module):
    """A linear head from features to properties, and the Huber loss of its predictions.

    Because the head is linear, training makes the properties linearly decodable from the features. The features are
    codes of molecules, for molecular properties, or features of atoms, for atomic properties::

        loss = PropertyLoss(model.latent_dim, torch.cat([data.y for data in molecules]), key="y")
        optimizer = torch.optim.AdamW([*model.parameters(), *loss.parameters()])
        value = loss(model.encode(batch).code, batch)

    Args:
        in_channels: the number D of features.
        values: the properties ``[M, P]`` of the training data, NaN where unknown; they define the mean and standard
            deviation of each property.
        key: the attribute of a batch that holds the properties.
        weights: the weight of each property ``[P]``; equal by default.
        clip: the number of standard deviations from the mean to which properties are clipped; the Huber loss is linear
            for errors above a tenth of it.

    Raises:
        TypeError: an argument is of another kind.
        ValueError: ``values`` is not a matrix, contains infinite numbers, or has no known value of a property; weights
            are of another shape, negative, not finite or all 0; or a number is not positive.
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
        require_counts(1, in_channels=in_channels)
        check_tensor("values", values)
        check_real("values", values)
        check_kind("key", key, str, "the name of an attribute", "give for example 'y'")
        check_positive("clip", clip, "the default is 5")
        if values.dim() != 2 or bool(values.isnan().all(0).any()):
            raise ValueError(
                f"values: expected [M, P] with at least one known value of each property, got {list(values.shape)}; "
                "leave out properties that are never known"
            )
        if bool(values.isinf().any()):
            column = int(values.isinf().any(0).nonzero()[0])
            raise ValueError(
                f"values: expected finite numbers or NaN, got infinity in column {column}; use NaN where unknown"
            )
        if weights is not None:
            _check_weights(weights, values.size(1))
        values = in_double(values)
        mean = values.nanmean(0)
        spread = (values - mean).square().nanmean(0).sqrt()
        dtype = torch.get_default_dtype()
        self.register_buffer("mean", mean.to(dtype))
        self.register_buffer("spread", torch.where(spread > 1e-6 * mean.abs(), spread, 1.0).to(dtype))
        self.register_buffer(
            "weights", torch.ones_like(mean).to(dtype) if weights is None else weights.to(dtype, copy=True)
        )
        self.mean: Tensor
        self.spread: Tensor
        self.weights: Tensor
        self.key = key
        self.clip = clip
        self.head = nn.Linear(in_channels, values.size(1))

    def forward(self, features: Tensor, batch: Data) -> Tensor:
        """The loss of the predictions from ``features [B, D]`` for the known values in ``batch[key] [B, P]``.

        It is infinite where a value is whose weight is not 0.

        Raises:
            ValueError: the batch lacks the properties or has them in another shape, or features of fewer molecules.
        """
        target, size = getattr(batch, self.key, None), num_graphs_of(batch)
        if isinstance(target, Tensor) and len(target) == size != len(features):
            raise ValueError(
                f"features: expected {size} rows, one for each molecule of the batch, got {len(features)}; encode the "
                "Batch itself, which knows of molecules without atoms"
            )
        if not isinstance(target, Tensor) or target.shape != (features.size(0), self.mean.numel()):
            shape = list(target.shape) if isinstance(target, Tensor) else "none"
            raise ValueError(
                f"batch.{self.key}: expected a tensor {[features.size(0), self.mean.numel()]}, got {shape}; "
                "give one row for each row of features"
            )
        weights = self.weights * ~target.isnan()
        target = target.to(torch.promote_types(features.dtype, self.mean.dtype))
        scaled = torch.where(weights > 0, (target - self.mean) / self.spread, 0.0).to(features.dtype)
        expected = scaled.clamp(-self.clip, self.clip).where(scaled.isfinite(), scaled)
        error = F.huber_loss(self.head(features), expected, reduction="none", delta=0.1 * self.clip)
        return (weights * error).sum() / weights.sum().clamp(min=1e-12)

    def predict(self, features: Tensor) -> Tensor:
        """The predicted properties ``[B, P]`` from ``features [B, D]``, in their original units."""
        return self.mean + self.spread * self.head(features)


def _check_weights(weights: Tensor, count: int) -> None:
    check_tensor("weights", weights)
    check_real("weights", weights)
    if weights.shape != (count,):
        raise ValueError(f"weights: expected shape [{count}], got {list(weights.shape)}; give one for each property")
    if not bool((weights.isfinite() & (weights >= 0)).all() & (weights > 0).any()):
        raise ValueError(
            f"weights: expected finite numbers of at least 0, not all 0, got {weights.tolist()}; leave them out for "
            "equal ones"
        )
