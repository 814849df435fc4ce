"""The colours of elements, channels and text."""

from __future__ import annotations

from tg_molfield.chem.elements import symbols

INK = "#24292f"
"""Text, ticks and frames of figures; a `Page` replaces it with the text colour of the reader."""
POSITIVE, NEGATIVE = "#3579b8", "#c8383f"
"""The two sides of a signed channel, blue and red as in `DIVERGING`."""

DIVERGING = (
    "#67001f", "#b2182b", "#d6604d", "#f4a582", "#fddbc7", "#f7f7f7", "#d1e5f0", "#92c5de", "#4393c3", "#2166ac",
    "#053061",
)  # fmt: skip
"""Red below 0, white, blue above 0, as electrostatic potentials are drawn: ColorBrewer's RdBu."""
SEQUENTIAL = (
    "#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"
)  # fmt: skip
"""Viridis, which readers with any colour vision can tell apart."""
CATEGORIES = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442")
"""Okabe and Ito's colours, which readers with any colour vision can tell apart."""

POLYMER = "#8ea6bd"
"""Ribbons of proteins and nucleic acids."""

LIGAND_CARBON = "#cc79a7"
"""Carbons of a ligand beside a protein, and their channel: of Okabe and Ito, unlike the red of O and the blue of N."""

_PALE = 0.6
"""The share of white in the colours of a protein's channels."""

_UNKNOWN = "#d6609e"
_OTHERS = ("#7c6bd6", "#12858c", "#c98a1b", "#3c8dbc", "#b5568c", "#6f8f1f")
_REST = "#7a5c3e"
"""The channel ``other``: a brown unlike the colours of the elements beside it."""

_ELEMENTS = {
    "X": "#9aa4ae", "H": "#d3dae0", "He": "#b8e6e6", "Li": "#a56be0", "Be": "#a8cf1c", "B": "#e8a795", "C": "#5f6973",
    "N": "#3560e8", "O": "#e5322d", "F": "#57bf3a", "Ne": "#92cfe0", "Na": "#8d52d6", "Mg": "#5fbf1c",
    "Al": "#a89d9d", "Si": "#d9b58b", "P": "#f08a1d", "S": "#dfbf1f", "Cl": "#22b14c", "Ar": "#66bfcf",
    "K": "#7d3fc4", "Ca": "#3fae1f", "Ti": "#9aa0a6", "Mn": "#8d6fb8", "Fe": "#d0662b", "Co": "#d9829a",
    "Ni": "#4fae4f", "Cu": "#c2773a", "Zn": "#7479ab", "Se": "#e59a1d", "Br": "#a3382b", "Ag": "#a9b3bd",
    "I": "#8a2a9c", "Pt": "#b9bec6", "Au": "#e0b81f", "Hg": "#a3a9c0",
}  # fmt: skip


def element_color(z: int) -> str:
    """The conventional (CPK-like) colour of the element ``z``, as ``#rrggbb``; dummy atoms (0) are grey."""
    return _ELEMENTS.get(symbols()[z], _UNKNOWN)


def channel_color(name: str, index: int) -> str:
    """The colour of channel ``index``: that of its element for ``"C"``, brown for ``"other"``, else one of a palette.

    Of two parts, the protein's channels are pale, so that they differ in lightness too, and ``"ligand.C"`` has a colour
    of its own.
    """
    part, _, element = name.rpartition(".")
    if part == "ligand" and element == "C":
        return LIGAND_CARBON
    color = _REST if element == "other" else _ELEMENTS.get(element, _OTHERS[index % len(_OTHERS)])
    return _paler(color) if part == "protein" else color


def _paler(color: str) -> str:
    parts = (int(color[place : place + 2], 16) for place in (1, 3, 5))
    return "#" + "".join(f"{round(part + _PALE * (255 - part)):02x}" for part in parts)
