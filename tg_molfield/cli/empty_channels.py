"""Channels to which no atom of a molecule contributes, and the files that leave them out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tg_molfield.fields import Field

Empty = Annotated[
    bool | None,
    typer.Option(
        "--empty/--no-empty",
        help="Whether volumes hold channels to which no atom contributes; pictures and pages never show them.  "
        "\\[default: not, unless --channels, --preset or --model names them; in .npz and in VASP's files always]",
    ),
]


def check_empty(empty: bool | None, paths: Sequence[Path]) -> None:
    """Refuse the option where no volume is written.

    Raises:
        ValueError: there is none.
    """
    from tg_molfield.volumes.registry import is_volume

    if empty is not None and not any(map(is_volume, paths)):
        name = "--empty" if empty else "--no-empty"
        raise ValueError(f"{name}: expected a volume file with it, got {', '.join(map(str, paths))}; leave it out")


def empty_channels(field: Field) -> tuple[str, ...]:
    """The channels to which no atom contributes; none if that would be all of them, or for fields not made of atoms."""
    from tg_molfield.fields import RBFField
    from tg_molfield.fields.aggregates import AggregateField

    base = field.base if isinstance(field, AggregateField) else field
    if not isinstance(base, RBFField):
        return ()
    occupied = (base.weights != 0).any(0).tolist()
    empty = tuple(name for name, has_atoms in zip(field.channels, occupied, strict=False) if not has_atoms)
    return empty if any(occupied) and len(occupied) == len(field.channels) else ()


def omits_empty_channels(path: Path, empty: bool | None, named: bool) -> bool:
    """Whether the volume file ``path`` leaves empty channels out.

    Args:
        path: a volume file.
        empty: the value of the option.
        named: whether the user named the channels. By default, these are kept; and all are in ``.npz``, where the
            molecules of a data set have the same channels, and in VASP's files, where their number has a meaning.
    """
    from tg_molfield.files import format_suffix
    from tg_molfield.volumes.vasp import is_vasp_name

    if empty is not None:
        return not empty
    return not (named or format_suffix(path) in (".npz", ".vasp") or is_vasp_name(path))
