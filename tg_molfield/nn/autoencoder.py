"""`FieldAutoEncoder`: molecules to codes and codes to fields."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.nn import GAE
from torch_geometric.nn.inits import reset
from torch_geometric.utils import scatter
from typing_extensions import Self

from tg_molfield.arguments import check_flag, check_kind, require_counts, require_integers
from tg_molfield.chem.atoms import AtomList
from tg_molfield.chem.validation import check_data, check_tensor
from tg_molfield.devices import in_widest_type
from tg_molfield.fields import Field, MolField
from tg_molfield.nn.cards import domain_of, model_card
from tg_molfield.nn.checks import (
    as_options,
    atoms_of_data,
    check_like,
    check_molecules,
    check_names,
    check_properties,
    check_queries,
    check_scalars,
)
from tg_molfield.nn.decoders.base import Decoder
from tg_molfield.nn.domain import Domain
from tg_molfield.nn.embedding.embedder import MoleculeEmbedder
from tg_molfield.nn.fidelity import FieldFidelity
from tg_molfield.nn.generation.generator import MoleculeGenerator
from tg_molfield.nn.latent.atom_features import AtomFeatures, FeatureSizes
from tg_molfield.nn.latent.canonical_frames import canonical_pose, given_pose, random_pose
from tg_molfield.nn.latent.latent import Latent
from tg_molfield.nn.ops.compilable import Compilable
from tg_molfield.nn.ops.meaningful_state import MeaningfulState
from tg_molfield.nn.resolver import needs_features, resolve_decoder, resolve_encoder
from tg_molfield.nn.serialization import Serializable
from tg_molfield.precision import HALF_TYPES
from tg_molfield.random_draws import seeds_of
from tg_molfield.tensor_files import with_memory

DEFAULT_FIELD = MolField()


class FieldAutoEncoder(
    MoleculeGenerator, MoleculeEmbedder, FieldFidelity, Serializable, MeaningfulState, Compilable, GAE
):
    """Encodes molecules as codes and decodes codes as fields.

    :meth:`encode` gives a `Latent`: a code that does not depend on the place and orientation of the molecule or the
    order of its atoms, and the pose with which the decoded field moves and rotates, exactly. Mirror images have
    different codes. In training mode frames are random, as augmentation: from torch's generator, or functions of
    ``draw_seed`` [B] int64 where a batch has it; in evaluation they are canonical.

    No canonical frame is continuous: the code changes abruptly near symmetric geometries, and the decoded field with
    it, by as much as the decoder errs. Frames carry no gradient, so forces from a property model on the code miss their
    share; take forces with fixed frames or numerically.

    Args:
        channels: the `MolField` that the model learns; or, for fields without a definition, the names of the channels,
            one string or a sequence.
        latent_dim: the length D of the code.
        decoder: ``"rbf"`` (Gaussians that a network makes), ``"siren"``, ``"atoms"`` (reads the atoms around a point;
            for fields that are not sums over atoms), ``"structure_factors"`` (solves for the atoms), ``"flow"`` (moves
            noise to atoms; codes are a space, see `FlowDecoder`), or a `Decoder`.
        encoder: ``"painn"``; PyG's `SchNet`, `DimeNetPlusPlus` or `ViSNet`; or any module ``(z, pos, batch) -> [N, F]``
            of invariant features; see `tg_molfield.nn.resolver`. It is trained with the model.
        summary_channels: how many numbers at the end of the code are made for property models: sums over atoms of
            invariant features, or a `DescriptorPooling` for ``"structure_factors"``.
        encoder_options: arguments of an encoder made by name, see `PaiNNEncoder`.
        pooling_options: arguments of the decoder's pooling, see `FramePooling` and `DescriptorPooling`.
        decoder_options: arguments of a decoder made by name.
        random_frames: whether frames are random in training.
        properties: the names of scalar attributes of the atoms, such as ``"partial_charge"``, that the code holds
            besides elements and positions; one string or a sequence. Scale them to order 1: frames ignore differences
            below a thousandth, see `canonical_pose`.

    Raises:
        TypeError: an option that the chosen part does not use.
        ValueError: an option is out of range, the parts do not fit each other, or channels are vectors, which the
            decoder does not rotate.

    Warns:
        EncoderWarning: a module given as encoder has features that depend on more than the molecule.
    """

    module_marks: ClassVar[dict[str, Any]] = {"encoder": False, "decoder": None}
    part_paths: ClassVar[dict[str, str]] = {"encoder": "encoder", "decoder": "decoder"}

    def __init__(
        self,
        channels: MolField | str | Sequence[str] = DEFAULT_FIELD,
        latent_dim: int = 512,
        decoder: str | Decoder = "rbf",
        encoder: str | nn.Module | None = None,
        *,
        summary_channels: int = 0,
        encoder_options: dict[str, Any] | None = None,
        pooling_options: dict[str, Any] | None = None,
        decoder_options: dict[str, Any] | None = None,
        random_frames: bool = True,
        properties: str | Sequence[str] = (),
    ) -> None:
        super(GAE, self).__init__()  # GAE's own would reset the parameters of a pretrained encoder
        encoder_options = as_options("encoder_options", encoder_options)
        pooling_options = as_options("pooling_options", pooling_options)
        decoder_options = as_options("decoder_options", decoder_options)
        require_counts(1, latent_dim=latent_dim)
        latent_dim = int(latent_dim)
        require_integers(summary_channels=summary_channels)
        check_flag(random_frames=random_frames)
        field = channels if isinstance(channels, MolField) else check_names("channels", channels, 1)
        self.properties = check_names("properties", properties, 0)
        self.random_frames = random_frames
        self.domain = Domain()
        needed = needs_features(decoder, summary_channels, encoder is not None or bool(encoder_options or properties))
        if self.properties and not needed:
            raise ValueError(
                f"properties: expected none, since codes of this decoder hold elements and positions alone, got "
                f"{', '.join(self.properties)}; take another decoder, such as 'rbf' or 'atoms'"
            )
        self.encoder = resolve_encoder(encoder, encoder_options, len(self.properties), needed)
        sizes = self.encoder.sizes
        self.decoder = resolve_decoder(decoder, field, latent_dim, summary_channels, sizes, decoder_options)
        if not self.decoder.rotates_vectors:
            check_scalars(self.decoder.channels)
        self.pooling = self.decoder.make_pooling(sizes, **pooling_options)
        self.hyper_parameters: dict[str, Any] = {
            "latent_dim": latent_dim,
            "decoder": decoder if isinstance(decoder, str) else None,
            "encoder": encoder if isinstance(encoder, str) or encoder is None else False,
            "summary_channels": summary_channels,
            "encoder_options": encoder_options,
            "pooling_options": pooling_options,
            "decoder_options": decoder_options,
            "random_frames": random_frames,
            "properties": self.properties,
        }

    def _repr_html_(self) -> str:
        facts: dict[str, object] = {
            "code": f"{self.latent_dim} numbers"
            + (f", the last {self.summary_channels} the summary" if self.summary_channels else ""),
            "encoder": type(self.encoder).__name__,
            "decoder": type(self.decoder).__name__,
            "reads": ", ".join(["z", "pos", *self.properties]),
            "trained on": domain_of(self.domain),
        }
        return model_card(self, facts)

    @property
    def channels(self) -> tuple[str, ...]:
        """The names of the C channels."""
        return self.decoder.channels

    @property
    def latent_dim(self) -> int:
        """The length D of the code."""
        return self.decoder.latent_dim

    @property
    def summary_channels(self) -> int:
        """How many numbers at the end of the code are made for property models; see `Latent.summary`."""
        return self.decoder.summary_channels

    @property
    def mol_field(self) -> MolField | None:
        """The definition of the field that the model decodes into; None where only channels are known."""
        return self.decoder.mol_field

    def _state_meaning(self) -> dict[str, Any]:
        """The properties in their order; see `MeaningfulState`."""
        return {"properties": self.properties}

    def set_mol_field(self, mol_field: MolField) -> None:
        """Decode into the field of another definition, which a `StructureFactorDecoder` can do without training.

        A learned decoder accepts a definition only where it had none, with the same channels: it says what the model
        was trained for.

        Raises:
            ValueError: the decoder cannot follow the definition.
        """
        if not isinstance(mol_field, MolField):
            raise TypeError(
                f"mol_field: expected a MolField, got {str(mol_field)[:40]!r}; give for example MolField('C N O')"
            )
        self.decoder.set_mol_field(mol_field)

    def with_latent_dim(self, latent_dim: int) -> Self:
        """A copy of the model with longer codes, which hold larger molecules, without training.

        Only ``"structure_factors"`` can do this. Codes of different length are of different models: none can be
        decoded by the other.

        Raises:
            ValueError: the decoder needs training for that, or has longer codes already.
        """
        require_counts(1, latent_dim=latent_dim)
        model = deepcopy(self)
        if latent_dim == self.latent_dim:
            return model
        if latent_dim < self.latent_dim:
            raise ValueError(
                f"latent_dim: expected at least {self.latent_dim}, the length of the model's codes, got {latent_dim}; "
                "give more"
            )
        with with_memory():
            model.decoder.lengthen(latent_dim)
        model.hyper_parameters["latent_dim"] = int(latent_dim)
        return model

    def reset_parameters(self) -> None:
        """Draw all parameters anew and forget the domain."""
        for part in (self.encoder, self.pooling, self.decoder, self.domain):
            reset(part)

    def encode(
        self,
        z: Tensor | Data,
        pos: Tensor | None = None,
        batch: Tensor | None = None,
        *,
        num_graphs: int | None = None,
        properties: Tensor | None = None,
        refine: int = 0,
        target: Field | None = None,
        frames: Tensor | None = None,
    ) -> Latent:
        """The latents of B molecules.

        Args:
            z: ``[N]`` int64 atomic numbers; or a `Data` or `Batch` with ``z``, ``pos`` and the model's properties,
                which takes the place of the next four arguments.
            pos: ``[N, 3]`` Å.
            batch: ``[N]`` int64, sorted; one molecule if None.
            num_graphs: B, checked where given: every molecule needs an atom. A `Batch` knows it; ``batch`` alone cannot
                tell of molecules without atoms at its end.
            properties: ``[N, P]``, finite, of the type of ``pos``, in the order of the model's ``properties``.
            refine: steps to improve the code towards ``target`` with the decoder frozen, see `Decoder.refine`. Refined
                codes carry no gradient.
            target: the molecules' own field, such as ``MolField(...)(data)``; None without ``refine``.
            frames: ``[B, 3, 3]``, axes as rows: proper rotations in which the codes are made, in place of canonical or
                random ones, so that codes of molecules that were laid on each other can be compared.

        Raises:
            ValueError: an argument is not as described; the message gives the remedy.

        Warns:
            OutOfDomainWarning: in evaluation, where a trained model has not seen molecules of this kind.
        """
        atoms, size, properties = self._atoms(z, pos, batch, num_graphs, properties)
        require_counts(0, refine=refine)
        check_kind("target", target, Field | None, "a Field", "give the molecules' own, such as MolField(...)(data)")
        if target is not None and not refine:
            raise ValueError("target: expected None with refine=0, got a field; give the number of steps as refine")
        seeds = seeds_of(z, size) if isinstance(z, Data) else None
        latent = self._encode(atoms, size, properties, self.training and self.random_frames, seeds, frames)
        self._note_domain(atoms)
        if not refine:
            return latent
        target = target.with_atoms(atoms) if target is not None and target.atoms is None else target
        return self.decoder.refine(latent, target, refine)

    def encode_atoms(
        self,
        z: Tensor | Data,
        pos: Tensor | None = None,
        batch: Tensor | None = None,
        *,
        num_graphs: int | None = None,
        properties: Tensor | None = None,
    ) -> AtomFeatures:
        """What the encoder says of each atom, for graph models: scalars, vectors and tensors, with their gradients.

        Args:
            z: as for :meth:`encode`, and so are the others.
            pos: ``[N, 3]`` Å.
            batch: ``[N]`` int64.
            num_graphs: B.
            properties: ``[N, P]``.

        Returns:
            The atoms in the order of the input; their ``pos`` are relative to the mean of each molecule.

        Raises:
            ValueError: an argument is not as described for :meth:`encode`; or the model has no encoder, as its codes
                are made of elements and positions alone.

        Warns:
            OutOfDomainWarning: as for :meth:`encode`.
        """
        if self.encoder.sizes == FeatureSizes():
            raise ValueError(
                "encoder: expected one that says more of atoms than their elements, got none in this model; build it "
                "with summary_channels or with another decoder, such as 'rbf'"
            )
        atoms, size, properties = self._atoms(z, pos, batch, num_graphs, properties)
        assert atoms.batch is not None
        center = scatter(in_widest_type(atoms.pos), atoms.batch, dim=0, dim_size=size, reduce="mean")
        centered = (atoms.pos.to(center) - center[atoms.batch]).to(atoms.pos.dtype)
        self._note_domain(atoms)
        return self.encoder(atoms.z, centered, atoms.batch, size, properties).to(atoms.pos.dtype)

    def decode(self, latent: Latent, query_pos: Tensor, query_batch: Tensor | None = None) -> Tensor:
        """The values ``[Q, C]`` at ``query_pos [Q, 3]`` Å; ``query_batch [Q]``, sorted, is each point's molecule."""
        latent = self.decoder.widened(latent)
        query_batch = check_queries(query_pos, query_batch, len(latent), latent.code)
        return self.decoder(latent, query_pos, query_batch)

    def forward(
        self,
        z: Tensor,
        pos: Tensor,
        query_pos: Tensor,
        batch: Tensor | None = None,
        query_batch: Tensor | None = None,
        *,
        num_graphs: int | None = None,
        properties: Tensor | None = None,
    ) -> Tensor:
        """Encode the atoms and decode at the query points: ``[Q, C]``; arguments as for these."""
        latent = self.encode(z, pos, batch, num_graphs=num_graphs, properties=properties)
        return self.decode(latent, query_pos, query_batch)

    def field(self, data: Data) -> Field:
        """The learned field of a `Data` or `Batch`, in canonical frames, also while training.

        Raises:
            ValueError: as for :meth:`encode`.
        """
        atoms, size, properties = self._atoms(data, None, None, None, None)
        latent = self._encode(atoms, size, properties, randomised=False)
        self._note_domain(atoms)
        return self.decoder.field(latent).with_atoms(atoms)

    @classmethod
    def from_pretrained(  # type: ignore[override]
        cls,
        name_or_path: str | Path,
        *,
        channels: MolField | str | Sequence[str] | None = None,
        latent_dim: int | None = None,
        **modules: nn.Module,
    ) -> Self:
        """A trained model, in evaluation mode; the named ones are part of the package, and nothing is downloaded.

        It is on the default device, or on the processor where that is ``"meta"``.

        ``"organic-small"`` encodes molecules of H, B, C, N, O, F, Si, P, S, Cl, Se, Br and I, trained on up to 96
        atoms, with a code of 512 numbers, and decodes them into the field of arXiv 2502.10848 (β = 0.75, 10 channels,
        as sums over atoms), or after :meth:`set_mol_field` into another. For molecules of 80 atoms and more, take
        ``latent_dim=1024``. ``"qm9-latent"`` has codes that are a space, of molecules of H, C, N, O and F with up to 9
        heavy atoms, trained on QM9: it samples molecules and walks between them, see :meth:`path`.

        Args:
            name_or_path: a name, a file that :meth:`save` wrote, or a folder with ``model.safetensors``, such as
                :meth:`save_pretrained` writes.
            channels: refuse a model of another field: a definition, or names of channels.
            latent_dim: the length of the codes, see :meth:`with_latent_dim`; as the model was saved if None.
            modules: see :meth:`load`.

        Raises:
            FileNotFoundError: there is no such model, file or folder, or the folder holds none.
            ValueError: as for :meth:`load`; or ``config.json`` tells of another model than the folder holds.
        """
        model = super().from_pretrained(name_or_path, channels=channels, **modules)
        return model if latent_dim is None else model.with_latent_dim(latent_dim)

    def _atoms(
        self,
        z: Tensor | Data,
        pos: Tensor | None,
        batch: Tensor | None,
        num_graphs: int | None,
        properties: Tensor | None,
    ) -> tuple[AtomList, int, Tensor | None]:
        """The checked atoms of an input, their ``batch`` always given; the number of molecules; their properties."""
        if isinstance(z, Data):
            given = {"pos": pos, "batch": batch, "num_graphs": num_graphs, "properties": properties}
            z, pos, batch, num_graphs, properties = atoms_of_data(z, self.properties, given)
        if pos is None and not isinstance(z, Tensor):
            check_data(z)
        check_tensor("z", z)
        if pos is None:
            raise ValueError("pos: expected positions [N, 3] in Å, got None; give them, or a Data in place of z")
        check_tensor("pos", pos)
        like = next(self.parameters())
        if like.dtype in HALF_TYPES and not self.decoder.computes_in_16_bits:
            raise ValueError(
                f"model: expected parameters in float32 or float64, got {like.dtype}, which does not resolve positions "
                "for this decoder; compute under torch.autocast instead"
            )
        check_like("pos", pos, like)
        check_properties(properties, len(self.properties), pos, self.properties)
        batch, num_graphs = check_molecules(z, pos, batch, num_graphs)
        self.decoder.check_atoms(z, batch, num_graphs)
        return AtomList(z, pos, batch), num_graphs, properties

    def _encode(
        self,
        atoms: AtomList,
        num_graphs: int,
        properties: Tensor | None,
        randomised: bool,
        seeds: Tensor | None = None,
        frames: Tensor | None = None,
    ) -> Latent:
        z, pos, batch = atoms
        assert batch is not None
        if frames is not None:
            pose = given_pose(pos, batch, num_graphs, frames)
        elif randomised:
            pose = random_pose(pos, batch, num_graphs, seeds)
        else:
            pose = canonical_pose(z, pos, batch, num_graphs, properties)
        centered = in_widest_type(pos) - pose.origin[batch]
        features = self.encoder(z, centered.to(pos.dtype), batch, num_graphs, properties)
        features = replace(features.to(pos.dtype), pos=centered)
        code = self.pooling(features, pose).to(pos.dtype)
        kept = features.to(pos.dtype) if self.decoder.needs_atoms else None
        return Latent(code, pose.to(pos.dtype), kept, self.decoder.summary_channels)

    def _note_domain(self, atoms: AtomList) -> None:
        z, pos, batch = atoms
        assert batch is not None
        if self.training:
            self.domain.update(z, batch)
        else:
            self.domain.check(z, pos, batch)
