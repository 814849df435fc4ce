"""Building a data set again beside the one that is there, which stays as it is until the new one is complete."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tg_molfield.datasets.store import MoleculeStore


@contextmanager
def built_beside(path: Path) -> Iterator[Path]:
    """The file in which the data set at ``path`` is built again, and which takes its place after the block.

    After an error or a kill, what has been built stays for the next time, unless it has no molecules.

    Raises:
        OSError: a file cannot be read or written.
    """
    new = path.parent / "rebuild" / path.name
    _remove_without_molecules(new)
    new.parent.mkdir(exist_ok=True)
    try:
        yield new
    except BaseException:
        _remove_without_molecules(new)
        raise
    _replace(path, new)
    new.with_name("failed.csv").replace(path.with_name("failed.csv"))
    shutil.rmtree(new.parent, ignore_errors=True)


def _remove_without_molecules(path: Path) -> None:
    if path.exists():
        store = MoleculeStore(path, writable=True)
        try:
            store.create()
            if len(store):
                return
        except ValueError:  # it is damaged
            pass
        finally:
            store.close()
    shutil.rmtree(path.parent, ignore_errors=True)


def _replace(path: Path, new: Path) -> None:
    """Replace a data set by another, without a journal of the former, which the latter would be changed by."""
    journal = MoleculeStore(path).journal
    if journal.exists():
        path.unlink(missing_ok=True)
        journal.unlink()
    new.replace(path)
