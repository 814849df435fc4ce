"""`StoredFields`: a data set that is built once into a file and read from there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from torch_geometric.data import Data, Dataset

from tg_molfield.arguments import as_path, check_callable, check_flag, require_integers
from tg_molfield.datasets.build import FORMAT, Filters, build, check_identity
from tg_molfield.datasets.build_lock import build_lock
from tg_molfield.datasets.building import EntryBuilder
from tg_molfield.datasets.cards import dataset_card
from tg_molfield.datasets.content_digest import function_text
from tg_molfield.datasets.progress import Show, described
from tg_molfield.datasets.rebuilding import built_beside
from tg_molfield.datasets.sources import Source
from tg_molfield.datasets.store import FILE, MoleculeStore, store_path
from tg_molfield.parallel import check_workers
from tg_molfield.progress import shown
from tg_molfield.structures.library import FailedRecord
from tg_molfield.structures.scaffolds import scaffold


class StoredFields(Dataset):
    """What all data sets share that are built into a file ``processed/molecules.db`` under ``root``.

    Args:
        root: the folder of the data set.
        source: the entries; None opens what ``root`` has, if it has the options that are given.
        builder: makes molecules of them.
        transform: applied to a molecule whenever it is read.
        pre_transform: applied once, before a molecule is kept.
        pre_filter: tells whether a molecule is kept, before ``pre_transform``.
        force_reload: build again, whatever is there, which stays until the new data set is complete.
        workers: processes that build, beside this one.
        cluster: a Dask cluster that builds instead.
        errors: ``"skip"``, or ``"raise"`` to stop at the first record that fails.
        progress: as for `MoleculeFields`.

    Raises:
        FileNotFoundError: a file is missing, or there is neither a source nor a data set.
        TypeError: an argument is of another kind.
        ValueError: an argument is out of range, no molecule can be built, or ``root`` has a data set of another source
            or of other options.
        OSError: a file cannot be read or written.
    """

    def __init__(
        self,
        root: str | Path,
        source: Source | None,
        builder: EntryBuilder,
        *,
        transform: Callable[[Data], Any] | None,
        pre_transform: Callable[[Data], Data] | None,
        pre_filter: Callable[[Data], bool] | None,
        force_reload: bool,
        workers: int,
        cluster: Any,
        errors: str,
        progress: Show | bool | None,
    ) -> None:
        require_integers(workers=workers)
        check_workers(workers, cluster)
        check_flag(force_reload=force_reload)
        functions = {"transform": transform, "pre_transform": pre_transform, "pre_filter": pre_filter}
        for name, function in functions.items():
            check_callable(name, function)
        if errors not in ("raise", "skip"):
            raise ValueError(f"errors: expected 'raise' or 'skip', got {str(errors)[:40]!r}; choose one of them")
        super().__init__(str(as_path(root, "root").expanduser()), transform, pre_transform, pre_filter)
        self._store = MoleculeStore(store_path(Path(self.root)))
        if source is None:
            self._open(builder, force_reload)
        else:
            workers = workers if source.files else 0
            self._build(source, builder, force_reload, workers, cluster, errors, progress)
        self._state = self._store.state()
        self._numel = len(self._store)
        if errors == "raise" and (failed := self.failed):
            raise ValueError(str(failed[0]))

    def _repr_html_(self) -> str:
        return dataset_card(self)

    @staticmethod
    def is_complete(root: str | Path) -> bool:
        """Whether a folder has a complete data set."""
        store = MoleculeStore(store_path(as_path(root, "root").expanduser()))
        try:
            return store.path.exists() and not store.journal.exists() and bool(store.state().get("complete"))
        finally:
            store.close()

    @property
    def processed_file_names(self) -> list[str]:
        """The files of a complete data set, under ``processed``."""
        return [FILE, "failed.csv"]

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

    def _open(self, builder: EntryBuilder, force_reload: bool) -> None:
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
        usual = _options(type(builder)(), None, None)
        given = _options(builder, self.pre_transform, self.pre_filter)
        told = {name: value for name, value in given.items() if value != usual[name]}
        check_identity(path, state, {"kind": builder.kind, **told})

    def _build(
        self,
        source: Source,
        builder: EntryBuilder,
        force_reload: bool,
        workers: int,
        cluster: Any,
        errors: str,
        progress: Show | bool | None,
    ) -> None:
        path = self._store.path
        if not force_reload and self.is_complete(self.root):
            state = self._store.state()
            check_identity(path, state, self._identity(source, builder, state)[0])
            return
        with build_lock(path.parent), built_beside(path) if force_reload else nullcontext(path) as place:
            store = MoleculeStore(place, writable=True)
            try:
                if not self._begun(store, source, builder, force_reload).get("complete"):
                    with shown(progress, described) as show:
                        filters = Filters(self.pre_filter, self.pre_transform)
                        build(store, source, builder, filters, workers, cluster, errors, show)
            finally:
                store.close()

    def _begun(self, store: MoleculeStore, source: Source, builder: EntryBuilder, anew: bool) -> dict[str, Any]:
        """The state of a data set that can go on.

        Args:
            store: where it is, or is to be.
            source: its entries.
            builder: makes molecules of them.
            anew: whether to begin again where it was begun with another source or other options.
        """
        store.create()
        state = store.state()
        identity, files = self._identity(source, builder, state)
        if state.get("records") or state.get("complete"):
            if len(store) and not anew:
                check_identity(store.path, state, identity)
                return state
            if state["identity"] == identity:
                return state
        store.clear()
        start = {"format": FORMAT, "identity": identity, "files": files, "labels": builder.labels}
        store.add([], [], {**start, "records": 0, "complete": False})
        return store.state()

    def _identity(
        self, source: Source, builder: EntryBuilder, state: dict[str, Any]
    ) -> tuple[dict[str, str], dict[str, list[Any]]]:
        """What the molecules depend on, by name, and the states of the files."""
        text, files = source.digest(state.get("files", {}))
        options = _options(builder, self.pre_transform, self.pre_filter)
        if "conformers" in options and not source.has_smiles:
            options["conformers"] = "as given"
        return {"format": str(FORMAT), "kind": builder.kind, "source": text, **options}, files


def _options(builder: EntryBuilder, pre_transform: Any, pre_filter: Any) -> dict[str, str]:
    """The options that molecules depend on, by name."""
    return {
        **builder.options,
        "pre_transform": function_text(pre_transform),
        "pre_filter": function_text(pre_filter),
    }
