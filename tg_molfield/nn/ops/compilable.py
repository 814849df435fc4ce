"""`Compilable`: modules whose calculations `torch.compile` takes once for batches of any size."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import nn


class Compilable(nn.Module):
    """A module that names the methods in which it calculates.

    Checks, neighbour lists and padding depend on the numbers in a batch: compiled as a whole, a module would break at
    them and be compiled anew for every batch. The methods named in ``compiled_methods`` calculate alone.
    """

    compiled_methods: ClassVar[tuple[str, ...]] = ()
    """Methods that take and return tensors, and whose way does not depend on the numbers in them."""

    def compile(self, **options: Any) -> None:
        """Compile where this module and those in it calculate, in place; files and copies do not keep it.

        The first steps that use it take long. Batches of other sizes need no further compilation.

        Args:
            options: of `torch.compile`; ``dynamic`` is True if not given.
        """
        for module in self.modules():
            if isinstance(module, Compilable):
                for name in module.compiled_methods:
                    method = getattr(type(module), name).__get__(module)
                    vars(module)[name] = torch.compile(method, **{"dynamic": True, **options})

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        return {name: value for name, value in state.items() if name not in self.compiled_methods}
