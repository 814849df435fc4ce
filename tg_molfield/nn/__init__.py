"""Models: encoders of molecules, decoders of fields, and what connects them."""

from tg_molfield.nn.atom_encoder import AtomEncoder
from tg_molfield.nn.decoder import Decoder
from tg_molfield.nn.field_autodecoder import AutoDecoderReport, FieldAutoDecoder
from tg_molfield.nn.field_autoencoder import FieldAutoEncoder
from tg_molfield.nn.latent import Latent
from tg_molfield.nn.neural_field import NeuralField
from tg_molfield.nn.pointwise_decoder import PointwiseDecoder
from tg_molfield.nn.pose import Pose
from tg_molfield.nn.rbf_decoder import RBFDecoder
from tg_molfield.nn.siren_decoder import SirenDecoder

__all__ = [
    "AtomEncoder",
    "AutoDecoderReport",
    "Decoder",
    "FieldAutoDecoder",
    "FieldAutoEncoder",
    "Latent",
    "NeuralField",
    "PointwiseDecoder",
    "Pose",
    "RBFDecoder",
    "SirenDecoder",
]
