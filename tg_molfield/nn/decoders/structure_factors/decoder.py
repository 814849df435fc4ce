"""`StructureFactorDecoder`: structure factors to atoms, and atoms to fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch_geometric.nn.inits import reset

from tg_molfield.arguments import require_counts, require_integers
from tg_molfield.fields import Field, MolField
from tg_molfield.nn.checks import check_options
from tg_molfield.nn.decoders.gaussian_atoms.decoder import GaussianAtomDecoder
from tg_molfield.nn.decoders.gaussian_atoms.padded_atoms import PaddedAtoms
from tg_molfield.nn.decoders.structure_factors.counts import counted_atoms
from tg_molfield.nn.decoders.structure_factors.initial_guess import InitialGuess
from tg_molfield.nn.decoders.structure_factors.solver import EXACT, atoms_with_gradient, first_guess, fitted_guess
from tg_molfield.nn.latent.atom_features import FeatureSizes
from tg_molfield.nn.latent.latent import Latent
from tg_molfield.nn.ops.structure_factors import ORGANIC_ELEMENTS, StructureFactors
from tg_molfield.nn.pooling.base import Pooling
from tg_molfield.nn.pooling.descriptor import DescriptorPooling
from tg_molfield.nn.pooling.structure_factors import StructureFactorPooling
from tg_molfield.precision import full_precision

_STEPS_PER_SEARCH = 25
_MOST_SEARCHES = 1000


class StructureFactorDecoder(GaussianAtomDecoder):
    """The code holds Fourier coefficients of the atoms; the decoder solves for the atoms and gives each a Gaussian.

    The counts in the code say how many atoms of each element there are. An `InitialGuess` proposes positions,
    `fit_positions` refines them against the code; where the residual shows that this failed, `search` places atoms one
    by one. So the code of a molecule of moderate size comes back as that molecule, to rounding. For a code that is no
    molecule's, such as the mean of two, the result is the nearest that was found; the weights of an element's atoms add
    up to its count in the code, so the integrals of the field are linear in the code.

    Args:
        channels: the definition of the field, or the names of the C channels.
        latent_dim: the length of the codes.
        summary_channels: see `Decoder`; the structure factors take the rest of the code.
        elements: the symbols of the elements that it knows.
        width: features per atom in the guess.
        num_rounds: rounds of the guess.
        num_searches: how often to search for atoms that were not found; 0 leaves the fitted guess.

    Raises:
        ValueError: an option is out of range, or the definition is no sum of one Gaussian an atom.
    """

    def __init__(
        self,
        channels: MolField | Sequence[str],
        latent_dim: int = 512,
        summary_channels: int = 0,
        elements: Sequence[str] = ORGANIC_ELEMENTS,
        width: int = 48,
        num_rounds: int = 6,
        num_searches: int = 60,
    ) -> None:
        super().__init__(channels, latent_dim, summary_channels, elements)
        if not 0 <= summary_channels < latent_dim:
            raise ValueError(
                f"summary_channels: expected 0 to {latent_dim - 1}, got {summary_channels}; raise latent_dim"
            )
        require_counts(1, width=width)
        require_integers(num_rounds=num_rounds, num_searches=num_searches)
        if num_searches > _MOST_SEARCHES:
            raise ValueError(f"num_searches: expected at most {_MOST_SEARCHES}, got {num_searches}; give fewer")
        if num_rounds < 1 or num_searches < 0:
            raise ValueError(
                f"num_rounds, num_searches: expected at least 1 and 0, got {num_rounds} and {num_searches}; give more"
            )
        self.transform = StructureFactors(latent_dim - summary_channels, elements)
        self.initial_guess = InitialGuess(self.transform, width, num_rounds)
        self.num_searches = num_searches

    @classmethod
    def needs_features(cls, summary_channels: int) -> bool:
        """Only the summary is made of features."""
        return summary_channels > 0

    @property
    def max_atoms(self) -> int:
        """The number of atoms whose positions the code can hold; larger molecules are refused."""
        return self.transform.max_atoms

    def check_atoms(self, z: Tensor, batch: Tensor, num_graphs: int) -> None:
        """See :meth:`Decoder.check_atoms`."""
        self.transform.check(z, batch, num_graphs)

    def lengthen(self, latent_dim: int) -> None:
        """See :meth:`Decoder.lengthen`: more wave vectors, so that the code has room for more atoms."""
        kept = self.transform.lengthen(latent_dim - self.summary_channels)
        self.initial_guess.lengthen(kept, self.transform.num_waves)
        self.latent_dim = latent_dim

    def reset_parameters(self) -> None:
        """Draw the parameters of the guess anew, and take weights and widths from the definition."""
        reset(self.initial_guess)
        super().reset_parameters()

    def make_pooling(self, sizes: FeatureSizes, /, **options: Any) -> Pooling:
        """A `StructureFactorPooling`; options are those of its `DescriptorPooling`.

        Raises:
            TypeError: the descriptor has no such option, or there is no descriptor.
            ValueError: an option is out of range.
        """
        if not self.summary_channels:
            if options:
                raise TypeError(
                    f"pooling_options: expected none without summary_channels, got {', '.join(options)}; leave them out"
                )
            return StructureFactorPooling(self.transform)
        check_options("pooling", DescriptorPooling, options, ("sizes", "out_channels"))
        return StructureFactorPooling(self.transform, DescriptorPooling(sizes, self.summary_channels, **options))

    @full_precision
    def solve(self, latent: Latent) -> tuple[PaddedAtoms, Tensor]:
        """See :meth:`GaussianAtomDecoder.solve`."""
        latent = self.widened(latent)
        code = latent.code
        atoms = counted_atoms(self.transform, code)
        guess = self.initial_guess
        atoms = first_guess(self.transform, guess, code.detach(), atoms)
        return atoms_with_gradient(self.transform, code, latent.search_seeds, atoms, self.num_searches, guess)

    @torch.no_grad()
    @full_precision
    def residual(self, latent: Latent) -> Tensor:
        """The mean square ``[B]`` by which the atoms found miss the structure factors in the codes; 0 if exact."""
        latent = self.widened(latent)
        factors = self.transform.split(latent.code)[2]
        return (factors - self.solve(latent)[0].structure_factors(self.transform).sum(1)).square().mean(1)

    @torch.no_grad()
    def refine(self, latent: Latent, target: Field | None = None, steps: int = 0) -> Latent:
        """The latents, where atoms were not found, with the ``search_seed`` whose search comes nearest to the code.

        Codes are exact already, so nothing moves towards ``target``, which may be None. One search is made for every
        25 ``steps``.
        """
        require_counts(0, steps=steps)
        latent = self.widened(latent)
        if target is not None:
            self.check_target(latent, target)
        exact = EXACT * counted_atoms(self.transform, latent.code).mask.sum(1)
        best = latent.search_seeds.clone()
        error = self.residual(latent)
        for seed in range(1, -(-steps // _STEPS_PER_SEARCH) + 1):
            lost = (error > exact).nonzero()[:, 0]
            if not len(lost):
                break
            trial = Latent(latent.code[lost], latent.pose[lost], search_seed=torch.full_like(lost, seed))
            left = self.residual(trial)
            won = left < error[lost]
            best[lost[won]], error[lost[won]] = seed, left[won]
        return Latent(latent.code.detach(), latent.pose, latent.atoms, latent.summary_channels, best)

    def guesses(self, code: Tensor, repeats: int = 0) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Kinds ``[B, n]``, which of them are atoms ``[B, n]``, and the guess after each round, ``[B, n, 3]``.

        The guess begins where ``repeats`` others, each fitted to the code, led.
        """
        atoms = counted_atoms(self.transform, code)
        start = fitted_guess(self.transform, self.initial_guess, code, atoms, repeats)
        return atoms.kinds, atoms.mask, self.initial_guess(self.transform, code, atoms.kinds, atoms.mask, start)
