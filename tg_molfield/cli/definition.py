"""The definition of a field that a command is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from tg_molfield.fields import MolField

Channels = Annotated[
    str | None,
    typer.Option(
        help="The channels: elements, 'other', 'all', 'heavy', element properties, or per-atom properties by name.  "
        "\\[default: H C N O F P S Cl other]"
    ),
]
Preset = Annotated[
    str | None,
    typer.Option(
        help="A predefined field (mnf, promolecule, esp, mlp, vdw, shape, color …) instead of channels, kernel and "
        "widths."
    ),
]
Kernel = Annotated[str | None, typer.Option(help="The radial function of an atom.  \\[default: gaussian]")]
Widths = Annotated[
    str | None,
    typer.Option(help="The widths: an element property or a number in Å.  \\[default: vdw_radius]"),
]
WidthScale = Annotated[float | None, typer.Option(help="The factor from the widths to σ.  \\[default: 0.5]")]


def definition_of(
    preset: str | None = None,
    channels: str | None = None,
    kernel: str | None = None,
    widths: str | float | None = None,
    width_scale: float | None = None,
    model: str | None = None,
) -> MolField | None:
    """The definition that options give, None where none of them is given.

    Args:
        preset: of the option of this name, as are the next four.
        channels: see there.
        kernel: see there.
        widths: see there.
        width_scale: see there.
        model: the model that has a field of its own, where there is one.

    Raises:
        ValueError: options exclude each other, or give no definition.
    """
    from tg_molfield.fields import MolField

    options = {"channels": channels, "kernel": kernel, "widths": _number(widths), "width_scale": width_scale}
    given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    if model is not None and preset is not None:
        raise ValueError(
            f"--preset: expected none with --model, which has its own field, got {preset}; give one of the two"
        )
    if given and (preset is not None or model is not None):
        name = next(iter(given))
        owner = "--preset" if preset is not None else "--model"
        raise ValueError(
            f"--{name.replace('_', '-')}: expected none with {owner}, which has its own field, got {given[name]}; "
            "give one of the two"
        )
    if preset is not None:
        return MolField.preset(preset)
    return MolField(**given) if given else None


def _number(text: str | float | None) -> str | float | None:
    try:
        return text if text is None else float(text)
    except ValueError:
        return text
