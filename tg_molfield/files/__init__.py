"""Reading and writing whole files: gzip by suffix, and writes that replace files only when they are complete."""

from tg_molfield.files.decoding import NO_FAULTS, decoding, fault_message, shortened
from tg_molfield.files.encoding import check_encoding
from tg_molfield.files.gunzip import unfolding_limit
from tg_molfield.files.lines import Lines, decoded
from tg_molfield.files.names import distinct_names
from tg_molfield.files.reading import format_suffix, read_before_damage, read_bytes, readable
from tg_molfield.files.staging import finish_commits
from tg_molfield.files.writing import atomic_write, atomic_writes

__all__ = [
    "NO_FAULTS",
    "Lines",
    "atomic_write",
    "atomic_writes",
    "check_encoding",
    "decoded",
    "decoding",
    "distinct_names",
    "fault_message",
    "finish_commits",
    "format_suffix",
    "read_before_damage",
    "read_bytes",
    "readable",
    "shortened",
    "unfolding_limit",
]
