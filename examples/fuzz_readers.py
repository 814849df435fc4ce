"""Fuzz every reader of files: mutate sound and damaged files, read each within limits, and compare with other readers.

Each input is determined by ``--seed`` and its number (with the same files and the same version of this script), so that
a run can be resumed and repeated. It is read in a worker process with 5 s of processor time and 2 GB of memory. See
``fuzzing/reading.py`` for the verdicts and ``fuzzing/peers.py`` for what is compared with which reader.

    python fuzz_readers.py                                      # 200 inputs, to see that it works
    python fuzz_readers.py --count 500000 --seed 1 --out found  # run again to go on where it stopped
    python fuzz_readers.py --targets protein ligand             # only complexes, see fuzzing/targets.py
    python fuzz_readers.py --replay found/0001234-foreign.pdb   # one input again, read in every way

Findings go to ``--out``: the inputs and ``findings.jsonl``. The exit status is 1 if there were any. The folder of data
is that in TG_MOLFIELD_DATA; without it, only small files that the package, RDKit and ASE write are mutated.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from pathlib import Path

import torch
from fuzzing.inputs import Input, make_input
from fuzzing.reading import Outcome
from fuzzing.seed_files import SeedFile, seed_files
from fuzzing.targets import TARGETS, residues, targets_of
from fuzzing.workers import run_inputs

from tg_molfield.files import format_suffix

KINDS = ("structure", "volume", "model")
VERDICTS = ("ok", "foreign", "memory", "hang", "crash", "silent")
PARTS_OF_OK = ("refused", "warned", "read", "compared")
CHUNK = 200


def main() -> int:
    options = _options()
    torch.set_num_threads(1)
    if options.replay:
        return _replay(options.replay)
    files = seed_files(Path(options.data) if options.data else None, tuple(options.kinds))
    counts: dict[str, Counter] = {}
    first = _resume(options, counts)
    started = time.monotonic()
    for start in range(first, options.count, CHUNK):
        numbers = range(start, min(start + CHUNK, options.count))
        jobs = ((number, make_input(files, options.seed, number, options.targets)) for number in numbers)
        for number, job, outcome in run_inputs(jobs, options.workers):
            row = f"{format_suffix(f'x{job.suffix}')} {job.target}".removesuffix(" read")
            counts.setdefault(row, Counter())[outcome.verdict] += 1
            if outcome.verdict == "ok":
                counts[row][outcome.message.partition(":")[0]] += 1
            if outcome.verdict != "ok":
                _report(options.out, number, job, outcome)
        _save(options, counts, numbers.stop)
    _summary(files, counts, options.count - first, time.monotonic() - started)
    return int(any(count[verdict] for count in counts.values() for verdict in VERDICTS[1:]))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200, help="inputs in all, those of earlier runs included")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--targets", nargs="+", choices=TARGETS, default=TARGETS)
    parser.add_argument("--data", default=os.environ.get("TG_MOLFIELD_DATA"), help="a folder of files to mutate")
    parser.add_argument("--out", type=Path, help="folder for findings and for resuming")
    parser.add_argument("--replay", type=Path, help="read this one file")
    return parser.parse_args()


def _replay(path: Path) -> int:
    """Read one file in every way, with both settings of ``errors`` and every residue that may be a ligand."""
    suffix, content = "".join(path.suffixes), path.read_bytes()
    jobs = [
        Input(suffix, content, path.name, errors, target, residue)
        for target in targets_of(format_suffix(path))
        for errors in ("raise", "skip")
        for residue in (residues(suffix, content) if target == "protein" else ("",))
    ]
    outcomes = [(job, outcome) for _, job, outcome in run_inputs(enumerate(jobs), 1)]
    for job, outcome in outcomes:
        way = " ".join([job.target, *job.residue.split(), f"errors={job.errors!r}"])
        print(f"{way}: {outcome.verdict}: {outcome.message}")
    return int(any(outcome.verdict != "ok" for _, outcome in outcomes))


def _resume(options: argparse.Namespace, counts: dict[str, Counter]) -> int:
    """The first number that is not done yet; fills ``counts`` with those of earlier runs."""
    state = options.out / f"seed{options.seed}.json" if options.out else None
    if state is None or not state.exists():
        return 0
    saved = json.loads(state.read_text())
    counts.update({suffix: Counter(count) for suffix, count in saved["counts"].items()})
    return saved["next"]


def _save(options: argparse.Namespace, counts: dict[str, Counter], done: int) -> None:
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        state = options.out / f"seed{options.seed}.json"
        state.write_text(json.dumps({"next": done, "counts": counts}))


def _report(out: Path | None, number: int, job: Input, outcome: Outcome) -> None:
    print(f"{number} {outcome.verdict} {job.target} {job.suffix} ({job.origin}): {outcome.message[:400]}", flush=True)
    if out:
        out.mkdir(parents=True, exist_ok=True)
        name = f"{number:07d}-{outcome.verdict}{job.suffix}"
        (out / name).write_bytes(job.content)
        found = {"number": number, "file": name, "origin": job.origin, "errors": job.errors}
        found |= {"target": job.target, "residue": job.residue}
        with open(out / "findings.jsonl", "a") as stream:
            stream.write(json.dumps({**found, "verdict": outcome.verdict, "message": outcome.message}) + "\n")


def _summary(files: list[SeedFile], counts: dict[str, Counter], inputs: int, seconds: float) -> None:
    print(f"{inputs} inputs from {len(files)} files in {seconds:.0f} s")
    columns = (*VERDICTS, *PARTS_OF_OK)
    print(f"{'format':<18}" + "".join(f"{column:>10}" for column in columns))
    for suffix, count in (*sorted(counts.items()), ("all", sum(counts.values(), Counter()))):
        print(f"{suffix:<18}" + "".join(f"{count[column]:>10}" for column in columns))


if __name__ == "__main__":
    sys.exit(main())
