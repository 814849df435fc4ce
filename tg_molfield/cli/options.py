"""Options that several commands have: one name, one meaning."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

TOPOLOGY_HELP = "The file that names the atoms of trajectories: pdb, gro, tpr, psf …"
SELECTION_HELP = "The atoms to keep, in the language of MDAnalysis, such as 'protein'."
Record = Annotated[int | None, typer.Option(help="The record or model of a file, counted from 1.  \\[default: 1]")]
Dimension = Annotated[
    int | None, typer.Option(help="3 to take flat coordinates of SDF and MOL files as geometries, not drawings.")
]
Topology = Annotated[Path | None, typer.Option(help=TOPOLOGY_HELP)]
Selection = Annotated[str | None, typer.Option(help=SELECTION_HELP)]
Conformers = Annotated[int | None, typer.Option(help="The conformers made of each SMILES.  \\[default: 1]")]
Timeout = Annotated[
    float | None,
    typer.Option(help="The time limit for the conformers of one SMILES in seconds.  \\[default: 20]"),
]
Seed = Annotated[int | None, typer.Option(help="The seed of what is random: for example conformers.  \\[default: 0]")]
ConformerSeed = Annotated[int | None, typer.Option(help="The seed of the conformers.  \\[default: 0]")]
Spacing = Annotated[float | None, typer.Option(help="The grid spacing in Å.  \\[default: 0.25]")]
Margin = Annotated[
    float | None,
    typer.Option(
        help="The margin of the grid around the atoms in Å.  \\[default: 4, or more for a distance above 0; for a "
        "crystal or slab, its unit cell instead]"
    ),
]
Level = Annotated[
    float | None,
    typer.Option(
        help="The level of isosurfaces; 0.3 of the peak of each channel by default (vdw: 0; less for electron "
        "densities with high peaks at nuclei)."
    ),
]
By = Annotated[
    list[str] | None,
    typer.Option(help="What is compared: shape, color, esp; with weights: shape=2 color=1.  \\[default: shape]"),
]
Metric = Annotated[str, typer.Option(help="How overlaps become scores: tanimoto, carbo, hodgkin or tversky.")]
Search = Annotated[
    str | None, typer.Option(help="How thorough alignments are: fast, normal or thorough.  \\[default: normal]")
]
Workers = Annotated[int, typer.Option(help="Processes that do the work, beside this one.")]
Cluster = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="The scheduler of a Dask cluster that does it, such as tcp://host:8786."),
]
