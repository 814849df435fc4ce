"""`MolField`: the definition of a molecule's field, an immutable value that turns atoms into an `RBFField`."""

from __future__ import annotations

import inspect
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor

from tg_molfield.arguments import (
    check_choice,
    check_flag,
    check_kind,
    check_not_negative,
    check_number,
    check_positive,
    require_integers,
)
from tg_molfield.chem.atoms import AtomList
from tg_molfield.chem.checked_numbers import numbers_are_checked
from tg_molfield.chem.color import COLOR_KEYS
from tg_molfield.chem.coulomb_gaussians import CoulombGaussians
from tg_molfield.chem.elements import ELEMENT_PROPERTIES, atomic_numbers
from tg_molfield.chem.form_factors import FormFactors
from tg_molfield.fields.aggregates import AggregateField, MaximumField, UnionField
from tg_molfield.fields.cards import definition_card
from tg_molfield.fields.channels import (
    GROUPS,
    PARTS,
    Channel,
    CheckedAtoms,
    parse_channels,
    per_atom,
    split_part,
    weights_of_channels,
)
from tg_molfield.fields.color_points import ColorPoints
from tg_molfield.fields.definition_checks import (
    DEFAULT_WIDTH_SCALE,
    DEFAULT_WIDTHS,
    Arguments,
    check_definition,
)
from tg_molfield.fields.displacement import DisplacementField
from tg_molfield.fields.distance import DistanceField
from tg_molfield.fields.grid import Grid
from tg_molfield.fields.intersections import with_intersections
from tg_molfield.fields.kernels import KERNELS, Kernel, get_kernel
from tg_molfield.fields.normalization import normalized
from tg_molfield.fields.presets import preset_arguments
from tg_molfield.fields.rbf import RBFField
from tg_molfield.precision import full_precision

DEFAULT_CHANNELS = "H C N O F P S Cl other"
AGGREGATES: dict[str, type] = {
    "sum": RBFField,
    "union": UnionField,
    "maximum": MaximumField,
    "distance": DistanceField,
    "displacement": DisplacementField,
}


@final
@dataclass(frozen=True, init=False, repr=False)
class MolField:
    """The field of a molecule as a function of its atoms: f_c(x) = Σ_i w_ic φ(|x − r_i| / σ_i).

    A definition is immutable, compares by value, and has a complete repr.

    Args:
        channels: one string or a sequence. An element symbol: 1 for its atoms;
            ``other``: 1 for all elements not named; ``all``: 1 for every atom; ``heavy``: 1 for all but hydrogen;
            ``vdw_radius``, ``covalent_radius``, ``electronegativity``, ``mass``: that property of the element; any
            other name: the per-atom attribute [N] of that name; ``NAME:vector``: the per-atom vector [N, 3] of that
            name, as three channels. A `Channel` has more options.
        kernel: φ, by name or as a `Kernel`. Form factors, distances and displacements have none.
        widths: σ before scaling: ``vdw_radius`` or another element property, a constant in Å, or the name
            of a per-atom attribute [N]. Form factors and displacements read none.
        width_scale: the factor that turns ``widths`` into σ.
        split_parts: make every channel once for the atoms with ``part`` 0, the ligand, then once for those with
            ``part`` 1, the protein; the names become ``ligand.C``, ``protein.C`` and so on.
        aggregate: how the contributions of atoms are combined: ``"sum"``; ``"union"``, 1 − Π(1 − φ)^w (`UnionField`);
            ``"maximum"`` (`MaximumField`); ``"distance"``, the signed distance to the nearest sphere of radius σ
            (`DistanceField`); ``"displacement"``, the vector to the nearest atom (`DisplacementField`).
        smoothness: of the distance, in Å (`DistanceField`).
        form_factors: describe each atom by several Gaussians, in place of kernel and widths: `FormFactors` of its
            electron density, or `CoulombGaussians` of the potential of a charge.
        normalize_grid_size: divide every channel of every molecule by its largest absolute value, of vectors by the
            greatest length, on `grid` with this many nodes an axis (the convention of arXiv 2502.10848; the result
            depends on the molecule's orientation). Gradients take what is divided by for a constant. Channels are not
            divided if not given.
        order: 1 adds atoms up, which counts overlapping ones several times. 2 to 6 subtract the products of two atoms
            of a channel, add those of three and so on (1 − Π(1 − w φ), expanded to products of this many): with
            order 6 the integral of the preset ``shape`` is the volume of the hard spheres to about 1 %. Products
            that integrate to less than 1e-4 Å³ are left out. Gaussians only, and no periodic atoms.
        centers: ``"atoms"``, or ``"color"`` for the pharmacophore features of the data
            (`tg_molfield.structures.with_color`). Channels are then types of features, ``donor``, ``acceptor``,
            ``ring``, ``hydrophobe``, ``cation``, ``anion``, or ``all``, and widths are numbers.

    Raises:
        ValueError: an unknown kernel or aggregate, no channels, a number out of range, or incompatible options.
    """

    specification: tuple[Channel, ...]
    kernel: Kernel
    widths: str | float
    width_scale: float
    split_parts: bool
    aggregate: str
    smoothness: float
    form_factors: FormFactors | CoulombGaussians | None
    normalize_grid_size: int | None
    order: int
    centers: str

    def __init__(
        self,
        channels: str | Sequence[str | Channel] = DEFAULT_CHANNELS,
        kernel: str | Kernel = "gaussian",
        widths: str | float = DEFAULT_WIDTHS,
        width_scale: float = DEFAULT_WIDTH_SCALE,
        split_parts: bool = False,
        aggregate: str = "sum",
        smoothness: float = 0.0,
        form_factors: FormFactors | CoulombGaussians | None = None,
        normalize_grid_size: int | None = None,
        order: int = 1,
        centers: str = "atoms",
    ) -> None:
        check_choice("aggregate", aggregate, AGGREGATES)
        check_flag(split_parts=split_parts)
        check_positive("width_scale", width_scale, "the default is 0.5")
        check_not_negative("smoothness", smoothness, "0 is exact")
        if not isinstance(widths, str):
            check_positive("widths", widths, "give σ in Å, or name an element property")
            widths = float(widths)
        given = Arguments(
            parse_channels(channels), get_kernel(kernel), widths, float(width_scale), bool(split_parts), aggregate,
            float(smoothness), form_factors, normalize_grid_size, order, centers,
        )  # fmt: skip
        check_definition(given)
        for name, value in given._asdict().items():
            object.__setattr__(self, name, value)

    @classmethod
    def preset(cls, name: str, **options: Any) -> MolField:
        """A definition by name. The documentation has the formulas and sources under "Mathematics".

        ``mnf`` (arXiv 2502.10848), ``libmolgrid``, ``funcmol``, ``moleculekit`` (the densities of those packages),
        ``promolecule`` (electron density of spherical atoms), ``esp`` (electrostatic potential of partial charges),
        ``mlp`` (molecular lipophilicity potential), ``vdw`` (signed distance to the van der Waals surface). For
        comparisons: ``shape`` (density of the heavy atoms), ``color`` (of pharmacophore features, by type) and
        ``esp_gaussian`` (the potential as a sum of Gaussians).

        Args:
            name: one of these.
            options: ``channels``, except of ``esp``, ``esp_gaussian``, ``mlp`` and ``shape``. Of ``mnf``: ``beta``
                (0.75, for complexes 0.25), ``properties`` (of elements, appended as channels), ``split_parts`` and
                ``normalize_grid_size`` (16, for complexes 32; None leaves channels undivided). Of ``libmolgrid``:
                ``binary`` for spheres. Of ``funcmol`` and ``color``: ``radius`` in Å. Of ``promolecule``: ``blur`` in
                Å². Of ``esp`` and ``esp_gaussian``: ``charge``, the attribute; of ``esp`` ``softening`` in Å, of the
                other ``terms``, 2 to 6. Of ``mlp``: ``contribution``, the attribute, and ``decay`` in Å. Of ``vdw``:
                ``smoothness`` in Å. Of ``shape`` and ``color``: ``height``, the p of the formula. Of ``shape``:
                ``order``, as of the class, and ``radii``, a property, an attribute or a number in Å.

        Raises:
            TypeError: an option is of another kind.
            ValueError: an unknown name or option.
        """
        return cls(**preset_arguments(name, **options))

    @property
    def channels(self) -> tuple[str, ...]:
        """The names of the field's channels, with parts and vector components."""
        names = self._scalar_channels
        return (
            tuple(f"{name}.{axis}" for name in names for axis in "xyz") if self.aggregate == "displacement" else names
        )

    @property
    def _scalar_channels(self) -> tuple[str, ...]:
        names = tuple(name for channel in self.specification for name in channel.names)
        return tuple(f"{part}.{name}" for part in PARTS for name in names) if self.split_parts else names

    @property
    def attributes(self) -> set[str]:
        """The attributes that the definition reads, apart from ``z``, ``pos`` and ``part``."""
        if self.centers == "color":
            return set(COLOR_KEYS)
        named = {name for channel in self.specification for name in (channel.weight, channel.width)} | {self.widths}
        known = {*atomic_numbers(), *ELEMENT_PROPERTIES, *GROUPS}
        return {name for name in named if isinstance(name, str)} - known

    @property
    def is_one_term_an_atom(self) -> bool:
        """Whether the field is a sum of one function an atom."""
        return self.aggregate == "sum" and self.centers == "atoms" and self.form_factors is None and self.order == 1

    def channel_of(self, name: str) -> Channel | None:
        """The `Channel` behind the field's channel ``name``, given with or without its part; None if there is none."""
        plain = split_part(name[:-2] if self.aggregate == "displacement" else name)[1]
        return next((channel for channel in self.specification if plain in channel.names), None)

    def differences(self, other: MolField, channels: Sequence[str]) -> list[str]:
        """The arguments by which two definitions differ in the named channels; their order does not matter."""
        check_kind("other", other, MolField, "a MolField", "give another definition")
        names = [name for name in list(self.__dataclass_fields__)[1:] if getattr(self, name) != getattr(other, name)]
        same = all(self._meaning(name) == other._meaning(name) for name in channels)
        return names if same else ["channels", *names]

    def _meaning(self, name: str) -> tuple[Channel | None, set[str]]:
        """The `Channel` behind a name and the elements that it leaves to other channels."""
        channel = self.channel_of(name)
        if channel is None or channel.weight != "other":
            return channel, set()
        return channel, {one.weight for one in self.specification} & atomic_numbers().keys()

    def __repr__(self) -> str:
        words = [channel.written for channel in self.specification]
        shown: list[str] = [repr(" ".join(words)) if all(words) else repr(self.specification)]
        kernel: object = self.kernel.name if KERNELS.get(self.kernel.name) == self.kernel else self.kernel
        values = {"kernel": kernel} | {name: getattr(self, name) for name in list(self.__dataclass_fields__)[2:]}
        defaults = inspect.signature(type(self)).parameters
        shown += [f"{name}={value!r}" for name, value in values.items() if value != defaults[name].default]
        return f"MolField({', '.join(shown)})"

    def _repr_html_(self) -> str:
        return definition_card(self)

    @full_precision
    def __call__(self, data: Any) -> RBFField | AggregateField:
        """The field of a molecule or a batch.

        Args:
            data: has ``z`` [N] (int64), ``pos`` [N, 3] (Å), the attributes that the channels name, ``part`` [N]
                where ``split_parts`` is set, its features where ``centers`` is ``"color"``, ``batch`` where it is a
                PyG batch. Where it is periodic, ``cell`` [B, 3, 3] in Å and ``pbc`` [B, 3] as tensors, arrays or
                lists, or [3B, 3] and [3B] as PyG collates them.

        Raises:
            ValueError: an attribute is missing, misshapen or not finite; no atoms; an element that has no width.
        """
        atoms = CheckedAtoms.of(data)
        centers, weights, widths, batch = self._of_features(atoms) if self.centers == "color" else self._of_atoms(atoms)
        field = RBFField(
            centers, weights, widths, self.kernel, self._scalar_channels,
            batch=batch, num_graphs=atoms.num_graphs, cell=atoms.cell, pbc=atoms.pbc,
            atoms=AtomList(atoms.z, atoms.pos, atoms.batch),
        )  # fmt: skip
        if self.order > 1:
            field = with_intersections(field, self.order)
        if self.normalize_grid_size is not None:
            field = self._normalized(field, atoms)
        field = field.with_mol_field(self)
        if self.aggregate == "distance":
            return DistanceField(field, self.smoothness)
        return field if self.aggregate == "sum" else AGGREGATES[self.aggregate](field)

    def _of_atoms(self, atoms: CheckedAtoms) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        """The centres [M, 3], weights [M, C], widths and graphs [M] of the functions of the atoms."""
        weights = weights_of_channels(atoms, self.specification).to(atoms.pos.dtype)
        widths = self._widths(atoms)
        if self.split_parts:
            part = atoms.attribute("part")
            unknown = (part != 0) & (part != 1)
            if numbers_are_checked(part) and unknown.any():
                told = sorted(set(part[unknown].tolist()))
                raise ValueError(f"data.part: expected 0 (ligand) or 1 (protein), got {told}; correct it")
            weights = weights.masked_fill(unknown.unsqueeze(1), math.nan)
            weights = torch.cat([weights * (part == index)[:, None] for index in range(len(PARTS))], 1)
            widths = widths if widths.ndim == 1 else torch.cat([widths] * len(PARTS), 1)
        if self.form_factors is None:
            return atoms.pos, weights, widths, atoms.batch
        heights, spreads = (term.to(atoms.pos) for term in self.form_factors.gaussians(atoms.z))
        terms = heights.shape[1]
        weights = (heights[..., None] * weights[:, None]).flatten(0, 1)
        batch = None if atoms.batch is None else atoms.batch.repeat_interleave(terms)
        return atoms.pos.repeat_interleave(terms, 0), weights, spreads.flatten(), batch

    def _of_features(self, atoms: CheckedAtoms) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        """As `_of_atoms`, of the pharmacophore features."""
        assert not isinstance(self.widths, str)
        points = ColorPoints.of(atoms)
        widths = points.widths(self.widths * self.width_scale, self.specification)
        return points.pos, points.weights(self.specification), widths, points.batch

    @full_precision
    def grid(self, data: Any, n: int = 32, threshold: float = 0.5) -> Grid:
        """The paper's cube around one molecule, ``n`` nodes an axis (arXiv 2502.10848).

        It is centred on the centroid. Half its side is the largest distance of an atom from the centroid plus
        √(d² + 1) Å, where d is the distance at which the widest atom has fallen to ``threshold``.

        Raises:
            ValueError: ``data`` is a batch, or the threshold does not lie between 0 and 1.
        """
        atoms = CheckedAtoms.of(data)
        if atoms.num_graphs != 1:
            raise ValueError(f"data: expected one molecule, got {atoms.num_graphs}; take data[i]")
        require_integers(n=n)
        check_number("threshold", threshold)
        if not 0 < threshold < 1:
            raise ValueError(f"threshold: expected a number between 0 and 1, got {threshold}; the paper uses 0.5")
        widest = float((self._base_widths(atoms) * self.width_scale).max())
        return self._cube(atoms.pos, widest, n, threshold)

    def _cube(self, pos: Tensor, widest: float, n: int, threshold: float = 0.5) -> Grid:
        pos = pos.detach().cpu().double()
        center = pos.mean(0)
        distance = float((pos - center).norm(dim=1).max())
        fall = self.kernel.reach(threshold) * widest
        return Grid.cube(center, 2 * (distance + math.sqrt(fall**2 + 1)), n)

    def _base_widths(self, atoms: CheckedAtoms) -> Tensor:
        if isinstance(self.widths, str):
            return per_atom(self.widths, atoms, self.specification, "widths")
        return torch.full_like(atoms.pos[:, 0], self.widths)

    def _widths(self, atoms: CheckedAtoms) -> Tensor:
        base = self._base_widths(atoms) * self.width_scale
        if all(channel.width is None for channel in self.specification):
            return base.to(atoms.pos.dtype)
        columns = [
            base
            if channel.width is None
            else per_atom(channel.width, atoms, self.specification, "widths") * channel.width_scale
            for channel in self.specification
            for _ in channel.names
        ]
        return torch.stack([column.to(atoms.pos.dtype) for column in columns], 1)

    def _normalized(self, field: RBFField, atoms: CheckedAtoms) -> RBFField:
        assert self.normalize_grid_size is not None
        sizes = [len(channel.names) for channel in self.specification]
        return normalized(
            field, self._cubes(atoms, self.normalize_grid_size), sizes * (len(field.channels) // sum(sizes))
        )

    def _cubes(self, atoms: CheckedAtoms, n: int) -> list[Grid]:
        """The cube of `grid` around each molecule; the device is waited for as often for one as for many."""
        pos, widest = atoms.pos.detach().cpu(), (self._base_widths(atoms) * self.width_scale).detach().cpu()
        if atoms.batch is None:
            return [self._cube(pos, float(widest.max()), n)]
        counts = torch.bincount(atoms.batch, minlength=atoms.num_graphs).tolist()
        parts = zip(pos.split(counts), widest.split(counts), strict=True)
        empty = Grid.cube((0.0, 0.0, 0.0), 1.0, n)
        return [self._cube(some, float(widths.max()), n) if len(some) else empty for some, widths in parts]
