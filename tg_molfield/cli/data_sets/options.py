"""Options of the commands that read molecules into data sets."""

from __future__ import annotations

from typing import Annotated

import typer

Labels = Annotated[
    list[str] | None,
    typer.Option(
        help="A number that becomes a label: a column of a table, a tag of an SDF, a value of extended XYZ. Repeat it "
        "for several."
    ),
]
Properties = Annotated[
    str | None,
    typer.Option(help="Per-atom properties to compute, such as 'partial_charge logp'."),
]
Conformers = Annotated[int | None, typer.Option(help="The conformers made of each SMILES.  \\[default: 1]")]
ConformerSeed = Annotated[int | None, typer.Option(help="The seed of the conformers.  \\[default: 0]")]
Timeout = Annotated[
    float | None,
    typer.Option(help="The time limit for the conformers of one SMILES in seconds.  \\[default: 20]"),
]
Dimension = Annotated[
    int | None, typer.Option(help="3 to take flat coordinates of SDF files as geometries, not drawings.")
]
Workers = Annotated[int, typer.Option(help="Processes that read molecules, beside this one.")]
Cluster = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="The scheduler of a Dask cluster that does it, such as tcp://host:8786."),
]
