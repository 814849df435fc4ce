"""`Morph`: from one molecule to another, where atoms that both have move and the others fade out and in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data

from tg_molfield.arguments import check_choice
from tg_molfield.chem.atoms import AtomList
from tg_molfield.chem.cells import is_periodic, pbc_of
from tg_molfield.fields import Field, MolField, RBFField
from tg_molfield.fields.definition import AGGREGATES
from tg_molfield.fields.intersections import with_intersections
from tg_molfield.paths.atom_match import MATCHES, AtomMatch, match_molecules
from tg_molfield.paths.frames import Array, Indices, check_molecule
from tg_molfield.structures.keys import is_per_atom

_VECTORS = ("forces", "dipole")


@dataclass(frozen=True)
class Morph:
    """Two molecules, the last laid on the first, and which atoms are in both.

    Attributes:
        first: the first molecule.
        last: the last molecule, laid on the first.
        match: the pairs of atoms that move, and how the last molecule was laid on the first.
        leaving: atoms of the first molecule only.
        arriving: atoms of the last molecule only.
    """

    first: Data
    last: Data
    match: AtomMatch
    leaving: Indices
    arriving: Indices

    @classmethod
    def of(cls, frames: Sequence[Data], mol_field: MolField, match: str) -> Morph:
        """The morph between two molecules.

        Raises:
            ValueError: see `tg_molfield.FieldPath`.
        """
        check_choice("match", match, MATCHES, "leave it out for one molecule")
        if len(frames) != 2:
            raise ValueError(
                f"frames: expected 2 molecules with match, got {len(frames)}; give two, or leave out match for frames "
                "of one molecule"
            )
        for number, frame in enumerate(frames):
            check_molecule(f"frames[{number}]", frame)
            if is_periodic(pbc_of(frame)):
                raise ValueError(
                    f"frames[{number}]: expected a molecule with match, got a periodic one; leave out match, or cell "
                    "and pbc"
                )
        first, last = frames[0], frames[1].clone().to(frames[0].pos.device)
        found = match_molecules(first, last, match)
        _move(last, found, first.pos, mol_field)
        leaving, arriving = (
            np.setdiff1d(np.arange(len(data.z)), found.pairs[:, side]) for side, data in enumerate((first, last))
        )
        morph = cls(first, last, found, leaving, arriving)
        if morph.fades:
            _check_fades(mol_field)
        return morph

    @property
    def fades(self) -> bool:
        """Whether any atom is in one molecule only."""
        return len(self.leaving) + len(self.arriving) > 0

    @property
    def moving(self) -> list[Data]:
        """The atoms in both molecules, at the start and at the end."""
        if not self.fades:
            return [self.first, _reordered(self.last, self.match.pairs[:, 1])]
        ends = zip((self.first, self.last), self.match.pairs.T, strict=True)
        return [Data(z=data.z[_index(rows)], pos=data.pos[_index(rows)]) for data, rows in ends]

    @property
    def z(self) -> Tensor:
        """Atomic numbers [N]: the first molecule, then the atoms of the last molecule only."""
        return torch.cat([self.first.z, self.last.z[_index(self.arriving)]]).cpu()

    def positions(self, moving: Array) -> Tensor:
        """The positions [N, 3] in Å, with those of the M atoms that move."""
        pos = self.first.pos.detach().clone()
        pos[_index(self.match.pairs[:, 0])] = torch.from_numpy(moving).to(pos)
        return torch.cat([pos, self.last.pos[_index(self.arriving)]])

    def occupancies(self, fraction: float) -> Tensor:
        """The share [N] of each atom."""
        shares = self.first.pos.new_ones(len(self.first.z) + len(self.arriving))
        shares[_index(self.leaving)] = 1 - fraction
        shares[len(self.first.z) :] = fraction
        return shares

    def field(self, mol_field: MolField, moving: Array, fraction: float) -> Field:
        """The field at a fraction of the way; at its ends that of a molecule."""
        if fraction in (0, 1):
            return mol_field(self.last if fraction else self.first)
        options = ("kernel", "widths", "width_scale", "split_parts", "form_factors")
        sums = MolField(mol_field.specification, **{name: getattr(mol_field, name) for name in options})
        field = self._sum(sums(self.first), sums(self.last), moving, fraction)
        if mol_field.order > 1:
            field = with_intersections(field, mol_field.order)
        return field if mol_field.aggregate == "sum" else AGGREGATES[mol_field.aggregate](field)

    def _sum(self, first: Field, last: Field, moving: Array, fraction: float) -> RBFField:
        """Weights and widths of atoms in both molecules in between, those of others times their share."""
        assert isinstance(first, RBFField)
        assert isinstance(last, RBFField)
        terms = len(first.centers) // len(self.first.z)
        kept, became = (_rows(rows, terms) for rows in self.match.pairs.T)
        arriving = _rows(self.arriving, terms)
        mixed = []
        for mine, theirs in ((first.weights, last.weights), (first.widths, last.widths)):
            values = mine.clone()
            values[kept] = torch.lerp(mine[kept], theirs[became], fraction)
            mixed.append(torch.cat([values, theirs[arriving]]))
        weights, widths = mixed
        shares = self.occupancies(fraction).to(weights).repeat_interleave(terms)
        centers = self.positions(moving).repeat_interleave(terms, 0)
        whole = _index(self.match.pairs[:, 0])
        atoms = AtomList(self.first.z[whole], torch.from_numpy(moving).to(self.first.pos))
        return RBFField(centers, weights * shares[:, None], widths, first.kernel, first.channels, atoms=atoms)


def vector_names(mol_field: MolField) -> set[str]:
    """The attributes that turn with a molecule."""
    return {channel.weight for channel in mol_field.specification if channel.vector}.union(_VECTORS)


def _move(data: Data, match: AtomMatch, like: Tensor, mol_field: MolField) -> None:
    """Move a molecule, its features and its vectors."""
    rotation = torch.from_numpy(match.rotation)
    for name in ("pos", "color_pos"):
        if isinstance(value := data.get(name), Tensor):
            moved = match.apply(value.detach().cpu().double().numpy())
            data[name] = torch.from_numpy(moved).to(like)
    for name in vector_names(mol_field):
        value = data.get(name)
        if isinstance(value, Tensor) and value.ndim == 2 and value.shape[1] == 3:
            data[name] = (value.cpu().double() @ rotation.T).to(value)


def _reordered(data: Data, order: Indices) -> Data:
    """A molecule with its atoms in another order."""
    if (order == np.arange(len(order))).all():
        return data
    result, index = data.clone(), _index(order).to(data.z.device)
    for name, value in data.items():
        if is_per_atom(data, name):
            result[name] = value[index]
    if isinstance(edges := data.get("edge_index"), Tensor):
        result.edge_index = index.argsort()[edges]
    return result


def _check_fades(mol_field: MolField) -> None:
    if mol_field.aggregate in ("distance", "displacement"):
        raise ValueError(
            f"mol_field: expected a field in which atoms can fade, got aggregate={mol_field.aggregate!r}, for which an "
            "atom is there or not; give 'sum', 'union' or 'maximum'"
        )
    if mol_field.normalize_grid_size is not None:
        raise ValueError(
            "mol_field: expected a field in which atoms can fade, got normalize_grid_size, for which the cube around "
            "the atoms would jump; give normalize_grid_size=None"
        )


def _index(rows: Indices) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(rows))


def _rows(atoms: Indices, terms: int) -> Tensor:
    """The rows of the functions of atoms, of which each has the same number."""
    return _index((atoms[:, None] * terms + np.arange(terms)).ravel())
