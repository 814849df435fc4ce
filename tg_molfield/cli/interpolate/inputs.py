"""The path that the files and options of ``tg-molfield interpolate`` describe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tg_molfield.cli.wording import worded

if TYPE_CHECKING:
    from torch_geometric.data import Data

    from tg_molfield.fields import Grid
    from tg_molfield.paths import FieldPath


def read_path(
    files: Sequence[Path],
    chosen: list[int] | None,
    every: int,
    kind: str,
    blind: bool,
    channels: str | None,
    spacing: float,
    margin: float,
    match: str | None = None,
) -> tuple[FieldPath, list[int]]:
    """The path through the chosen frames of structure files, or through volumes, and their numbers, from 1.

    With ``blind``, the fields of structures are sampled at ``spacing`` and the path sees only these volumes.

    Raises:
        ValueError: a chosen frame does not exist, fewer than two are left, or see `FieldPath`.
    """
    import torch

    from tg_molfield.chem.cells import is_periodic, pbc_of
    from tg_molfield.chem.elements import symbols
    from tg_molfield.fields import Grid, MolField, Volume
    from tg_molfield.paths import FieldPath
    from tg_molfield.volumes.registry import is_volume

    if match is not None and (blind or any(map(is_volume, files))):
        got = "--blind" if blind else "volumes"
        raise ValueError(f"--match: expected the atoms of two molecules with it, got {got}; leave it out")
    if all(map(is_volume, files)):
        if blind:
            raise ValueError("--blind: expected structures with it, got volumes, which have no atoms; leave it out")
        volumes, numbers = _select([Volume.read(file) for file in files], chosen, every)
        with worded(_words(numbers)):
            return FieldPath.from_fields(volumes, MolField(channels or volumes[0].channels), kind=kind), numbers
    frames, numbers = read_frames(files, chosen, every)
    elements = torch.cat([frame.z for frame in frames]).unique().tolist()
    mol_field = MolField(channels or [symbols()[z] for z in elements])
    if not blind:
        with worded(_words(numbers)):
            return FieldPath(frames, mol_field, kind=kind, match=match), numbers
    if any(is_periodic(pbc_of(frame)) for frame in frames):
        raise ValueError("--blind: expected frames that are not periodic with it, got periodic ones; leave it out")
    grid = Grid.around(torch.cat([frame.pos for frame in frames]), spacing, margin)
    with worded(_words(numbers)):
        return FieldPath.from_fields([mol_field(frame).on(grid) for frame in frames], mol_field, kind=kind), numbers


def _words(numbers: Sequence[int]) -> dict[str, str]:
    """What `FieldPath` says of frames, with their numbers from 1 and the options of the command."""
    words = {
        "match='mcs'": "--match mcs",
        "match='field'": "--match field",
        "with match,": "with --match,",
        "leave out match": "leave out --match",
        "give the definition of the field as mol_field, or a finer grid": "give a smaller --spacing",
    }
    for index, number in enumerate(numbers):
        for name in ("frames", "fields"):
            words |= {f"{name}[{index}].": f"frame {number}, ", f"{name}[{index}]": f"frame {number}"}
    return words


def read_frames(files: Sequence[Path], chosen: list[int] | None, every: int) -> tuple[list[Data], list[int]]:
    """The chosen frames of structure files and trajectories of ASE, of which no others are read, and their numbers.

    Raises:
        ValueError: a file cannot be read, or see `read_path`.
    """
    from tg_molfield.files import decoding
    from tg_molfield.structures import read
    from tg_molfield.structures.build import float_dtype
    from tg_molfield.structures.trajectories import ASE, AseTrajectory

    with ExitStack() as stack:
        places: list[tuple[Path, Callable[[], Data]]] = []
        for file in files:
            if file.suffix.lower() == ASE:
                trajectory = AseTrajectory(file, whole=False, dtype=float_dtype(None))
                stack.callback(trajectory.close)
                places += [(file, partial(trajectory.frame, index)) for index in range(len(trajectory))]
            else:
                places += [(file, partial(_same, frame)) for frame in read(file)]
        frames = []
        selected, numbers = _select(places, chosen, every)
        for file, frame in selected:
            with decoding(file):
                frames.append(frame())
        return frames, numbers


def _same(frame: Data) -> Data:
    return frame


def step_grids(molecules: Sequence[Data], spacing: float, margin: float) -> list[Grid]:
    """A grid for each molecule of a path, with the same numbers of nodes: around all, or their periodic cells."""
    import torch

    from tg_molfield.fields import Grid
    from tg_molfield.paths.periodic import grid_in_cell

    first = molecules[0].clone()
    first.pos = torch.cat([one.pos for one in molecules])
    grid = Grid.of(first, spacing, margin)
    return [grid_in_cell(grid, molecules[0], one) for one in molecules]


def drawn_molecules(path: FieldPath, times: Sequence[float]) -> list[Data]:
    """The molecules at some times, those of a morph with all atoms that are in one of its ends."""
    from torch_geometric.data import Data

    if path.is_morph:
        return [Data(z=path.z, pos=path.positions(time)) for time in times]
    return [path.data(time) for time in times]


def _select(frames: list[Any], chosen: list[int] | None, every: int) -> tuple[list[Any], list[int]]:
    for number in chosen or ():
        if not 1 <= number <= len(frames):
            raise ValueError(f"--frames: expected 1 to {len(frames)}, got {number}; frames are counted from 1")
    numbers = (chosen or list(range(1, len(frames) + 1)))[::every]
    if len(numbers) < 2:
        raise ValueError(
            f"files: expected at least 2 frames, got {len(numbers)} of {len(frames)}; "
            "give more files or frames, or a smaller --every"
        )
    return [frames[number - 1] for number in numbers], numbers
