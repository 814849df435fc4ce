"""Which arguments of a `MolField` go together."""

from __future__ import annotations

from typing import NamedTuple

from tg_molfield.arguments import check_choice, check_counts, require_integers
from tg_molfield.chem.color import COLOR_TYPES
from tg_molfield.chem.coulomb_gaussians import CoulombGaussians
from tg_molfield.chem.form_factors import FormFactors
from tg_molfield.fields.channels import Channel
from tg_molfield.fields.kernels import Kernel

KERNEL_FREE = ("distance", "displacement")
"""The aggregates that depend on radii alone."""
DEFAULT_WIDTHS = "vdw_radius"
DEFAULT_WIDTH_SCALE = 0.5
CENTERS = ("atoms", "color")
MAX_ORDER = 6
"""The greatest number of atoms whose intersections are subtracted or added."""


class Arguments(NamedTuple):
    """The values of a definition, named as its attributes are."""

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


def check_definition(given: Arguments) -> None:
    """Raise an error unless the values are in range and make sense together.

    Raises:
        TypeError: ``form_factors`` is something else.
        ValueError: they do not.
    """
    _check_numbers(given)
    if not isinstance(given.form_factors, FormFactors | CoulombGaussians | None):
        raise TypeError(
            f"form_factors: expected FormFactors or CoulombGaussians, got {type(given.form_factors).__name__}; "
            "leave it out"
        )
    if given.smoothness and given.aggregate != "distance":
        raise ValueError(
            f"smoothness: expected aggregate='distance' with it, got {given.aggregate!r}; leave smoothness out"
        )
    if given.aggregate != "sum" and (given.normalize_grid_size is not None or given.form_factors is not None):
        raise ValueError(
            f"aggregate: expected 'sum' with normalize_grid_size or form_factors, got {given.aggregate!r}; leave them "
            "out"
        )
    if given.kernel.name != "gaussian" and (given.form_factors is not None or given.aggregate in KERNEL_FREE):
        raise ValueError(
            f"kernel: expected the default with form_factors, and with aggregate {' or '.join(KERNEL_FREE)}, got "
            f"{given.kernel.name!r}; leave it out"
        )
    if given.order > 1:
        _check_intersections(given)
    if given.centers == "color":
        _check_features(given)
    _check_unread_widths(given)


def _check_numbers(given: Arguments) -> None:
    check_counts(2, normalize_grid_size=given.normalize_grid_size)
    check_choice("centers", given.centers, CENTERS)
    require_integers(order=given.order)
    if not 1 <= given.order <= MAX_ORDER:
        raise ValueError(f"order: expected 1 to {MAX_ORDER}, got {given.order}; 1 is the sum over atoms")


def _check_unread_widths(given: Arguments) -> None:
    """Form factors have widths of their own, and a displacement has none."""
    if given.form_factors is None and given.aggregate != "displacement":
        return
    beside = "aggregate='displacement'" if given.form_factors is None else "form_factors"
    if any(channel.width is not None for channel in given.specification):
        raise ValueError(
            f"channels: expected none with a width beside {beside}, which nothing would read; leave it out"
        )
    for name, default in (("widths", DEFAULT_WIDTHS), ("width_scale", DEFAULT_WIDTH_SCALE)):
        if getattr(given, name) != default:
            raise ValueError(
                f"{name}: expected {default!r}, the default, beside {beside}, got {getattr(given, name)!r}, which "
                "nothing would read; leave it out"
            )


def _check_intersections(given: Arguments) -> None:
    """Intersections are products of Gaussians, of one width an atom, with weights that are no components."""
    wrong = {
        f"aggregate={given.aggregate!r}": given.aggregate != "sum",
        f"kernel={given.kernel.name!r}": given.kernel.name != "gaussian",
        "form_factors": given.form_factors is not None,
        "a vector channel": any(channel.vector for channel in given.specification),
        "a channel with a width": any(channel.width is not None for channel in given.specification),
    }
    for what, is_wrong in wrong.items():
        if is_wrong:
            raise ValueError(f"order: expected 1 with {what}, got {given.order}; intersections are of Gaussian atoms")


def _check_features(given: Arguments) -> None:
    """Features have a type and a place, and nothing that elements or atoms have."""
    for channel in given.specification:
        if channel.vector or channel.weight not in (*COLOR_TYPES, "all"):
            raise ValueError(
                f"channels: expected some of {', '.join(COLOR_TYPES)} and all with centers='color', got "
                f"{channel.weight!r}; choose from these"
            )
        if isinstance(channel.width, str):
            raise ValueError(
                f"channels: expected a width in Å with centers='color', got {channel.width!r} for {channel.name!r}; "
                "give a number"
            )
    if isinstance(given.widths, str):
        raise ValueError(f"widths: expected a number in Å with centers='color', got {given.widths!r}; give one")
    if given.split_parts or given.form_factors is not None:
        name = "split_parts" if given.split_parts else "form_factors"
        raise ValueError(f"{name}: expected none with centers='color', got one; features have neither; leave it out")
