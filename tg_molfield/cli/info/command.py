"""The command ``tg-molfield info``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tg_molfield.cli.terminal import progress, say

if TYPE_CHECKING:
    from tg_molfield.cli.info.facts import Facts


def info(
    source: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="A structure, a trajectory, a table of SMILES, a volume, a saved model or a checkpoint; the folder of "
            "a data set; or a model of the package, organic-small or qm9-latent.",
        ),
    ],
) -> None:
    """Print what is in a file, or in the folder of a data set or a model.

    Of structures: records, atoms, elements, named values and cells. Of trajectories: frames, atoms, times and the first
    cell. Of volumes: channels, grid, cell and range. Of models: their kind, channels, settings and size. Of data sets:
    molecules, labels and what they were built of.

    Examples:

    tg-molfield info library.sdf.gz

    tg-molfield info density.cube

    tg-molfield info organic-small
    """
    facts = _facts(source)
    say(source)
    width = max(map(len, facts)) + 2
    for name, text in facts.items():
        say(f"  {name:<{width}}{text}")


def _facts(source: str) -> Facts:
    from tg_molfield.cli.info.data_set import data_set_facts, store_of
    from tg_molfield.cli.info.structure import structure_facts
    from tg_molfield.cli.info.tensors import tensor_facts
    from tg_molfield.cli.info.trajectory import trajectory_facts
    from tg_molfield.cli.info.volume import archive_facts, is_archive_of_volume, volume_facts
    from tg_molfield.files import format_suffix
    from tg_molfield.nn.serialization import pretrained_file
    from tg_molfield.structures.formats import registry
    from tg_molfield.structures.library import TABLES
    from tg_molfield.structures.trajectories import FRAME_FILES, TRAJECTORIES
    from tg_molfield.volumes.registry import SUFFIXES, is_volume

    path, suffix = Path(source), format_suffix(source)
    if suffix in FRAME_FILES:
        return trajectory_facts(path)
    if suffix in (*registry.SUFFIXES, *TABLES, *TRAJECTORIES):
        with progress("0 records") as show:
            return structure_facts(path, show)
    if suffix in (".safetensors", ".checkpoint"):
        return tensor_facts(path)
    if is_volume(path):
        volume = suffix != ".npz" or path.suffix.lower() == ".gz" or is_archive_of_volume(path)
        if not volume:
            return archive_facts(path)
        with progress(f"reading {path.name}"):
            return volume_facts(path)
    if path.is_dir() and (store := store_of(path)) is not None:
        return data_set_facts(store)
    if path.is_dir() or not path.exists():
        return tensor_facts(pretrained_file(source))
    known = (*registry.SUFFIXES, *TRAJECTORIES, *TABLES, *SUFFIXES, ".safetensors", ".checkpoint")
    raise ValueError(
        f"{source}: expected a structure, a volume or a model ({', '.join(known)}; CHGCAR, LOCPOT, …), got the suffix "
        f"{suffix!r}; rename or convert it"
    )
