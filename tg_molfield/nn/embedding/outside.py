"""Molecules outside the domain of a model, in bounded memory."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field

from tg_molfield.nn.domain import OutOfDomainWarning

_REMEDIES = (
    "do not trust their codes",
    "compare decoded fields with the molecules' own",
    "add them first",
    "convert them first",
)
"""What to do about them, by reason; see `Domain.reasons`."""


@dataclass
class OutsideDomain:
    """The molecules so far.

    Attributes:
        found: of each kind of reason, by its number, the first molecule with its reason, and how many there are.
    """

    found: dict[int, tuple[str, int]] = field(default_factory=dict)

    def note(self, name: str, reasons: Sequence[str]) -> None:
        """Take the reasons of a molecule, see `Domain.reasons`."""
        for kind, reason in enumerate(reasons):
            if reason:
                first, count = self.found.get(kind, (f"{name}: {reason}", 0))
                self.found[kind] = first, count + 1

    def warn(self, stacklevel: int) -> None:
        """One warning for each kind of reason.

        Args:
            stacklevel: as for ``warnings.warn``.
        """
        for kind, (first, count) in sorted(self.found.items()):
            others = f" (and {count - 1} more)" if count > 1 else ""
            warnings.warn(f"{first}{others}; {_REMEDIES[kind]}", OutOfDomainWarning, stacklevel=stacklevel)
