"""`interaction`: how a ligand and a protein meet, as numbers read from their fields."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor
from torch_geometric.data import Batch, Data

from tg_molfield.arguments import check_flag, check_kind
from tg_molfield.compare.cards import interaction_card
from tg_molfield.compare.interactions.descriptors import (
    INTERACTION_FIELD,
    Descriptor,
    as_descriptors,
    field_of,
)
from tg_molfield.compare.interactions.pair_overlaps import pair_overlaps
from tg_molfield.fields import Field, Grid, MolField, RBFField
from tg_molfield.fields.channels import PARTS
from tg_molfield.fields.gaussian_sums import as_gaussians
from tg_molfield.fields.grid import check_grid

Molecule: TypeAlias = Data | Field


class Interaction(NamedTuple):
    """Descriptors of the interaction of ligands and proteins.

    Attributes:
        names: the D descriptors.
        values: [A, B, D] of A ligands with B proteins; one of either has no dimension, so a pair has [D].
        per_atom: the share of each ligand atom [N, B, D], likewise; None where not asked for.
        error: the estimated error of each value, as ``values``; 0 where they are exact to rounding.
        descriptors: what the D descriptors are, with their units.
    """

    names: tuple[str, ...]
    values: Tensor
    per_atom: Tensor | None
    error: Tensor
    descriptors: tuple[Descriptor, ...]

    def _repr_html_(self) -> str:
        return interaction_card(self)


def interaction(
    ligand: Molecule,
    protein: Molecule | None = None,
    by: str | Descriptor | Sequence[str | Descriptor] | None = None,
    *,
    mol_field: MolField = INTERACTION_FIELD,
    per_atom: bool = False,
    grid: Grid | None = None,
) -> Interaction:
    """Contact, clash, complementary charges, hydrogen bonds and lipophilic contact of a ligand and a protein.

    Each descriptor is an overlap of a channel of the ligand's field with a channel of the protein's, see
    `DESCRIPTORS`. So each is linear in both fields, adds up over atoms, and can be read from any fields with these
    channels, also from those sampled, reconstructed or decoded, of which no atoms are known. It is exact for atoms,
    and otherwise summed on a grid, with its error; always differentiable.

    Args:
        ligand: a ``Data``, a ``Batch`` of poses or ligands, or their field. Without ``protein``: a complex, as
            `read_complex` gives it, or a field with channels such as ``ligand.shape`` and ``protein.shape``.
        protein: a ``Data``, a ``Batch``, or a field, in the ligand's coordinate system.
        by: names of descriptors, or a `Descriptor` of one's own; all if not given. ``contact`` and ``clash`` need
            elements and positions alone; the others need ``partial_charge``, ``donor``, ``acceptor`` and ``logp``,
            which ``from_rdkit(mol, properties=...)`` computes, and which `read_complex` keeps where ligand and protein
            both have them.
        mol_field: the definition of the fields of a ``Data``.
        per_atom: give the share of each ligand atom, too; the ligand must be a ``Data``, or a field with centres.
        grid: where fields that are no sums of Gaussians are summed; chosen if not given.

    Raises:
        TypeError: an argument is neither ``Data`` nor a field.
        ValueError: a channel or an attribute of the atoms is missing, a number is not finite, the fields do not fit
            each other, a complex has no ligand or no protein, or one of two molecules is a whole complex.
    """
    descriptors = as_descriptors(by)
    check_kind("mol_field", mol_field, MolField, "a MolField", "leave it out for INTERACTION_FIELD")
    check_flag(per_atom=per_atom)
    check_grid(grid)
    if per_atom and isinstance(ligand, Data) and mol_field.order > 1:
        raise ValueError(
            f"per_atom: expected False for products of atoms, got True with order={mol_field.order}; give order=1"
        )
    if protein is None and isinstance(ligand, Batch):
        one_by_one = partial(interaction, by=descriptors, mol_field=mol_field, per_atom=per_atom, grid=grid)
        return _stacked([one_by_one(one) for one in ligand.to_data_list()])
    if protein is not None and not mol_field.split_parts:
        _check_alone("ligand", ligand)
        _check_alone("protein", protein)
    first, second = (ligand, ligand) if protein is None else (ligand, protein)
    if protein is None and isinstance(ligand, Data):
        first, second = (_part(ligand, number, mol_field) for number in range(len(PARTS)))
    f = _field("ligand", first, mol_field, {one.ligand for one in descriptors})
    g = _field("protein", second, mol_field, {one.protein for one in descriptors})
    mine = [_channel("ligand", f, one.ligand) for one in descriptors]
    theirs = [_channel("protein", g, one.protein) for one in descriptors]
    names, others = list(dict.fromkeys(mine)), list(dict.fromkeys(theirs))
    pairs = pair_overlaps(f[tuple(names)], g[tuple(others)], per_center=per_atom, grid=grid)
    rows, columns = [names.index(name) for name in mine], [others.index(name) for name in theirs]
    factors = pairs.values.new_tensor([one.factor for one in descriptors])
    values, error = pairs.values[..., rows, columns] * factors, pairs.error[..., rows, columns] * factors.abs()
    shares = None
    if per_atom:
        centers = as_gaussians(f) or f
        assert isinstance(centers, RBFField)
        shares = _of_atoms(values, first)
        values, error = (
            x.new_zeros(f.num_graphs, *x.shape[1:]).index_add(0, centers.batch, x) for x in (values, error)
        )
        shares = shares[:, 0] if g.num_graphs == 1 else shares
    single = tuple(0 if field.num_graphs == 1 else slice(None) for field in (f, g))
    return Interaction(tuple(one.name for one in descriptors), values[single], shares, error[single], descriptors)


def _field(role: str, molecule: Molecule, mol_field: MolField, channels: set[str]) -> Field:
    if isinstance(molecule, Data):
        return field_of(mol_field, channels)(molecule)
    check_kind(role, molecule, Field, "a Data or a Field", "give for example read(path)[0]")
    return molecule


def _channel(role: str, field: Field, name: str) -> str:
    """The name of the channel in a field of one part, or of both."""
    for known in (f"{role}.{name}", name):
        if known in field.channels:
            return known
    raise ValueError(
        f"{role}: expected a field with the channel {name!r}, got {' '.join(field.channels)}; sample "
        "INTERACTION_FIELD, or name with by= the descriptors that the field has channels for"
    )


def _check_alone(role: str, molecule: Molecule) -> None:
    """Refuse a complex beside another molecule, of which the other part would count as well."""
    part = getattr(molecule, "part", None) if isinstance(molecule, Data) else None
    if isinstance(part, Tensor) and all(bool((part == number).any()) for number in range(len(PARTS))):
        number = PARTS.index(role)
        raise ValueError(
            f"{role}: expected the {role} alone beside another molecule, got a complex with part 0 and 1; give its "
            f"atoms of part {number}, or the complex alone"
        )


def _part(data: Data, number: int, mol_field: MolField) -> Data:
    """The ligand or the protein of a complex, with what its field reads."""
    part = getattr(data, "part", None)
    if not isinstance(part, Tensor) or part.shape != data.z.shape:
        raise ValueError(
            "ligand: expected a complex with part (0 ligand, 1 protein) for each atom, got a Data without; give the "
            "protein as second argument, or a complex by read_complex"
        )
    rows = part == number
    if not bool(rows.any()):
        raise ValueError(f"ligand: expected a complex with {PARTS[number]} atoms, got none; give both parts")
    present = [name for name in ("z", "pos", "part", *mol_field.attributes) if name in data]
    return Data(**{name: data[name][rows] for name in present}, **{k: data[k] for k in ("cell", "pbc") if k in data})


def _of_atoms(shares: Tensor, molecule: Molecule) -> Tensor:
    """Shares by atom where an atom has several centres, one after the other."""
    atoms = len(molecule.z) if isinstance(molecule, Data) else len(shares)
    return shares if len(shares) == atoms else shares.unflatten(0, (atoms, -1)).sum(1)


def _stacked(found: list[Interaction]) -> Interaction:
    """The interactions of several complexes one after the other."""
    shares = [one.per_atom for one in found if one.per_atom is not None]
    return Interaction(
        found[0].names,
        torch.stack([one.values for one in found]),
        torch.cat(shares) if shares else None,
        torch.stack([one.error for one in found]),
        found[0].descriptors,
    )
