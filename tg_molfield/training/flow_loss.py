"""The training loss of a `FlowDecoder`."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torch_geometric.data import Data

from tg_molfield.arguments import check_kind, check_not_negative, check_share
from tg_molfield.nn import FieldAutoEncoder, FlowDecoder, Latent
from tg_molfield.nn.checks import atoms_of_data
from tg_molfield.nn.decoders.flow.prediction import Prediction
from tg_molfield.nn.ops.united_atoms import UnitedAtoms, membership, united_atoms
from tg_molfield.random_draws import normal, seeds_of, uniform
from tg_molfield.training.bond_targets import bond_error, bond_targets

_FAITHFUL_SHARE, _FREE_SHARE = 0.25, 0.2
"""The shares of molecules whose codes have the least noise, and nothing but noise."""
_TIME_MEAN, _TIME_SPREAD = 0.2, 1.2
_EARLIEST, _LATEST = 1e-3, 0.995


class FlowLoss:
    """What the network of a `FlowDecoder` misses between noise and the atoms of a batch.

    Codes get noise of every size: a share of them the decoder's least, a share nothing else, the others any between.
    United atoms are matched to the noise that they start from. The errors of positions are those of the network's own
    output, whose variance is 1 at all times (Karras et al. 2022, arXiv 2206.00364); elements and numbers of hydrogens
    are compared by cross-entropy, given that the number of electrons is even where the decoder takes it to be and it
    is. In a share of the steps the network is given its own prediction.

    Args:
        kinds: the weight of elements and numbers of hydrogens.
        number: the weight of the number of united atoms.
        own_prediction: the share of steps with the network's own prediction.
        bonds: the weight of bond orders, which decoders with ``bonds=True`` learn by cross-entropy, too; each molecule
            then needs ``edge_index`` and ``bond_order``, see `structures.with_bonds`. Those of which no bond is given
            count for all else.

    Raises:
        TypeError: an argument is no number.
        ValueError: a weight is negative or not finite, or the share does not lie between 0 and 1.
    """

    def __init__(
        self, kinds: float = 0.3, number: float = 0.05, own_prediction: float = 0.5, bonds: float = 0.2
    ) -> None:
        check_not_negative("kinds", kinds, "0 leaves the term out")
        check_not_negative("number", number, "0 leaves the term out")
        check_share("own_prediction", own_prediction, "0.5 is the default")
        check_not_negative("bonds", bonds, "0 leaves the term out")
        self.kinds = kinds
        self.number = number
        self.own_prediction = own_prediction
        self.bonds = bonds

    def __repr__(self) -> str:
        return (
            f"FlowLoss(kinds={self.kinds:g}, number={self.number:g}, own_prediction={self.own_prediction:g}, "
            f"bonds={self.bonds:g})"
        )

    def __call__(self, model: FieldAutoEncoder, batch: Data) -> Tensor:
        """The loss of the batch, in random frames if the model trains with them.

        Raises:
            TypeError: the model's decoder is not a `FlowDecoder`.
            ValueError: the batch has no atoms of a molecule, or others than the model has room for, or no bonds where
                the decoder learns them.
        """
        _checked_decoder(model)
        return self.of(model, model.encode(batch), batch)

    def of(self, model: FieldAutoEncoder, latent: Latent, batch: Data) -> Tensor:
        """The same where the latents of the batch are there, for losses of the code beside it."""
        decoder = _checked_decoder(model)
        atoms, orders = self._targets(decoder, latent, batch)
        draws = _Draws(latent, seeds_of(batch, len(latent)))
        noise = _noise_levels(draws.uniform(2, "noise of the code"), decoder.least_noise)
        code = decoder.learned(latent)
        code = (1 - noise.square()).sqrt().unsqueeze(1) * code
        code = code + noise.unsqueeze(1) * draws.normal(code.size(1), "code")
        return self._errors(decoder, atoms, orders, code, noise, draws)

    def _targets(self, decoder: FlowDecoder, latent: Latent, batch: Data) -> tuple[UnitedAtoms, Tensor | None]:
        z, pos, owner, _, _ = atoms_of_data(batch)
        owner = torch.zeros_like(z) if owner is None else owner
        local = latent.pose.to_local(pos, owner)
        member = membership(z, local, owner, len(latent))
        atoms = united_atoms(member, decoder.element_kinds(z), local, owner, len(latent), decoder.max_heavy_atoms)
        learned = self.bonds and decoder.network.orders is not None
        orders = bond_targets(batch, owner, member, atoms.mask) if learned else None
        return atoms, orders

    def _errors(
        self,
        decoder: FlowDecoder,
        atoms: UnitedAtoms,
        orders: Tensor | None,
        code: Tensor,
        noise: Tensor,
        draws: _Draws,
    ) -> Tensor:
        layout, mask = decoder.network.layout, atoms.mask
        state = layout.state(atoms)
        start = draws.normal(mask.size(1) * layout.size, "start of the flow").view_as(state) * mask.unsqueeze(2)
        end, place = layout.matched(state, start, mask)
        time = torch.sigmoid(draws.normal(1, "time")[:, 0] * _TIME_SPREAD + _TIME_MEAN).clamp(_EARLIEST, _LATEST)
        t = time[:, None, None]
        state = (1 - t) * start + t * end
        previous = torch.zeros_like(state)
        if float(draws.uniform(1, "own prediction")[0, 0]) < self.own_prediction:
            with torch.no_grad():
                found = decoder.network(state, mask, time, code, noise, previous)
                previous = _known(decoder, found, atoms, noise).state(mask)
        found = decoder.network(state, mask, time, code, noise, previous)
        pos, kinds, counts, hydrogens, bonded = _known(decoder, found, atoms, noise)
        wanted = layout.split(end)
        total = mask.sum()
        weight = (t.square() + (1 - t).square()) / (1 - t).square() * mask.unsqueeze(2)
        pos = ((pos - wanted[0]).square() * weight).sum() / (3 * total)
        hydrogens = ((hydrogens - wanted[3]).square() * weight).sum() / (3 * total)
        crossed = _cross_entropy(kinds, wanted[1], mask) + _cross_entropy(counts, wanted[2], mask)
        number = F.cross_entropy(decoder.network.number_logits(code, noise).float(), atoms.number)
        loss = pos + hydrogens + self.kinds * crossed / total + self.number * number
        if bonded is not None and orders is not None:
            loss = loss + self.bonds * bond_error(bonded, orders, place) / total
        return loss


def _checked_decoder(model: FieldAutoEncoder) -> FlowDecoder:
    """The decoder of the model; raise a TypeError for others than a `FlowDecoder`."""
    decoder, remedy = model.decoder, "use MatchingLoss or FieldLoss for other decoders"
    check_kind("model.decoder", decoder, FlowDecoder, "a FlowDecoder", remedy)
    assert isinstance(decoder, FlowDecoder)
    return decoder


class _Draws:
    """Random numbers of B molecules: functions of seeds ``[B]`` where there are any, else from torch's generator."""

    def __init__(self, latent: Latent, seeds: Tensor | None) -> None:
        self.like = latent.code
        self.seeds = seeds

    def uniform(self, count: int, stream: str) -> Tensor:
        """``[B, count]`` in [0, 1)."""
        if self.seeds is None:
            return torch.rand(len(self.like), count, dtype=self.like.dtype, device=self.like.device)
        return uniform(self.seeds.to(self.like.device), count, stream).to(self.like)

    def normal(self, count: int, stream: str) -> Tensor:
        """``[B, count]``."""
        if self.seeds is None:
            return torch.randn(len(self.like), count, dtype=self.like.dtype, device=self.like.device)
        return normal(self.seeds.to(self.like.device), count, stream).to(self.like)


def _known(decoder: FlowDecoder, found: Prediction, atoms: UnitedAtoms, noise: Tensor) -> Prediction:
    """The prediction, given that the number of electrons is even where the decoder takes it to be, and it is."""
    if decoder.closed_shell is None:
        return found
    electrons = ((decoder.element_kinds.numbers[atoms.kinds] + atoms.counts) * atoms.mask).sum(1)
    return decoder.closed_shell.even(found, atoms.mask, (noise > decoder.least_noise) & (electrons % 2 == 0))


def _noise_levels(draws: Tensor, least: float) -> Tensor:
    """Standard deviations ``[B]`` from ``draws [B, 2]``."""
    which, share = draws.unbind(1)
    between = torch.where(which < 1 - _FREE_SHARE, least + (1 - least) * share, 1.0)
    return torch.where(which < _FAITHFUL_SHARE, least, between)


def _cross_entropy(logits: Tensor, wanted: Tensor, mask: Tensor) -> Tensor:
    """Summed over atoms; ``wanted [B, n, K]`` is largest at the right one."""
    each = F.cross_entropy(logits.float().flatten(0, 1), wanted.argmax(2).flatten(), reduction="none")
    return (each * mask.flatten()).sum()
