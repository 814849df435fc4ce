"""Problems from files: a structure with or without a ligand, or a density."""

from __future__ import annotations

from pathlib import Path

import torch
from torch_geometric.data import Data

from tg_molfield.cli.structure import has_bonds, warn_of_missing_hydrogens
from tg_molfield.cli.superres.problem import Problem, of_atoms, of_density
from tg_molfield.fields import MolField, RBFField, Volume
from tg_molfield.fields.channels import PARTS
from tg_molfield.inverse.superres import channel_widths, resolve_widths


def structure_problem(
    path: str, ligand: str | None, record: int, channels: str, beta: float, train: int, evaluate: list[int]
) -> tuple[Problem, tuple[str, ...]]:
    """The field of a structure as in arXiv 2502.10848, in the channels that have atoms.

    Args:
        path: a structure file.
        ligand: a file with its ligand, or a residue of the structure; protein and ligand then have channels each.
        record: which model of the file, from 1.
        channels: as `MolField` takes them; with a ligand also single ones, as ``ligand.C``.
        beta: β of the Gaussians exp(−β d²/r²).
        train: nodes along each axis at which the field is sampled.
        evaluate: nodes along each axis at which the reconstruction is compared, one number for each grid.

    Returns:
        The problem, and the channels left out because they are 0.

    Raises:
        ValueError: a record, a channel or a number of nodes does not exist or does not fit.

    Warns:
        StructureWarning: there is a channel of hydrogen, and hydrogens are missing.
    """
    from tg_molfield.structures import read_complex
    from tg_molfield.structures.reading import read_record

    for name, count in (("--train", train), *(("--eval", n) for n in evaluate)):
        if count < 4:
            raise ValueError(f"{name}: expected at least 4 nodes along each axis, got {count}; give more")
    wanted = channels.replace(",", " ").split()
    kinds = [name.removeprefix("ligand.").removeprefix("protein.") for name in wanted]
    parts = ligand is not None
    mol_field = MolField.preset(
        "mnf", beta=beta, channels=" ".join(dict.fromkeys(kinds)), split_parts=parts, normalize_grid_size=train
    )  # fmt: skip
    names = tuple(
        full for name in wanted for full in ([name] if name in mol_field.channels else _of_parts(name, mol_field))
    )
    if ligand is not None:
        data = read_complex(path, ligand)
    else:
        _, data, _ = read_record(path, record, name="--record")
    field = mol_field(data)
    assert isinstance(field, RBFField)
    present = tuple(name for name in dict.fromkeys(names) if bool((field[name].weights != 0).any()))
    if not present:
        raise ValueError(
            f"--channels: expected channels with atoms, got {channels}; {path} has no atoms in any of them"
        )
    _warn_of_hydrogens(data, path, ligand, present)
    widths = dict(zip(mol_field.channels, channel_widths(mol_field), strict=True))
    grids = {f"{n}³": mol_field.grid(data, n) for n in (train, *sorted(set(evaluate) - {train}))}
    problem = of_atoms(Path(path).name, field[present], tuple(widths[name] for name in present), grids, mol_field)
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
        raise ValueError(
            f"--every, --finer: expected at least 1, got {every} and {finer}; give whole numbers from 1 on"
        )
    volume = Volume.read(path, dtype=torch.get_default_dtype())
    return of_density(Path(path).name, volume, every, finer, resolve_widths(volume.channels, _numbers(widths)))


def _warn_of_hydrogens(data: Data, path: str, ligand: str | None, names: tuple[str, ...]) -> None:
    """Warn of the channels H of those ``names`` whose atoms come from a file without bonds and lack hydrogens."""
    if ligand is None:
        if not has_bonds(path):
            warn_of_missing_hydrogens(data, names)
        return
    is_file = Path(ligand).is_file()
    for part, (name, file) in enumerate(zip(PARTS, (ligand if is_file else path, path), strict=True)):
        if f"{name}.H" in names and not has_bonds(file):
            rows = data["part"] == part
            warn_of_missing_hydrogens(Data(z=data["z"][rows], pos=data["pos"][rows]), names, f"{name}.H")


def _of_parts(name: str, mol_field: MolField) -> list[str]:
    names = [full for full in mol_field.channels if full.partition(".")[2] == name]
    if not names:
        raise ValueError(
            f"--channels: expected channels of the structure, got {name}; parts such as ligand.C need --ligand"
        )
    return names


def _numbers(widths: str | None) -> list[float | None] | None:
    if widths is None:
        return None
    try:
        return [None if word.lower() == "none" else float(word) for word in widths.split()]
    except ValueError as error:
        raise ValueError(
            f"--widths: expected a number in Å or 'none' for each channel, got {widths!r}; for example '0.9 none'"
        ) from error
