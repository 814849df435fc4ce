"""`AccumulatedGradients`: what the batches of a step that is not complete have added up to."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from tg_molfield.training.ranks import Ranks

Gradients = dict[str, Tensor]
"""Of the parameters that a loss has reached, by name."""


class AccumulatedGradients:
    """The gradients of a module between two steps of its optimizer, of which one takes in one or several batches.

    Args:
        module: the module.
    """

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self._loaded: Gradients | None = None
        self._unreached: set[str] | None = None
        self.are_whole = False
        """Whether the gradients are those of whole batches that no step has taken in yet."""

    def begin(self, ranks: Ranks) -> None:
        """Go on from what was loaded, if anything was."""
        loaded, self._loaded, self._unreached = self._loaded, None, None
        self.are_whole = loaded is not None
        if loaded is None:
            return
        parameters = dict(self._module.named_parameters())
        for name, parameter in parameters.items():
            parameter.grad = loaded[name].to(parameter, copy=True) if name in loaded else None
        self._unreached = parameters.keys() - loaded.keys() if ranks.count > 1 else None

    def note_unreached(self, parameters: set[nn.Parameter]) -> None:
        """Note the parameters that a batch of this rank does not reach, whose gradients are zeros for the others."""
        names = {name for name, parameter in self._module.named_parameters() if parameter in parameters}
        self._unreached = names if self._unreached is None else self._unreached & names

    def drop_unreached(self, ranks: Ranks) -> None:
        """Take away the gradients of parameters that no batch of any rank reaches."""
        if self._unreached is None:
            return
        parameters = dict(self._module.named_parameters())
        device = next(iter(parameters.values())).device
        reached = torch.tensor([float(name not in self._unreached) for name in parameters], device=device)
        for parameter, share in zip(parameters.values(), ranks.largest(reached).tolist(), strict=True):
            if not share:
                parameter.grad = None
        self._unreached = None

    def state(self, ranks: Ranks) -> list[Gradients]:
        """The gradients of each rank, for a checkpoint; none where a step has taken in all."""
        if not self.are_whole:
            return []
        return ranks.gathered(
            {
                name: parameter.grad.detach().cpu().clone()
                for name, parameter in self._module.named_parameters()
                if parameter.grad is not None and name not in (self._unreached or ())
            }
        )

    def load(self, states: Sequence[Gradients], ranks: Ranks) -> None:
        """Keep what :meth:`state` gave for :meth:`begin`; their means where there were more or fewer ranks."""
        if len(states) in (0, ranks.count):
            self._loaded = states[ranks.rank] if states else None
            return
        names = {name for state in states for name in state}
        kept = {name: [state[name] for state in states if name in state] for name in names}
        self._loaded = {name: torch.stack(some).sum(0) / len(states) for name, some in kept.items()}
