"""`StructureFactorDecoder`: structure factors to atoms, and atoms to fields."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.nn.inits import reset

from tg_molfield.arguments import check_integers
from tg_molfield.fields import Field, MolField, RBFField
from tg_molfield.nn.checks import check_options
from tg_molfield.nn.decoders.base import Decoder
from tg_molfield.nn.decoders.structure_factors.initial_guess import InitialGuess
from tg_molfield.nn.decoders.structure_factors.least_squares import PaddedAtoms, with_code_gradient
from tg_molfield.nn.decoders.structure_factors.merging import merge_frames
from tg_molfield.nn.decoders.structure_factors.solver import EXACT, Target, solve_atoms
from tg_molfield.nn.latent.atom_features import FeatureSizes
from tg_molfield.nn.latent.latent import Latent
from tg_molfield.nn.ops.structure_factors import ORGANIC_ELEMENTS, StructureFactors
from tg_molfield.nn.pooling.base import Pooling
from tg_molfield.nn.pooling.descriptor import DescriptorPooling
from tg_molfield.nn.pooling.structure_factors import StructureFactorPooling
from tg_molfield.precision import full_precision

_STEPS_PER_SEARCH = 25
_LEAST_COUNT = 0.02
_MAX_ATOMS = 2048
_MOST_SEARCHES = 1000


class UnsolvedCodeWarning(UserWarning):
    """Atoms were decoded that do not match the code of a molecule."""


class StructureFactorDecoder(Decoder):
    """The code holds Fourier coefficients of the atoms; the decoder solves for the atoms and gives each a Gaussian.

    The counts in the code say how many atoms of each element there are. An `InitialGuess` proposes positions,
    `fit_positions` refines them against the code; where the residual shows that this failed, `search` places atoms one
    by one. So the code of a molecule of moderate size comes back as that molecule, to rounding. For a code that is no
    molecule's, such as the mean of two, the result is the nearest that was found; the weights of an element's atoms add
    up to its count in the code, so the integrals of the field are linear in the code.

    The weights in the channels and the width of a Gaussian depend on the element alone; :meth:`set_mol_field` takes
    them from a definition, without training.

    The decoded field has one Gaussian for each atom. Only where the frames that a nearly symmetric molecule ties
    disagree on an atom by more than 1e-3 Å, it has one for each frame, weighted.

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
        mol_field = channels if isinstance(channels, MolField) else MolField(channels)
        super().__init__(mol_field, latent_dim, summary_channels)
        if not 0 <= summary_channels < latent_dim:
            raise ValueError(
                f"summary_channels: expected 0 to {latent_dim - 1}, got {summary_channels}; raise latent_dim"
            )
        check_integers(width=width, num_rounds=num_rounds, num_searches=num_searches)
        if num_searches > _MOST_SEARCHES:
            raise ValueError(f"num_searches: expected at most {_MOST_SEARCHES}, got {num_searches}; give fewer")
        if num_rounds < 1 or num_searches < 0:
            raise ValueError(
                f"num_rounds, num_searches: expected at least 1 and 0, got {num_rounds} and {num_searches}; give more"
            )
        self.transform = StructureFactors(latent_dim - summary_channels, elements)
        self.initial_guess = InitialGuess(self.transform, width, num_rounds)
        self.num_searches = num_searches
        self.weights = nn.Parameter(torch.zeros(len(self.transform.elements), len(self.channels)))
        self.log_widths = nn.Parameter(torch.zeros(len(self.transform.elements)))
        self.set_mol_field(mol_field)

    reads_free_codes = False

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
        assert self.mol_field is not None
        self.set_mol_field(self.mol_field)

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

    @torch.no_grad()
    def set_mol_field(self, mol_field: MolField) -> None:
        """Decode into the field of this definition from now on.

        Raises:
            ValueError: the definition's field of an atom is not one Gaussian with weights that do not depend on the
                other atoms.
        """
        if mol_field.normalize_grid_size is not None:
            raise ValueError(
                f"mol_field: expected weights that depend on the element alone, got {mol_field!r}; set "
                "normalize_grid_size to None"
            )
        numbers = torch.tensor(self.transform.numbers)
        batch = torch.arange(len(numbers))
        field = mol_field(Data(z=numbers, pos=torch.zeros(len(numbers), 3, dtype=torch.float64), batch=batch))
        if (
            not mol_field.is_one_term_an_atom
            or not isinstance(field, RBFField)
            or field.kernel.name != "gaussian"
            or field.widths.dim() != 1
            or len(field.centers) != len(numbers)
        ):
            raise ValueError(f"mol_field: expected a sum of one Gaussian an atom, got {mol_field!r}; choose another")
        self.mol_field = mol_field
        self.channels = mol_field.channels
        self.weights = nn.Parameter(field.weights.to(self.weights), self.weights.requires_grad)
        self.log_widths.copy_(field.widths.log())

    def atoms(self, latent: Latent) -> PaddedAtoms:
        """The atoms of B latents, in the molecules' frames."""
        return self._solved(latent)[0]

    @full_precision
    def _solved(self, latent: Latent) -> tuple[PaddedAtoms, Tensor]:
        """The atoms, and which molecules' atoms match their code ``[B]``."""
        latent = self.widened(latent)
        code = latent.code
        kinds, mask, weights = self._counted(code)
        pos = torch.zeros(*mask.shape, 3, dtype=code.dtype, device=code.device)
        atoms = PaddedAtoms(pos, kinds, mask, weights)
        seed = torch.zeros_like(mask[:, 0], dtype=torch.int64) if latent.search_seed is None else latent.search_seed
        target = Target(code.detach(), seed)
        pos, matches = solve_atoms(self.transform, self.initial_guess, target, atoms, self.num_searches)
        atoms = atoms.at(pos)
        if code.requires_grad:
            atoms = with_code_gradient(self.transform, atoms, weights, self.transform.split(code)[2])
        return atoms, matches

    @torch.no_grad()
    @full_precision
    def residual(self, latent: Latent) -> Tensor:
        """The mean square ``[B]`` by which the atoms found miss the structure factors in the codes; 0 if exact."""
        latent = self.widened(latent)
        factors = self.transform.split(latent.code)[2]
        return (factors - self.atoms(latent).structure_factors(self.transform).sum(1)).square().mean(1)

    @torch.no_grad()
    def refine(self, latent: Latent, target: Field | None = None, steps: int = 0) -> Latent:
        """The latents, where atoms were not found, with the ``search_seed`` whose search comes nearest to the code.

        Codes are exact already, so nothing moves towards ``target``, which may be None. One search is made for every
        25 ``steps``.
        """
        latent = self.widened(latent)
        if target is not None:
            self.check_target(latent, target)
        exact = EXACT * self._counted(latent.code)[1].sum(1)
        best = torch.zeros_like(exact, dtype=torch.int64)
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

    def guesses(self, code: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Kinds ``[B, n]``, which of them are atoms ``[B, n]``, and the guess after each round, ``[B, n, 3]``."""
        kinds, mask, _ = self._counted(code)
        return kinds, mask, self.initial_guess(self.transform, code, kinds, mask)

    def forward(self, latent: Latent, query_pos: Tensor, query_batch: Tensor | None = None) -> Tensor:
        """The values ``[Q, C]`` at ``query_pos``; without a warning in training, where wrong atoms are usual."""
        field = self._field(latent)[0] if self.training else self.field(latent)
        return field(query_pos, query_batch)

    def field(self, latent: Latent) -> RBFField:
        """The fields of B latents: a Gaussian for each atom.

        Warns:
            UnsolvedCodeWarning: no atoms were found that match the code of a molecule.
        """
        field, matches = self._field(latent)
        if not bool(matches.all()):
            row = int((~matches).nonzero()[0])
            number = int((field.batch == row).sum()) if field.batch is not None else len(field.centers)
            warnings.warn(
                f"molecule {row}: expected atoms that match its code, got {number} atoms of which "
                "some are wrong; encode with refine=100, or take longer codes, see with_latent_dim",
                UnsolvedCodeWarning,
                stacklevel=2,
            )
        return field

    def _field(self, latent: Latent) -> tuple[RBFField, Tensor]:
        """The fields, and which molecules have atoms that match their code ``[B]``."""
        latent = self.widened(latent)
        atoms, matches = self._solved(latent)
        pos, kinds, strength, batch = merge_frames(atoms, latent.pose)
        field = RBFField(
            pos,
            self.weights[kinds] * strength.unsqueeze(1),
            self.log_widths[kinds].exp(),
            channels=self.channels,
            batch=batch,
            num_graphs=len(latent),
        )
        return field.with_mol_field(self.mol_field), matches

    @full_precision
    def _counted(self, code: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Kinds ``[B, n]``, mask ``[B, n]`` and weights ``[B, n]``; an element's weights add up to its count."""
        counts = self.transform.split(code)[0]
        number = counts.detach().round().clamp(min=0)
        number = torch.where((number == 0) & (counts.detach() > _LEAST_COUNT), 1.0, number).long()
        total = number.sum(1)
        if int(total.max()) > _MAX_ATOMS:
            raise ValueError(
                f"code: expected molecules of at most {_MAX_ATOMS} atoms, got counts of {int(total.max())}; "
                "give a code that encode made"
            )
        width = max(int(total.max()), 1)
        place = torch.arange(width, device=code.device).expand(len(code), -1).contiguous()
        kinds = torch.searchsorted(number.cumsum(1), place, right=True).clamp(max=counts.size(1) - 1)
        mask = place < total.unsqueeze(1)
        each = counts / number.clamp(min=1)
        return kinds, mask, each.gather(1, kinds) * mask
