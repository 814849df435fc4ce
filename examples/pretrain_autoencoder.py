"""Train the `FieldAutoEncoder` that ships as ``organic-small``, and write it to a file.

    python examples/pretrain_autoencoder.py organic-small.safetensors
    python examples/pretrain_autoencoder.py better.safetensors --start organic-small.safetensors   # its decoder alone

The field is that of arXiv 2502.10848 with β = 0.75 and 10 channels, as sums over atoms without normalisation. The
molecules are those of folds 1 to 4 of FreeSolv and new ones derived from them (`pretrain_molecules`). None has the
connectivity of a molecule of fold 0, of ``gdb1k`` or of the ligands. Fold 1 itself is kept for validation. Data: the
folder ``smallmol`` in TG_MOLFIELD_DATA.

Training concerns the initial guess of the decoder; without it the decoder finds the same atoms, but more slowly. The
last 64 numbers of the code are a summary for property models. `pretrain_summary` trains it at the same time in a
second process, unless ``--summary`` names a file written by it.
"""

from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import pretrain_summary
import torch
import typer
from benchmark_data import data_folder, freesolv_folds
from pretrain_molecules import children, conformers, evaluation_keys, freesolv
from rdkit import RDLogger
from torch_geometric.data import Batch, Data

from tg_molfield import FieldAutoEncoder, MolField, read
from tg_molfield.nn import MoleculeDescriptor, StructureFactorDecoder
from tg_molfield.nn.pooling.structure_factors import StructureFactorPooling
from tg_molfield.training import AugmentedMolecules, InitialGuessLoss, TrainingReport, fit

FIELD = MolField.preset("mnf", beta=0.75, channels="H C N O F P S Cl other all", normalize_grid_size=None)
SUMS = 64
MOLECULE_SEED = 7
MAX_ATOMS = 96
LARGE, JOIN = 30, 0.65
"""Half of the new molecules have at least that many atoms; the probability by which those are joined of parents."""


def structures(folder: Path, folds: set[int]) -> list[Data]:
    """The molecules of some folds of FreeSolv, with the geometries of its files."""
    fold = freesolv_folds(folder)
    return [Data(z=data.z, pos=data.pos) for data in read(folder / "freesolv.sdf.gz") if fold[data.name] in folds]


def new_molecules(folder: Path, count: int, seed: int) -> list[Data]:
    """Molecules derived from those of folds 1 to 4, half of them large."""
    parents, excluded = freesolv(folder, (1, 2, 3, 4)), evaluation_keys(folder)
    small, large = children(parents, seed, excluded), children(parents, seed + 1, excluded, join=JOIN)
    found: list[Data] = []
    while len(found) < count:
        is_large = len(found) % 2 == 1
        mol = conformers(next(large if is_large else small), 1, len(found))
        if mol is not None and LARGE * is_large <= mol.GetNumAtoms() <= MAX_ATOMS:
            pos = torch.tensor(mol.GetConformer().GetPositions(), dtype=torch.float32)
            found.append(Data(z=torch.tensor([atom.GetAtomicNum() for atom in mol.GetAtoms()]), pos=pos))
            if len(found) % 1000 == 0:
                print(f"{len(found)} molecules", flush=True)
    return found


def build(seed: int) -> FieldAutoEncoder:
    """A model; its decoder does not read the summary."""
    torch.manual_seed(seed)
    options = MoleculeDescriptor().hyper_parameters
    model = FieldAutoEncoder(
        FIELD,
        decoder="structure_factors",
        summary_channels=options["out_channels"],
        encoder_options={
            "out_channels": options["hidden"],
            **{name: options[name] for name in ("num_layers", "cutoff", "vector_channels")},
        },
        pooling_options={"global_channels": options["global_channels"]},
    )
    return model


def only_decoder(model: FieldAutoEncoder) -> FieldAutoEncoder:
    """The model, of which the decoder alone is to be trained."""
    assert isinstance(model.decoder, StructureFactorDecoder)
    for part in (model.encoder, model.pooling):
        part.requires_grad_(False)
    return model.train()


def take(model: FieldAutoEncoder, summary: MoleculeDescriptor) -> None:
    """Give the model the encoder and the pooling of a trained descriptor."""
    assert isinstance(model.pooling, StructureFactorPooling)
    model.encoder.load_state_dict(summary.encoder.state_dict())
    model.pooling.descriptor.load_state_dict(summary.pooling.state_dict())


@torch.no_grad()
def guess_error(model: FieldAutoEncoder, molecules: list[Data]) -> float:
    """The loss of the initial guesses for ``molecules`` in canonical frames."""
    model.eval()
    loss = float(InitialGuessLoss()(model, Batch.from_data_list(molecules)))
    model.train()
    return loss


def train(
    model: FieldAutoEncoder,
    molecules: list[Data],
    held_out: list[Data],
    steps: int,
    lr: float,
    seed: int,
    in_parallel: Future | None = None,
) -> TrainingReport:
    """Train the initial guess; an error of the task ``in_parallel`` is raised at once."""
    elements = model.decoder.transform.numbers
    sampler = AugmentedMolecules(
        molecules, 32, drop=0.03, relabel=0.05, join=0.1, grow=0.05, max_atoms=MAX_ATOMS, elements=elements
    )

    def print_progress(report: TrainingReport, spent: float) -> None:
        if report.steps % 250 == 0:
            if in_parallel is not None and in_parallel.done():
                in_parallel.result()
            recent = sum(report.losses[-250:]) / 250
            print(
                f"step {report.steps}, {report.seconds / 60:.1f} min: loss {recent:.3f}, held out "
                f"{guess_error(model, held_out):.3f}",
                flush=True,
            )

    return fit(model, sampler, InitialGuessLoss(), max_steps=steps, lr=lr, seed=seed, progress=print_progress)


def train_decoder(
    model: FieldAutoEncoder,
    folder: Path,
    molecules: int,
    steps: int,
    lr: float,
    seed: int,
    in_parallel: Future | None = None,
) -> None:
    made = new_molecules(folder, molecules, seed + MOLECULE_SEED)
    known = [data for data in structures(folder, {2, 3, 4}) for _ in range(4)]
    report = train(model, known + made, structures(folder, {1}), steps, lr, seed, in_parallel)
    print(f"{len(made)} new molecules, {report.steps} steps in {report.seconds / 60:.1f} min", flush=True)


def main(
    path: Path,
    start: Annotated[str, typer.Option(help="a pretrained model, or its file, whose decoder is trained further")] = "",
    summary: Annotated[Path | None, typer.Option(help="a file of pretrain_summary.py; trained by default")] = None,
    molecules: Annotated[int, typer.Option(help="the number of new molecules for the decoder")] = 8000,
    steps: Annotated[int, typer.Option(help="training steps of the decoder")] = 18_000,
    lr: Annotated[float, typer.Option(help="the maximum learning rate of the decoder")] = 2e-3,
    seed: int = 0,
) -> None:
    RDLogger.DisableLog("rdApp.*")
    torch.set_num_threads(1)
    folder = data_folder()
    if start:
        model = only_decoder(FieldAutoEncoder.from_pretrained(start))
        train_decoder(model, folder, molecules, steps, lr, seed)
    else:
        model = begun(folder, molecules, steps, lr, seed, summary)
    model.save(path)
    print(f"wrote {path}")


def begun(folder: Path, molecules: int, steps: int, lr: float, seed: int, summary: Path | None) -> FieldAutoEncoder:
    """A new model, whose decoder and summary are trained at the same time."""
    with (
        TemporaryDirectory() as temporary,
        ProcessPoolExecutor(
            1, mp_context=get_context("spawn"), initializer=torch.set_num_threads, initargs=(1,)
        ) as pool,
    ):
        made = Path(temporary) / "summary.safetensors"
        pending = None if summary else pool.submit(pretrain_summary.main, made, seed=seed)
        model = only_decoder(build(seed))
        train_decoder(model, folder, molecules, steps, lr, seed, pending)
        if pending is not None:
            pending.result()
        take(model, MoleculeDescriptor.load(summary or made))
    return model


if __name__ == "__main__":
    typer.run(main)
