"""Options of the commands that read molecules into data sets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tg_molfield.cli.options import SELECTION_HELP, TOPOLOGY_HELP

_COMPLEXES, _FRAMES = "Complexes", "Frames"

Labels = Annotated[
    list[str] | None,
    typer.Option(
        help="A number that becomes a label: a column of a table, a tag of an SDF, a value of extended XYZ. Repeat it "
        "for several."
    ),
]
Properties = Annotated[
    str | None,
    typer.Option(help="Per-atom properties: those to compute, such as 'partial_charge logp'."),
]
Kind = Annotated[
    str | None,
    typer.Option(
        help="What is read: molecules, complexes (proteins with their ligands) or frames (of one molecule).  "
        "\\[default: by the options and the files]"
    ),
]
Pocket = Annotated[
    float | None,
    typer.Option(help="Keep residues within as many Å of the ligand.", rich_help_panel=_COMPLEXES),
]
Waters = Annotated[
    bool | None, typer.Option("--waters", help="Keep the waters of proteins.", rich_help_panel=_COMPLEXES)
]
Hetero = Annotated[
    bool | None,
    typer.Option("--hetero", help="Keep ions, cofactors and other ligands of proteins.", rich_help_panel=_COMPLEXES),
]
Table = Annotated[
    Path | None,
    typer.Option(
        help="Labels by the name of the complex: a CSV or TSV, or an index file of PDBbind.", rich_help_panel=_COMPLEXES
    ),
]
Topology = Annotated[Path | None, typer.Option(help=TOPOLOGY_HELP, rich_help_panel=_FRAMES)]
Selection = Annotated[str | None, typer.Option(help=SELECTION_HELP, rich_help_panel=_FRAMES)]
Start = Annotated[int | None, typer.Option(help="The first frame, from 0.", rich_help_panel=_FRAMES)]
Stop = Annotated[int | None, typer.Option(help="The frame before which to end.", rich_help_panel=_FRAMES)]
Stride = Annotated[int | None, typer.Option(help="The step between frames.", rich_help_panel=_FRAMES)]
Whole = Annotated[
    bool | None,
    typer.Option(
        "--whole/--as-stored",
        help="Put atoms beside those that they are bonded to, across the borders of the cell.  \\[default: whole]",
        rich_help_panel=_FRAMES,
    ),
]
