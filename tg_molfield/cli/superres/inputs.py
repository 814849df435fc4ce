"""Problems from files: a structure with or without a ligand, or a density."""

from __future__ import annotations

from pathlib import Path

import torch

from tg_molfield.cli.superres.problem import Problem, of_atoms, of_density
from tg_molfield.fields import MolField, RBFField, Volume
from tg_molfield.files import format_suffix
from tg_molfield.inverse.superres import channel_widths, widths_of
from tg_molfield.volumes.registry import SUFFIXES


def is_density(path: str) -> bool:
    """Whether a file is named like a volume."""
    return format_suffix(path) in SUFFIXES


def structure_problem(
    path: str, ligand: str | None, record: int, channels: str, beta: float, train: int, evaluate: list[int]
) -> tuple[Problem, tuple[str, ...]]:
    """The field of a structure as arXiv 2502.10848 defines it, in the channels for which there are atoms.

    Args:
        path: a structure file.
        ligand: a file with its ligand, or a residue of the structure; the channels are then those of both apart.
        record: which model of the file, from 1.
        channels: as `MolField` takes them; with a ligand also single ones, as ``ligand.C``.
        beta: the constant of the Gaussians.
        train: nodes an axis that are seen.
        evaluate: nodes an axis that are judged.

    Returns:
        The problem, and the channels left out because they are 0.

    Raises:
        ValueError: a record, a channel or a number of nodes does not exist or does not fit.
    """
    from tg_molfield.structures import read, read_complex

    for name, count in (("--train", train), *(("--eval", n) for n in evaluate)):
        if count < 4:
            raise ValueError(f"{name} {count}: at least 4 nodes an axis are needed")
    wanted = channels.replace(",", " ").split()
    kinds = [name.removeprefix("ligand.").removeprefix("protein.") for name in wanted]
    parts = ligand is not None
    definition = MolField.preset(
        "mnf", beta=beta, channels=" ".join(dict.fromkeys(kinds)), split_parts=parts, normalize_grid_size=train
    )  # fmt: skip
    names = tuple(
        full for name in wanted for full in ([name] if name in definition.channels else _of_parts(name, definition))
    )
    if ligand is not None:
        data = read_complex(path, ligand)
    else:
        records = read(path)
        if not 1 <= record <= len(records):
            raise ValueError(f"--record {record}: {path} has {len(records)} records, counted from 1")
        data = records[record - 1]
    field = definition(data)
    assert isinstance(field, RBFField)
    present = tuple(name for name in dict.fromkeys(names) if bool((field[name].weights != 0).any()))
    if not present:
        raise ValueError(f"--channels {channels}: {path} has no atoms in any of them")
    widths = dict(zip(definition.channels, channel_widths(definition), strict=True))
    grids = {f"{n}³": definition.grid(data, n) for n in (train, *sorted(set(evaluate) - {train}))}
    problem = of_atoms(Path(path).name, field[present], tuple(widths[name] for name in present), grids)
    return problem, tuple(name for name in dict.fromkeys(names) if name not in present)


def density_problem(path: str, every: int, finer: int, widths: str | None) -> Problem:
    """A density from a file.

    Args:
        path: a volume file.
        every: see `of_density`.
        finer: see `of_density`.
        widths: σ of each channel in Å, or ``none``, as one string.

    Raises:
        ValueError: the file, the widths or the steps do not fit.
    """
    if every < 1 or finer < 1:
        raise ValueError(f"--every {every}, --finer {finer}: give whole numbers from 1 on")
    volume = Volume.read(path, dtype=torch.get_default_dtype())
    return of_density(Path(path).name, volume, every, finer, widths_of(volume.channels, _numbers(widths)))


def _of_parts(name: str, definition: MolField) -> list[str]:
    names = [full for full in definition.channels if full.partition(".")[2] == name]
    if not names:
        raise ValueError(f"--channels: {name} is not there; parts are named where --ligand is given")
    return names


def _numbers(widths: str | None) -> list[float | None] | None:
    if widths is None:
        return None
    try:
        return [None if word.lower() == "none" else float(word) for word in widths.split()]
    except ValueError as error:
        raise ValueError(f"--widths {widths!r}: give a number in Å or 'none' for each channel") from error
