"""`FreeSolvFields`: hydration free energies of 642 molecules."""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath
from typing import Any

import torch
from torch_geometric.data import Data

from tg_molfield.arguments import as_path
from tg_molfield.datasets.downloading import downloaded
from tg_molfield.datasets.molecule_fields import MoleculeFields
from tg_molfield.datasets.progress import Show
from tg_molfield.files import atomic_write, decoding
from tg_molfield.structures.needed import Definition

_URL = "https://raw.githubusercontent.com/MobleyLab/FreeSolv/ff0961a3177863c8002e8487ff9718c513974138/"
_TABLE, _STRUCTURES, _JOINED = "database.txt", "sdffiles.tar.gz", "freesolv.sdf"
_LABEL = "expt"


class FreeSolvFields(MoleculeFields):
    """FreeSolv: 642 small neutral molecules in water, with one conformer each.

    ``y`` [1, 1] is the measured hydration free energy in kcal/mol; ``name`` the identifier of the database.

    Source: Mobley and Guthrie, J. Comput.-Aided Mol. Des. 28, 711 (2014); github.com/MobleyLab/FreeSolv.

    Args:
        root: the folder of the data set.
        source: a local copy: an SDF with the tag ``expt``, or a table with the columns ``smiles`` and ``expt``. None
            downloads ``database.txt`` and ``sdffiles.tar.gz`` of the database into ``raw`` under ``root``, or takes
            those that are there.
        transform: as for `MoleculeFields`, and so are the others.
        pre_transform: see there.
        pre_filter: see there.
        force_reload: see there.
        properties: see there.
        mol_field: see there.
        workers: see there.
        cluster: see there.
        dtype: see there.
        progress: see there.

    Raises:
        ConnectionError: the files cannot be downloaded.
        ValueError: they are not those of FreeSolv, or as for `MoleculeFields`.
    """

    def __init__(
        self,
        root: str | Path,
        source: str | Path | None = None,
        *,
        transform: Callable[[Data], Any] | None = None,
        pre_transform: Callable[[Data], Data] | None = None,
        pre_filter: Callable[[Data], bool] | None = None,
        force_reload: bool = False,
        properties: str | Iterable[str] = (),
        mol_field: Definition | None = None,
        workers: int = 0,
        cluster: Any = None,
        dtype: torch.dtype | None = None,
        progress: Show | bool | None = None,
    ) -> None:
        if source is None and (force_reload or not self.is_complete(root)):
            source = _raw_file(as_path(root, "root").expanduser() / "raw")
        super().__init__(
            root,
            source,
            transform=transform,
            pre_transform=pre_transform,
            pre_filter=pre_filter,
            force_reload=force_reload,
            properties=properties,
            mol_field=mol_field,
            labels=_LABEL,
            workers=workers,
            cluster=cluster,
            dtype=dtype,
            progress=progress,
        )


def _raw_file(folder: Path) -> Path:
    """The structures of the database with the measured values as tags, in the order of its table."""
    path = folder / _JOINED
    if not path.exists():
        table = downloaded(_URL + _TABLE, folder, _TABLE)
        structures = downloaded(_URL + _STRUCTURES, folder, _STRUCTURES)
        with decoding(structures):
            blocks = _blocks(structures)
        with decoding(table):
            text = "".join(_record(line, blocks) for line in table.read_text("utf-8", "replace").splitlines() if line)
        with atomic_write(path) as stream:
            stream.write(text.encode())
    return path


def _blocks(path: Path) -> dict[str, str]:
    """The MOL block of each compound."""
    with tarfile.open(path) as archive:
        files = {PurePosixPath(member.name): archive.extractfile(member) for member in archive if member.isfile()}
        texts = {name.stem: file.read().decode() for name, file in files.items() if file and name.suffix == ".sdf"}
    return {name: text.replace("\r\n", "\n").partition("M  END")[0] + "M  END\n" for name, text in texts.items()}


def _record(line: str, blocks: dict[str, str]) -> str:
    if line.startswith("#"):
        return ""
    name, smiles, _, measured = (word.strip() for word in line.split(";")[:4])
    if name not in blocks:
        raise ValueError(f"expected compounds of {_STRUCTURES}, got {name[:40]!r}; download both again")
    block = name + "\n" + blocks[name].partition("\n")[2]
    return f"{block}> <{_LABEL}>\n{measured}\n\n> <smiles>\n{smiles}\n\n$$$$\n"
