"""Input number n of a seed: one file and its mutations."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from fuzzing.containers import change_npz, change_safetensors, compress
from fuzzing.mutations import BINARY, TEXT, Mutation, mutate
from fuzzing.seed_files import MODEL, SeedFile
from fuzzing.targets import TARGETS, residues, targets_of

_COMPRESSED = 0.08


class Input(NamedTuple):
    """One input.

    Attributes:
        suffix: of its name, such as ``.pdb.gz``.
        content: the bytes of the file.
        origin: the file it comes from and the mutations.
        errors: the argument of ``read``.
        target: how the file is read, one of `targets.TARGETS`.
        residue: the ligand, where the target is ``protein``.
    """

    suffix: str
    content: bytes
    origin: str
    errors: str
    target: str = "read"
    residue: str = ""


def make_input(files: list[SeedFile], seed: int, number: int, targets: Sequence[str] = TARGETS) -> Input:
    """The same input for the same files, seed, number and targets; every format is drawn equally often."""
    random = Random(f"{seed} {number}")
    suffix = random.choice(sorted({file.suffix for file in files if set(targets_of(file.suffix)) & set(targets)}))
    alike = [file for file in files if file.suffix == suffix]
    file, other = random.choice(alike), random.choice(alike)
    content, names = mutate(random, file.content, other.content, _mutations(file))
    errors = "skip" if random.random() < 0.25 else "raise"
    if random.random() < _COMPRESSED and not suffix.endswith(MODEL):
        content, how = compress(random, content)
        names, suffix = [*names, how], f"{suffix}.gz"
    target, *others = (name for name in targets_of(file.suffix) if name in targets)
    target = random.choice([target] * max(1, len(others)) + others)
    residue = random.choice(residues(file.suffix, file.content)) if target == "protein" else ""
    return Input(suffix, content, f"{file.name}: {', '.join(names)}", errors, target, residue)


def _mutations(file: SeedFile) -> dict[str, Mutation]:
    if file.suffix == ".npz":
        return {**BINARY, **{f"change an array ({n})": change_npz for n in range(20)}}
    if file.kind == "model":
        return {**BINARY, **{f"change the header ({n})": change_safetensors for n in range(20)}}
    return BINARY if file.is_binary else TEXT
