"""Data sets that were built before, and those of other sources."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tg_molfield.cli.data_sets.building import Reading, built
from tg_molfield.cli.data_sets.failures import tell_failed
from tg_molfield.cli.data_sets.kinds import known_kinds
from tg_molfield.cli.no_effect import refuse

if TYPE_CHECKING:
    from torch_geometric.data import Data

    from tg_molfield.datasets import MoleculeFields


def is_data_set(path: str | Path) -> bool:
    """Whether a folder has a data set, complete or not."""
    from tg_molfield.datasets.store import store_path

    return store_path(Path(path).expanduser()).is_file()


def opened(path: str | Path) -> MoleculeFields:
    """The data set in a folder.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not complete, or of a kind that is not known.
    """
    from tg_molfield.datasets.store import MoleculeStore, store_path

    path = Path(path).expanduser()
    store = MoleculeStore(store_path(path))
    kind = store.state().get("identity", {}).get("kind")
    store.close()
    known = known_kinds()
    if kind is not None and kind not in known:
        raise ValueError(
            f"{path}: expected a data set of {' or '.join(known)}, got one of {str(kind)[:40]}; build it anew"
        )
    return known[kind or "molecules"](path)


def opened_or_built(
    sources: Sequence[str],
    folder: Path,
    how: Reading,
    local: str | Path | None = None,
    force: bool = False,
    stays: bool = True,
) -> MoleculeFields:
    """The data set of one folder, or one that is built of other sources, with a word about records that failed.

    Args:
        sources: a folder of a data set; or what `built` takes.
        folder: where it is built.
        how: how molecules are read, of sources alone.
        local: a local copy of a public data set.
        force: build it again.
        stays: whether the folder does.

    Raises:
        ValueError: an option has no effect on a data set that is there.
    """
    there = [source for source in sources if is_data_set(source)]
    if not there:
        dataset = built(sources, folder, how, None if local is None else Path(local), force)
        tell_failed(dataset, stays)
        return dataset
    if len(sources) > 1:
        raise ValueError(f"source: expected one data set alone, got {there[0]} beside others; give one")
    refuse({**how.given(), "--local": local}, "a source that is to be read", f"the data set {there[0]}")
    return opened(there[0])


def check_attributes(data: Data, names: Any, where: str) -> None:
    """Raise a ValueError unless a molecule has the named attributes.

    Args:
        data: the first molecule of a data set.
        names: what is read of it.
        where: the data set, for the message.
    """
    missing = sorted(name for name in names if name not in data)
    if missing:
        raise ValueError(
            f"{where}: expected molecules with {', '.join(missing)}, got none; build the data set with --properties "
            f"'{' '.join(missing)}', or with --preset or --channels of the field"
        )
