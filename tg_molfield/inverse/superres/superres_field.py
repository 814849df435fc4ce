"""`SuperresField`: functions anywhere and functions at the nodes of a grid, as one field."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from typing import final

from torch import Tensor

from tg_molfield.fields import Grid, MolField, RBFField
from tg_molfield.fields.field import LinearCombination
from tg_molfield.fields.interpolation import Periodic
from tg_molfield.inverse.superres.lattice_field import LatticeField
from tg_molfield.inverse.superres.saving import load_parts, save_parts


@final
class SuperresField(LinearCombination):
    """f = ``functions`` + ``nodes``: the functions found in samples, and functions at the nodes for the residual.

    Args:
        functions: functions at any positions, such as the Gaussians found.
        nodes: functions at the nodes, with the same channels, type and device.

    Raises:
        ValueError: the channels differ, or ``functions`` holds several fields.
    """

    def __init__(self, functions: RBFField, nodes: LatticeField) -> None:
        if functions.channels != nodes.channels or functions.num_graphs != 1:
            raise ValueError(
                f"functions: expected one field with the channels {', '.join(nodes.channels)}, got {functions}, which "
                "does not fit; select channels with functions[names]"
            )
        super().__init__((functions, nodes), (1.0, 1.0))
        self.functions, self.nodes = functions, nodes

    def __repr__(self) -> str:
        return f"SuperresField({self.functions!r}, {self.nodes!r})"

    def __getitem__(self, names: str | tuple[str, ...]) -> SuperresField:
        return self._annotated(SuperresField(self.functions[names], self.nodes[names]))

    def _repeating_axes(self, grid: Grid, graph: int = 0) -> Periodic:
        return super()._repeating_axes(grid) if len(self.functions.centers) else self.nodes._repeating_axes(grid)

    def _mapped(self, change: Callable[[Tensor], Tensor]) -> SuperresField:
        field = SuperresField(self.functions._mapped(change), self.nodes._mapped(change))
        return self._annotated(field).with_atoms(self.atoms and self.atoms.mapped(change))

    def save(self, path: str | PathLike[str]) -> None:
        """Write the field and its definition as a safetensors file; an existing one is replaced when it is complete.

        Raises:
            ValueError: the kernel of the functions or of the definition is not one of this package's.
        """
        definition = self.mol_field if isinstance(self.mol_field, MolField) else None
        save_parts(path, self.functions.with_atoms(self.atoms), self.nodes, definition)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> SuperresField:
        """The field that :meth:`save` wrote.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it holds something else.
        """
        functions, nodes, mol_field = load_parts(path)
        return cls(functions, nodes).with_mol_field(mol_field)
