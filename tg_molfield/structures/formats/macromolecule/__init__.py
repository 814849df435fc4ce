"""The atoms of proteins, nucleic acids and what surrounds them, for PDB and mmCIF alike."""

from tg_molfield.structures.formats.macromolecule.gemmi_model import atom_sites
from tg_molfield.structures.formats.macromolecule.sites import AtomSites, ModelRecord, model_record

__all__ = ["AtomSites", "ModelRecord", "atom_sites", "model_record"]
