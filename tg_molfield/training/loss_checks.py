"""What a loss and its values have to be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from torch_geometric.data import Data

from tg_molfield.nn import FieldAutoEncoder
from tg_molfield.training.losses import FieldLoss


def check_function(loss: Any) -> None:
    """Raise a TypeError unless ``loss`` can be called, or is None."""
    if loss is not None and not callable(loss):
        raise TypeError(
            f"loss: expected a function of a model and a batch, got {type(loss).__name__}; leave it out, or give for "
            "example FieldLoss()"
        )


def loss_for(model: nn.Module, loss: Any) -> Callable[[Any, Data], Tensor]:
    """``loss``, or a `FieldLoss` where it is None.

    Raises:
        TypeError: it is no function, or the model needs one.
        ValueError: it has parameters that the model does not have, which would not be trained.
    """
    check_function(loss)
    if loss is None and not isinstance(model, FieldAutoEncoder):
        raise TypeError(
            f"loss: expected a function for a {type(model).__name__}, got None; give one or train a FieldAutoEncoder"
        )
    if isinstance(loss, nn.Module):
        trained = set(model.parameters())
        if any(parameter.requires_grad and parameter not in trained for parameter in loss.parameters()):
            raise ValueError(
                f"loss: expected a function without parameters of its own, got {type(loss).__name__}; make it a part "
                "of the model, or train with a FieldLightningModule"
            )
    return FieldLoss() if loss is None else loss


def checked_loss(value: Any) -> Tensor:
    """What a loss gave.

    Raises:
        TypeError: it is no tensor.
        ValueError: it is not one number, or depends on no parameter.
    """
    if not isinstance(value, Tensor):
        raise TypeError(f"loss: expected a tensor with one number, got {type(value).__name__}; return its mean")
    if value.numel() != 1:
        raise ValueError(f"loss: expected one number, got shape {list(value.shape)}; return its mean")
    if not value.requires_grad:
        raise ValueError(
            "loss: expected a function of the model's parameters, got a number without gradient; let parameters "
            "require gradients, and give a loss that depends on them, such as InitialGuessLoss for 'structure_factors'"
        )
    return value
