"""`GaussianAtomDecoder`: the base of decoders that find atoms."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from tg_molfield.callers import caller_level
from tg_molfield.fields import MolField, RBFField
from tg_molfield.nn.checks import check_finite_codes
from tg_molfield.nn.decoders.base import Decoder
from tg_molfield.nn.decoders.gaussian_atoms.merging import merge_frames
from tg_molfield.nn.decoders.gaussian_atoms.padded_atoms import PaddedAtoms
from tg_molfield.nn.latent.latent import Latent
from tg_molfield.nn.latent.pose import Pose
from tg_molfield.nn.ops.element_kinds import ElementKinds


class UnsolvedCodeWarning(UserWarning):
    """Atoms were decoded that do not match the code of a molecule."""


class GaussianAtomDecoder(Decoder):
    """A decoder that finds atoms and gives each a Gaussian.

    The weights in the channels and the width of a Gaussian depend on the element alone; :meth:`set_mol_field` takes
    them from a definition. They require no gradients, so training leaves them as they are.

    The decoded field has one Gaussian for each atom. Only where the frames that a nearly symmetric molecule ties
    disagree on an atom by more than 1e-3 Å, it has one for each frame, weighted.

    Args:
        channels: the definition of the field, or the names of the C channels.
        latent_dim: the length of the codes.
        summary_channels: see `Decoder`.
        elements: the symbols of the elements that it knows.

    Raises:
        ValueError: an option is out of range, or the definition is no sum of one Gaussian an atom.
    """

    computes_in_16_bits = False
    reads_free_codes = False
    if_unsolved = "encode with refine=100, or take longer codes, see with_latent_dim"
    """What to do about atoms that do not match their code."""

    def __init__(
        self, channels: MolField | Sequence[str], latent_dim: int, summary_channels: int, elements: Sequence[str]
    ) -> None:
        mol_field = channels if isinstance(channels, MolField) else MolField(channels)
        super().__init__(mol_field, latent_dim, summary_channels)
        self.element_kinds = ElementKinds(elements)
        count = len(self.element_kinds.elements)
        self.weights = nn.Parameter(torch.zeros(count, len(self.channels)), requires_grad=False)
        self.log_widths = nn.Parameter(torch.zeros(count), requires_grad=False)
        self.set_mol_field(mol_field)

    def reset_parameters(self) -> None:
        """Take weights and widths from the definition."""
        assert self.mol_field is not None
        self.set_mol_field(self.mol_field)

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
        numbers = self.element_kinds.numbers.cpu()
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
        weights = field.weights.to(self.weights)
        if weights.shape == self.weights.shape:  # optimizers hold the parameter
            self.weights.copy_(weights)
        else:
            self.weights = nn.Parameter(weights, self.weights.requires_grad)
        self.log_widths.copy_(field.widths.log())

    @abstractmethod
    def solve(self, latent: Latent) -> tuple[PaddedAtoms, Tensor]:
        """The atoms of B latents, in the molecules' frames, and which molecules' atoms match their code ``[B]``."""

    def atoms(self, latent: Latent) -> PaddedAtoms:
        """The atoms of B latents, in the molecules' frames.

        Warns:
            UnsolvedCodeWarning: no atoms were found that match the code of a molecule.
        """
        latent = self.widened(latent)
        check_finite_codes(latent.code)
        atoms, matches = self.solve(latent)
        self._warn(atoms, matches)
        return atoms

    def forward(self, latent: Latent, query_pos: Tensor, query_batch: Tensor | None = None) -> Tensor:
        """The values ``[Q, C]`` at ``query_pos``; without a warning in training, where wrong atoms are usual."""
        if not self.training:
            return self.field(latent)(query_pos, query_batch)
        latent = self.widened(latent)
        return self.field_of(self.solve(latent)[0], latent.pose)(query_pos, query_batch)

    def field(self, latent: Latent) -> RBFField:
        """The fields of B latents: a Gaussian for each atom.

        Warns:
            UnsolvedCodeWarning: no atoms were found that match the code of a molecule.
        """
        latent = self.widened(latent)
        check_finite_codes(latent.code)
        atoms, matches = self.solve(latent)
        self._warn(atoms, matches)
        return self.field_of(atoms, latent.pose)

    def _warn(self, atoms: PaddedAtoms, matches: Tensor) -> None:
        if bool(matches.all()):
            return
        row = int((~matches).nonzero()[0])
        warnings.warn(
            f"molecule {row}: expected atoms that match its code, got {int(atoms.mask[row].sum())} atoms of which some "
            f"are wrong; {self.if_unsolved}",
            UnsolvedCodeWarning,
            stacklevel=caller_level(),
        )

    def field_of(self, atoms: PaddedAtoms, pose: Pose) -> RBFField:
        """The fields of atoms in the frames of ``pose``."""
        pos, kinds, strength, batch = merge_frames(atoms, pose)
        field = RBFField(
            pos,
            self.weights[kinds] * strength.unsqueeze(1),
            self.log_widths[kinds].exp(),
            channels=self.channels,
            batch=batch,
            num_graphs=len(pose),
        )
        return field.with_mol_field(self.mol_field)
