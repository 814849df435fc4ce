"""Fields: their definition by atoms, their evaluation, and their samples on grids; needs torch alone."""

from tg_molfield.chem.atoms import AtomList
from tg_molfield.chem.checked_numbers import checked_on_devices
from tg_molfield.chem.coulomb_gaussians import CoulombGaussians
from tg_molfield.chem.form_factors import FormFactors
from tg_molfield.fields.aggregates import AggregateField, MaximumField, UnionField
from tg_molfield.fields.channels import Channel
from tg_molfield.fields.definition import MolField
from tg_molfield.fields.displacement import DisplacementField
from tg_molfield.fields.distance import DistanceField
from tg_molfield.fields.feature_places import DisplacedFeaturesWarning
from tg_molfield.fields.field import Field
from tg_molfield.fields.grid import Grid
from tg_molfield.fields.kernels import KERNELS, FunctionKernel, Kernel, get_kernel
from tg_molfield.fields.rbf import RBFField
from tg_molfield.fields.resolution import CoarseCoordinatesWarning
from tg_molfield.fields.volume import Volume
from tg_molfield.volumes.volume_warnings import VolumeWarning

__all__ = [
    "KERNELS",
    "AggregateField",
    "AtomList",
    "Channel",
    "CoarseCoordinatesWarning",
    "CoulombGaussians",
    "DisplacedFeaturesWarning",
    "DisplacementField",
    "DistanceField",
    "Field",
    "FormFactors",
    "FunctionKernel",
    "Grid",
    "Kernel",
    "MaximumField",
    "MolField",
    "RBFField",
    "UnionField",
    "Volume",
    "VolumeWarning",
    "checked_on_devices",
    "get_kernel",
]
