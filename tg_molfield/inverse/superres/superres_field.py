"""`SuperresField`: functions anywhere, functions at the nodes of grids, and interpolated samples, as one field."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from os import PathLike
from typing import final

from torch import Tensor

from tg_molfield.fields import MolField, RBFField, Volume
from tg_molfield.fields.combination import LinearCombination
from tg_molfield.inverse.superres.lattice_field import LatticeField
from tg_molfield.inverse.superres.saving import load_parts, save_parts


@final
class SuperresField(LinearCombination):
    """f = ``functions`` + Σ ``lattices`` + ``interpolated``: what a superresolution consists of.

    Args:
        functions: functions at any positions, such as the Gaussians found.
        lattices: functions at the nodes of grids, with the same channels, type and device.
        interpolated: samples between which is interpolated; none if not given.

    Raises:
        ValueError: the channels differ, or ``functions`` holds several fields.
    """

    def __init__(
        self, functions: RBFField, lattices: Sequence[LatticeField] = (), interpolated: Volume | None = None
    ) -> None:
        self.functions, self.lattices, self.interpolated_part = functions, tuple(lattices), interpolated
        parts = [functions, *lattices, *([] if interpolated is None else [interpolated])]
        for part in parts[1:]:
            if functions.channels != part.channels or functions.num_graphs != 1:
                raise ValueError(
                    f"functions: expected one field with the channels {', '.join(part.channels)}, got {functions}, "
                    "which does not fit; select channels with functions[names]"
                )
        super().__init__(parts, (1.0,) * len(parts))

    def __repr__(self) -> str:
        return f"SuperresField({', '.join(map(repr, self._fields))})"

    def __getitem__(self, names: str | tuple[str, ...]) -> SuperresField:
        part = self.interpolated_part
        chosen = None if part is None else part[names]
        return self._annotated(SuperresField(self.functions[names], [one[names] for one in self.lattices], chosen))

    def _mapped(self, change: Callable[[Tensor], Tensor]) -> SuperresField:
        part = self.interpolated_part
        field = SuperresField(
            self.functions._mapped(change),
            [one._mapped(change) for one in self.lattices],
            None if part is None else part._mapped(change),
        )
        return self._annotated(field).with_atoms(self.atoms and self.atoms.mapped(change))

    def save(self, path: str | PathLike[str]) -> None:
        """Write the field and its definition as a safetensors file; an existing one is replaced when it is complete.

        Raises:
            ValueError: the kernel of the functions or of the definition is not one of this package's.
        """
        definition = self.mol_field if isinstance(self.mol_field, MolField) else None
        save_parts(path, self.functions.with_atoms(self.atoms), self.lattices, self.interpolated_part, definition)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> SuperresField:
        """The field that :meth:`save` wrote.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it holds something else.
        """
        functions, lattices, interpolated, mol_field = load_parts(path)
        return cls(functions, lattices, interpolated).with_mol_field(mol_field)
