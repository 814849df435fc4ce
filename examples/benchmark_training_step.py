"""The time of a training step on one core, for each decoder: encoding, decoding and loss, backward pass, optimizer.

32 molecules of FreeSolv with 256 query points each; one thread; medians over steps of processor time in ms, for the
model as it is and compiled, in float32 and in bfloat16. The models and the optimizer (AdamW, gradients clipped) are
the defaults.

Data: TG_MOLFIELD_DATA/smallmol/freesolv.sdf.gz.
"""

from __future__ import annotations

import argparse
import itertools
import time

import numpy as np
import torch
from benchmark_data import data_folder
from torch_geometric.data import Batch

from tg_molfield import FieldAutoEncoder, MolField, MolFieldTransform, read

MOLECULES, POINTS, WARM = 32, 256, 3
DECODERS = ("rbf", "siren", "atoms")
PARTS = ("encode", "decode and loss", "backward", "optimizer")


def batches(count: int) -> list[Batch]:
    """Batches of molecules drawn at random, with query points."""
    molecules = read(data_folder() / "freesolv.sdf.gz")
    transform = MolFieldTransform(MolField("H C N O F S Cl"), num_queries=POINTS, seed=0)
    rng = np.random.default_rng(0)
    chosen = [rng.choice(len(molecules), MOLECULES, replace=False) for _ in range(count)]
    return [Batch.from_data_list([transform(molecules[i]) for i in some]) for some in chosen]


def step_times(decoder: str, compiled: bool, half: bool, given: list[Batch]) -> np.ndarray:
    """Seconds of processor time in each part of each step [steps, parts]."""
    torch.manual_seed(0)
    model = FieldAutoEncoder(MolField("H C N O F S Cl"), decoder=decoder)
    if compiled:
        model.compile()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    found = []
    for batch in given:
        marks = [time.process_time()]
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            latent = model.encode(batch)
            marks.append(time.process_time())
            loss = model.recon_loss(latent, batch.query_pos, batch.field, batch.query_batch)
            marks.append(time.process_time())
        optimizer.zero_grad()
        loss.backward()
        marks.append(time.process_time())
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        marks.append(time.process_time())
        found.append(np.diff(marks))
    return np.array(found[WARM:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("decoders", nargs="*", help=f"decoders: {', '.join(DECODERS)}; all by default")
    parser.add_argument("--steps", type=int, default=20, help="steps that are timed")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    given = batches(arguments.steps + WARM)
    print(f"| decoder | {' | '.join(PARTS)} | step, ms |\n|---|{'---|' * (len(PARTS) + 1)}")
    ways = itertools.product(arguments.decoders or DECODERS, (False, True), (False, True))
    for decoder, compiled, half in ways:
        times = 1e3 * step_times(decoder, compiled, half, given)
        parts = " | ".join(f"{part:.0f}" for part in np.median(times, 0))
        name = ", ".join([decoder] + ["compiled"] * compiled + ["bfloat16"] * half)
        print(f"| {name} | {parts} | {np.median(times.sum(1)):.0f} |", flush=True)


if __name__ == "__main__":
    main()
