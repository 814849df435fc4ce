"""Models: encoders of molecules, decoders of fields, and what connects them."""

from tg_molfield.nn.autodecoder.model import FieldAutoDecoder
from tg_molfield.nn.autodecoder.report import AutoDecoderReport
from tg_molfield.nn.autoencoder import FieldAutoEncoder
from tg_molfield.nn.decoders.atoms import AtomDecoder
from tg_molfield.nn.decoders.base import DecodedField, Decoder, NeuralDecoder, PointwiseDecoder
from tg_molfield.nn.decoders.flow.decoder import FlowDecoder
from tg_molfield.nn.decoders.gaussian_atoms.decoder import UnsolvedCodeWarning
from tg_molfield.nn.decoders.rbf import RBFDecoder
from tg_molfield.nn.decoders.siren import SirenDecoder
from tg_molfield.nn.decoders.structure_factors.decoder import StructureFactorDecoder
from tg_molfield.nn.domain import Domain, OutOfDomainWarning
from tg_molfield.nn.embedding.embed import Embeddings
from tg_molfield.nn.embedding.nearest import Neighbors, nearest
from tg_molfield.nn.encoders.base import AtomEncoder
from tg_molfield.nn.encoders.invariance import EncoderWarning
from tg_molfield.nn.encoders.painn import PaiNNEncoder
from tg_molfield.nn.encoders.pyg import atom_encoder_from
from tg_molfield.nn.generation.molecules import DecodedMolecules
from tg_molfield.nn.latent.atom_features import AtomFeatures, FeatureSizes
from tg_molfield.nn.latent.latent import Latent
from tg_molfield.nn.latent.pose import Pose
from tg_molfield.nn.pooling.base import Pooling
from tg_molfield.nn.pooling.descriptor import MoleculeDescriptor

__all__ = [
    "AtomDecoder",
    "AtomEncoder",
    "AtomFeatures",
    "AutoDecoderReport",
    "DecodedField",
    "DecodedMolecules",
    "Decoder",
    "Domain",
    "Embeddings",
    "EncoderWarning",
    "FeatureSizes",
    "FieldAutoDecoder",
    "FieldAutoEncoder",
    "FlowDecoder",
    "Latent",
    "MoleculeDescriptor",
    "Neighbors",
    "NeuralDecoder",
    "OutOfDomainWarning",
    "PaiNNEncoder",
    "PointwiseDecoder",
    "Pooling",
    "Pose",
    "RBFDecoder",
    "SirenDecoder",
    "StructureFactorDecoder",
    "UnsolvedCodeWarning",
    "atom_encoder_from",
    "nearest",
]
