"""`MoleculeGenerator`: the methods by which a model gives molecules."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from tg_molfield.arguments import check_callable, check_kind, check_seed, check_share, require_counts, require_integers
from tg_molfield.callers import caller_level
from tg_molfield.compare import align
from tg_molfield.devices import is_on_host
from tg_molfield.nn.checks import check_finite_codes, count_graphs
from tg_molfield.nn.decoders.base import Decoder
from tg_molfield.nn.decoders.flow.decoder import FlowDecoder
from tg_molfield.nn.decoders.gaussian_atoms.decoder import GaussianAtomDecoder, UnsolvedCodeWarning
from tg_molfield.nn.decoders.gaussian_atoms.padded_atoms import PaddedAtoms
from tg_molfield.nn.evaluation import evaluating
from tg_molfield.nn.generation.correcting import corrected
from tg_molfield.nn.generation.decoding import coincide, decoded_molecules, warn_of_parts
from tg_molfield.nn.generation.drawing import drawn_atoms
from tg_molfield.nn.generation.molecules import DecodedMolecules
from tg_molfield.nn.generation.path import path_between
from tg_molfield.nn.generation.starts import FAR, from_nearest_start
from tg_molfield.nn.latent.latent import Latent
from tg_molfield.nn.latent.pose import Pose
from tg_molfield.random_draws import check_generator

_MOST = 1_000_000
_AT_ONCE_ON_CPU, _AT_ONCE = 128, 4096
"""Molecules that are drawn before progress is told."""

Progress = Callable[[int, int], None]
"""Called with the molecules done and all."""


class MoleculeGenerator(nn.Module):
    """What a model whose decoder finds atoms does besides giving fields.

    It needs ``decoder``, ``properties`` and ``encode``.
    """

    decoder: Decoder
    properties: tuple[str, ...]

    if TYPE_CHECKING:

        def encode(self, *arguments: Any, **options: Any) -> Latent: ...

    @torch.no_grad()
    def decoded(self, latent: Latent, *, corrections: int = 1) -> DecodedMolecules:
        """The molecules of latents: their atoms, in space, and their field.

        For the decoders that find atoms, ``"structure_factors"`` and ``"flow"``. Atoms of symmetric molecules are those
        in the first of their frames. Codes do not hold the order of the atoms that were encoded: it is another one.

        Args:
            latent: of B molecules.
            corrections: how often atoms that the decoder ``"flow"`` found by its learned code alone are encoded and
                decoded again, to see and take away the error that it makes; each time costs as much as decoding. Where
                they have not the code that they were decoded from, others are decoded from other noise first.
                `model.decoder.field` and models that read properties do without.

        Raises:
            TypeError: the model's decoder finds no atoms.
            ValueError: the latents are not of this model, or ``corrections`` is negative.

        Warns:
            UnsolvedCodeWarning: no atoms were found that match the code of a molecule; with the decoder ``"flow"``,
                without structure factors, where corrections show it. Or structure factors count parts of atoms, or
                none, as those between molecules do.
        """
        kinds = "'structure_factors' or 'flow', which find atoms"
        check_kind("decoder", self.decoder, GaussianAtomDecoder, kinds, "field() gives its field")
        assert isinstance(self.decoder, GaussianAtomDecoder)
        latent = self.decoder.widened(latent)
        _check_some(latent)
        require_counts(0, corrections=corrections)
        atoms = self._found(latent, corrections)
        warn_of_parts(atoms)
        return decoded_molecules(self.decoder, atoms, latent.pose, latent)

    @torch.no_grad()
    def sample(
        self,
        num_molecules: int,
        *,
        settle: int = 2,
        tries: int = 1,
        generator: torch.Generator | None = None,
        progress: Progress | None = None,
    ) -> DecodedMolecules:
        """New molecules, like those that the model was trained on; for the decoder ``"flow"``.

        Args:
            num_molecules: how many.
            settle: how often what was drawn is encoded and decoded again, which makes it more plausible and a little
                less various; each time costs a third as much as drawing.
            tries: how often, at most, each is drawn until it is a molecule without formal charges and open valences.
                What never is one is a molecule that has some, or else the atoms of the first draw; ``valid`` tells.
            generator: where randomness comes from, torch's own if None; equal seeds give equal molecules.
            progress: called now and then with the number of molecules done and that of all.

        Raises:
            TypeError: the model's decoder is another one.
            ValueError: ``num_molecules``, ``settle`` or ``tries`` is out of range.
        """
        decoder = _flow(self.decoder)
        _check_number(num_molecules)
        _check_draws(settle, tries)
        check_generator(generator)
        check_callable("progress", progress)
        like = next(decoder.parameters())
        code = like.new_zeros(num_molecules, decoder.learned_dim)
        seed = _seeds(num_molecules, generator, like.device)
        noise = torch.ones_like(code[:, 0])
        atoms = self._drawn(code, noise, seed, settle, tries, draw_number=True, progress=progress)
        return decoded_molecules(decoder, atoms, Pose.identity(num_molecules, like.dtype, like.device))

    @torch.no_grad()
    def sample_near(
        self,
        latent: Latent,
        distance: float,
        num_molecules: int = 1,
        *,
        settle: int = 2,
        tries: int = 1,
        generator: torch.Generator | None = None,
        progress: Progress | None = None,
    ) -> DecodedMolecules:
        """New molecules near those of latents; for the decoder ``"flow"``.

        Args:
            latent: of B molecules; structure factors in it are not used.
            distance: how far, 0 to 1: the standard deviation of the noise that is mixed into the code, of variance 1.
                With 0 they are the molecules themselves, as the learned code has them, and not settled; with 1 they
                are any molecules.
            num_molecules: how many for each of the B, one after the other.
            settle: see :meth:`sample`.
            tries: see :meth:`sample`.
            generator: see :meth:`sample`.
            progress: see :meth:`sample`.

        Raises:
            TypeError: the model's decoder is another one.
            ValueError: ``distance`` or another number is out of range.
        """
        decoder = _flow(self.decoder)
        check_share("distance", distance, "0 is the molecule itself, 1 any")
        _check_number(num_molecules)
        _check_draws(settle, tries)
        check_generator(generator)
        check_callable("progress", progress)
        latent = decoder.widened(latent)
        _check_some(latent)
        check_finite_codes(latent.code)
        latent = latent[torch.arange(len(latent), device=latent.code.device).repeat_interleave(num_molecules)]
        code = decoder.learned(latent)
        seed = _seeds(len(code), generator, code.device)
        noise = torch.full_like(code[:, 0], distance)
        settle = settle if distance else 0
        atoms = self._drawn(code, noise, seed, settle, tries, draw_number=distance > 0, progress=progress)
        return decoded_molecules(decoder, atoms, latent.pose.without_symmetry())

    @torch.no_grad()
    def path(
        self,
        start: Data,
        end: Data,
        num_steps: int = 9,
        *,
        noise: float | None = None,
        settle: int = 2,
        tries: int = 1,
        seed: int = 0,
        by: Any = None,
    ) -> DecodedMolecules:
        """Molecules on the way between two; for the decoder ``"flow"``.

        ``end`` is first laid on ``start`` by their fields, and both are encoded in the frame of ``start``, so that no
        step of the way is due to their places. The codes between lie on a great circle. They are decoded with noise,
        more in the middle and the farther the ends are apart, since no molecule has just such a code; the noise is the
        same all the way. The ends are decoded from their own codes: exactly, where the model has structure factors.

        Args:
            start: one molecule with ``z``, ``pos`` and the model's properties.
            end: another.
            num_steps: how many molecules, both ends included; at least 2.
            noise: how much half way, 0 to 1, as the ``distance`` of :meth:`sample_near`; by the ends if None.
            settle: how often molecules between the ends are encoded and decoded again, see :meth:`sample`.
            tries: how often, at most, each molecule between is drawn, see :meth:`sample`. Those that are drawn again
                have other noise than their neighbours, so the steps of the path are less even.
            seed: of the noise, and of the noise that atoms start from.
            by: what the ends are aligned by, see `tg_molfield.align`; their shape if None.

        Returns:
            The molecules, where ``start`` is; ``latent`` has their learned codes, without noise, and zeros for
            structure factors.

        Raises:
            TypeError: the model's decoder is another one, or ``start`` or ``end`` is no molecule.
            ValueError: a molecule cannot be encoded, or a number is out of range.
        """
        decoder = _flow(self.decoder)
        for name, data in (("start", start), ("end", end)):
            check_kind(name, data, Data, "a Data", "give one molecule")
            if (count := count_graphs(data)) != 1:
                raise ValueError(f"{name}: expected one molecule, got a batch of {count}; give one of them")
        require_counts(2, num_steps=num_steps)
        _check_draws(settle, tries)
        check_seed(seed)
        if noise is not None:
            check_share("noise", noise, "leave it out to take it from the ends")
        with evaluating(self):
            first = self.encode(start)
            second = self.encode(align(end, start, by).moved, frames=first.frame)
        draw = partial(self._drawn, settle=settle, tries=tries, draw_number=False)
        return path_between(decoder, first, second, num_steps, noise, seed, self._found, draw)

    def _found(self, latent: Latent, corrections: int = 1) -> PaddedAtoms:
        """The atoms of latents, in their frames; see :meth:`decoded`."""
        decoder = self.decoder
        assert isinstance(decoder, GaussianAtomDecoder)
        atoms = decoder.atoms(latent)
        if not corrections or self.properties or not isinstance(decoder, FlowDecoder):
            return atoms
        rows = (~decoder.has_exact(latent)).nonzero()[:, 0]
        if not len(rows):
            return atoms
        part = latent[rows]
        with evaluating(self):
            code = decoder.learned(part)
            started, seed = from_nearest_start(decoder, self.encode, atoms[rows], code, part.search_seeds)
            found, apart = corrected(decoder, self.encode, started, code, seed, corrections)
        others = rows[(apart > FAR) | coincide(found)]
        if len(others):
            warnings.warn(
                f"molecule {int(others[0])}: expected atoms that have its learned code, got others ({len(others)} of "
                f"{len(latent)}); codes between molecules are of none, and molecules unlike those trained on are not "
                "learned",
                UnsolvedCodeWarning,
                stacklevel=caller_level(),
            )
        return atoms.with_rows(rows, found)

    def _drawn(
        self,
        code: Tensor,
        noise: Tensor,
        seed: Tensor,
        settle: int,
        tries: int,
        draw_number: bool,
        progress: Progress | None = None,
    ) -> PaddedAtoms:
        """The atoms of codes ``[B, learned_dim]`` with ``noise [B]``, settled, and drawn again where that is asked."""
        if settle and self.properties:
            raise ValueError(
                f"settle: expected 0 for a model that reads properties ({', '.join(self.properties)}), which new "
                f"molecules do not have, got {settle}; give settle=0"
            )
        decoder, parts = _flow(self.decoder), []
        at_once = _AT_ONCE_ON_CPU if is_on_host(code) else _AT_ONCE
        with evaluating(self):
            for begin in range(0, len(code), at_once):
                rows = slice(begin, begin + at_once)
                given = code[rows], noise[rows], seed[rows]
                parts.append(drawn_atoms(decoder, self.encode, *given, settle, tries, draw_number))
                if progress is not None:
                    progress(min(begin + at_once, len(code)), len(code))
        return PaddedAtoms.joined(parts)


def _flow(decoder: Decoder) -> FlowDecoder:
    remedy = "build or load a model with it, such as FieldAutoEncoder.from_pretrained('qm9-latent')"
    check_kind("decoder", decoder, FlowDecoder, "'flow', whose codes are a space", remedy)
    assert isinstance(decoder, FlowDecoder)
    return decoder


def _check_some(latent: Latent) -> None:
    if not len(latent):
        raise ValueError("latent: expected at least one molecule, got none; leave it out")


def _check_number(num_molecules: int) -> None:
    require_integers(num_molecules=num_molecules)
    if not 1 <= num_molecules <= _MOST:
        raise ValueError(f"num_molecules: expected 1 to {_MOST:,}, got {num_molecules}; sample in several calls")


def _check_draws(settle: int, tries: int) -> None:
    require_counts(0, settle=settle)
    require_counts(1, tries=tries)


def _seeds(count: int, generator: torch.Generator | None, device: torch.device) -> Tensor:
    at = None if generator is None else generator.device
    return torch.randint(2**62, (count,), generator=generator, device=at).to(device)
