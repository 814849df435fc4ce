"""The interface of decoders, and the field that a decoder bound to latents is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, final

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint
from torch_geometric.utils import degree

from tg_molfield.arguments import check_kind, require_counts, require_integers
from tg_molfield.devices import is_on_host
from tg_molfield.fields import Field, Grid, MolField, Volume
from tg_molfield.fields.definition_dict import difference_of_definitions, told_definition
from tg_molfield.nn.checks import (
    check_definition,
    check_finite_codes,
    check_like,
    check_names,
    check_options,
    check_queries,
)
from tg_molfield.nn.decoders.refinement import refine_code
from tg_molfield.nn.latent.atom_features import FeatureSizes
from tg_molfield.nn.latent.latent import Latent
from tg_molfield.nn.ops.compilable import Compilable
from tg_molfield.nn.ops.meaningful_state import MeaningfulState
from tg_molfield.nn.ops.members import members_of
from tg_molfield.nn.ops.short_products import rotated
from tg_molfield.nn.pooling.base import Pooling
from tg_molfield.nn.pooling.frame import FramePooling
from tg_molfield.precision import HALF_TYPES


class Decoder(MeaningfulState, Compilable, ABC):
    """A map from latents to fields.

    The field of a latent moves and rotates with the latent's pose, has the symmetry of its set of frames, and goes to
    0 far from the origin. Its channels are scalars, unless ``rotates_vectors`` says otherwise. To write one, implement
    :meth:`field`, or derive from `PointwiseDecoder` or `NeuralDecoder`; all else has defaults. A decoder made by name
    gets ``channels``, ``latent_dim``, ``summary_channels`` and, if its constructor names it, ``sizes`` of the atoms'
    features.

    Args:
        channels: the definition of the field to decode, or the names of its channels alone.
        latent_dim: the length of the codes.
        summary_channels: how many numbers at the end of a code are made for property models.
    """

    needs_atoms: ClassVar[bool] = False
    """Whether the decoder reads ``latent.atoms``."""
    features_are_optional: ClassVar[bool] = False
    """Whether codes that need no features of an encoder are also made of these where one is given."""
    computes_in_16_bits: ClassVar[bool] = True
    """Whether parameters can be of 16 bits; under `torch.autocast` all decoders compute."""
    rotates_vectors: ClassVar[bool] = False
    """Whether channels that are components of vectors, such as those of ``"forces:vector"``, rotate with the pose."""
    reads_free_codes: ClassVar[bool] = True
    """Whether codes can be any numbers, so that they can be fitted without an encoder, see `FieldAutoDecoder`."""

    def __init__(self, channels: MolField | str | Sequence[str], latent_dim: int, summary_channels: int = 0) -> None:
        super().__init__()
        require_integers(latent_dim=latent_dim, summary_channels=summary_channels)
        self.mol_field = channels if isinstance(channels, MolField) else None
        self.channels = channels.channels if isinstance(channels, MolField) else check_names("channels", channels, 1)
        self.latent_dim = latent_dim
        self.summary_channels = summary_channels

    @classmethod
    def needs_features(cls, summary_channels: int) -> bool:
        """Whether codes are made of more than elements and positions, so that an encoder is needed."""
        return True

    @property
    def max_atoms(self) -> int | None:
        """The largest molecule that the decoder has room for; None if there is no limit."""
        return None

    def _state_meaning(self) -> dict[str, Any]:
        """The channels, and the definition where it is known."""
        told = None if self.mol_field is None else told_definition(self.mol_field)
        return {"channels": self.channels, "mol_field": told}

    def _meaning_fault(self, told: dict[str, Any]) -> str:
        """Other channels, or another definition."""
        known = {name: value for name, value in told.items() if name != "mol_field"}
        if (fault := super()._meaning_fault(known)) or self.mol_field is None or not told.get("mol_field"):
            return fault
        return difference_of_definitions(self.mol_field, told["mol_field"])

    def lengthen(self, latent_dim: int) -> None:
        """Read codes of ``latent_dim`` numbers from here on, more than before; the pooling it made writes them.

        Raises:
            ValueError: the decoder needs training for that.
        """
        raise ValueError(
            f"latent_dim: expected {self.latent_dim}, as {type(self).__name__} was built, got {latent_dim}; leave it "
            "out, or build and train another model"
        )

    def check_atoms(self, z: Tensor, batch: Tensor, num_graphs: int) -> None:
        """Raise a ValueError where codes have no room for atoms ``z [N]``; called before anything is computed."""

    @abstractmethod
    def field(self, latent: Latent) -> Field:
        """The fields of B latents as one batched field, differentiable in the latents; :meth:`widened` reads them."""

    def widened(self, latent: Latent) -> Latent:
        """``latent`` in the type of this decoder's parameters if it has 16 bits, as under `torch.autocast`.

        Raises:
            TypeError: it is no latent.
            ValueError: the code is of another length or type, on another device than the parameters, or not finite,
                as far as that can be seen without waiting for a device.
        """
        if not isinstance(latent, Latent):
            raise TypeError(f"latent: expected a Latent, got {type(latent).__name__}; give what encode returns")
        if latent.code.dim() != 2 or latent.code.size(1) != self.latent_dim:
            raise ValueError(
                f"code: expected shape [{len(latent)}, {self.latent_dim}], as this model makes them, got "
                f"{list(latent.code.shape)}; decode with the model that encoded"
            )
        like = next(self.parameters(), None)
        if latent.code.dtype in HALF_TYPES:
            latent = latent.to(torch.float32 if like is None else like.dtype)
        if like is not None:
            check_like("code", latent.code, like)
        if not self.training and is_on_host(latent.code):
            check_finite_codes(latent.code)
        return latent

    def forward(self, latent: Latent, query_pos: Tensor, query_batch: Tensor | None = None) -> Tensor:
        """The values ``[Q, C]`` at ``query_pos [Q, 3]`` Å of the molecules ``query_batch [Q]``."""
        return self.field(latent)(query_pos, query_batch)

    def make_pooling(self, sizes: FeatureSizes, /, **options: Any) -> Pooling:
        """The pooling whose codes this decoder reads.

        Args:
            sizes: of the atoms' features.
            options: of the pooling, a `FramePooling` by default.

        Raises:
            TypeError: the pooling has no such option.
            ValueError: an option is out of range.
        """
        check_options("pooling", FramePooling, options, ("sizes", "latent_dim", "summary_channels"))
        return FramePooling(sizes, self.latent_dim, self.summary_channels, **options)

    def refine(self, latent: Latent, target: Field | None, steps: int) -> Latent:
        """The latent with its code improved towards ``target``, without gradients; by default ``steps`` of Adam.

        Args:
            latent: of B molecules.
            target: their own fields, in this decoder's channels; around its atoms it is compared where it is not a
                sum of Gaussians.
            steps: how long to try.

        Raises:
            ValueError: ``target`` is missing, has other channels or another number of molecules, or knows no atoms.
            RuntimeError: in inference mode.
        """
        require_counts(0, steps=steps)
        self.check_target(latent, target)
        assert target is not None
        return refine_code(self.field, latent, target, steps)

    def check_target(self, latent: Latent, target: Field | None) -> None:
        """Raise an error unless ``target`` holds the fields of as many molecules in this decoder's channels."""
        check_kind("latent", latent, Latent, "a Latent", "give what encode returns")
        check_kind("target", target, Field | None, "a Field", "give the molecules' own, such as MolField(...)(data)")
        if target is None:
            raise ValueError(
                "target: expected the molecules' own field, got None; give one such as MolField(...)(data)"
            )
        if target.channels != self.channels or target.num_graphs != len(latent):
            raise ValueError(
                f"target: expected {len(latent)} molecules with channels {' '.join(self.channels)}, got "
                f"{target.num_graphs} with {' '.join(target.channels)}; make it with the model's definition"
            )
        check_definition("target", target, self.mol_field)

    def set_mol_field(self, mol_field: MolField) -> None:
        """Say which definition the decoded field follows; a decoder that need not be trained anew can change it.

        Raises:
            ValueError: the definition has other channels, or the decoder was trained for another one.
        """
        if mol_field.channels != self.channels:
            raise ValueError(
                f"mol_field: expected channels {' '.join(self.channels)}, got {' '.join(mol_field.channels)}; "
                "a learned decoder keeps its field, train one for the other definition"
            )
        if self.mol_field not in (None, mol_field):
            raise ValueError(
                f"mol_field: expected {self.mol_field!r}, which the decoder was trained for, got {mol_field!r}; "
                "train one for the other definition"
            )
        self.mol_field = mol_field

    def set_extent(self, extent: float) -> None:
        """Prepare for fields that reach ``extent`` Å from the origin; called once, before the first training step."""


class NeuralDecoder(Decoder):
    """A decoder that is evaluated at points."""

    @abstractmethod
    def evaluate(self, latent: Latent, pos: Tensor, batch: Tensor) -> Tensor:
        """The values ``[Q, C]`` at ``pos [Q, 3]`` Å of the molecules ``batch [Q]``, both checked."""

    @abstractmethod
    def points_at_once(self, latent: Latent) -> int:
        """How many points of one molecule to evaluate at once on a grid, so that memory stays bounded."""

    def check_latent(self, latent: Latent) -> None:
        """Raise a ValueError unless this decoder can read ``latent``."""

    def field(self, latent: Latent) -> DecodedField:
        """The fields of B latents, with this decoder's parameters."""
        return DecodedField(self, self.widened(latent))


class PointwiseDecoder(NeuralDecoder):
    """A decoder that is a function of a code and a point in the molecule's frame."""

    passes_at_once: ClassVar[int] = 2**15
    """Points times frames that are evaluated at once on a grid."""

    @abstractmethod
    def values(self, code: Tensor, local: Tensor, batch: Tensor) -> Tensor:
        """The values ``[P, C]`` for ``code [B, latent_dim]`` at ``local [P, 3]`` Å of the molecules ``batch [P]``."""

    def points_at_once(self, latent: Latent) -> int:
        """See :meth:`NeuralDecoder.points_at_once`."""
        return max(1, self.passes_at_once // latent.pose.weights.size(1))

    def evaluate(self, latent: Latent, pos: Tensor, batch: Tensor) -> Tensor:
        """The mean over the frames of each molecule, by their weights."""
        graph, frames, share = latent.pose.active_frames()
        offset = pos - latent.origin[batch]
        if latent.pose.weights.size(1) == 1:
            local = latent.pose.symmetrize_points(rotated(frames[batch], offset), batch)
            return self.values(latent.code, local, batch) * share[batch].unsqueeze(1)
        query, view = members_of(batch, degree(graph, len(latent), dtype=torch.int64))
        local = latent.pose.symmetrize_points(rotated(frames[view], offset[query]), batch[query])
        values = self.values(latent.code, local, batch[query]) * share[view].unsqueeze(1)
        return values.new_zeros(pos.size(0), values.size(1)).index_add(0, query, values)


@final
class DecodedField(Field):
    """The field that a `NeuralDecoder` gives for the latents of B molecules.

    Args:
        decoder: the decoder; its parameters are used, not copied.
        latent: the latents.

    Raises:
        ValueError: the decoder cannot read the latent.
    """

    def __init__(self, decoder: NeuralDecoder, latent: Latent) -> None:
        check_kind("decoder", decoder, NeuralDecoder, "a NeuralDecoder", "give model.decoder")
        decoder.check_latent(latent)
        self.decoder = decoder
        self.latent = latent
        self._mol_field = decoder.mol_field

    @property
    def channels(self) -> tuple[str, ...]:
        return self.decoder.channels

    @property
    def num_graphs(self) -> int:
        return len(self.latent)

    @property
    def dtype(self) -> torch.dtype:
        return self.latent.code.dtype

    @property
    def device(self) -> torch.device:
        return self.latent.code.device

    def __repr__(self) -> str:
        return f"DecodedField({type(self.decoder).__name__}, channels={' '.join(self.channels)})"

    def __call__(self, pos: Tensor, batch: Tensor | None = None) -> Tensor:
        batch = check_queries(pos, batch, len(self.latent), self.latent.code)
        return self.decoder.evaluate(self.latent, pos, batch).to(self.dtype)

    def unbatch(self) -> list[DecodedField]:
        """One field for each molecule."""
        return [DecodedField(self.decoder, self.latent[i]) for i in range(len(self.latent))]

    def on(self, grid: Grid) -> Volume:
        """The field sampled at the nodes of ``grid``, in pieces, so that memory does not grow with the decoder.

        Where gradients are recorded, each piece is evaluated again in the backward pass.
        """
        self._require_one("on", grid)
        self._require_fit([grid], copies=3)
        nodes = grid.points(self.dtype, self.device).split(self.decoder.points_at_once(self.latent))
        values = torch.cat([checkpoint(self, some, use_reentrant=False) for some in nodes])
        volume = Volume(values.T.reshape(len(self.channels), *grid.shape), grid, self.channels, atoms=self.atoms)
        return volume.with_mol_field(self.mol_field)
