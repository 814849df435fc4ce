"""From a field back to its atoms."""

from tg_molfield.inverse.find_atoms.find_atoms import (
    ChannelReport,
    Recovery,
    UnexplainedChannelWarning,
    find_atoms,
    recover_atoms,
)

__all__ = ["ChannelReport", "Recovery", "UnexplainedChannelWarning", "find_atoms", "recover_atoms"]
