"""`AveragedWeights`: a moving average of a model's parameters, in validation and in checkpoints."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tg_molfield.training.ema import ExponentialMovingAverage, check_decay


class AveragedWeights:
    """The parameters of a model and their moving average, of which the model holds one and this object the other.

    Args:
        model: the model.
        decay: see `ExponentialMovingAverage`.

    Raises:
        TypeError: the decay is no number.
        ValueError: it is out of range.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        check_decay(decay)
        self._model, self._decay = model, decay
        self._average: ExponentialMovingAverage | None = None
        self._restored: dict[str, Tensor] = {}
        self._given: dict[str, Tensor] = {}
        self.in_use = False
        """Whether the model holds the averages."""

    def begin(self) -> None:
        """Begin to average, or go on, with the model where it is now.

        A model that has got other parameters since :meth:`use`, such as those of a file, begins anew with these.
        """
        self._forget_another()
        self.give_back()
        averages = self._restored or ({} if self._average is None else self._average.averages)
        self._average, self._restored = ExponentialMovingAverage(self._model, self._decay), {}
        if averages:
            self._average.load(averages)

    def update(self, step: int) -> None:
        """Take the parameters in after step number ``step``, from 1."""
        assert self._average is not None
        self._average.update(step)

    def use(self) -> None:
        """Let the model hold the averages; see :meth:`begin` for one that holds other parameters."""
        self._forget_another()
        if self._restored:
            self.begin()
        if self._average is not None and not self.in_use:
            self._average.swap()
            self._given = {name: one.detach().clone() for name, one in self._model.named_parameters()}
            self.in_use = True

    def give_back(self) -> None:
        """Let the model hold its own parameters."""
        if self._average is not None and self.in_use:
            self._average.swap()
            self._given = {}
            self.in_use = False

    def _forget_another(self) -> None:
        """Forget the averages where the model was given them and holds other parameters now."""
        if not self.in_use:
            return
        own = dict(self._model.named_parameters())
        if own.keys() != self._given.keys() or any(
            not torch.equal(one, self._given[name].to(one)) for name, one in own.items()
        ):
            self._average, self.in_use = None, False

    def save(self, state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
        """Put the averages into a state of the model and give its own parameters, none before :meth:`begin`.

        Args:
            state: by name.
            prefix: of the model's names in it.
        """
        if self._average is None:
            return {}
        names = {parameter: name for name, parameter in self._model.named_parameters()}
        parameters = {}
        for name, parameter in self._model.named_parameters(remove_duplicate=False):  # tied ones have several names
            own, other = parameter.detach(), self._average.averages[names[parameter]]
            state[prefix + name], parameters[name] = (own, other) if self.in_use else (other, own)
        return parameters

    def restore(self, state: dict[str, Tensor], prefix: str) -> None:
        """Go on from the averages that :meth:`save` put into a state."""
        self._restored = {name: state[prefix + name].clone() for name, _ in self._model.named_parameters()}
        self.in_use = False
