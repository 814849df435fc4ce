"""The way back from a field to the atoms it was made of."""

from tg_molfield.recovery.find_atoms import (
    ChannelReport,
    Recovery,
    UnexplainedChannelWarning,
    find_atoms,
    recover_atoms,
)

__all__ = ["ChannelReport", "Recovery", "UnexplainedChannelWarning", "find_atoms", "recover_atoms"]
