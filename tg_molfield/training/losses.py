"""Training losses: errors at query points, and errors of the Gaussians of an `RBFDecoder`."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.utils import degree

from tg_molfield.arguments import check_kind, check_not_negative, check_positive
from tg_molfield.chem.padding import Padding
from tg_molfield.devices import queued_to
from tg_molfield.fields import Field, MolField, RBFField
from tg_molfield.nn import FieldAutoEncoder, Latent, RBFDecoder
from tg_molfield.nn.decoders.rbf import Slots
from tg_molfield.nn.ops.gaussian_overlap import squared_distance
from tg_molfield.precision import full_precision
from tg_molfield.training.flow_loss import FlowLoss

Loss = Callable[[FieldAutoEncoder, Data], Tensor]
"""A function of a model and a batch that returns a scalar to minimise."""


def check_query_points(batch: Data) -> None:
    """Raise a ValueError unless ``batch`` has the query points and field values of a `MolFieldTransform`."""
    for name in ("query_pos", "field"):
        if not isinstance(getattr(batch, name, None), Tensor):
            raise ValueError(
                f"batch.{name}: expected a tensor, got none; apply a MolFieldTransform or use MatchingLoss"
            )


class FieldLoss:
    """The reconstruction loss at the points ``query_pos`` of a batch, for any decoder."""

    def __repr__(self) -> str:
        return "FieldLoss()"

    def __call__(self, model: FieldAutoEncoder, batch: Data) -> Tensor:
        """``model.recon_loss`` of the encoded batch.

        Raises:
            ValueError: the batch lacks query points, field values, or the properties that the model reads.
        """
        check_query_points(batch)
        return self.of(model, model.encode(batch), batch)

    def of(self, model: FieldAutoEncoder, latent: Latent, batch: Data) -> Tensor:
        """The same where the latents of the batch are there."""
        return model.recon_loss(latent, batch.query_pos, batch.field, getattr(batch, "query_batch", None))


def loss_of(loss: Loss, model: FieldAutoEncoder, latent: Latent, batch: Data) -> Tensor:
    """``loss(model, batch)``, which is not encoded again where the loss needs the latents alone."""
    return loss.of(model, latent, batch) if isinstance(loss, FieldLoss | FlowLoss) else loss(model, batch)


class MissingDefinitionWarning(UserWarning):
    """A model knows the channels of its field alone, and takes over the definition of a loss."""


class MatchingLoss:
    """Matches the Gaussians of an `RBFDecoder` to those of the target and compares them.

    The matching is the assignment of least cost (Kuhn 1955; DETR, Carion et al. 2020, arXiv 2005.12872). Matched
    Gaussians are compared in position, presence in each channel, amplitude and width; unmatched slots should be
    absent. The matching of the decoder's last round is used for all rounds, with more weight on later ones. The
    squared L² distance of the two fields and the error of the decoder's smooth field are added. If a molecule has more
    centers than the decoder has slots, the centers that fit worst stay unmatched.

    Args:
        mol_field: a function from a batch of molecules to the target, such as a `MolField`, which a model that knows no
            definition takes over, with a warning.
        position: the weight of the positions (Huber loss in units of ``scale``).
        presence: the weight of the cross-entropy of the presence.
        field: the weight of the squared distance of the fields, per atom.
        blur: the weight of the squared error of the smooth field.
        scale: the length in Å at which the loss of the positions becomes linear.

    Raises:
        TypeError: an argument is of another kind.
        ValueError: a weight is negative or not finite, or ``scale`` is not positive.
    """

    def __init__(
        self,
        mol_field: Callable[[Data], Field],
        position: float = 2.0,
        presence: float = 1.0,
        field: float = 1.0,
        blur: float = 0.5,
        scale: float = 0.25,
    ) -> None:
        if not callable(mol_field):
            raise TypeError(
                f"mol_field: expected a MolField, got {type(mol_field).__name__}; give for example MolField('C N O')"
            )
        weights = {"position": position, "presence": presence, "field": field, "blur": blur}
        for name, weight in weights.items():
            check_not_negative(name, weight, "0 leaves the term out")
        check_positive("scale", scale, "the default is 0.25 Å")
        self.mol_field = mol_field
        self.position = position
        self.presence = presence
        self.field = field
        self.blur = blur
        self.scale = scale

    def __repr__(self) -> str:
        return (
            f"MatchingLoss({self.mol_field!r}, position={self.position:g}, presence={self.presence:g}, "
            f"field={self.field:g}, blur={self.blur:g}, scale={self.scale:g})"
        )

    def __call__(self, model: FieldAutoEncoder, batch: Data) -> Tensor:
        """The loss of the encoded batch.

        Raises:
            ValueError: the model was made for another definition than the loss.
            TypeError: the model's decoder is not an `RBFDecoder`, or the target is no sum of Gaussians.

        Warns:
            MissingDefinitionWarning: the model knows no definition and takes over that of the loss.
        """
        check_kind("model.decoder", model.decoder, RBFDecoder, "an RBFDecoder", "use FieldLoss instead")
        assert isinstance(model.decoder, RBFDecoder)
        latent = model.encode(batch)
        if isinstance(self.mol_field, MolField):
            if model.mol_field is None:
                warnings.warn(
                    f"model.mol_field: expected a definition, got channels alone; it takes over {self.mol_field!r} of "
                    "the loss, give the definition to the model to choose",
                    MissingDefinitionWarning,
                    stacklevel=2,
                )
            model.set_mol_field(self.mol_field)
        with torch.no_grad():
            target = self.mol_field(batch)
        if not isinstance(target, RBFField) or target.kernel.name != "gaussian":
            raise TypeError(f"mol_field: expected sums of Gaussians for a batch, got {target}; use FieldLoss instead")
        rounds = model.decoder.rounds(latent.code)
        loss = self._matching_loss(model.decoder, rounds, latent, target)
        if self.field:
            distance = squared_distance(model.decoder.place(rounds[-1], latent), target)
            atoms = degree(target.batch, len(latent), dtype=torch.int64).clamp(min=1)
            loss = loss + self.field * (distance / atoms).mean()
        return loss

    @full_precision
    def _matching_loss(self, decoder: RBFDecoder, rounds: list[Slots], latent: Latent, target: RBFField) -> Tensor:
        padding = Padding(target.batch, len(latent))
        centers, weights = padding(latent.to_local(target.centers, target.batch)), padding(target.weights)
        log_width = target.widths.log() if target.widths.dim() == 1 else target.widths.log().mean(1)
        pairs = self._match(rounds[-1], centers, weights, padding.mask)
        losses = self._pair_losses(rounds, pairs, centers, weights, padding(log_width))
        smooth = decoder.smooth.of(centers, weights * padding.mask.unsqueeze(2))
        blur = (decoder.smooth(latent.code) - smooth).square().sum((1, 2)).mean()
        growing = torch.arange(1, len(rounds) + 1, dtype=blur.dtype, device=blur.device)
        return losses @ (growing / growing.sum()) + self.blur * blur

    def _pair_losses(
        self,
        rounds: list[Slots],
        pairs: tuple[Tensor, Tensor, Tensor],
        centers: Tensor,
        weights: Tensor,
        log_widths: Tensor,
    ) -> Tensor:
        """The loss of each round ``[T]``, averaged over pairs."""
        graph, slot, atom = pairs
        count = graph.numel()
        found = torch.stack([slots.centers for slots in rounds])[:, graph, slot]
        error = (found - centers[graph, atom]) / self.scale
        position = F.huber_loss(error, torch.zeros_like(error), reduction="none").sum((1, 2))
        logits = torch.stack([slots.logits for slots in rounds])
        present = (weights[graph, atom] != 0).to(logits.dtype)
        wanted = torch.zeros_like(logits[0])
        wanted[graph, slot] = present
        presence = F.softplus(logits).sum((1, 2, 3)) - (logits * wanted).sum((1, 2, 3))
        amplitude = torch.stack([slots.amplitudes for slots in rounds])[:, graph, slot] - weights[graph, atom]
        width = torch.stack([slots.widths for slots in rounds])[:, graph, slot].log() - log_widths[graph, atom]
        shape = (present * amplitude).square().sum((1, 2)) + 4 * width.square().sum(1)
        return (self.position * position + self.presence * presence + shape) / count

    @torch.no_grad()
    @full_precision
    def _match(self, slots: Slots, centers: Tensor, weights: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The matched pairs: molecule, slot and atom, ``[P]`` each."""
        error = (slots.centers.unsqueeze(2) - centers.unsqueeze(1)) / self.scale
        size = error.abs()
        position = torch.where(size < 1, 0.5 * size.square(), size - 0.5).sum(3)
        gain = slots.logits @ (weights != 0).to(slots.logits.dtype).transpose(1, 2)
        costs = (self.position * position - self.presence * gain).cpu().double().numpy()
        pairs = []
        for graph, count in enumerate(mask.sum(1).tolist()):
            row, column = linear_sum_assignment(costs[graph, :, :count])
            pairs.append(np.stack([np.full_like(row, graph), row, column]))
        graphs, rows, columns = queued_to(torch.from_numpy(np.concatenate(pairs, axis=1)), centers.device)
        return graphs, rows, columns
