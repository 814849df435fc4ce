"""The state of a gradient descent in a file that is always complete, so that an interrupted fit can be resumed."""

from __future__ import annotations

import hashlib
import time
from os import PathLike

import torch
from torch import Tensor, nn

from tg_molfield.arguments import as_path
from tg_molfield.fields import Volume
from tg_molfield.files import decoding
from tg_molfield.tensor_files import read_checkpoint, write_checkpoint

INTERVAL = 30.0
"""Seconds between two writes."""

_MOMENTS = ("step", "exp_avg", "exp_avg_sq")


class DescentCheckpoint:
    """Parameters, optimizer, generator and losses in a ``.safetensors`` file; does nothing without a path.

    Args:
        path: the file.
        model: the model that is fitted.
        optimizer: Adam over the model's parameters.
        generator: the generator that nodes are drawn with.
        volumes: the samples.
        settings: everything else that the fit depends on.
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
        self._path = None if path is None else as_path(path, "checkpoint")
        self._model, self._optimizer, self._generator = model, optimizer, generator
        self._fingerprint = "" if path is None else _fingerprint(model, volumes, settings)
        self._written = time.perf_counter()

    def restore(self) -> tuple[list[float], float]:
        """Restore the state that the file holds, if it exists.

        Returns:
            The losses and the wall time of the steps already made.

        Raises:
            ValueError: the file belongs to another fit, or cannot be read.
        """
        if self._path is None or not self._path.exists():
            return [], 0.0
        tensors, notes = read_checkpoint(self._path, self._fingerprint)
        with decoding(self._path), torch.no_grad():
            for name, parameter in self._model.named_parameters():
                parameter.copy_(tensors[f"parameters.{name}"])
                moments = {kind: tensors[f"{kind}.{name}"] for kind in _MOMENTS if f"{kind}.{name}" in tensors}
                if moments:
                    self._optimizer.state[parameter] = {kind: _like(one, parameter) for kind, one in moments.items()}
            self._generator.set_state(tensors["generator"])
            return tensors["losses"].tolist(), float(notes["seconds"])

    def write(self, losses: list[float], seconds: float, *, at_once: bool = False) -> None:
        """Write the file if the last write was at least `INTERVAL` ago, or ``at_once``."""
        if self._path is None or (not at_once and time.perf_counter() - self._written < INTERVAL):
            return
        tensors: dict[str, Tensor] = {
            "generator": self._generator.get_state(),
            "losses": torch.tensor(losses, dtype=torch.float64),
        }
        for name, parameter in self._model.named_parameters():
            tensors[f"parameters.{name}"] = parameter
            for kind in _MOMENTS if parameter in self._optimizer.state else ():
                tensors[f"{kind}.{name}"] = self._optimizer.state[parameter][kind]
        write_checkpoint(self._path, self._fingerprint, tensors, {"seconds": seconds})
        self._written = time.perf_counter()


def _like(moment: Tensor, parameter: Tensor) -> Tensor:
    """A moment of Adam on the parameter's device; Adam keeps the number of steps on the CPU."""
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
