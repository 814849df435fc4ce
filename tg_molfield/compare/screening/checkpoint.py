"""The state of a screen, written now and then, so that a killed one goes on where it was."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from torch import Tensor
from torch_geometric.data import Data

from tg_molfield.compare.screening.chunks import Job
from tg_molfield.compare.screening.ranking import Ranked, Run
from tg_molfield.compare.screening.scored import Scored
from tg_molfield.compare.screening.state import State
from tg_molfield.files import shortened
from tg_molfield.structures.library import Entry, constitution
from tg_molfield.structures.library.problems import Problems
from tg_molfield.tensor_files import read_checkpoint, write_checkpoint

_KIND = "screen, 1"


def fingerprint(job: Job, top: int, library: list[list[Any]]) -> dict[str, str]:
    """What the hits depend on, by name."""
    digest = hashlib.sha256()
    for tensor in _tensors(job):
        digest.update(repr(tuple(tensor.shape)).encode() + tensor.cpu().contiguous().numpy().tobytes())
    recipe = job.recipe
    return {
        "library": ", ".join(f"{name} of {size} bytes, time {changed}" for name, size, changed in library),
        "by": ", ".join(f"{term.name} ({term.mol_field!r}, {term.weight:.6g})" for term in job.scoring.terms),
        "metric": repr(job.scoring.metric),
        "search": job.search,
        "top": str(top),
        "each_conformer": str(job.each_conformer),
        "conformers": f"{recipe.conformers}, seed {recipe.seed}",
        "dimension": str(recipe.dimension),
        "query": digest.hexdigest()[:12],
    }


class Checkpoint:
    """A file with the state of a screen.

    Args:
        path: the file; None to keep none.
        identity: what the hits depend on, from `fingerprint`.
        seconds: the least time between two writes.
    """

    def __init__(self, path: Path | None, identity: Mapping[str, str], seconds: float) -> None:
        self._path = path
        self._identity = dict(identity)
        self._seconds = seconds
        self._written = time.monotonic()

    def restore(self, state: State, entries: Iterator[tuple[int, Entry]]) -> None:
        """Bring the state to that of the file, if there is one, and pass over the entries that are done.

        Raises:
            ValueError: the file is that of another screen, or damaged.
        """
        if self._path is None or not self._path.exists():
            return
        tensors, notes = read_checkpoint(self._path, _KIND)
        for name, value in self._identity.items():
            before = str(notes["identity"].get(name))
            if before != value:
                raise ValueError(
                    f"{self._path}: expected a checkpoint of this screen, got one with another {name} "
                    f"({shortened(before, 60)}, now {shortened(value, 60)}); remove it, or name another"
                )
        saved = [
            Scored._make([*map(_as_tuple, one), _data(number, tensors, notes)])
            for number, one in enumerate(notes["scored"])
        ]
        wanted = {scored.position for scored in saved}
        kept: dict[int, Entry] = {}
        for position, entry in islice(entries, notes["records"]):
            state.records = position + 1
            if position in wanted:
                kept[position] = entry
        if state.records < notes["records"]:
            raise ValueError(
                f"{self._path}: expected a checkpoint of this library, got one of {notes['records']} records or more, "
                f"now {state.records}; remove it, or give the same library"
            )
        ranked = [Ranked(scored, self._checked(scored, kept.get(scored.position))) for scored in saved]
        state.ranking.run = Run(*notes["run"]) if notes["run"] else None
        state.ranking.open = ranked.pop() if notes["open"] else None
        state.ranking.best = ranked
        state.problems = Problems.restored(notes["problems"])

    def save(self, state: State, now: bool = False) -> None:
        """Write the state, if it is time to, or in any case ``now``."""
        if self._path is None or not (now or time.monotonic() - self._written >= self._seconds):
            return
        ranking = state.ranking
        scored = [ranked.scored for ranked in ranking]
        tensors = {
            f"{number}/{name}": value
            for number, one in enumerate(scored)
            if one.data is not None
            for name, value in one.data.items()
            if isinstance(value, Tensor)
        }
        notes = {
            "identity": self._identity,
            "records": state.records,
            "scored": [one[:-1] for one in scored],
            "names": [None if one.data is None else one.data.name for one in scored],
            "open": ranking.open is not None,
            "run": ranking.run,
            "problems": state.problems.saved(),
        }
        write_checkpoint(self._path, _KIND, tensors, notes)
        self._written = time.monotonic()

    def remove(self) -> None:
        """Remove the file, of a search that has nothing to go on with."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _checked(self, scored: Scored, entry: Entry | None) -> Entry:
        if entry is None or (entry.title, constitution(entry)) != (scored.title, scored.constitution):
            raise ValueError(
                f"{self._path}: expected a checkpoint of this library, got one with another molecule at record "
                f"{scored.position + 1} ({shortened(scored.title, 40)!r}); remove it, or give the same library"
            )
        return entry


def _tensors(job: Job) -> Iterator[Tensor]:
    for terms in job.query.terms:
        yield from terms
    yield from job.query.frames


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _data(number: int, tensors: Mapping[str, Tensor], notes: Mapping[str, Any]) -> Data | None:
    """The conformer of a scored entry that holds one."""
    name = notes["names"][number]
    if name is None:
        return None
    start = f"{number}/"
    return Data(
        name=name, **{key.removeprefix(start): value for key, value in tensors.items() if key.startswith(start)}
    )
