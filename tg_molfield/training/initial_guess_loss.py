"""The training loss of the initial guess of a `StructureFactorDecoder`."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.utils import degree

from tg_molfield.arguments import check_kind, check_positive, require_counts
from tg_molfield.chem.padding import Padding
from tg_molfield.devices import queued_to
from tg_molfield.nn import FieldAutoEncoder, StructureFactorDecoder
from tg_molfield.nn.checks import atoms_of_data, check_molecules
from tg_molfield.nn.decoders.structure_factors.bucketing import bucket_by_size
from tg_molfield.nn.latent.canonical_frames import canonical_pose, random_pose
from tg_molfield.precision import full_precision
from tg_molfield.random_draws import seeds_of, uniform

_FAR = 6.0
"""Distance in Å beyond which the cost of a match is constant."""
_RATIO = 1.6
"""Largest ratio of the numbers of atoms in one bucket; larger values need more padding, smaller ones more calls."""


class InitialGuessLoss:
    """The error of the guesses of a `StructureFactorDecoder` after each of its rounds.

    Atoms of one element are interchangeable. They are matched to the last guess by the Hungarian method (Kuhn 1955).
    The loss is the Huber loss of the positions in units of ``scale``, with more weight on later rounds.

    Args:
        scale: the length in Å at which the loss becomes linear.
        repeats: how often, at most, atoms are guessed and fitted before the guess that is trained, which begins where
            they are; drawn for each batch in training, by the ``draw_seed`` of its first molecule where it has one.

    Raises:
        TypeError: an argument is no number.
        ValueError: ``scale`` is not positive, or ``repeats`` negative.
    """

    def __init__(self, scale: float = 0.25, repeats: int = 2) -> None:
        check_positive("scale", scale, "the default is 0.25 Å")
        require_counts(0, repeats=repeats)
        self.scale, self.repeats = scale, repeats

    def __repr__(self) -> str:
        return f"InitialGuessLoss(scale={self.scale:g}, repeats={self.repeats})"

    def __call__(self, model: FieldAutoEncoder, batch: Data) -> Tensor:
        """The loss of the batch, in random frames if the model trains with them.

        Raises:
            TypeError: the model's decoder is not a `StructureFactorDecoder`.
            ValueError: the batch has no atoms of a molecule, or elements that the model does not know.
        """
        decoder = model.decoder
        remedy = "use MatchingLoss or FieldLoss for other decoders"
        check_kind("model.decoder", decoder, StructureFactorDecoder, "a StructureFactorDecoder", remedy)
        assert isinstance(decoder, StructureFactorDecoder)
        z, pos, owner, num_graphs, _ = atoms_of_data(batch)
        owner, size = check_molecules(z, pos, owner, num_graphs)
        transform = decoder.transform
        if model.training:
            model.domain.update(z, owner)
        with torch.no_grad():
            order = (owner * len(transform.elements) + transform.kinds(z)).argsort(stable=True)
            z, pos = z[order], pos[order]
            seeds = seeds_of(batch, size)
            randomised = model.training and model.random_frames
            if randomised:
                pose = random_pose(pos, owner, size, seeds).to(pos.dtype)
            else:
                pose = canonical_pose(z, pos, owner, size).to(pos.dtype)
            local = pose.to_local(pos, owner)
            target = Padding(owner, size)(local)
            code = transform(z, local, owner, size)
        parts = bucket_by_size(degree(owner, size, dtype=torch.int64), ratio=_RATIO)
        repeats = self._drawn_repeats(seeds) if model.training else self.repeats
        losses = [self._summed(decoder, code[rows], target[rows], repeats) for rows, _ in parts]
        return torch.stack(losses).sum() / len(z)

    def _drawn_repeats(self, seeds: Tensor | None) -> int:
        """0 to ``repeats``, by the seed of the first molecule or, without seeds, by torch's generator."""
        drawn = torch.rand(()) if seeds is None else uniform(seeds[:1], 1, "repeats")
        return int((self.repeats + 1) * float(drawn))

    def _summed(self, decoder: StructureFactorDecoder, code: Tensor, target: Tensor, repeats: int) -> Tensor:
        """The summed loss of molecules with ``code [B, D]`` and atoms at ``target [B, n, 3]``."""
        kinds, mask, guesses = decoder.guesses(code, repeats)
        target = self._paired(guesses[-1], kinds, mask, target[:, : kinds.size(1)])
        growing = torch.arange(1, len(guesses) + 1, dtype=target.dtype, device=target.device)
        error = (torch.stack(guesses) - target) / self.scale
        error = F.huber_loss(error, torch.zeros_like(error), reduction="none").sum(3)
        per_round = error.masked_fill(~mask, 0).sum((1, 2))
        return per_round @ (growing / growing.sum())

    @torch.no_grad()
    @full_precision
    def _paired(self, guess: Tensor, kinds: Tensor, mask: Tensor, target: Tensor) -> Tensor:
        """``target [B, n, 3]`` in the order of the matched guesses."""
        cost = torch.cdist(guess, target).clamp(max=_FAR)
        costs = (cost + 1e3 * (kinds.unsqueeze(2) != kinds.unsqueeze(1))).cpu().double().numpy()
        index = torch.arange(kinds.size(1)).repeat(kinds.size(0), 1)
        for row, count in enumerate(mask.sum(1).tolist()):
            index[row, :count] = torch.from_numpy(linear_sum_assignment(costs[row, :count, :count])[1])
        index = queued_to(index, target.device)
        return target.gather(1, index.unsqueeze(2).expand_as(target))
