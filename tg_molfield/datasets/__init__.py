"""Data sets of molecules for PyTorch Geometric, on the disk."""

from tg_molfield.datasets.molecule_fields import MoleculeFields
from tg_molfield.datasets.progress import BuildProgress

__all__ = ["BuildProgress", "MoleculeFields"]
