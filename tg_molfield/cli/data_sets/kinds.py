"""The kinds of data sets, and the options that each takes."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tg_molfield.cli.no_effect import refuse

if TYPE_CHECKING:
    from tg_molfield.datasets import MoleculeFields

CLASSES = {"molecules": "MoleculeFields", "complexes": "ComplexFields", "frames": "EnsembleFields"}
"""The class of each kind, by what data sets say of themselves."""
PUBLIC = {"freesolv": "FreeSolvFields", "qm9": "QM9Fields"}
"""The data sets that are known by name."""

_OF_COMPLEXES = ("pocket", "waters", "hetero", "table")
_OF_FRAMES = ("topology", "selection", "start", "stop", "stride", "whole")
_TRAJECTORIES = (".xtc", ".trr", ".dcd", ".nc", ".ncdf", ".netcdf", ".traj")


def known_kinds() -> dict[str, type[MoleculeFields]]:
    """The classes by kind."""
    from tg_molfield import datasets

    return {kind: getattr(datasets, name) for kind, name in CLASSES.items() if hasattr(datasets, name)}


def kind_of(sources: Sequence[str], kind: str | None, options: Mapping[str, Any]) -> str:
    """The kind of data set of some sources: the one given, or the one that options and suffixes tell.

    Raises:
        ValueError: there is no such kind.
    """
    known = known_kinds()
    if kind is not None and kind not in known:
        raise ValueError(f"--kind: expected one of {', '.join(known)}, got {kind[:40]!r}; choose one")
    if kind is not None:
        return kind
    given = {name for name, value in options.items() if value is not None}
    if given & set(_OF_COMPLEXES):
        return "complexes"
    if "frames" in known and (given & set(_OF_FRAMES) or any(Path(one).suffix in _TRAJECTORIES for one in sources)):
        return "frames"
    return "molecules"


def check_taken(made: type[Any], options: Mapping[str, Any], what: str, names: Mapping[str, str]) -> dict[str, Any]:
    """The options that are given, by the names of arguments.

    Args:
        made: the class of the data set.
        options: by the names of its arguments; None where not given.
        what: the data set, for messages.
        names: the options whose names are not those of the arguments.

    Raises:
        ValueError: one is given that the class does not take.
    """
    parameters = inspect.signature(made).parameters
    for name, value in options.items():
        if name not in parameters:
            refuse({names.get(name, f"--{name}"): value}, _takers(name, what), what)
    return {name: value for name, value in options.items() if value is not None}


def _takers(name: str, what: str) -> str:
    """What takes an argument that a data set does not take."""
    if what.lower() in PUBLIC:
        return "molecules of your own"
    kinds = [kind for kind, made in known_kinds().items() if name in inspect.signature(made).parameters]
    return f"a data set of {' or '.join(kinds)}" if kinds else "another data set"
