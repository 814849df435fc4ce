"""The finished searches in a file that is always complete, so that an interrupted run can be resumed."""

from __future__ import annotations

import hashlib
from os import PathLike
from pathlib import Path

from torch import Tensor

from tg_molfield.arguments import as_path
from tg_molfield.fields import Volume
from tg_molfield.files import decoding
from tg_molfield.inverse.superres.mixture import Mixture
from tg_molfield.inverse.superres.pursuit import Search
from tg_molfield.tensor_files import read_checkpoint, write_checkpoint


class Checkpoint:
    """The finished searches, as ``found[channel, restart]``; kept in memory alone where no path is given.

    Args:
        path: a ``.safetensors`` file; read if it exists.
        volume: the samples.
        settings: everything else that the searches depend on.

    Raises:
        ValueError: the file belongs to other samples or settings.
    """

    def __init__(self, path: str | PathLike[str] | None, volume: Volume, settings: tuple[object, ...]) -> None:
        self._path = None if path is None else as_path(path, "checkpoint")
        digest = hashlib.sha256(volume.values.detach().cpu().double().numpy().tobytes())
        digest.update(repr((volume.grid, volume.channels, settings)).encode())
        self._fingerprint = digest.hexdigest()
        self.found: dict[tuple[int, int], Search] = {}
        if self._path is not None and self._path.exists():
            self._read(self._path)

    def put(self, channel: int, restart: int, search: Search) -> None:
        """Keep a search, and write the file anew."""
        self.found[channel, restart] = search
        if self._path is None:
            return
        tensors: dict[str, Tensor] = {}
        notes = {}
        for (c, r), found in self.found.items():
            tensors[f"{c}.{r}.pos"] = found.mixture.pos
            tensors[f"{c}.{r}.weights"] = found.mixture.weights
            notes[f"{c}.{r}"] = [found.relative_residual, found.converged, found.iterations]
        write_checkpoint(self._path, self._fingerprint, tensors, notes)

    def _read(self, path: Path) -> None:
        tensors, notes = read_checkpoint(path, self._fingerprint)
        with decoding(path):
            for key, (relative_residual, converged, iterations) in notes.items():
                channel, restart = map(int, key.split("."))
                mixture = Mixture(tensors[f"{key}.pos"], tensors[f"{key}.weights"])
                self.found[channel, restart] = Search(mixture, relative_residual, converged, iterations)
