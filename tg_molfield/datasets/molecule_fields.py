"""`MoleculeFields`: a data set of molecules from whatever holds them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor
from torch_geometric.data import Data, Dataset

from tg_molfield.arguments import as_names, as_path, check_integers
from tg_molfield.datasets.build import FORMAT, Filters, build, check_identity
from tg_molfield.datasets.build_lock import build_lock
from tg_molfield.datasets.building import Builder
from tg_molfield.datasets.progress import Show, shown
from tg_molfield.datasets.sources import MoleculeSource, Source
from tg_molfield.datasets.splits import check_split, split_groups
from tg_molfield.datasets.store import MoleculeStore
from tg_molfield.structures.build import float_dtype
from tg_molfield.structures.library import FailedRecord, Recipe
from tg_molfield.structures.needed import Definition, properties_to_compute
from tg_molfield.structures.scaffolds import scaffold

_FILE = "molecules.db"


class MoleculeFields(Dataset):
    """Molecules with positions, from a table of SMILES, structure files, or a list of ``Data`` or ASE ``Atoms``.

    The data set holds atoms, properties and labels, not fields: these come from ``transform=MolFieldTransform(...)``
    when a molecule is read, so that another field needs no new build. It is a file ``processed/molecules.db`` under
    ``root``, from which molecules are read one by one, whatever their number; worker processes of a ``DataLoader`` may
    read it together.

    Building writes what is done after every few molecules. An interrupted or killed build goes on where it was, and
    gives what an unbroken one gives. Records that fail are left out and listed with the reason in
    ``processed/failed.csv``. Where ``root`` has the data set already, of the same source and options, it is opened.

    Every ``Data`` has ``z`` [N], ``pos`` [N, 3] in Å and ``name``; ``smiles`` where the source gives the bonds; ``y``
    [1, L] with ``labels``; ``properties`` [N]; and what else ``read`` takes from the file. An attribute that only some
    molecules have is left out of all, but a cell, which is zero for the others.

    Args:
        root: the folder of the data set.
        source: a file (``.csv`` or ``.tsv`` with a column ``smiles``, ``.smi``, SDF, MOL2 or any that ``read`` takes;
            each also with ``.gz``), several files, a folder of files, or a sequence of ``Data`` or ``Atoms``, such as
            another PyG data set. None opens what ``root`` has, if it has the options that are given.
        transform: applied to a molecule whenever it is read.
        pre_transform: applied once, before a molecule is kept.
        pre_filter: tells whether a molecule is kept, before ``pre_transform``.
        force_reload: build again, whatever is there.
        properties: per-atom properties to compute, as for ``read``; bonds of molecules without them are perceived.
            ``"auto"`` computes what ``mol_field`` reads.
        mol_field: the definition of a field, for ``properties="auto"``.
        labels: numbers that become ``y``, in this order and in the unit of the source: columns of a table, tags of an
            SDF, values of extended XYZ, attributes of ``Data``, ``info`` of ``Atoms``. NaN where there is none.
        conformers: how many conformers are made of each SMILES; each is a molecule of the data set.
        seed: of the conformers.
        workers: processes that read files and make conformers, beside this one. As always with processes, a script
            that uses them begins its work under ``if __name__ == "__main__":``.
        dtype: floating type; by default torch's, and for ``Data`` the one that it has.
        progress: a function that is called with a `BuildProgress` after every chunk, True or False; by default there
            is a bar in a terminal and in a notebook.
        errors: ``"skip"``, or ``"raise"`` to stop at the first record that fails.
        timeout: seconds for the conformers of one SMILES.
        dimension: 3 to take flat records of SDF files as geometries, as in ``read``.

    Raises:
        FileNotFoundError: a file is missing, or there is neither a source nor a data set.
        TypeError: an argument is of another kind.
        ValueError: an argument is out of range, no molecule can be read, or ``root`` has a data set of another source
            or of other options.
        OSError: a file cannot be read or written.

    Warns:
        SkippedRecordsWarning: records failed.
        StructureWarning: what the readers warn of, once for all records.
        DroppedKeysWarning: only some molecules have an attribute.

    Example:
        >>> dataset = MoleculeFields("esol", "esol.csv", labels="logS")  # doctest: +SKIP
        >>> train = dataset[dataset.split_idx(by="scaffold")["train"]]  # doctest: +SKIP
    """

    def __init__(
        self,
        root: str | Path,
        source: Any = None,
        *,
        transform: Callable[[Data], Any] | None = None,
        pre_transform: Callable[[Data], Data] | None = None,
        pre_filter: Callable[[Data], bool] | None = None,
        force_reload: bool = False,
        properties: str | Iterable[str] = (),
        mol_field: Definition | None = None,
        labels: str | Iterable[str] = (),
        conformers: int = 1,
        seed: int = 0,
        workers: int = 0,
        dtype: torch.dtype | None = None,
        progress: Show | bool | None = None,
        errors: str = "skip",
        timeout: float = 20.0,
        dimension: Literal[3] | None = None,
    ) -> None:
        check_integers(workers=workers)
        if workers < 0:
            raise ValueError(f"workers: expected 0 or more, got {workers}; 0 uses this process alone")
        if errors not in ("raise", "skip"):
            raise ValueError(f"errors: expected 'raise' or 'skip', got {str(errors)[:40]!r}; choose one of them")
        super().__init__(str(as_path(root, "root").expanduser()), transform, pre_transform, pre_filter)
        self._store = MoleculeStore(Path(self.processed_dir) / _FILE)
        names = (labels,) if isinstance(labels, str) else tuple(as_names("labels", labels))
        floating = float_dtype(dtype)
        recipe = Recipe(*properties_to_compute(properties, mol_field), dtype, dimension, conformers, seed, timeout)
        if source is None:
            self._open(Builder(recipe, names), force_reload)
        else:
            items = source if isinstance(source, Source) else MoleculeSource(source, names, floating)
            _check_conformers(conformers, items)
            recipe = replace(recipe, dtype=floating) if items.files else recipe
            self._build(items, Builder(recipe, names), force_reload, workers if items.files else 0, errors, progress)
        self._state = self._store.state()
        self._numel = len(self._store)
        if errors == "raise" and (failed := self.failed):
            raise ValueError(str(failed[0]))

    @staticmethod
    def is_complete(root: str | Path) -> bool:
        """Whether a folder has a complete data set."""
        store = MoleculeStore(as_path(root, "root").expanduser() / "processed" / _FILE)
        try:
            return store.path.exists() and not store.journal.exists() and bool(store.state().get("complete"))
        finally:
            store.close()

    @property
    def processed_file_names(self) -> list[str]:
        """The files of a complete data set, under ``processed``."""
        return [_FILE, "failed.csv"]

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the columns of ``y``."""
        return tuple(self._state["labels"])

    @property
    def failed(self) -> list[FailedRecord]:
        """The records that failed: ``file``, ``record`` (from 1), ``title`` and ``reason`` of each."""
        return self._store.failed()

    def len(self) -> int:
        """The number of molecules, before any are selected."""
        return self._numel

    def get(self, idx: int) -> Data:
        """The molecule of a position, before any are selected, without ``transform``."""
        return self._store.get(int(idx))

    def split_idx(
        self, fractions: Sequence[float] = (0.8, 0.1, 0.1), by: str = "random", seed: int = 0
    ) -> dict[str, Tensor]:
        """Indices of the molecules to train on, to validate with, and to test with; conformers stay together.

        Args:
            fractions: the shares of the three, with the sum 1; parts come as near as groups of molecules let them.
            by: ``"random"``, or ``"scaffold"`` to have the molecules of each Bemis–Murcko scaffold in one part, and all
                without rings in one; large scaffolds are placed first, the others in random order.
            seed: of the order.

        Returns:
            ``{"train": ..., "valid": ..., "test": ...}``, each sorted, for ``dataset[indices]``.

        Raises:
            TypeError: an argument is of another kind.
            ValueError: an argument is out of range, or molecules have no SMILES.
        """
        shares = check_split(fractions, by, seed)
        groups: list[Any] = self._store.records()
        if by == "scaffold":
            groups = self._scaffolds()
        return split_groups([groups[index] for index in self.indices()], shares, seed, by == "scaffold")

    def _scaffolds(self) -> list[str]:
        found: dict[str, str] = {}
        scaffolds = []
        for index, others in enumerate(self._store.others()):
            smiles = others.get("smiles")
            if not isinstance(smiles, str):
                raise ValueError(
                    f"by: expected 'random' for molecules without SMILES, such as that of index {index}, got "
                    "'scaffold'; build from a table or from files with bonds (SDF, MOL2)"
                )
            if smiles not in found:
                found[smiles] = scaffold(smiles)
            scaffolds.append(found[smiles])
        return scaffolds

    def _open(self, builder: Builder, force_reload: bool) -> None:
        """Take what there is, if it has the options that are not the usual ones."""
        path = self._store.path
        if force_reload:
            raise ValueError("force_reload: expected a source to build from, got none; give the source")
        if not path.exists():
            raise FileNotFoundError(f"{path}: expected a data set, got none; give a source to build it from")
        if not self.is_complete(self.root):
            raise ValueError(f"{path}: expected a complete data set, got one that is not; give its source to go on")
        state = self._store.state()
        if state["format"] != FORMAT:
            raise ValueError(
                f"{path}: expected a data set of format {FORMAT}, got format {state['format']}; build it again"
            )
        usual = _options(Builder(Recipe()), None, None)
        given = _options(builder, self.pre_transform, self.pre_filter)
        check_identity(path, state, {name: value for name, value in given.items() if value != usual[name]})

    def _build(
        self,
        source: Source,
        builder: Builder,
        force_reload: bool,
        workers: int,
        errors: str,
        progress: Show | bool | None,
    ) -> None:
        path = self._store.path
        if not force_reload and self.is_complete(self.root):
            state = self._store.state()
            check_identity(path, state, self._identity(source, builder, state)[0])
            return
        with build_lock(path.parent):
            if force_reload:
                path.unlink(missing_ok=True)
                self._store.journal.unlink(missing_ok=True)
            store = MoleculeStore(path, writable=True)
            try:
                store.create()
                state = store.state()
                identity, files = self._identity(source, builder, state)
                if state:
                    check_identity(path, state, identity)
                else:
                    start = {"format": FORMAT, "identity": identity, "files": files, "labels": builder.labels}
                    store.add([], [], {**start, "records": 0, "complete": False})
                if not state.get("complete"):
                    with shown(progress) as show:
                        build(
                            store, source, builder, Filters(self.pre_filter, self.pre_transform), workers, errors, show
                        )
            finally:
                store.close()

    def _identity(
        self, source: Source, builder: Builder, state: dict[str, Any]
    ) -> tuple[dict[str, str], dict[str, list[Any]]]:
        """What the molecules depend on, by name, and the states of the files."""
        text, files = source.digest(state.get("files", {}))
        options = _options(builder, self.pre_transform, self.pre_filter)
        if not source.has_smiles:
            options["conformers"] = "as given"
        return {"format": str(FORMAT), "source": text, **options}, files


def _options(builder: Builder, pre_transform: Any, pre_filter: Any) -> dict[str, str]:
    """The options that molecules depend on, by name."""
    recipe = builder.recipe
    return {
        "properties": ", ".join([*recipe.properties, *(("color",) if recipe.color else ())]),
        "labels": ", ".join(builder.labels),
        "dtype": str(recipe.dtype),
        "dimension": str(recipe.dimension),
        "conformers": f"{recipe.conformers} with seed {recipe.seed} in {recipe.timeout:g} s",
        "pre_transform": _described(pre_transform),
        "pre_filter": _described(pre_filter),
    }


def _check_conformers(conformers: int, source: Source) -> None:
    check_integers(conformers=conformers)
    if conformers != 1 and not source.has_smiles:
        raise ValueError(
            f"conformers: expected 1 for molecules that have positions, got {conformers}; give a table of SMILES"
        )


def _described(function: Any) -> str:
    """What tells a function or transform from another in later runs: its text without addresses."""
    name = getattr(function, "__qualname__", None)
    return str(name) if name else re.sub(r" at 0x[0-9a-fA-F]+", "", repr(function))
