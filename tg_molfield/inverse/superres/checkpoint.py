"""What has been found so far, in a file that is always whole, so that a killed fit goes on where it was."""

from __future__ import annotations

import hashlib
import json
from os import PathLike
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from tg_molfield.fields import Volume
from tg_molfield.files import atomic_write
from tg_molfield.inverse.superres.mixture import Mixture
from tg_molfield.inverse.superres.pursuit import Search


class Checkpoint:
    """The searches that are done, as ``found[channel, member]``; kept in memory alone where no path is given.

    Args:
        path: a ``.safetensors`` file; read if it is there.
        volume: the samples.
        settings: all that the searches depend on besides.

    Raises:
        ValueError: the file belongs to other samples or settings.
    """

    def __init__(self, path: str | PathLike[str] | None, volume: Volume, settings: tuple[object, ...]) -> None:
        self._path = None if path is None else Path(path)
        digest = hashlib.sha256(volume.values.detach().cpu().double().numpy().tobytes())
        digest.update(repr((volume.grid, volume.channels, settings)).encode())
        self._fingerprint = digest.hexdigest()
        self.found: dict[tuple[int, int], Search] = {}
        if self._path is not None and self._path.exists():
            self._read(self._path)

    @property
    def count(self) -> int:
        """How many searches are done."""
        return len(self.found)

    def put(self, channel: int, member: int, search: Search) -> None:
        """Keep a search, and write the file anew."""
        self.found[channel, member] = search
        if self._path is None:
            return
        tensors: dict[str, Tensor] = {}
        notes = {}
        for (c, m), found in self.found.items():
            tensors[f"{c}.{m}.pos"] = found.mixture.pos.contiguous()
            tensors[f"{c}.{m}.weights"] = found.mixture.weights.contiguous()
            notes[f"{c}.{m}"] = [found.relative_residual, found.converged]
        metadata = {"fingerprint": self._fingerprint, "searches": json.dumps(notes)}
        with atomic_write(self._path) as stream:
            stream.write(save(tensors, metadata))

    def _read(self, path: Path) -> None:
        tensors, metadata = read_checkpoint(path, self._fingerprint)
        for key, (rest, converged) in json.loads(metadata["searches"]).items():
            channel, member = map(int, key.split("."))
            mixture = Mixture(tensors[f"{key}.pos"], tensors[f"{key}.weights"])
            self.found[channel, member] = Search(mixture, rest, converged)


def read_checkpoint(path: Path, fingerprint: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and the metadata of a checkpoint.

    Raises:
        ValueError: the file cannot be read, or its fingerprint is another.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            names = file.keys()
            tensors = {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError) as error:
        raise ValueError(f"checkpoint={path}: cannot be read ({error}); remove it or name another") from error
    if metadata.get("fingerprint") != fingerprint:
        raise ValueError(f"checkpoint={path}: was made of other samples or settings; remove it or name another")
    return tensors, metadata
