"""Molecules of files as a data set in a folder."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tg_molfield.cli.data_sets.kinds import PUBLIC, check_taken, kind_of, known_kinds
from tg_molfield.cli.no_effect import check_reading, refuse
from tg_molfield.cli.wording import worded

if TYPE_CHECKING:
    from tg_molfield.datasets import MoleculeFields
    from tg_molfield.fields import MolField

_OPTIONS = (
    "labels", "conformers", "timeout", "dimension", "workers", "cluster", "pocket", "table", "topology", "selection",
    "start", "stop", "stride",
)  # fmt: skip
_WORDS = {
    "force_reload=True": "--force",
    "another root": "another --output",
    "give root": "give --output",
    "of labels": "of --labels",
    "give the folder that holds them": "give the folder that holds them, or --kind complexes for folders of complexes",
    **{f"{name}:": f"--{name}:" for name in _OPTIONS},
}


@dataclass(frozen=True)
class Reading:
    """How molecules are read.

    Attributes:
        options: arguments of the data set by name, such as ``labels``, ``conformers`` and ``workers``; None leaves one
            at its default.
        properties: per-atom properties to compute, in one string.
        mol_field: a definition, of which all that it reads is computed.
        kind: of the data set; None for the one that the options and the files tell.
        names: the options whose names are not those of the arguments.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    properties: str | None = None
    mol_field: MolField | None = None
    kind: str | None = None
    names: Mapping[str, str] = field(default_factory=dict)

    def given(self) -> dict[str, Any]:
        """The options that are given, by the names of the command line."""
        found = {self.names.get(name, f"--{name}"): value for name, value in self.options.items()}
        return {**found, "--kind": self.kind}


def is_public(sources: Sequence[str]) -> bool:
    """Whether one of the data sets known by name is asked for."""
    return len(sources) == 1 and sources[0].lower() in PUBLIC


def built(
    sources: Sequence[str], root: Path, how: Reading, local: Path | None = None, force: bool = False
) -> MoleculeFields:
    """The data set of ``sources`` in the folder ``root``, opened if it is there, else built.

    Args:
        sources: files, folders, or one of the names of `PUBLIC`.
        root: the folder.
        how: how molecules are read.
        local: a local copy of a public data set.
        force: build it again.

    Raises:
        ValueError: an option has no effect, or as for the data set.
        OSError: a file cannot be read or written.
    """
    from tg_molfield import datasets
    from tg_molfield.structures import SkippedRecordsWarning

    if is_public(sources):
        refuse({"--kind": how.kind}, "molecules of your own", sources[0])
        kind = sources[0].lower()
        made: Any = getattr(datasets, PUBLIC[kind])
    else:
        refuse({"--local": local}, " or ".join(PUBLIC), ", ".join(sources))
        kind = kind_of(sources, how.kind, how.options)
        made = known_kinds()[kind]
    options = check_taken(made, how.options, kind, how.names)
    source = local if is_public(sources) else _source(sources, kind, how)
    with worded(_WORDS), warnings.catch_warnings():
        warnings.simplefilter("ignore", SkippedRecordsWarning)
        return made(root, source, force_reload=force, **options, **_computed(how))


def _source(sources: Sequence[str], kind: str, how: Reading) -> Any:
    """The source as the data set of a kind takes it."""
    for source in sources:
        if not Path(source).expanduser().exists():
            raise FileNotFoundError(
                f"{source}: expected a file or folder of molecules, or {' or '.join(PUBLIC)}, got none; check the path"
            )
    if kind == "complexes":
        if len(sources) > 1:
            raise ValueError(
                f"source: expected one folder or table of complexes, got {len(sources)}; put them into one folder"
            )
        return Path(sources[0]).expanduser()
    files = _files(sources) if kind == "molecules" else [Path(one).expanduser() for one in sources]
    if kind == "molecules":
        of_smiles = {how.names.get(one, f"--{one}"): how.options.get(one) for one in ("conformers", "seed", "timeout")}
        check_reading(files, None, of_smiles, {"--dimension": how.options.get("dimension")})
    for path in files:
        if files.count(path) > 1:
            raise ValueError(f"source: expected different files, got {path} twice; name each once")
    return files


def _computed(how: Reading) -> dict[str, Any]:
    """What is computed of the atoms, as arguments of a data set."""
    from tg_molfield.structures.needed import to_compute

    named = tuple((how.properties or "").replace(",", " ").split())
    if how.mol_field is None:
        return {"properties": named}
    if not named:
        return {"properties": "auto", "mol_field": how.mol_field}
    needed, color = to_compute(how.mol_field.attributes)
    if color:
        raise ValueError(
            f"--properties: expected none with a field of pharmacophore features, got {how.properties}; leave it out"
        )
    return {"properties": tuple(dict.fromkeys((*named, *needed)))}


def _files(sources: Sequence[str]) -> list[Path]:
    from tg_molfield.datasets.sources import MoleculeSource

    files: list[Path] = []
    for source in sources:
        path = Path(source).expanduser()
        with worded(_WORDS):
            files += MoleculeSource(path, (), None).files if path.is_dir() else [path]
    return files
