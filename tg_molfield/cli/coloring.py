"""The surface of a field coloured by another: what ``--color-by`` names, and how the page describes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torch_geometric.data import Data

    from tg_molfield.fields import MolField, Volume

_QUANTITIES = {
    "esp": ("electrostatic potential of the partial charges", "V"),
    "esp_gaussian": ("electrostatic potential of the partial charges", "V"),
    "mlp": ("molecular lipophilicity potential", ""),
    "promolecule": ("electron density of spherical atoms", "e/Å³"),
    "shape": ("density of the heavy atoms", ""),
    "color": ("density of pharmacophore features", ""),
    "vdw": ("signed distance to the van der Waals surface", "Å"),
}
"""What a preset is, and its unit."""
_HINT = "Hovering shows the value; without the surface, the atoms are seen."


class Coloring(NamedTuple):
    """The field that colours a surface.

    Attributes:
        name: as given.
        definition: has one channel.
        words: what its values are.
        unit: their unit, or an empty text.
        end: the absolute value at which the colours end, or the default of ``plot_colored_surfaces``.
    """

    name: str
    definition: MolField
    words: str
    unit: str
    end: float | None

    @classmethod
    def of(cls, name: str, end: float | None, output: Sequence[Path]) -> Coloring:
        """What ``--color-by`` names: a preset, else one channel.

        Raises:
            ValueError: it has several channels, or no page is written.
        """
        from tg_molfield.fields import MolField
        from tg_molfield.fields.presets import PRESETS

        if not any(path.suffix.lower() == ".html" for path in output):
            raise ValueError(
                f"--color-by: expected an .html file with it, got {', '.join(map(str, output))}; leave it out"
            )
        preset = name if name in PRESETS else None
        definition = MolField(name) if preset is None else MolField.preset(preset)
        require_one_channel(definition.channels, f"{name} has several; name one channel")
        return cls(name, definition, *described(definition, preset), end)

    def figure(
        self, volume: Volume, level: float | None, surface: tuple[str, str], data: Data, charges: str
    ) -> tuple[Any, str]:
        """The figure of the surface of ``volume``, and its caption.

        Args:
            volume: has one channel.
            level: of the surface, or the default of ``plot_colored_surfaces``.
            surface: what the values of ``volume`` are, and their unit.
            data: the molecule.
            charges: where its partial charges are from, or an empty text.
        """
        from tg_molfield.viz import plot_colored_surfaces
        from tg_molfield.viz.levels import level_text, surface_levels

        figure = plot_colored_surfaces(
            volume, self.definition(data), level=level, color_range=self.end, color_title=self.name,
            color_unit=self.unit, unit=surface[1],
        )  # fmt: skip
        (channel,) = volume.channels
        levels = surface_levels(volume, channel, level)
        numbers = " and ".join(level_text(volume, channel, one) for one in levels)
        shown = f"The surface where the {surface[0]} is {numbers} {surface[1]}".rstrip()
        if surface == _QUANTITIES["vdw"] and levels == (0.0,):
            shown = "The van der Waals surface"
        unit = f" in {self.unit}" if self.unit else ""
        source = f" Partial charges: {charges}." if charges else ""
        return figure, f"{shown}, coloured by the {self.words}{unit}.{source} {_HINT}"


def described(definition: MolField | None, preset: str | None) -> tuple[str, str]:
    """What the values of a field are, of a preset, a definition, or a model (``None``), and their unit."""
    if preset in _QUANTITIES:
        return _QUANTITIES[preset]
    return ("learned field" if definition is None else f"field {definition!r}"), ""


def require_one_channel(channels: Sequence[str], remedy: str) -> None:
    """Refuse a field of several channels for a coloured surface or its colours.

    Raises:
        ValueError: there are several.
    """
    if len(channels) > 1:
        names = ", ".join(channels)
        short = names if len(names) <= 40 else names[:40] + "…"
        raise ValueError(f"--color-by: expected fields of one channel, got {short}; {remedy}")
