"""Sketches to atoms, and atoms to fields."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from tg_molfield.fields import MolField, RBFField
from tg_molfield.nn.decoders.base import Decoder
from tg_molfield.nn.decoders.structure_factors.initial_guess import InitialGuess
from tg_molfield.nn.decoders.structure_factors.least_squares import PaddedAtoms, follow_code
from tg_molfield.nn.decoders.structure_factors.solver import EXACT, solve_atoms
from tg_molfield.nn.decoders.structure_factors.transform import ELEMENTS, StructureFactors
from tg_molfield.nn.latent.latent import Latent

_STEPS_A_SEARCH = 25
_LEAST_COUNT = 0.02
_MOST_ATOMS = 2048


class StructureFactorDecoder(Decoder):
    """Solves for the atoms that a sketch is the sum of, and gives each a Gaussian.

    The counts in the code say how many atoms of each element there are. An `InitialGuess` proposes where they are,
    `fit_positions` makes them add up to the code; where that does not succeed, which the code itself tells, `search`
    looks for them one by one. The code of a molecule of moderate size therefore comes back as that molecule, to
    rounding. For a code that is no molecule's sketch, such as a mean of two, the result is the nearest that was found;
    the weights of an element's atoms add up to its count in the code, so the integrals of the field are linear in it.

    A Gaussian's weights by channel and its width depend on the element alone: :meth:`follow` takes them from a
    definition.

    Args:
        channels: the names of the C channels.
        latent_dim: the length of the codes.
        elements: the symbols of the elements that it knows.
        sketch_size: how much of the code is the sketch; all if None.
        width: features per atom in the guess.
        num_rounds: rounds of the guess.
        num_searches: how many times atoms that were not found are searched for; 0 leaves the fitted guess.
    """

    def __init__(
        self,
        channels: Sequence[str],
        latent_dim: int = 512,
        elements: Sequence[str] = ELEMENTS,
        sketch_size: int | None = None,
        width: int = 48,
        num_rounds: int = 6,
        num_searches: int = 10,
    ) -> None:
        super().__init__(channels, latent_dim)
        size = latent_dim if sketch_size is None else sketch_size
        if not 0 < size <= latent_dim:
            raise ValueError(f"sketch_size is {size}: give 1 to latent_dim, {latent_dim}")
        if num_rounds < 1 or num_searches < 0:
            raise ValueError(
                f"num_rounds={num_rounds}, num_searches={num_searches}: give at least 1 round and 0 searches"
            )
        self.sketch = StructureFactors(size, elements)
        self.guess = InitialGuess(self.sketch, width, num_rounds)
        self.num_searches = num_searches
        self.weights = nn.Parameter(torch.zeros(len(self.sketch.elements), len(self.channels)))
        self.log_widths = nn.Parameter(torch.zeros(len(self.sketch.elements)))
        self.follow(MolField(self.channels))

    @torch.no_grad()
    def follow(self, mol_field: MolField) -> None:
        """Take channels, weights and widths of atoms from a definition, through the fields of single atoms.

        Raises:
            ValueError: the definition's field of an atom is not one Gaussian with weights that do not depend on the
                other atoms.
        """
        if mol_field.normalize_grid_size is not None:
            raise ValueError(
                f"mol_field is {mol_field!r}: weights depend on the molecule; set normalize_grid_size to None"
            )
        numbers = torch.tensor(self.sketch.numbers)
        batch = torch.arange(len(numbers))
        field = mol_field(Data(z=numbers, pos=torch.zeros(len(numbers), 3, dtype=torch.float64), batch=batch))
        if (
            not isinstance(field, RBFField)
            or field.kernel.name != "gaussian"
            or field.widths.dim() != 1
            or len(field.centers) != len(numbers)
        ):
            raise ValueError(f"mol_field is {mol_field!r}: give one whose atoms are a Gaussian each")
        self.channels = mol_field.channels
        self.weights = nn.Parameter(field.weights.to(self.weights), self.weights.requires_grad)
        self.log_widths.copy_(field.widths.log())

    def atoms(self, code: Tensor) -> PaddedAtoms:
        """The atoms that ``code [B, latent_dim]`` stands for, in the molecules' frames."""
        kinds, mask, weights = self._counted(code)
        waves = self.sketch.parts(code)[2]
        pos = torch.zeros(*mask.shape, 3, dtype=code.dtype, device=code.device)
        atoms = PaddedAtoms(pos, kinds, mask, weights)
        atoms = atoms.at(solve_atoms(self.sketch, self.guess, code.detach(), atoms, self.num_searches))
        return follow_code(self.sketch, atoms, weights, waves) if code.requires_grad else atoms

    @torch.no_grad()
    def misfit(self, code: Tensor) -> Tensor:
        """The mean square by which the atoms found miss the waves of ``code [B, latent_dim]``: ``[B]``, 0 if exact."""
        return (self.sketch.parts(code)[2] - self.atoms(code).waves(self.sketch).sum(1)).square().mean(1)

    @torch.no_grad()
    def refined(self, latent: Latent, steps: int) -> Latent:
        """The latents, where atoms are not found, with the number of the search that comes nearest in their codes.

        Searches differ by where their lattice lies. One is made for every 25 ``steps``.
        """
        code = latent.code.detach().clone()
        exact = EXACT * self._counted(code)[1].sum(1)
        error = self.misfit(code)
        for variant in range(1, -(-steps // _STEPS_A_SEARCH) + 1):
            lost = (error > exact).nonzero()[:, 0]
            if not len(lost):
                break
            trial = code[lost]
            trial[:, self.sketch.variant] = variant
            left = self.misfit(trial)
            won = left < error[lost]
            code[lost[won]], error[lost[won]] = trial[won], left[won]
        return latent.with_code(code)

    def guesses(self, code: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Kinds ``[B, n]``, which of them are atoms ``[B, n]``, and where each round guesses them, ``[B, n, 3]``."""
        kinds, mask, _ = self._counted(code)
        return kinds, mask, self.guess(self.sketch, code[:, : self.sketch.size], kinds, mask)

    def field(self, latent: Latent) -> RBFField:
        """The fields of ``B`` latents: a centre for each atom in each of a molecule's frames."""
        atoms = self.atoms(latent.code)
        graph, frames, share = latent.pose.views()
        mask = atoms.mask[graph]
        owner = graph.unsqueeze(1).expand_as(mask)[mask]
        local = latent.pose.confine(atoms.pos[graph][mask], owner)
        view = torch.arange(len(graph), device=graph.device).unsqueeze(1).expand_as(mask)[mask]
        centers = torch.einsum("pi,pij->pj", local, frames[view]) + latent.origin[owner]
        kinds = atoms.kinds[graph][mask]
        strength = (atoms.weights[graph] * share.unsqueeze(1))[mask]
        return RBFField(
            centers,
            self.weights[kinds] * strength.unsqueeze(1),
            self.log_widths[kinds].exp(),
            channels=self.channels,
            batch=owner,
            num_graphs=len(latent),
        )

    def _counted(self, code: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Kinds ``[B, n]``, mask ``[B, n]`` and weights ``[B, n]``; an element's weights add up to its count."""
        counts = self.sketch.parts(code)[0]
        number = counts.detach().round().clamp(min=0)
        number = torch.where((number == 0) & (counts.detach() > _LEAST_COUNT), 1.0, number).long()
        total = number.sum(1)
        if int(total.max()) > _MOST_ATOMS:
            raise ValueError(f"code says that a molecule has {int(total.max())} atoms: give a code that encode made")
        width = max(int(total.max()), 1)
        place = torch.arange(width, device=code.device).expand(len(code), -1).contiguous()
        kinds = torch.searchsorted(number.cumsum(1), place, right=True).clamp(max=counts.size(1) - 1)
        mask = place < total.unsqueeze(1)
        each = counts / number.clamp(min=1)
        return kinds, mask, each.gather(1, kinds) * mask
