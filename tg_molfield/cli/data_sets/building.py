"""Molecules of files as a data set in a folder."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tg_molfield.cli.no_effect import check_reading, refuse
from tg_molfield.cli.wording import worded

if TYPE_CHECKING:
    from tg_molfield.datasets import MoleculeFields
    from tg_molfield.fields import MolField

PUBLIC = {"freesolv": "FreeSolvFields", "qm9": "QM9Fields"}
"""The data sets that are known by name."""

_WORDS = {
    "force_reload=True": "--force",
    "another root": "another folder as --output",
    "give root": "give --output",
    "labels:": "--labels:",
    "of labels": "of --labels",
    "conformers:": "--conformers:",
    "workers:": "--workers:",
    "cluster:": "--cluster:",
}


@dataclass(frozen=True)
class Reading:
    """How molecules are read; None leaves an option at its default.

    Attributes:
        labels: the numbers that become ``y``.
        properties: per-atom properties to compute, in one string.
        mol_field: a definition, of which all that it reads is computed.
        conformers: made of each SMILES.
        seed: of the conformers.
        timeout: seconds for the conformers of one SMILES.
        dimension: 3 to take flat coordinates as geometries.
        workers: processes beside this one.
        cluster: the scheduler of a Dask cluster.
        seed_option: the name of the option ``seed``.
    """

    labels: Sequence[str] | None = None
    properties: str | None = None
    mol_field: MolField | None = None
    conformers: int | None = None
    seed: int | None = None
    timeout: float | None = None
    dimension: int | None = None
    workers: int = 0
    cluster: str | None = None
    seed_option: str = "--seed"

    def own(self) -> dict[str, Any]:
        """The options that public data sets do not have, by the names of the command line."""
        return {
            "--labels": self.labels or None,
            "--conformers": self.conformers,
            self.seed_option: self.seed,
            "--timeout": self.timeout,
            "--dimension": self.dimension,
        }


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
        ValueError: an option has no effect, or as for `MoleculeFields`.
        OSError: a file cannot be read or written.
    """
    from tg_molfield import datasets
    from tg_molfield.structures import SkippedRecordsWarning

    options: dict[str, Any] = {"force_reload": force, "workers": how.workers, "cluster": how.cluster}
    options |= _computed(how)
    kind: type[MoleculeFields] = datasets.MoleculeFields
    source: Any = local
    if is_public(sources):
        refuse(how.own(), "molecules of your own", sources[0])
        kind = getattr(datasets, PUBLIC[sources[0].lower()])
    else:
        refuse({"--local": local}, " or ".join(PUBLIC), ", ".join(sources))
        source = _files(sources)
        of_smiles = {"--conformers": how.conformers, how.seed_option: how.seed, "--timeout": how.timeout}
        check_reading(source, None, of_smiles, {"--dimension": how.dimension})
        given = {
            "labels": how.labels or None,
            "conformers": how.conformers,
            "seed": how.seed,
            "timeout": how.timeout,
            "dimension": how.dimension,
        }
        options |= {name: value for name, value in given.items() if value is not None}
    with worded(_WORDS), warnings.catch_warnings():
        warnings.simplefilter("ignore", SkippedRecordsWarning)
        return kind(root, source, **options)


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
        files += MoleculeSource(path, (), None).files if path.is_dir() else [path]
    for path in files:
        if files.count(path) > 1:
            raise ValueError(f"source: expected different files, got {path} twice; name each once")
    return files
