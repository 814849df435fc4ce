"""Train the `FieldAutoEncoder` that ships as ``qm9-latent``: a code that is a space.

    python examples/train_latent.py qm9-latent --hours 2
    python examples/train_latent.py qm9-latent --hours 2 --max-seconds 480 --resume
    python examples/train_latent.py longer --hours 2 --start qm9-latent --rate 0.6

The data are those of QM9, by default the folder ``qm9`` in TG_MOLFIELD_DATA; for another folder, ``--data``, PyG
downloads them. Held-out molecules are drawn by a seed and share no connectivity with those trained on, see
`latent_data.split`. Bonds and summaries are made once and kept in FOLDER. Beside the atoms the code learns the
summaries of `organic-small`, linearly and from codes with some noise, so that it is of use for properties: those of
each batch and of as many molecules again, half of them from QM9, drawn by their formulas, of which some have thousands
of isomers and others few, and half derived from them, of kinds that QM9 lacks, see `latent_derived`. Of each batch a
hundredth are small molecules, of which QM9 has few, and a fiftieth are derived. The learning rate is constant and falls
over the last two thirds of the hours. Trainings go on in slices of any length; what is written in between is the state
of the training and the model with the average of its parameters, once as it is and once in float16, as it ships. On a
processor and on a card the same code runs, in bfloat16, compiled by default.
"""

import math
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import torch
import typer
from benchmark_data import data_folder
from latent_data import Bonds, Molecules, bonds_of, qm9, split, summaries_of
from latent_derived import derived, molecules_from, tensors_of
from latent_metrics import chemistry, reconstruction
from pretrain_molecules import evaluation_keys
from torch import Tensor, nn
from torch_geometric.data import Data

from tg_molfield import FieldAutoEncoder, MolField
from tg_molfield.nn import FlowDecoder, Latent
from tg_molfield.nn.serialization import describe_model
from tg_molfield.tensor_files import read_checkpoint, write_checkpoint, write_object
from tg_molfield.training import FlowLoss, PropertyLoss
from tg_molfield.training.ema import ExponentialMovingAverage
from tg_molfield.training.interruption import Interruption, interruptible
from tg_molfield.training.optimization import optimizer_tensors, set_optimizer_tensors

FIELD = MolField.preset("mnf", beta=0.75, channels="H C N O F all", normalize_grid_size=None)
SIZES = {"tiny": {"num_layers": 6, "batch": 384}, "base": {"num_layers": 7, "batch": 2048}}
LEARNED, EXACT, LEAST_NOISE, GUIDANCE = 256, 256, 0.03, 1.2
LR, MATRIX_LR = 2e-3, 4e-3
WEIGHT_DECAY, CLIP, EMA = 0.01, 1.0, 0.999
WARMUP_STEPS, FALLING = 200, 2 / 3
SUMMARY_WEIGHT, SUMMARY_NOISE = 0.5, 0.3
SMALL, SMALL_SHARE = 6, 0.01
DERIVED_SHARE, RARE_DERIVED_SHARE = 0.02, 0.5
SAVE_SECONDS, TOLD_STEPS, JUDGED = 240, 100, 128


def build(size: str, seed: int = 0) -> FieldAutoEncoder:
    """An untrained model."""
    torch.manual_seed(seed)
    options = {
        "exact_dim": EXACT,
        "num_layers": SIZES[size]["num_layers"],
        "least_noise": LEAST_NOISE,
        "guidance": GUIDANCE,
        "bonds": True,
    }
    return FieldAutoEncoder(FIELD, LEARNED + EXACT, "flow", decoder_options=options)


def begun(start: str, size: str, seed: int) -> FieldAutoEncoder:
    """A model with the parameters of ``start``, and new ones where it has none."""
    model = build(size, seed)
    if start:
        model.load_state_dict(model.state_dict() | FieldAutoEncoder.from_pretrained(start).state_dict())
    return model


def kept(folder: Path, name: str, molecules: Molecules, make: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
    """What is made of all molecules, once, and kept in the folder."""
    file = folder / f"{name}.safetensors"
    fingerprint = f"{name} of {len(molecules)} molecules, {float(molecules.pos.double().sum()):.6f}"
    if file.exists():
        return read_checkpoint(file, fingerprint)[0]
    tensors = make()
    folder.mkdir(parents=True, exist_ok=True)
    write_checkpoint(file, fingerprint, tensors, {})
    return tensors


def optimizers(model: nn.Module) -> list[torch.optim.Optimizer]:
    """Muon (Jordan et al. 2024) for the matrices of transformer blocks, AdamW for all else."""
    if not hasattr(torch.optim, "Muon"):
        raise SystemExit(f"torch: expected 2.9 or newer, which has Muon, got {torch.__version__}; update it")
    matrices = [
        parameter
        for name, parameter in model.named_parameters()
        if parameter.dim() == 2 and (".blocks." in name or ".readers." in name)
    ]
    chosen = {id(parameter) for parameter in matrices}
    rest = [parameter for parameter in model.parameters() if id(parameter) not in chosen]
    return [
        torch.optim.Muon(matrices, lr=MATRIX_LR, weight_decay=WEIGHT_DECAY, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(rest, lr=LR, betas=(0.9, 0.98), weight_decay=WEIGHT_DECAY, fused=True),
    ]


class Training:
    """A model in training, and where it is.

    Args:
        model: the model.
        molecules: of QM9.
        derived: molecules that are trained on beside them, if any.
        size: a name in `SIZES`.
        hours: how long the whole training is.
        seed: of the batches; each step's follow from it.
        device: where to train.
        rate: what to multiply learning rates by.
    """

    def __init__(
        self,
        model: FieldAutoEncoder,
        molecules: Molecules,
        derived: Molecules | None,
        size: str,
        hours: float,
        seed: int,
        device: str,
        rate: float = 1.0,
    ) -> None:
        self.model, self.size, self.device = model.to(device), size, device
        self.molecules = molecules if derived is None else molecules + derived
        self.seconds, self.seed, self.rate = 3600 * hours, seed, rate
        self.rows, self.held_out = split(molecules)
        self.derived = torch.arange(len(molecules), len(self.molecules))
        heavy = molecules.heavy[self.rows]
        self.small = [found for number in range(1, SMALL + 1) if len(found := self.rows[heavy == number])]
        _, formula, isomers = molecules.formulas[self.rows].unique(return_inverse=True, return_counts=True)
        self.rarity = isomers[formula].rsqrt()
        assert isinstance(model.decoder, FlowDecoder)
        assert molecules.properties is not None
        self.loss = FlowLoss()
        self.summary = PropertyLoss(model.decoder.learned_dim, molecules.properties[self.rows]).to(device)
        self.trained = nn.ModuleDict({"model": model, "summary": self.summary})
        self.optimizers = optimizers(self.trained)
        self.rates = [rate * group["lr"] for optimizer in self.optimizers for group in optimizer.param_groups]
        self.average = ExponentialMovingAverage(model, EMA)
        self.steps, self.seen, self.spent = 0, 0, 0.0

    def step(self, spent: float) -> Tensor:
        """One step after ``spent`` seconds; the loss."""
        left = 1 - spent / self.seconds
        share = min(1.0, (self.steps + 1) / WARMUP_STEPS, max(left / FALLING, 0.02))
        groups = [group for optimizer in self.optimizers for group in optimizer.param_groups]
        for group, rate in zip(groups, self.rates, strict=True):
            group["lr"] = rate * share
        torch.manual_seed(1_000_003 * self.seed + self.steps)
        size = SIZES[self.size]["batch"]
        batch, other = (self.molecules.batch(rows, self.device) for rows in (self._drawn(size), self._rare(size)))
        with torch.autocast(torch.device(self.device).type, torch.bfloat16):
            loss = self._loss(batch, other)
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.trained.parameters(), CLIP)
        for optimizer in self.optimizers:
            optimizer.step()
        self.steps, self.seen = self.steps + 1, self.seen + size
        self.average.update(self.steps)
        return loss.detach()

    def _drawn(self, size: int) -> Tensor:
        """Rows of a batch, a share of them as many of each number of heavy atoms up to `SMALL`, and derived ones."""
        rows = self.rows[torch.randint(len(self.rows), (size,))]
        self._replace_by_derived(rows, DERIVED_SHARE)
        for i in range(math.ceil(SMALL_SHARE * size)):
            alike = self.small[int(torch.randint(len(self.small), ()))]
            rows[i] = alike[torch.randint(len(alike), ())]
        return rows

    def _rare(self, size: int) -> Tensor:
        """Rows of a batch, each formula as often as the square root of the number of its isomers, and derived ones."""
        rows = self.rows[torch.multinomial(self.rarity, size, replacement=True)]
        self._replace_by_derived(rows, RARE_DERIVED_SHARE)
        return rows

    def _replace_by_derived(self, rows: Tensor, share: float) -> None:
        if len(self.derived):
            number = math.ceil(share * len(rows))
            rows[-number:] = self.derived[torch.randint(len(self.derived), (number,))]

    def _loss(self, batch: Data, other: Data) -> Tensor:
        latent = self.model.encode(batch)
        summaries = self._summary_loss(latent, batch) + self._summary_loss(self.model.encode(other), other)
        return self.loss.of(self.model, latent, batch) + SUMMARY_WEIGHT * summaries

    def _summary_loss(self, latent: Latent, batch: Data) -> Tensor:
        code = self.model.decoder.learned(latent)
        return self.summary(code + SUMMARY_NOISE * torch.randn_like(code), batch)

    def save(self, folder: Path) -> None:
        """Write the state, and the model with the average of its parameters."""
        tensors = {f"trained/{name}": value for name, value in self.trained.state_dict().items()}
        tensors |= {f"average/{name}": value for name, value in self.average.averages.items()}
        for number, optimizer in enumerate(self.optimizers):
            found = optimizer_tensors(optimizer, self.trained)
            tensors |= {f"optimizer{number}/{name}": value for name, value in found.items()}
        notes = {"steps": self.steps, "seen": self.seen, "spent": self.spent}
        folder.mkdir(parents=True, exist_ok=True)
        write_checkpoint(folder / "training.safetensors", self._fingerprint, tensors, notes)
        with self.average.swapped():
            self.model.save(folder / "model.safetensors")
            save_half(self.model, folder / "qm9-latent.safetensors")

    def resume(self, folder: Path) -> None:
        """Go on from what :meth:`save` wrote."""
        tensors, notes = read_checkpoint(folder / "training.safetensors", self._fingerprint)
        parts: dict[str, dict[str, Tensor]] = {}
        for name, value in tensors.items():
            part, key = name.split("/", 1)
            parts.setdefault(part, {})[key] = value
        self.trained.load_state_dict(parts["trained"])
        self.average.load(parts["average"])
        for number, optimizer in enumerate(self.optimizers):
            set_optimizer_tensors(optimizer, self.trained, parts[f"optimizer{number}"])
        self.steps, self.seen, self.spent = notes["steps"], notes["seen"], notes["spent"]

    @property
    def _fingerprint(self) -> str:
        return f"latent of {len(self.molecules)} molecules, {self.size}, seed {self.seed}, rate {self.rate:g}"

    @torch.no_grad()
    def judge(self) -> str:
        """How well held-out molecules are given back, and what samples are."""
        decoder = self.model.decoder
        assert isinstance(decoder, FlowDecoder)
        truth = [self.molecules.data(int(row)) for row in self.held_out[:JUDGED]]
        with self.average.swapped():
            self.model.eval()
            latent = self.model.encode(self.molecules.batch(self.held_out[:JUDGED], self.device))
            found = self.model.decoded(decoder.without_exact(latent), corrections=0)
            samples = self.model.sample(JUDGED, settle=0, generator=torch.Generator().manual_seed(0))
            self.model.train()
        right, rmsd = reconstruction(truth, found.molecules)
        made = chemistry(samples.molecules)
        return (
            f"held out: elements right {right.mean():.3f}, RMSD {float(torch.tensor(rmsd).nanmedian()):.3f} Å; "
            f"samples: atoms stable {made.atom_stable:.3f}, molecules {made.molecule_stable:.3f}, "
            f"valid {made.valid:.3f}"
        )


def main(
    folder: Path,
    size: Annotated[str, typer.Option(help="tiny, for two cores, or base, for a card")] = "tiny",
    hours: Annotated[float, typer.Option(help="how long the whole training is")] = 2.0,
    max_seconds: Annotated[float, typer.Option(help="how long this slice is")] = math.inf,
    resume: Annotated[bool, typer.Option(help="go on with the training in the folder")] = False,
    start: Annotated[str, typer.Option(help="a pretrained model, or the file of one, to begin with")] = "",
    data: Annotated[Path | None, typer.Option(help="the folder of QM9")] = None,
    derived_molecules: Annotated[int, typer.Option(help="how many are derived from those of QM9; 0 for none")] = 20_000,
    device: str = "cuda" if torch.cuda.is_available() else "cpu",
    compiled: bool = True,
    judge_seconds: Annotated[float, typer.Option(help="how often held-out molecules are judged")] = 900,
    rate: Annotated[float, typer.Option(help="of learning rates; below 1 to go on from a model")] = 1.0,
    seed: int = 0,
) -> None:
    """Train, or go on, and write the state of the training and the model into FOLDER."""
    begin = time.monotonic()
    molecules = qm9(data or data_folder("qm9"))
    molecules.bonds = Bonds(
        **kept(folder, "bonds", molecules, lambda: bonds_of(molecules, os.cpu_count() or 1).parts())
    )
    summaries = kept(folder, "summaries", molecules, lambda: {"summaries": summaries_of(molecules)})
    molecules.properties = summaries["summaries"]
    others = None
    if derived_molecules:
        make = partial(derived, molecules, split(molecules)[0], evaluation_keys(data_folder()), derived_molecules)
        others = molecules_from(kept(folder, f"derived-{derived_molecules}", molecules, lambda: tensors_of(make())))
    training = Training(begun(start, size, seed), molecules, others, size, hours, seed, device, rate)
    if resume:
        training.resume(folder)
    training.model.train()
    if compiled:
        training.model.compile(dynamic=False)
    with interruptible() as interruption:
        run(training, folder, begin, max_seconds, judge_seconds, interruption)
    training.save(folder)
    print(training.judge())


def run(
    training: Training, folder: Path, begin: float, max_seconds: float, judge_seconds: float, ended: Interruption
) -> None:
    """Train until the slice or the training is over, or until Ctrl-C."""
    before, saved, judged = training.spent, 0.0, 0.0
    losses: list[Tensor] = []
    while not ended.requested:
        spent = time.monotonic() - begin
        if spent > max_seconds or before + spent > training.seconds:
            break
        losses.append(training.step(before + spent))
        training.spent = before + time.monotonic() - begin
        if training.steps % TOLD_STEPS == 0:
            print(
                f"step {training.steps}, {training.seen / 1e6:.2f} million molecules, {training.spent / 60:.1f} min: "
                f"loss {float(torch.stack(losses).mean()):.4f}",
                flush=True,
            )
            losses.clear()
        if spent - judged > judge_seconds:
            print(training.judge(), flush=True)
            judged = time.monotonic() - begin
        if spent - saved > SAVE_SECONDS:
            training.save(folder)
            saved = spent


def save_half(model: FieldAutoEncoder, path: Path) -> None:
    """Write the model with its networks in float16; it is read in float32, as its other parameters are."""
    description, tensors = describe_model(model)
    networks = ("decoder.network.", "pooling.learned.")
    kept = {name: tensor.half() if name.startswith(networks) else tensor for name, tensor in tensors.items()}
    write_object(path, description.pop("model"), description, kept)


if __name__ == "__main__":
    typer.run(main)
