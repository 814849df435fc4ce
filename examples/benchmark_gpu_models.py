"""Public calls, transforms, training steps and decoding on one device, as a loop of one's own has them.

    python examples/benchmark_gpu_models.py [--decoders "rbf siren atoms"] [--no-compiled]
    python examples/benchmark_gpu_models.py --device cpu --part 8   # an eighth of the molecules, for a try

Molecules are on the device, as a loader hands them over; nothing is captured in a CUDA graph. A training step is
encoding, decoding, loss, backward pass and AdamW, in float32, in bfloat16 and compiled; its query points are drawn
before. "Outside kernels" is the share of a step in which the card computes nothing, by PyTorch's profiler; a large
batch, of molecules that come several times, leaves it less idle. Decoding is from codes of ``organic-small`` to atoms.
Data: the folder ``smallmol`` in TG_MOLFIELD_DATA.
"""

import itertools
import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Annotated

import torch
import typer
from benchmark_data import data_folder
from torch_geometric.data import Batch, Data

from tg_molfield import FieldAutoEncoder, MolField, MolFieldTransform, read

FIELD = MolField("H C N O F P S Cl other", widths=0.5)
LIGANDS, SMALL, LARGE, POINTS, FEW_POINTS = 256, 128, 2048, 512, 256
REPEATS, SECONDS, STEPS = 30, 3.0, 5


def row(name: str, *cells: object) -> None:
    print("| " + " | ".join([name, *map(str, cells)]) + " |", flush=True)


def wait(device: str) -> None:
    if device != "cpu":
        torch.cuda.synchronize()


def milliseconds(run: Callable[[], object], device: str) -> float:
    """The median time of a call, until the device has done it."""
    for _ in range(3):
        run()
    times: list[float] = []
    begin = time.perf_counter()
    while len(times) < 3 or (len(times) < REPEATS and time.perf_counter() - begin < SECONDS):
        wait(device)
        start = time.perf_counter()
        run()
        wait(device)
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times)


def outside_kernels(run: Callable[[], object], device: str) -> str:
    """The share of some calls in which no kernel runs."""
    if device == "cpu":
        return ""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CUDA]) as found:
        wait(device)
        start = time.perf_counter()
        for _ in range(STEPS):
            run()
        wait(device)
        spent = time.perf_counter() - start
    busy = sum(event.self_device_time_total for event in found.key_averages()) / 1e6
    return f"{100 * max(0.0, 1 - busy / spent):.0f} %"


def batched(molecules: Sequence[Data], device: str) -> Batch:
    return Batch.from_data_list([Data(z=data.z, pos=data.pos.float()) for data in molecules]).to(device)


def calls(ligands: Batch, device: str) -> None:
    """The rows of fields and transforms."""
    transform = MolFieldTransform(FIELD, num_queries=POINTS)
    drawn = transform(ligands.clone())
    field = FIELD(ligands)
    named = f"{ligands.num_graphs} ligands"
    row(f"{named}: from atoms to a field", f"{milliseconds(lambda: FIELD(ligands), device):.3g}", "")
    points = f"{named}: the field at {POINTS} points each"
    row(points, f"{milliseconds(lambda: field(drawn.query_pos, drawn.query_batch), device):.3g}", "")
    row(
        f"{named}: transform, {POINTS} points each",
        f"{milliseconds(lambda: transform(ligands.clone()), device):.3g}",
        "",
    )


def step_of(model: FieldAutoEncoder, batch: Batch, half: bool) -> Callable[[], None]:
    """A training step."""
    fused = batch.pos.device.type == "cuda"
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=fused)
    kind = batch.pos.device.type

    def step() -> None:
        with torch.autocast(kind, torch.bfloat16, enabled=half):
            latent = model.encode(batch)
            loss = model.recon_loss(latent, batch.query_pos, batch.field, batch.query_batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def steps(batches: Sequence[Batch], device: str, decoder: str, compiles: bool) -> None:
    """The rows of training steps with a decoder; a model is compiled once for all batches."""
    drawn = [MolFieldTransform(FIELD, num_queries=FEW_POINTS)(batch) for batch in batches]
    for label, half in (("float32", False), ("bfloat16", True)):
        torch.manual_seed(0)
        model = FieldAutoEncoder(FIELD, decoder=decoder).to(device).train()
        label = f"{decoder}, {'compiled, ' if compiles else ''}{label}"
        if compiles:
            model.compile()
            begin = time.perf_counter()
            step_of(model, drawn[0], half)()
            wait(device)
            row(f"first training step: {label}", f"{1e3 * (time.perf_counter() - begin):.3g}", "")
        for batch in drawn:
            step = step_of(model, batch, half)
            name = f"training step, {batch.num_graphs} FreeSolv molecules × {FEW_POINTS} points: {label}"
            row(name, f"{milliseconds(step, device):.3g}", outside_kernels(step, device))


@torch.no_grad()
def codes(model: FieldAutoEncoder, name: str, molecules: Sequence[Data], device: str) -> None:
    """A row of encoding and decoding."""
    batch = batched(molecules, device)
    time_ = milliseconds(lambda: model.decoder.field(model.encode(batch)), device)
    row(f"{name}: encode and decode", f"{time_:.3g}", f"{1e3 * batch.num_graphs / time_:.0f} a second")


def main(
    device: Annotated[str, typer.Option(help="cuda or cpu")] = "cuda",
    part: Annotated[int, typer.Option(help="take every n-th molecule only")] = 1,
    decoders: Annotated[str, typer.Option(help="of the training steps")] = "rbf siren atoms",
    compiled: Annotated[
        bool, typer.Option(help="also compile models, which takes minutes; these rows come last")
    ] = True,
) -> None:
    warnings.simplefilter("ignore")
    if device == "cpu":
        torch.set_num_threads(1)
    name = "one thread of a processor" if device == "cpu" else torch.cuda.get_device_name()
    folder = data_folder()
    free, ligands = (read(folder / f"{file}.sdf.gz") for file in ("freesolv", "pdb_ligands_300"))
    chosen = [data for data in ligands if data.num_nodes <= 59]
    print(f"{name}, torch {torch.__version__}\n\n| work | ms | outside kernels |\n|---|---|---|")
    calls(batched(ligands[: LIGANDS // part], device), device)
    repeated = (itertools.islice(itertools.cycle(free), count // part) for count in (SMALL, LARGE))
    batches = [batched(list(some), device) for some in repeated]
    for decoder in decoders.split():
        steps(batches, device, decoder, compiles=False)
    model = FieldAutoEncoder.from_pretrained("organic-small").to(device)
    codes(model, f"{len(free[::part])} molecules of FreeSolv", free[::part], device)
    some = chosen[::part]
    codes(model, f"{len(some)} ligands of up to 59 atoms", some, device)
    for decoder in decoders.split() if compiled else ():
        steps(batches, device, decoder, compiles=True)


if __name__ == "__main__":
    typer.run(main)
