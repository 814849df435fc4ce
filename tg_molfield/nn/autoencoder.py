"""Molecules to codes and codes to fields."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.nn import GAE
from torch_geometric.utils import scatter

from tg_molfield.fields import AtomList, Field, MolField
from tg_molfield.nn.checks import check_atoms, check_like, check_properties, check_queries
from tg_molfield.nn.data_atoms import atoms_of_data
from tg_molfield.nn.decoders.atoms import AtomDecoder
from tg_molfield.nn.decoders.base import Decoder
from tg_molfield.nn.decoders.refinement import refine_code
from tg_molfield.nn.decoders.resolver import make_decoder
from tg_molfield.nn.decoders.structure_factors.decoder import StructureFactorDecoder
from tg_molfield.nn.encoders.base import encoded_atoms, encoded_sizes
from tg_molfield.nn.encoders.painn import PaiNNEncoder
from tg_molfield.nn.encoders.pyg import atom_encoder_from, is_pyg_network
from tg_molfield.nn.latent.atom_features import AtomFeatures
from tg_molfield.nn.latent.canonical_frames import canonical_pose, random_pose
from tg_molfield.nn.latent.latent import Latent
from tg_molfield.nn.pooling.frame import FramePooling
from tg_molfield.nn.pooling.structure_factors import StructureFactorPooling
from tg_molfield.nn.serialization import fill_model, pretrained_file, read_model, save_model

CHANNELS = ("H", "C", "N", "O", "F", "P", "S", "Cl", "other")


class FieldAutoEncoder(GAE):
    """Encodes molecules as codes and decodes codes as fields.

    ``encode`` gives a `Latent`: a code that is the same however the molecule is placed, turned and its atoms ordered,
    and the pose with which the decoded field moves and turns, exactly. Mirror images have different codes. In
    training mode frames are random (of torch's generator), which is augmentation; in evaluation they are canonical.

    The canonical frame, like every rule that fixes one, has to jump somewhere: where a molecule is stretched past a
    symmetry, its code jumps, and the field decoded from it by as much as it errs. Frames carry no gradient, so forces
    from a property model on the code lack the frame's share; take them with ``random_frames`` fixed or numerically.

    Molecules without an element's channel, or with more centres than an `RBFDecoder` has slots, are encoded all the
    same, and the decoded field is a poorer likeness: give channels and ``num_slots`` that suit the data.

    Args:
        channels: the names of the field's channels; one string of names or a sequence.
        latent_dim: the length of the code.
        decoder: ``"structure_factors"`` (solves for the atoms, see `StructureFactorDecoder`), ``"rbf"`` (a learned sum
            of Gaussians), ``"siren"``, ``"atoms"`` (read by every point from the atoms around it, for fields that are
            not sums over atoms), or a `Decoder` with these channels and latent_dim.
        encoder: a module that gives invariant features ``[N, F]`` for ``(z, pos, batch)``; an `PaiNNEncoder` if None.
            Of PyTorch Geometric's `SchNet`, `DimeNetPlusPlus` and `ViSNet` the features before the readout are taken,
            see `atom_encoder_from`. It is trained with the model; properties are put after its features.
        hidden: features per atom in the default encoder.
        num_layers: message passing layers in the default encoder.
        cutoff: Å, of the default encoder.
        vector_channels: vectors per atom in the default encoder; as many as features if None.
        tensor_channels: rank-2 tensors per atom in the default encoder, which tell apart what vectors do not.
        pooling: further arguments of `FramePooling`, or of `StructureFactorPooling` for a `StructureFactorDecoder`.
        decoder_options: further arguments of the decoder named.
        random_frames: whether frames are random in training.
        properties: the names of scalar attributes of the atoms, such as ``"partial_charge"``, that the code shall know
            beside elements and positions; one string of names or a sequence. Scale them to be of order 1: what differs
            by less than a thousandth is no difference to the frames, see `canonical_pose`.
    """

    def __init__(
        self,
        channels: str | Sequence[str] = CHANNELS,
        latent_dim: int = 512,
        decoder: str | Decoder = "rbf",
        encoder: nn.Module | None = None,
        *,
        hidden: int = 64,
        num_layers: int = 2,
        cutoff: float = 4.0,
        vector_channels: int | None = None,
        tensor_channels: int = 0,
        pooling: dict[str, Any] | None = None,
        decoder_options: dict[str, Any] | None = None,
        random_frames: bool = True,
        properties: str | Sequence[str] = (),
    ) -> None:
        super(GAE, self).__init__()  # GAE's own would reset the parameters of a pretrained encoder
        self.channels = tuple(channels.split() if isinstance(channels, str) else channels)
        if not self.channels or len(set(self.channels)) != len(self.channels):
            raise ValueError(f"channels is {channels!r}: give at least one name, none twice")
        if latent_dim < 1:
            raise ValueError(f"latent_dim is {latent_dim}: give at least 1")
        self.properties = tuple(properties.split() if isinstance(properties, str) else properties)
        if len(set(self.properties)) != len(self.properties):
            raise ValueError(f"properties is {properties!r}: give no name twice")
        sketched = decoder == "structure_factors" or isinstance(decoder, StructureFactorDecoder)
        if sketched and self.properties:
            raise ValueError(
                f"properties is {properties!r}: a sketch is of elements and positions alone; take another decoder, "
                "such as 'rbf' or 'atoms'"
            )
        self.latent_dim = latent_dim
        self.random_frames = random_frames
        self.hyper_parameters: dict[str, Any] = {
            "channels": self.channels,
            "latent_dim": latent_dim,
            "decoder": decoder if isinstance(decoder, str) else None,
            "custom_encoder": encoder is not None,
            "hidden": hidden,
            "num_layers": num_layers,
            "cutoff": cutoff,
            "vector_channels": vector_channels,
            "tensor_channels": tensor_channels,
            "pooling": pooling or {},
            "decoder_options": decoder_options or {},
            "random_frames": random_frames,
            "properties": self.properties,
        }
        if encoder is None:
            encoder = PaiNNEncoder(
                hidden,
                num_layers,
                cutoff,
                vector_channels=vector_channels,
                tensor_channels=tensor_channels,
                num_properties=len(self.properties),
            )
        self.encoder = atom_encoder_from(encoder) if is_pyg_network(encoder) else encoder
        features, vectors, tensors = encoded_sizes(self.encoder, len(self.properties))
        options = dict(decoder_options or {})
        self.pooling: FramePooling | StructureFactorPooling
        if sketched:
            self.pooling = StructureFactorPooling(features, vectors, **(pooling or {}))
            options = {"sketch_size": latent_dim - self.pooling.summary_channels, **options}
        else:
            more = {"tensor_channels": tensors, **(pooling or {})}
            self.pooling = FramePooling(features, vectors, latent_dim=latent_dim, **more)
        if decoder == "rbf" and isinstance(self.pooling, FramePooling):
            options = {"num_parts": self.pooling.sketch_channels, "num_waves": self.pooling.num_waves, **options}
        if decoder == "atoms":
            sizes = {"in_channels": features, "vector_channels": vectors, "tensor_channels": tensors}
            options = {**sizes, **options}
        self.decoder = make_decoder(decoder, self.channels, latent_dim, options)

    @property
    def summary_channels(self) -> int:
        """How many numbers at the end of the code do not depend on the frame and are made for property models.

        These are the `MoleculeDescriptor` of a `StructureFactorPooling`, or the sum of a `FramePooling`; else 0.
        """
        return self.pooling.summary_channels

    def encode_atoms(
        self, z: Tensor, pos: Tensor, batch: Tensor | None = None, *, properties: Tensor | None = None
    ) -> Tensor:
        """The encoder's invariant features ``[N, F]`` of atoms ``z [N]`` at ``pos [N, 3]`` Å, see `encode`.

        Where the encoder does not read the properties itself, they are the last P of the F features.
        """
        batch, _ = self._check(z, pos, batch, properties)
        return encoded_atoms(self.encoder, z, pos, batch, properties)[0]

    def encode(
        self,
        z: Tensor,
        pos: Tensor,
        batch: Tensor | None = None,
        *,
        properties: Tensor | None = None,
        refine: int = 0,
        target: Field | None = None,
    ) -> Latent:
        """The latents of ``B`` molecules.

        Args:
            z: ``[N]`` int64 atomic numbers.
            pos: ``[N, 3]`` Å.
            batch: ``[N]`` int64, sorted; one molecule if None.
            properties: ``[N, P]``, finite, of the type of ``pos``, in the order of the model's ``properties``; None if
                it has none. `encode_data` collects them.
            refine: steps of Adam on the code, all else frozen, towards ``target`` (auto-decoding, Park et al. 2019,
                arXiv 1901.05103); refined codes carry no gradient. A `StructureFactorDecoder` is given codes that are
                exact already, and looks longer for atoms that it has not found: see `StructureFactorDecoder.refined`.
            target: the molecules' own field, such as ``MolField(...)(data)``; needed where ``refine`` is not 0.

        Raises:
            ValueError: an argument is not as said; the message gives the remedy.
        """
        if refine < 0 or (refine > 0 and target is None):
            raise ValueError(f"refine is {refine}, target {target}: give steps >= 0, and the target field to reach")
        batch, num_graphs = self._check(z, pos, batch, properties)
        randomised = self.training and self.random_frames
        latent = self._encode(z, pos, batch, num_graphs, properties, randomised)
        if not refine or target is None:
            return latent
        if isinstance(self.decoder, StructureFactorDecoder):
            return self.decoder.refined(latent, refine)
        return refine_code(self.decoder, latent, target, pos, batch, refine)

    def encode_data(self, data: Data, *, refine: int = 0, target: Field | None = None) -> Latent:
        """The latents of a `Data` or `Batch`: `encode` of its ``z``, ``pos``, ``batch`` and the model's properties.

        Raises:
            ValueError: one of them is missing or not as `encode` has it, or the atoms are periodic.
        """
        z, pos, batch, properties = atoms_of_data(data, self.properties)
        return self.encode(z, pos, batch, properties=properties, refine=refine, target=target)

    def _encode(
        self, z: Tensor, pos: Tensor, batch: Tensor, num_graphs: int, properties: Tensor | None, randomised: bool
    ) -> Latent:
        if randomised:
            pose = random_pose(pos, batch, num_graphs)
        else:
            pose = canonical_pose(z, pos, batch, num_graphs, properties)
        centered = pos.double() - pose.origin[batch]
        local = pose.confine(torch.einsum("pij,pj->pi", pose.frame[batch], centered), batch).to(pos.dtype)
        centered = centered.to(pos.dtype)
        if isinstance(self.decoder, StructureFactorDecoder):
            summarised = self.pooling.summary is not None
            scalars, vectors = encoded_atoms(self.encoder, z, centered, batch, None)[:2] if summarised else (None, None)
            code = self.pooling(self.decoder.sketch, z, centered, local, scalars, vectors, batch, num_graphs)
            return Latent(code, pose.to(pos.dtype))
        pose = pose.to(pos.dtype)
        scalars, vectors, tensors = encoded_atoms(self.encoder, z, centered, batch, properties)
        turned = None if vectors is None else pose.local_vectors(vectors, batch)
        shapes = None if tensors is None else pose.local_tensors(tensors, batch)
        code = self.pooling(scalars, turned, local, batch, num_graphs, shapes)
        anchors = None
        if isinstance(self.decoder, AtomDecoder):
            vectors = pos.new_zeros(len(pos), 0, 3) if vectors is None else vectors
            anchors = AtomFeatures(pos, scalars, vectors, batch, tensors)
        return Latent(code, pose, anchors)

    def decode(self, latent: Latent, query_pos: Tensor, query_batch: Tensor | None = None) -> Tensor:
        """The values ``[Q, C]`` at ``query_pos [Q, 3]`` Å; ``query_batch [Q]`` says of which molecule, sorted."""
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
        properties: Tensor | None = None,
    ) -> Tensor:
        """Encode the atoms and decode at the query points: ``[Q, C]``."""
        return self.decode(self.encode(z, pos, batch, properties=properties), query_pos, query_batch)

    def field(self, data: Data) -> Field:
        """The learned field of a `Data` or `Batch`, in canonical frames, also while training.

        Raises:
            ValueError: as for `encode_data`.
        """
        z, pos, batch, properties = atoms_of_data(data, self.properties)
        batch, num_graphs = self._check(z, pos, batch, properties)
        latent = self._encode(z, pos, batch, num_graphs, properties, randomised=False)
        return self.decoder.field(latent).with_atoms(AtomList(z, pos, batch))

    def recon_loss(
        self, latent: Latent, query_pos: Tensor, target: Tensor, query_batch: Tensor | None = None
    ) -> Tensor:
        """The mean square error over points and channels of each molecule, then its mean over molecules.

        Args:
            latent: of ``B`` molecules.
            query_pos: ``[Q, 3]`` Å.
            target: ``[Q, C]``.
            query_batch: ``[Q]`` int64, sorted; molecules may have different numbers of points.

        Raises:
            ValueError: ``target`` has another shape, or a molecule has no points.
        """
        square, batch = self._squares(latent, query_pos, target, query_batch)
        return scatter(square.mean(1), batch, dim=0, dim_size=len(latent), reduce="mean").mean()

    @torch.no_grad()
    def test(
        self, latent: Latent, query_pos: Tensor, target: Tensor, query_batch: Tensor | None = None
    ) -> dict[str, float]:
        """Peak signal-to-noise ratios in dB with peak 1, as means over molecules.

        Returns:
            ``"psnr"`` over all points and channels (arXiv 2502.10848) and ``"psnr_occupied"`` over those (point,
            channel) where the target's absolute value exceeds 0.01; a molecule with none counts in the first alone.

        Raises:
            ValueError: as for `recon_loss`.
        """
        square, batch = self._squares(latent, query_pos, target, query_batch)
        occupied = (target.abs() > 0.01).to(square.dtype)
        count = scatter(occupied.sum(1), batch, dim=0, dim_size=len(latent))
        total = scatter((square * occupied).sum(1), batch, dim=0, dim_size=len(latent))
        everywhere = scatter(square.mean(1), batch, dim=0, dim_size=len(latent), reduce="mean")
        seen = count > 0
        return {
            "psnr": float(_decibel(everywhere).mean()),
            "psnr_occupied": float(_decibel(total[seen] / count[seen]).mean()) if bool(seen.any()) else math.nan,
        }

    def follow(self, mol_field: MolField) -> None:
        """Decode into the field of another definition from now on, which needs no training.

        Args:
            mol_field: a sum over atoms, each a Gaussian that depends on its element alone, such as
                ``MolField("C N O mass")``.

        Raises:
            TypeError: the decoder is not a `StructureFactorDecoder`; others learn a field.
            ValueError: the definition is of another kind.
        """
        if not isinstance(self.decoder, StructureFactorDecoder):
            raise TypeError(
                f"decoder is a {type(self.decoder).__name__}: only StructureFactorDecoder changes its field untrained"
            )
        self.decoder.follow(mol_field)
        self.channels = self.decoder.channels
        self.hyper_parameters["channels"] = self.channels

    def save(self, path: str | Path) -> None:
        """Write the parameters and hyper-parameters as a safetensors file."""
        save_model(path, self, self.hyper_parameters)

    @classmethod
    def load(
        cls, path: str | Path, encoder: nn.Module | None = None, decoder: Decoder | None = None
    ) -> FieldAutoEncoder:
        """The model that :meth:`save` wrote, in evaluation mode.

        Args:
            path: the file.
            encoder: a module of the kind it was built with, where that was not the default one.
            decoder: likewise.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it holds something else, or a module is missing or does not fit.
        """
        options, tensors = read_model(path, "FieldAutoEncoder")
        named = options.pop("decoder")
        if options.pop("custom_encoder") != (encoder is not None) or (named is None) != (decoder is not None):
            raise ValueError(f"{path}: pass encoder= and decoder= exactly where the model was built with own modules")
        model = cls(encoder=encoder, decoder=decoder if decoder is not None else named, **options)
        fill_model(path, model, tensors)
        return model.eval()

    @classmethod
    def from_pretrained(cls, name_or_path: str | Path) -> FieldAutoEncoder:
        """A trained model, in evaluation mode; those named are part of the package and need no network.

        ``"organic-small"`` encodes molecules of H, B, C, N, O, F, Si, P, S, Cl, Se, Br and I with a code of 512
        numbers and decodes them into the field of arXiv 2502.10848 (β = 0.75, 10 channels, as sums over atoms), or
        after :meth:`follow` into another.

        Args:
            name_or_path: a name, a file that :meth:`save` wrote, or a folder with ``model.safetensors``.

        Raises:
            FileNotFoundError: there is no such model, file or folder, or the folder holds none.
            ValueError: the file holds something else.
        """
        return cls.load(pretrained_file(name_or_path))

    def _squares(
        self, latent: Latent, query_pos: Tensor, target: Tensor, query_batch: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """The square errors ``[Q, C]`` and the checked ``query_batch [Q]``."""
        batch = check_queries(query_pos, query_batch, len(latent), latent.code)
        if target.shape != (query_pos.size(0), len(self.channels)):
            raise ValueError(
                f"target has shape {tuple(target.shape)}: give ({query_pos.size(0)}, {len(self.channels)})"
            )
        count = torch.bincount(batch, minlength=len(latent))
        if bool((count == 0).any()):
            lacking = int((count == 0).nonzero()[0])
            raise ValueError(f"query_pos has no point of molecule {lacking}: give points to each of {len(latent)}")
        return (self.decode(latent, query_pos, batch) - target).square(), batch

    def _check(self, z: Tensor, pos: Tensor, batch: Tensor | None, properties: Tensor | None) -> tuple[Tensor, int]:
        batch, num_graphs = check_atoms(z, pos, batch)
        check_like("pos", pos, next(self.parameters()))
        check_properties(properties, len(self.properties), pos, self.properties)
        return batch, num_graphs


def _decibel(error: Tensor) -> Tensor:
    return -10 * error.clamp(min=torch.finfo(error.dtype).tiny).log10()
