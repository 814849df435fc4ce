"""`DecodedMolecules`: atoms that a decoder found, and their field."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, overload

from torch_geometric.data import Data

from tg_molfield.fields import RBFField
from tg_molfield.nn.cards import decoded_card
from tg_molfield.nn.latent.latent import Latent
from tg_molfield.structures.whole_molecule import canonical_smiles, whole_molecule


class DecodedMolecules(Sequence[Data]):
    """The molecules that codes were decoded to: a sequence of `Data` with ``z`` [N] and ``pos`` [N, 3] in Å.

    A decoder promises atoms, not chemistry; whether they are a molecule is said by ``valid``.

    Args:
        molecules: the B molecules.
        field: their fields as one.
        latent: what was decoded, where codes without noise were.

    Attributes:
        molecules: the molecules as a list.
        field: a batched `RBFField`, without gradients; that of ``model.decoder.field(latent)`` has them.
        latent: the latents ``[B]``; None where there are none.
    """

    def __init__(self, molecules: Sequence[Data], field: RBFField, latent: Latent | None = None) -> None:
        self.molecules = list(molecules)
        self.field = field
        self.latent = latent

    def __repr__(self) -> str:
        atoms = [data.num_nodes for data in self.molecules]
        sizes = f" of {min(atoms)} to {max(atoms)} atoms" if atoms else ""
        return f"DecodedMolecules({len(self)}{sizes})"

    def _repr_html_(self) -> str:
        return decoded_card(self)

    def __len__(self) -> int:
        return len(self.molecules)

    @overload
    def __getitem__(self, index: int) -> Data: ...
    @overload
    def __getitem__(self, index: slice) -> list[Data]: ...
    def __getitem__(self, index: int | slice) -> Data | list[Data]:
        return self.molecules[index]

    def __iter__(self) -> Iterator[Data]:
        return iter(self.molecules)

    def to_rdkit(self) -> list[Any]:
        """Each molecule with its bonds, perceived from the positions; None where its atoms are no molecule.

        Needs RDKit. Bonds are those that `tg_molfield.to_rdkit` finds for a molecule without charge, and that RDKit
        sanitises; one that falls into pieces is no molecule.
        """
        return list(self._mols)

    @property
    def valid(self) -> list[bool]:
        """Which are molecules, see :meth:`to_rdkit`."""
        return [mol is not None for mol in self._mols]

    @property
    def smiles(self) -> list[str]:
        """RDKit's canonical SMILES of each; empty where the atoms are no molecule, see :meth:`to_rdkit`."""
        return ["" if mol is None else canonical_smiles(mol) for mol in self._mols]

    @cached_property
    def _mols(self) -> list[Any]:
        return [whole_molecule(data) for data in self.molecules]
