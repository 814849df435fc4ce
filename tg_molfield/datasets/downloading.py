"""Files of public data sets, downloaded once into a folder."""

from __future__ import annotations

import tempfile
from pathlib import Path

from torch_geometric.data import download_url


def downloaded(url: str, folder: Path, name: str) -> Path:
    """The file ``name`` of a folder, downloaded if it is not there; what is cut off leaves nothing.

    Raises:
        ConnectionError: it cannot be downloaded.
    """
    path = folder / name
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as place:
            try:
                found = download_url(url, place, filename=name)
            except OSError as error:
                reason = getattr(error, "reason", error)
                raise ConnectionError(
                    f"{url}: expected a file to download, got: {reason}; save it as {path}, or give a local copy as "
                    "source"
                ) from error
            Path(found).replace(path)
    return path
