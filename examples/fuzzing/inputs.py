"""Input number n of a seed: one file and its mutations."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from fuzzing.containers import change_npz, change_safetensors, compress
from fuzzing.mutations import BINARY, TEXT, Mutation, mutate
from fuzzing.seed_files import MODEL, SeedFile

_COMPRESSED = 0.08


class Input(NamedTuple):
    """One input.

    Attributes:
        suffix: of its name, such as ``.pdb.gz``.
        content: the bytes of the file.
        origin: the file it comes from and the mutations.
        errors: the argument of ``read``.
    """

    suffix: str
    content: bytes
    origin: str
    errors: str


def make_input(files: list[SeedFile], seed: int, number: int) -> Input:
    """The same input for the same files, seed and number; every format is drawn equally often."""
    random = Random(f"{seed} {number}")
    suffix = random.choice(sorted({file.suffix for file in files}))
    alike = [file for file in files if file.suffix == suffix]
    file, other = random.choice(alike), random.choice(alike)
    content, names = mutate(random, file.content, other.content, _mutations(file))
    errors = "skip" if random.random() < 0.25 else "raise"
    if random.random() < _COMPRESSED and not suffix.endswith(MODEL):
        content, how = compress(random, content)
        names, suffix = [*names, how], f"{suffix}.gz"
    return Input(suffix, content, f"{file.name}: {', '.join(names)}", errors)


def _mutations(file: SeedFile) -> dict[str, Mutation]:
    if file.suffix == ".npz":
        return {**BINARY, **{f"change an array ({n})": change_npz for n in range(20)}}
    if file.kind == "model":
        return {**BINARY, **{f"change the header ({n})": change_safetensors for n in range(20)}}
    return BINARY if file.is_binary else TEXT
