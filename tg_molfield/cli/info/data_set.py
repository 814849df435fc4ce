"""What is in the folder of a data set."""

from __future__ import annotations

from pathlib import Path

from tg_molfield.cli.info.facts import Facts, listed
from tg_molfield.datasets.store import MoleculeStore, store_path

_USUAL = ("", "None", "as given", "torch.float32")


def store_of(folder: Path) -> MoleculeStore | None:
    """The molecules of a data set, or None where the folder has none."""
    path = store_path(folder)
    return MoleculeStore(path) if path.is_file() else None


def data_set_facts(store: MoleculeStore) -> Facts:
    """Molecules, failures, labels, attributes, and what it was built of.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no data set.
    """
    try:
        state = store.state()
        identity = {name: text for name, text in state.get("identity", {}).items() if text not in _USUAL}
        kind = f"data set of {identity.pop('kind', 'nothing yet')}"
        facts = {"kind": kind if state.get("complete") else f"{kind}, building not finished"}
        molecules, failed = len(store), len(store.failed())
        facts["molecules"] = f"{molecules:,}" + (f"; records that failed: {failed:,}" if failed else "")
        facts["labels"] = listed(state.get("labels", [])) or "none"
        if molecules:
            data = store.get(0)
            facts["attributes"] = listed(sorted(data.keys()))
        return facts | {name: text for name, text in identity.items() if name not in ("format", "labels")}
    finally:
        store.close()
