"""Models: encoders of molecules, decoders of fields, and what connects them."""

from tg_molfield.nn.anchors import Anchors
from tg_molfield.nn.atom_decoder import AtomDecoder
from tg_molfield.nn.atom_encoder import AtomEncoder
from tg_molfield.nn.atom_field import AtomField
from tg_molfield.nn.autodecoding.report import AutoDecoderReport
from tg_molfield.nn.decoder import Decoder
from tg_molfield.nn.field_autodecoder import FieldAutoDecoder
from tg_molfield.nn.field_autoencoder import FieldAutoEncoder
from tg_molfield.nn.latent import Latent
from tg_molfield.nn.neural_field import NeuralField
from tg_molfield.nn.pointwise_decoder import PointwiseDecoder
from tg_molfield.nn.pose import Pose
from tg_molfield.nn.pyg_encoders import atom_encoder_from
from tg_molfield.nn.rbf_decoder import RBFDecoder
from tg_molfield.nn.siren_decoder import SirenDecoder
from tg_molfield.nn.sketching.sketch_decoder import SketchDecoder
from tg_molfield.nn.summary import MoleculeSummary

__all__ = [
    "Anchors",
    "AtomDecoder",
    "AtomEncoder",
    "AtomField",
    "AutoDecoderReport",
    "Decoder",
    "FieldAutoDecoder",
    "FieldAutoEncoder",
    "Latent",
    "MoleculeSummary",
    "NeuralField",
    "PointwiseDecoder",
    "Pose",
    "RBFDecoder",
    "SirenDecoder",
    "SketchDecoder",
    "atom_encoder_from",
]
