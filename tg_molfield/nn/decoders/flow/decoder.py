"""`FlowDecoder`: codes, exact or blurred, to atoms by flow matching."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch_geometric.utils import scatter

from tg_molfield.arguments import check_flag, check_number, require_counts, require_integers
from tg_molfield.chem.elements import atomic_numbers
from tg_molfield.devices import in_widest_type, is_on_host
from tg_molfield.fields import Field, MolField
from tg_molfield.nn.checks import check_options
from tg_molfield.nn.decoders.flow.closed_shell import ClosedShell
from tg_molfield.nn.decoders.flow.exact import fit_atoms, holds_molecules, padded_atoms
from tg_molfield.nn.decoders.flow.integration import integrate
from tg_molfield.nn.decoders.flow.network import FlowNetwork
from tg_molfield.nn.decoders.flow.state import StateLayout
from tg_molfield.nn.decoders.gaussian_atoms.decoder import GaussianAtomDecoder
from tg_molfield.nn.decoders.gaussian_atoms.padded_atoms import PaddedAtoms
from tg_molfield.nn.decoders.refinement import TargetError
from tg_molfield.nn.latent.atom_features import FeatureSizes
from tg_molfield.nn.latent.latent import Latent
from tg_molfield.nn.ops.structure_factors import StructureFactors
from tg_molfield.nn.ops.united_atoms import UnitedAtoms, joined
from tg_molfield.nn.pooling.base import Pooling
from tg_molfield.nn.pooling.descriptor import DescriptorPooling
from tg_molfield.nn.pooling.structure_factors import StructureFactorPooling
from tg_molfield.nn.pooling.united_atoms import UnitedAtomPooling
from tg_molfield.random_draws import normal, uniform

_LARGE = 1e3
"""Numbers of a code above which its variance could overflow."""
_AT_ONCE_ON_CPU, _AT_ONCE = 512, 4096
_STEPS_PER_START = 25
_MOST_GUIDANCE = 10.0
_SEARCHES = 60
_GIVEN = ("sizes", "elements", "code_size", "max_atoms", "num_tokens")


class FlowDecoder(GaussianAtomDecoder):
    """Moves noise to atoms, as the code says (flow matching, Lipman et al. 2023, arXiv 2210.02747).

    The atoms are united atoms: heavy atoms, each with up to four hydrogens. How far to trust the code is an input of
    the network, the standard deviation of the noise in it: with none the atoms are those of the molecule that was
    encoded, with more they are those of a plausible molecule near it, and with noise alone of any molecule. All three
    come from one training, see `training.FlowLoss`.

    The code is learned and of any place between molecules. With ``exact_dim``, structure factors of the atoms stand
    behind it (see `StructureFactorDecoder`). Where they are those of a molecule, the atoms of the flow are fitted to
    them, to rounding; in codes between molecules they are not, and :meth:`without_exact` leaves them out.

    Args:
        channels: the definition of the field, or the names of the C channels.
        latent_dim: the length of the codes.
        summary_channels: see `Decoder`.
        elements: the symbols of the elements that it knows.
        max_heavy_atoms: the most heavy atoms of a molecule; hydrogens that are bound to none count, too.
        exact_dim: how many numbers of the code are structure factors.
        width: features of an atom.
        num_layers: of the network.
        heads: of its attention.
        num_tokens: into how many tokens the learned code is cut.
        num_steps: from noise to atoms; short ones at first for codes without noise, and at last for the others. New
            molecules are drawn in 2.5 times as many, and settled in five eighths.
        least_noise: what the network takes the noise of a code to be that has none, and the least in training. Atoms of
            a code vary with it, in proportion: they are drawn from all that are likely with so much noise.
        guidance: how far the last steps go on from what the network without its last layer predicts, earlier ones less,
            where a code is noise alone, and less where it is less noisy. It makes molecules from noise more plausible;
            0 turns it off.
        closed_shell: whether molecules of noisy codes are neutral and have no unpaired electrons: their number of
            electrons is even, and with ``bonds``, these mostly add up to the valences of uncharged atoms, which makes
            nitro groups, N-oxides and zwitterions rare. Turn it off for radicals and ions. Without hydrogen among the
            ``elements`` it does nothing.
        bonds: whether the network learns the orders of bonds, too, which molecules in training then need (see
            `structures.with_bonds`). They are of use with ``closed_shell`` alone.

    Raises:
        ValueError: an option is out of range, or the definition is no sum of one Gaussian an atom.
    """

    features_are_optional = True
    if_unsolved = "encode it again, or decode its learned part, see without_exact"

    def __init__(
        self,
        channels: MolField | Sequence[str],
        latent_dim: int = 512,
        summary_channels: int = 0,
        elements: Sequence[str] = ("H", "C", "N", "O", "F"),
        max_heavy_atoms: int = 9,
        exact_dim: int = 0,
        width: int = 256,
        num_layers: int = 6,
        heads: int = 8,
        num_tokens: int = 8,
        num_steps: int = 16,
        least_noise: float = 0.03,
        guidance: float = 0.0,
        closed_shell: bool = True,
        bonds: bool = False,
    ) -> None:
        super().__init__(channels, latent_dim, summary_channels, elements)
        require_counts(
            1, max_heavy_atoms=max_heavy_atoms, width=width, num_layers=num_layers, heads=heads, num_tokens=num_tokens,
            num_steps=num_steps,
        )  # fmt: skip
        require_integers(exact_dim=exact_dim)
        self.learned_dim = latent_dim - summary_channels - exact_dim
        if exact_dim < 0 or summary_channels < 0 or self.learned_dim < num_tokens:
            raise ValueError(
                f"latent_dim: expected at least num_tokens={num_tokens} numbers besides exact_dim={exact_dim} and "
                f"summary_channels={summary_channels}, got {latent_dim}; raise it"
            )
        self.max_heavy_atoms = max_heavy_atoms
        check_number("guidance", guidance)
        if not 0 <= guidance <= _MOST_GUIDANCE:
            raise ValueError(f"guidance: expected 0 to {_MOST_GUIDANCE:g}, got {guidance}; 1 is a good value")
        check_number("least_noise", least_noise)
        if not 0 < least_noise <= 1:
            raise ValueError(f"least_noise: expected above 0 to 1, got {least_noise}; 0.03 is a good value")
        self.num_steps = num_steps
        self.least_noise = least_noise
        self.guidance = guidance
        check_flag(closed_shell=closed_shell, bonds=bonds)
        known = atomic_numbers()
        numbers = [known[name] for name in self.element_kinds.elements]
        self.closed_shell = ClosedShell(numbers) if closed_shell and 1 in numbers else None
        self.transform = StructureFactors(exact_dim, elements) if exact_dim else None
        layout = StateLayout(len(self.element_kinds.elements))
        self.network = FlowNetwork(
            layout, self.learned_dim, max_heavy_atoms, width, num_layers, heads, num_tokens, bonds
        )

    @classmethod
    def needs_features(cls, summary_channels: int) -> bool:
        """Only the summary is made of features alone."""
        return summary_channels > 0

    def reset_parameters(self) -> None:
        """Draw the parameters of the network anew, and take weights and widths from the definition."""
        self.network.reset_parameters()
        super().reset_parameters()

    def check_atoms(self, z: Tensor, batch: Tensor, num_graphs: int) -> None:
        """See :meth:`Decoder.check_atoms`."""
        self.element_kinds(z)
        heavy = scatter((z > 1).long(), batch, dim_size=num_graphs, reduce="sum")
        if int(heavy.max()) > self.max_heavy_atoms:
            raise ValueError(
                f"molecule {int(heavy.argmax())}: expected at most {self.max_heavy_atoms} heavy atoms, for which the "
                f"model was built, got {int(heavy.max())}; take another model, or cut the molecule"
            )
        if self.transform is not None:
            self.transform.check(z, batch, num_graphs)

    def make_pooling(self, sizes: FeatureSizes, /, **options: Any) -> Pooling:
        """A `UnitedAtomPooling`, followed by the structure factors and a `DescriptorPooling` where there are any.

        Raises:
            TypeError: the pooling has no such option.
            ValueError: an option is out of range.
        """
        check_options("pooling", UnitedAtomPooling, options, _GIVEN)
        learned = UnitedAtomPooling(
            sizes, self.element_kinds, self.learned_dim, self.max_heavy_atoms, self.network.num_tokens, **options
        )
        descriptor = DescriptorPooling(sizes, self.summary_channels) if self.summary_channels else None
        if self.transform is None and descriptor is None:
            return learned
        return StructureFactorPooling(self.transform, descriptor, learned)

    def learned(self, latent: Latent) -> Tensor:
        """The learned part of the codes ``[B, learned_dim]``, of mean 0 and variance 1."""
        code = latent.code[:, : self.learned_dim]
        code = code / (code.detach().abs().amax(1, keepdim=True) / _LARGE).clamp(min=1)
        return F.layer_norm(code, code.shape[1:])

    def without_exact(self, latent: Latent) -> Latent:
        """The latents without the structure factors, so that the learned code alone is decoded."""
        code = latent.code.clone()
        code[:, self._exact] = 0
        return replace(latent, code=code)

    def has_exact(self, latent: Latent) -> Tensor:
        """Which latents ``[B]`` hold the structure factors of a molecule, so that its atoms are found exactly."""
        if self.transform is None:
            return torch.zeros_like(latent.code[:, 0], dtype=torch.bool)
        return holds_molecules(self.transform, latent.code[:, self._exact])

    def number_of_heavy_atoms(self, code: Tensor, noise: Tensor, seed: Tensor | None = None) -> Tensor:
        """The number ``[B]`` of united atoms: the likeliest, or drawn by ``seed [B]`` int64 if given.

        Args:
            code: ``[B, learned_dim]``, noisy.
            noise: ``[B]``, its standard deviation.
            seed: of the draws.
        """
        logits = self.network.number_logits(code, noise)[:, 1:].detach()
        if seed is None:
            return logits.argmax(1) + 1
        total = in_widest_type(logits).softmax(1).cumsum(1)
        return (uniform(seed, 1, "heavy atoms") * total[:, -1:] >= total).sum(1).clamp(max=total.size(1) - 1) + 1

    def united_atoms(
        self,
        code: Tensor,
        noise: Tensor,
        number: Tensor,
        seed: Tensor,
        blurred: Tensor | None = None,
        num_steps: int | None = None,
    ) -> UnitedAtoms:
        """The united atoms of B molecules, in their frames.

        Args:
            code: ``[B, learned_dim]``, noisy.
            noise: ``[B]``, its standard deviation, ``least_noise`` to 1.
            number: ``[B]`` int64, how many united atoms.
            seed: ``[B]`` int64, of the noise that the flow starts from.
            blurred: ``[B]`` bool, which codes are noisy, so that their molecules may have closed shells; none if None.
            num_steps: from noise to atoms; the decoder's own if None.
        """
        mask = torch.arange(self.max_heavy_atoms, device=code.device) < number.unsqueeze(1)
        size = self.network.layout.size
        parts = []
        at_once = _AT_ONCE_ON_CPU if is_on_host(code) else _AT_ONCE
        for rows in torch.arange(len(code), device=code.device).split(at_once):
            start = normal(seed[rows], self.max_heavy_atoms * size, "start of the flow").to(code)
            start = start.view(len(rows), self.max_heavy_atoms, size)
            level = noise[rows]
            guidance = self.guidance * level if self.guidance else None
            way = code[rows], level, mask[rows], start, num_steps or self.num_steps, self._lateness(level), guidance
            parts.append(integrate(self.network, *way, self.closed_shell, None if blurred is None else blurred[rows]))
        return joined(parts)

    def _lateness(self, noise: Tensor) -> Tensor:
        """See `times`: short steps early bring atoms of codes without noise nearer, late ones make others valid."""
        return (noise / self.least_noise - 1).clamp(0, 1)

    def find_atoms(
        self,
        code: Tensor,
        noise: Tensor,
        seed: Tensor,
        draw_number: bool = False,
        blurred: Tensor | None = None,
        num_steps: int | None = None,
    ) -> PaddedAtoms:
        """All atoms of B molecules, in their frames; see :meth:`united_atoms`.

        Args:
            code: ``[B, learned_dim]``, noisy.
            noise: ``[B]``, its standard deviation.
            seed: ``[B]`` int64.
            draw_number: whether the number of heavy atoms is drawn, too, or the likeliest.
            blurred: ``[B]`` bool, see :meth:`united_atoms`.
            num_steps: see :meth:`united_atoms`.
        """
        number = self.number_of_heavy_atoms(code, noise, seed if draw_number else None)
        return padded_atoms(self.united_atoms(code, noise, number, seed, blurred, num_steps), self.element_kinds)

    def solve(self, latent: Latent) -> tuple[PaddedAtoms, Tensor]:
        """See :meth:`GaussianAtomDecoder.solve`; atoms that are not fitted match."""
        latent = self.widened(latent)
        code = self.learned(latent)
        seed = latent.search_seeds
        found = self.find_atoms(code, torch.full_like(code[:, 0], self.least_noise), seed)
        matches = torch.ones_like(found.mask[:, 0])
        if self.transform is None:
            return found, matches
        rows = self.has_exact(latent).nonzero()[:, 0]
        if not len(rows):
            return found, matches
        exact = latent.code[rows, self._exact]
        fitted, matches[rows] = fit_atoms(self.transform, exact, seed[rows], found[rows], _SEARCHES)
        return found.with_rows(rows, fitted), matches

    @property
    def _exact(self) -> slice:
        """The columns of a code that hold structure factors."""
        return slice(self.learned_dim, self.latent_dim - self.summary_channels)

    @torch.no_grad()
    def refine(self, latent: Latent, target: Field | None = None, steps: int = 0) -> Latent:
        """The latents with the ``search_seed`` from whose noise the flow ends nearest to ``target``.

        One start is tried for every 25 ``steps``. Codes stay as they are.
        """
        require_counts(0, steps=steps)
        latent = self.widened(latent)
        self.check_target(latent, target)
        assert target is not None
        error = TargetError(target, latent.code)
        best = torch.zeros_like(latent.code[:, 0], dtype=torch.int64)
        least = error(self.field(replace(latent, search_seed=best)))
        for seed in range(1, -(-steps // _STEPS_PER_START) + 1):
            trial = torch.full_like(best, seed)
            found = error(self.field(replace(latent, search_seed=trial)))
            best, least = torch.where(found < least, trial, best), torch.minimum(found, least)
        return replace(latent, code=latent.code.detach(), search_seed=best)
