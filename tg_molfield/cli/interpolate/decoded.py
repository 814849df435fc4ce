"""``tg-molfield interpolate --model``: the way between two molecules that a model decodes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from tg_molfield.chem.atoms import AtomList
from tg_molfield.cli.field_files import check_held
from tg_molfield.cli.interpolate.outputs import PATTERNS
from tg_molfield.cli.interpolate.way import Way, noise_of
from tg_molfield.cli.models import checked_seed, checked_tries, in_precision, load_flow
from tg_molfield.cli.output_folder import keep_inputs, make_folder, telling_leftovers
from tg_molfield.cli.reading import read_for_model
from tg_molfield.cli.sizes import refuse_large, volume_size
from tg_molfield.cli.terminal import progress, say
from tg_molfield.fields import Grid
from tg_molfield.volumes.registry import needs_lattice

if TYPE_CHECKING:
    from torch import Tensor

    from tg_molfield.cli.reading import Source
    from tg_molfield.cli.terminal import Show
    from tg_molfield.nn import DecodedMolecules, FieldAutoEncoder


def decoded_path(
    files: Sequence[Path],
    model: str,
    steps: int,
    noise: float | None,
    tries: int | None,
    precision: str | None,
    seed: int | None,
    spacing_and_margin: tuple[float, float],
    ending: str,
    output: Path,
    yes: bool,
) -> None:
    """Write the way between two molecules.

    Args:
        files: those with the two molecules.
        model: the name of a model, its file or folder.
        steps: how many from the first to the last.
        noise: half way; by the molecules if None.
        tries: how often, at most, each molecule between is drawn.
        precision: of the network.
        seed: of the noise.
        spacing_and_margin: of the grid in Å.
        ending: the suffix of the volumes.
        output: the folder.
        yes: whether the volumes may be large.

    Raises:
        ValueError: there are not two molecules, the model cannot encode one, or an option is out of range.
    """
    seed, tries, computing = checked_seed(seed), checked_tries(tries), in_precision(precision)
    if noise is not None and not 0 <= noise <= 1:
        raise ValueError(f"--noise: expected 0 to 1, got {noise}; leave it out to take it from the molecules")
    keep_inputs([*files, model], output, PATTERNS)
    flow = load_flow(model, "--model")
    names = [f"step_{number:03d}{ending}" for number in range(steps + 1)]
    check_held(output / names[0], len(flow.channels))
    start, end = _two(files, flow)
    with progress("decoding") as show:
        with computing:
            path = flow.path(start.molecules[0], end.molecules[0], steps + 1, noise=noise, tries=tries, seed=seed)
        grid = Grid.around(torch.cat([data.pos for data in path]), *spacing_and_margin)
        grid = grid.on_lattice() if needs_lattice(Path(names[0])) else grid
        size = volume_size(names[0], len(flow.channels) * grid.num_nodes, path[0].pos.itemsize)
        refuse_large(dict.fromkeys(names, size), yes, "give a larger --spacing or fewer --steps")
        make_folder(output)
        with telling_leftovers(output, PATTERNS):
            changes = _sampled(path, grid, [output / name for name in names], show)
            show("writing path.html", None)
            way = Way(path, start, end, *noise_of(path, noise))
            way.write(output, model, changes)
    say(way.summary())
    say(f"wrote {output}/: {len(names)} volumes, path.html, path.csv, path.sdf, path.xyz")


def _two(files: Sequence[Path], model: FieldAutoEncoder) -> tuple[Source, Source]:
    """The molecules of the files, which must be two.

    Raises:
        ValueError: there are others, or the model cannot encode one.
    """
    sources = [one for file in files for one in read_for_model(str(file), model)]
    if len(sources) != 2:
        raise ValueError(
            f"files: expected 2 molecules with --model, got {len(sources)}; give two files with a molecule each"
        )
    return sources[0], sources[1]


def _sampled(path: DecodedMolecules, grid: Grid, files: Sequence[Path], show: Show) -> list[float | None]:
    """Write the volumes of all steps; how much each field differs from the one before, relative to both."""
    changes: list[float | None] = []
    before: Tensor | None = None
    for number, (file, field, data) in enumerate(zip(files, path.field.unbatch(), path, strict=True)):
        show(f"step {number + 1} of {len(files)}", number / len(files))
        volume = field.on(grid).with_atoms(AtomList(data.z, data.pos))
        volume.save(file)
        values = volume.values.double()
        if before is not None:
            both = (values.square().sum() + before.square().sum()) / 2
            changes.append(float(((values - before).square().sum() / both).sqrt()))
        else:
            changes.append(None)
        before = values
    return changes
