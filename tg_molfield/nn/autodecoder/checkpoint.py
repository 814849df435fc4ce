"""The state of a descent in a file that is always whole, so that a killed fit goes on as if it had not been."""

from __future__ import annotations

import hashlib
import json
import time
from os import PathLike
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor, nn

from tg_molfield.fields import Volume
from tg_molfield.files import atomic_write
from tg_molfield.inverse.superres.checkpoint import read_checkpoint

INTERVAL = 30.0
"""Seconds between two writes."""

_MOMENTS = ("step", "exp_avg", "exp_avg_sq")


class DescentCheckpoint:
    """Parameters, optimizer, generator and losses, in a ``.safetensors`` file; nowhere where no path is given.

    Args:
        path: the file.
        model: whose parameters descend.
        optimizer: Adam of the model's parameters.
        generator: what nodes are drawn with.
        volumes: the samples.
        settings: all that the descent depends on besides.
    """

    def __init__(
        self,
        path: str | PathLike[str] | None,
        model: nn.Module,
        optimizer: torch.optim.Adam,
        generator: torch.Generator,
        volumes: list[Volume],
        settings: tuple[object, ...],
    ) -> None:
        self._path = None if path is None else Path(path)
        self._model, self._optimizer, self._generator = model, optimizer, generator
        self._fingerprint = "" if path is None else _fingerprint(model, volumes, settings)
        self._written = time.perf_counter()

    def restore(self) -> tuple[list[float], float]:
        """Put back what the file holds, if it is there.

        Returns:
            The losses and the seconds of the steps made.

        Raises:
            ValueError: the file belongs to another fit, or cannot be read.
        """
        if self._path is None or not self._path.exists():
            return [], 0.0
        tensors, metadata = read_checkpoint(self._path, self._fingerprint)
        with torch.no_grad():
            for name, parameter in self._model.named_parameters():
                parameter.copy_(tensors[f"parameters.{name}"])
                moments = {kind: tensors[f"{kind}.{name}"] for kind in _MOMENTS if f"{kind}.{name}" in tensors}
                self._optimizer.state[parameter] = {kind: _like(value, parameter) for kind, value in moments.items()}
        self._generator.set_state(tensors["generator"])
        return tensors["losses"].tolist(), float(json.loads(metadata["seconds"]))

    def write(self, losses: list[float], seconds: float, *, at_once: bool = False) -> None:
        """Write the file anew, if the last time was long enough ago or ``at_once``."""
        if self._path is None or (not at_once and time.perf_counter() - self._written < INTERVAL):
            return
        tensors: dict[str, Tensor] = {
            "generator": self._generator.get_state(),
            "losses": torch.tensor(losses, dtype=torch.float64),
        }
        for name, parameter in self._model.named_parameters():
            tensors[f"parameters.{name}"] = parameter.detach().cpu().contiguous()
            for kind in _MOMENTS if parameter in self._optimizer.state else ():
                tensors[f"{kind}.{name}"] = self._optimizer.state[parameter][kind].cpu().contiguous()
        metadata = {"fingerprint": self._fingerprint, "seconds": json.dumps(seconds)}
        with atomic_write(self._path) as stream:
            stream.write(save(tensors, metadata))
        self._written = time.perf_counter()


def _like(moment: Tensor, parameter: Tensor) -> Tensor:
    """A moment of Adam where it keeps it: on the parameter's device, but for the number of steps."""
    return moment.to(parameter.device) if moment.ndim else moment


def _fingerprint(model: nn.Module, volumes: list[Volume], settings: tuple[object, ...]) -> str:
    digest = hashlib.sha256(repr(settings).encode())
    for volume in volumes:
        digest.update(repr((volume.grid, volume.channels)).encode())
        digest.update(volume.values.detach().cpu().double().numpy().tobytes())
    for name, tensor in model.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.cpu().double().numpy().tobytes())
    return digest.hexdigest()
