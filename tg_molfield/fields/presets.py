"""Presets of `MolField` by name, with the formula and the source of each."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch

from tg_molfield.arguments import as_names, check_choice, check_flag, check_positive
from tg_molfield.chem.color import COLOR_TYPES
from tg_molfield.chem.coulomb_gaussians import CoulombGaussians
from tg_molfield.chem.elements import ELEMENT_PROPERTIES, element_property
from tg_molfield.chem.form_factors import FormFactors
from tg_molfield.fields.channels import Channel, parse_channels
from tg_molfield.fields.units import COULOMB

_ELEMENTS = "H C N O F P S Cl other"


def preset_arguments(name: str, **options: Any) -> dict[str, Any]:
    """The arguments of `MolField` for the preset ``name``.

    Raises:
        TypeError: an option is of another kind.
        ValueError: there is no such preset or option.
    """
    check_choice("preset", name, PRESETS)
    known = inspect.signature(PRESETS[name]).parameters
    if others := ", ".join(repr(option) for option in options if option not in known):
        raise ValueError(
            f"preset: expected the options of {name!r}, got others ({others}); choose from {', '.join(known)}"
        )
    return PRESETS[name](**options)


def _mnf(
    beta: float = 0.75,
    channels: str | Sequence[str | Channel] = _ELEMENTS,
    properties: Sequence[str] = (),
    split_parts: bool = False,
    normalize_grid_size: int | None = 16,
) -> dict[str, Any]:
    """The field of arXiv 2502.10848: Σ exp(−β d²/r²), each channel over its maximum on the cube (`MolField.grid`).

    d is in Å and r the van der Waals radius over carbon's. ``beta`` is 0.75 for small molecules, 0.25 for the
    complex. ``properties`` are element properties appended as channels, in which their value over carbon's is r.
    ``split_parts`` is set for a complex. ``normalize_grid_size`` is the number of nodes an axis of that cube, 16 for
    small molecules and 32 for the complex; None leaves channels undivided.
    """
    check_positive("beta", beta, "the paper uses 0.75 or 0.25")
    properties = as_names("properties", properties)
    for name in properties:
        check_choice("properties", name, ELEMENT_PROPERTIES, "choose from these")
    scale = 1 / math.sqrt(2 * beta)
    by_property = [Channel(name, "all", name, scale / _of_carbon(name)) for name in properties]
    return {
        "channels": (*parse_channels(channels), *by_property),
        "kernel": "gaussian",
        "widths": "vdw_radius",
        "width_scale": scale / _of_carbon("vdw_radius"),
        "split_parts": split_parts,
        "normalize_grid_size": normalize_grid_size,
    }


def _libmolgrid(channels: str | Sequence[str | Channel] = _ELEMENTS, binary: bool = False) -> dict[str, Any]:
    """libmolgrid (Sunseri and Koes 2020): Gaussians with a quadratic tail added up, or ``binary`` spheres."""
    check_flag(binary=binary)
    kernel, aggregate = ("hard_sphere", "maximum") if binary else ("gaussian_with_tail", "sum")
    return {
        "channels": channels,
        "kernel": kernel,
        "widths": "vdw_radius",
        "width_scale": 1.0,
        "aggregate": aggregate,
    }


def _funcmol(channels: str | Sequence[str | Channel] = _ELEMENTS, radius: float = 0.5) -> dict[str, Any]:
    """FuncMol (Kirchmeyer et al. 2024), with PyUUL's occupancy: 1 − Π(1 − exp(−(d/0.93 r)²)), one radius for all."""
    check_positive("radius", radius, "the default is 0.5 Å")
    return {
        "channels": channels,
        "kernel": "gaussian",
        "widths": radius,
        "width_scale": 0.93 / math.sqrt(2),
        "aggregate": "union",
    }


def _moleculekit(channels: str | Sequence[str | Channel] = "aromatic donor acceptor all") -> dict[str, Any]:
    """moleculekit (Jiménez et al. 2017): the greatest 1 − exp(−(r/d)¹²) over atoms; van der Waals radii."""
    return {
        "channels": channels,
        "kernel": "occupancy",
        "widths": "vdw_radius",
        "width_scale": 1.0,
        "aggregate": "maximum",
    }


def _promolecule(channels: str | Sequence[str | Channel] = "all", blur: float = 5.0) -> dict[str, Any]:
    """Electron density of independent spherical atoms in e/Å³, each blurred by B = ``blur`` Å²; see `FormFactors`."""
    return {"channels": channels, "form_factors": FormFactors(blur)}


def _esp(charge: str = "partial_charge", softening: float = 0.5) -> dict[str, Any]:
    """Electrostatic potential of atomic charges in V: Σ k q erf(d/√2σ)/d, k = 14.39964 V Å/e, σ = ``softening`` Å.

    Each charge is a Gaussian of width σ, so that the potential is finite at the nuclei and k q/d from about 3σ on.
    """
    check_positive("softening", softening, "the default is 0.5 Å")
    return {
        "channels": [Channel("esp", charge, factor=COULOMB / softening)],
        "kernel": "coulomb",
        "widths": softening,
        "width_scale": 1.0,
    }


def _esp_gaussian(charge: str = "partial_charge", terms: int = 3) -> dict[str, Any]:
    """Electrostatic potential of atomic charges in V, with 1/r as a sum of ``terms`` Gaussians (`CoulombGaussians`).

    Two such potentials overlap in closed form. From 1.5 to 12 Å, the contribution of a charge is wrong by at most 3.5 %
    with 3 terms, 0.8 % with 4, 0.35 % with 5 and 0.27 % with 6; beyond, it falls to 0.
    """
    return {
        "channels": [Channel("esp", charge, factor=COULOMB)],
        "form_factors": CoulombGaussians(terms),
    }


def _mlp(contribution: str = "logp", decay: float = 1.0) -> dict[str, Any]:
    """Molecular lipophilicity potential of Fauchère et al. (1988): Σ f exp(−d/``decay``), f from Crippen's logP."""
    check_positive("decay", decay, "the default is 1 Å")
    return {"channels": [Channel("mlp", contribution)], "kernel": "slater", "widths": decay, "width_scale": 1.0}


def _vdw(channels: str | Sequence[str | Channel] = "all", smoothness: float = 0.0) -> dict[str, Any]:
    """Signed distance in Å to the van der Waals surface, exact or smoothed over ``smoothness`` Å."""
    return {
        "channels": channels,
        "widths": "vdw_radius",
        "width_scale": 1.0,
        "aggregate": "distance",
        "smoothness": smoothness,
    }


def _shape(order: int = 1, height: float = 2.7, radii: str | float = "vdw_radius") -> dict[str, Any]:
    """Density of the heavy atoms, by whose overlap shapes are compared: Σ p exp(−κ d²/r²), van der Waals radii r.

    κ = π (3p/4π)^(2/3), so that each atom has the volume of its sphere (Grant and Pickup 1995; Grant, Gallardo and
    Pickup 1996). p = ``height`` is 2.7, as in RDKit's ``rdShapeAlign`` (κ = 2.3442). 2√2 (κ = 2.4180) and
    ``radii=1.7`` for all atoms are the defaults of RDKit's ``rdGaussianShape``. ``radii`` may also name a per-atom
    attribute. ``order`` is that of `MolField`: 1 adds atoms up, 6 gives the volume to about 1 %.
    """
    if not isinstance(radii, str):
        check_positive("radii", radii, "give Å, or name an element property")
    check_positive("height", height, "the default is 2.7")
    return {
        "channels": [Channel("shape", "heavy", factor=height)],
        "kernel": "gaussian",
        "widths": radii,
        "width_scale": _of_equal_volume(height),
        "order": order,
    }


def _color(
    channels: str | Sequence[str | Channel] = COLOR_TYPES, radius: float = 1.08265, height: float = 2.7
) -> dict[str, Any]:
    """Pharmacophore features as spheres of ``radius`` Å, a channel for each type: p exp(−κ d²/r²), as in ``shape``.

    Radius and height are those of RDKit's ``rdShapeAlign``, which compares features of one type and has no hydrophobes.
    """
    check_positive("radius", radius, "the default is 1.08265 Å")
    check_positive("height", height, "the default is 2.7")
    return {
        "channels": [replace(channel, factor=height * channel.factor) for channel in parse_channels(channels)],
        "kernel": "gaussian",
        "widths": radius,
        "width_scale": _of_equal_volume(height),
        "centers": "color",
    }


def _of_equal_volume(height: float) -> float:
    """The width σ of a Gaussian of this height that integrates to the volume of a sphere of radius 1."""
    return 1 / math.sqrt(2 * math.pi * (3 * height / (4 * math.pi)) ** (2 / 3))


def _of_carbon(name: str) -> float:
    return float(element_property(name, torch.tensor([6])))


PRESETS: dict[str, Callable[..., dict[str, Any]]] = {
    "mnf": _mnf,
    "libmolgrid": _libmolgrid,
    "funcmol": _funcmol,
    "moleculekit": _moleculekit,
    "promolecule": _promolecule,
    "esp": _esp,
    "esp_gaussian": _esp_gaussian,
    "mlp": _mlp,
    "vdw": _vdw,
    "shape": _shape,
    "color": _color,
}
