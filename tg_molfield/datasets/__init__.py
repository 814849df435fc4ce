"""Data sets of molecules for PyTorch Geometric, on the disk."""

from tg_molfield.datasets.complex_fields import ComplexFields
from tg_molfield.datasets.ensemble_fields import EnsembleFields
from tg_molfield.datasets.equal_molecules import EqualMoleculesWarning
from tg_molfield.datasets.freesolv import FreeSolvFields
from tg_molfield.datasets.molecule_fields import MoleculeFields
from tg_molfield.datasets.progress import BuildProgress
from tg_molfield.datasets.qm9 import QM9Fields

__all__ = [
    "BuildProgress",
    "ComplexFields",
    "EnsembleFields",
    "EqualMoleculesWarning",
    "FreeSolvFields",
    "MoleculeFields",
    "QM9Fields",
]
