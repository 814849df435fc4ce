"""Train the network of ``superresolve(method="learned")`` on fields of proteins, sampled anew at every step.

    python pretrain_superres.py FOLDER --minutes 60 --out network.safetensors
    python pretrain_superres.py FOLDER --minutes 30 --out network.safetensors --resume network.state.pt

FOLDER holds structures as ``NAME.npz`` with ``z`` [N], ``pos`` [N, 3] in Å and ``part`` [N], 1 for proteins. Those of
the shipped weights are the rows marked "training" in ``superres_training_set.csv``, from packages on PyPI; hydrogens
were added where a file has none. None of them is in a table of README.md, or has a chain like one that is (40 % of its
residues alike).

Each step draws a structure, a rotation, a spacing from 1.5 to 4.6 Å and a box of 40 Å. In two of five, every third
sample along each axis is replaced by its estimate from the others, as "auto" does to judge methods. In up to half,
nitrogen, and with it carbon, are told to the network, with places that are off by 0.001 to 0.1 Å, as where a search has
found them. Needs about 2 GB and two processes. bfloat16 is quick on processors with AMX.
"""

import argparse
import copy
import math
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset, get_worker_info
from torch_geometric.data import Data

from tg_molfield import MolField
from tg_molfield.fields import Grid
from tg_molfield.inverse.superres.left_out import kriged_from_others, left_out_nodes
from tg_molfield.inverse.superres.prior.inputs import CHANNELS, NUM_INPUTS, Known, prior_inputs
from tg_molfield.inverse.superres.prior.network import CorrectionNetwork
from tg_molfield.inverse.superres.prior.prior import SPACINGS, save_network

BOX, PAD, BORDER, REACH = 40, 3, 4, 6.0
FIELD = MolField.preset("mnf", beta=0.25, channels="C N all")
LOSS = torch.tensor([0.5, 0.25, 1.0])
OPTIONS = {"fine": 32, "coarse": 96, "blocks": (1, 5, 2)}
EPOCH = 250
Sample = tuple[Tensor, Tensor, Tensor]


def read_structures(folder: Path) -> list[tuple[Tensor, Tensor]]:
    """Atomic numbers and places of the proteins in a folder."""
    found = []
    for path in sorted(folder.glob("*.npz")):
        with np.load(path) as file:
            protein = file["part"] == 1
            found.append((torch.from_numpy(file["z"][protein]).long(), torch.from_numpy(file["pos"][protein]).float()))
    if not found:
        raise SystemExit(f"{folder}: expected structures as NAME.npz, got none")
    return found


def rotation(chance: torch.Generator) -> Tensor:
    """A random rotation [3, 3]."""
    basis, triangle = torch.linalg.qr(torch.randn(3, 3, generator=chance))
    basis = basis * triangle.diagonal().sign()
    return basis if torch.linalg.det(basis) > 0 else basis.flip(0)


def draw(z: Tensor, pos: Tensor, chance: torch.Generator) -> Sample | None:
    """The inputs, the target in units of the outputs, and which channels count; None where there is too little."""

    def uniform() -> float:
        return float(torch.rand((), generator=chance))

    low, high = SPACINGS
    spacing = low * (high / low) ** uniform() if uniform() < 0.5 else low + (high - low) * uniform()
    pos = pos @ rotation(chance).T
    center = pos[int(torch.randint(len(pos), (), generator=chance))] + REACH * torch.randn(3, generator=chance)
    pos = pos - center + BOX / 2
    count = math.ceil(BOX / spacing) + 1 + 2 * PAD
    first = -(PAD + torch.rand(3, generator=chance)) * spacing
    near = ((pos > first - REACH) & (pos < first + (count - 1) * spacing + REACH)).all(1)
    z, pos = z[near], pos[near].double()
    if len(z) < 50 or not bool((z == 7).any()):
        return None
    step = spacing * torch.eye(3)
    coarse = Grid(tuple(first.tolist()), tuple(map(tuple, step.tolist())), (count,) * 3)
    fine = Grid((0.0, 0.0, 0.0), ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)), (BOX,) * 3)
    exact = FIELD(Data(z=z, pos=pos))
    values, truth = exact.on(coarse).values, exact.on(fine).values
    steps = torch.full((3,), spacing, dtype=torch.float64)
    left_out = None
    if uniform() < 0.4:
        left_out = tuple(torch.randint(3, (3,), generator=chance).tolist())
        mask = left_out_nodes(coarse.shape, left_out)
        values = torch.stack([kriged_from_others(channel, steps, mask) for channel in values])
    tell_nitrogen = uniform() < 0.5 * min(1.0, max(0.0, 4.2 - spacing))
    tell_carbon = tell_nitrogen and uniform() < 0.8 and spacing < 2.9
    off = 10 ** (-3 + 2 * uniform()) * torch.randn(pos.shape, generator=chance, dtype=torch.float64)
    local = pos + off - first
    known = tuple(
        Known(local[z == number], torch.ones(int((z == number).sum())).double()) if told else None
        for number, told in ((6, tell_carbon), (7, tell_nitrogen))
    )
    lines = [torch.arange(BOX, dtype=torch.float64) - start for start in first.double()]
    inputs = prior_inputs(values, steps, lines, known, left_out)
    target = (truth - inputs.base) / inputs.units[:, None, None, None]
    return inputs.features, target.float(), torch.tensor([not tell_carbon, not tell_nitrogen, True]).float()


def turned(x: Tensor, number: int) -> Tensor:
    """One of the 24 rotations of a cube, of [C, n, n, n]."""
    orders = ((0, 1, 2), (1, 2, 0), (2, 0, 1), (0, 2, 1), (2, 1, 0), (1, 0, 2))
    even, odd = ((), (1, 2), (0, 2), (0, 1)), ((0,), (1,), (2,), (0, 1, 2))
    order, flips = orders[number % 6], (odd if number % 6 >= 3 else even)[number // 6]
    return x.permute(0, *(1 + axis for axis in order)).flip([1 + axis for axis in flips]).contiguous()


class Samples(IterableDataset):
    """Samples without end, each in two orientations."""

    def __init__(self, structures: list[tuple[Tensor, Tensor]], seed: int) -> None:
        self.structures, self.seed = structures, seed

    def __iter__(self) -> Iterator[Sample]:
        torch.set_num_threads(1)
        worker = get_worker_info()
        chance = torch.Generator().manual_seed(self.seed + (worker.id if worker else 0))
        weights = torch.tensor([min(len(z), 6000) ** 0.5 for z, _ in self.structures])
        while True:
            z, pos = self.structures[int(torch.multinomial(weights, 1, generator=chance))]
            if float(torch.rand((), generator=chance)) < 0.2:
                z, pos = z[z != 1], pos[z != 1]
            sample = draw(z, pos, chance)
            for _ in range(0 if sample is None else 2):
                number = int(torch.randint(24, (), generator=chance))
                inputs, target, counted = sample
                yield turned(inputs, number), turned(target, number), counted


def train(options: argparse.Namespace) -> None:
    torch.manual_seed(options.seed)
    network = CorrectionNetwork(NUM_INPUTS, len(CHANNELS), **OPTIONS)
    mean = copy.deepcopy(network)
    optimizer = torch.optim.AdamW(network.parameters(), lr=options.lr, weight_decay=1e-4, betas=(0.9, 0.98))
    step = 0
    if options.resume:
        state = torch.load(options.resume)
        network.load_state_dict(state["network"])
        mean.load_state_dict(state["mean"])
        optimizer.load_state_dict(state["optimizer"])
        step = state["step"]
    structures = read_structures(options.folder)
    print(f"{len(structures)} structures, {sum(p.numel() for p in network.parameters()):,} parameters", flush=True)
    loader = DataLoader(Samples(structures, options.seed + step), batch_size=None, num_workers=1, prefetch_factor=8)
    network = network.to(memory_format=torch.channels_last_3d)
    inner = (slice(None), *(slice(BORDER, -BORDER),) * 3)
    start, before, recent = time.perf_counter(), step, []
    for inputs, target, counted in loader:
        share = (time.perf_counter() - start) / 60 / options.minutes
        if share >= 1:
            break
        for group in optimizer.param_groups:
            group["lr"] = (
                options.lr * min(1, (step - before + 1) / 400) * (0.5 * (1 + math.cos(math.pi * share)) + 0.005)
            )
        with torch.autocast("cpu", torch.bfloat16):
            output = network(inputs[None].contiguous(memory_format=torch.channels_last_3d))[0]
        errors = (output.float() - target)[inner].square().mean((1, 2, 3)) * counted
        optimizer.zero_grad()
        (errors * LOSS).sum().backward()
        if not bool(torch.isfinite(nn.utils.clip_grad_norm_(network.parameters(), 0.5))):
            continue
        optimizer.step()
        step += 1
        with torch.no_grad():
            for slow, fast in zip(mean.parameters(), network.parameters(), strict=True):
                slow.lerp_(fast, max(0.002, 1 / (step / 10 + 1)))
        recent.append(torch.stack([errors.detach(), target[inner].square().mean((1, 2, 3)) * counted]))
        if step % EPOCH == 0:
            error, zero = torch.stack(recent[-EPOCH:]).sum(0)
            gains = ", ".join(
                f"{name} {10 * float((b / a).log10()):.2f}" for name, a, b in zip(CHANNELS, error, zero, strict=True)
            )
            print(f"step {step}, {(time.perf_counter() - start) / 60:.0f} min: dB over kriging: {gains}", flush=True)
            save(options, network, mean, optimizer, step)
    save(options, network, mean, optimizer, step)


def save(
    options: argparse.Namespace,
    network: CorrectionNetwork,
    mean: CorrectionNetwork,
    optimizer: torch.optim.Optimizer,
    step: int,
) -> None:
    """Write the averaged weights, and beside them what is needed to go on."""
    facts = {"steps": step, "field": "mnf, β = 0.25", "spacings": SPACINGS}
    save_network(options.out, mean, {**OPTIONS, "blocks": list(OPTIONS["blocks"])}, facts)
    state = {
        "network": network.state_dict(),
        "mean": mean.state_dict(),
        "optimizer": optimizer.state_dict(),
        "step": step,
    }
    torch.save(state, options.out.with_suffix(".state.pt"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--out", type=Path, default=Path("network.safetensors"))
    parser.add_argument("--resume", type=Path)
    parser.add_argument("--lr", type=float, default=6e-4)
    parser.add_argument("--seed", type=int, default=0)
    torch.set_num_threads(1)
    train(parser.parse_args())
