"""Definitions as JSON values and back, for files that hold models."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

from tg_molfield.chem.coulomb_gaussians import CoulombGaussians
from tg_molfield.chem.form_factors import FormFactors
from tg_molfield.fields.channels import Channel
from tg_molfield.fields.definition import MolField
from tg_molfield.fields.kernels import KERNELS

_GAUSSIANS: dict[str, type[FormFactors] | type[CoulombGaussians]] = {
    kind.__name__: kind for kind in (FormFactors, CoulombGaussians)
}


def mol_field_to_dict(mol_field: MolField) -> dict[str, Any]:
    """The arguments of a definition as JSON values.

    Raises:
        ValueError: its kernel has no name by which it could be found again.
    """
    if not has_named_kernel(mol_field):
        raise ValueError(
            f"mol_field: expected a kernel known by name ({', '.join(KERNELS)}), got {mol_field.kernel}; a function of "
            "your own cannot be saved"
        )
    return told_definition(mol_field)


def told_definition(mol_field: MolField) -> dict[str, Any]:
    """The same where it need not be made again, so that a kernel may be a function of one's own."""
    values = {field.name: getattr(mol_field, field.name) for field in fields(mol_field)}
    channels = [asdict(channel) for channel in values.pop("specification")]
    gaussians = values.pop("form_factors")
    described = None if gaussians is None else {"kind": type(gaussians).__name__, **asdict(gaussians)}
    return {**values, "channels": channels, "kernel": _told_kernel(mol_field), "form_factors": described}


def _told_kernel(mol_field: MolField) -> str:
    return mol_field.kernel.name if has_named_kernel(mol_field) else repr(mol_field.kernel)


def has_named_kernel(mol_field: MolField) -> bool:
    """Whether the kernel of a definition can be found again by its name."""
    return KERNELS.get(mol_field.kernel.name) == mol_field.kernel


def mol_field_from_dict(values: dict[str, Any]) -> MolField:
    """The definition that `mol_field_to_dict` described."""
    channels = [Channel(**channel) for channel in values["channels"]]
    gaussians = values.get("form_factors")
    if gaussians is not None:
        options = {name: value for name, value in gaussians.items() if name != "kind"}
        gaussians = _GAUSSIANS[gaussians["kind"]](**options)
    return MolField(**{**values, "channels": channels, "form_factors": gaussians})


def difference_of_definitions(mol_field: MolField, told: dict[str, Any]) -> str:
    """How a definition differs from that of which `told_definition` ``told``; empty where it does not."""
    if told["kernel"] in KERNELS:
        other = mol_field_from_dict(told)
        return "" if other == mol_field else f"mol_field: expected {mol_field!r}, got {other!r}"
    own = told_definition(mol_field)
    return "" if own["kernel"] == told["kernel"] else f"kernel: expected {own['kernel']}, got {told['kernel']}"
