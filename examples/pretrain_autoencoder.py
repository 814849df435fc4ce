"""Train the `FieldAutoEncoder` that ships as ``organic-small``, and write it to a file.

    python examples/pretrain_autoencoder.py organic-small.safetensors

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


def structures(folder: Path, folds: set[int]) -> list[Data]:
    """The molecules of some folds of FreeSolv, with the geometries of its files."""
    fold = freesolv_folds(folder)
    return [Data(z=data.z, pos=data.pos) for data in read(folder / "freesolv.sdf.gz") if fold[data.name] in folds]


def new_molecules(folder: Path, count: int, seed: int) -> list[Data]:
    stream = children(freesolv(folder, (1, 2, 3, 4)), seed, evaluation_keys(folder))
    found: list[Data] = []
    while len(found) < count:
        mol = conformers(next(stream), 1, len(found))
        if mol is not None:
            pos = torch.tensor(mol.GetConformer().GetPositions(), dtype=torch.float32)
            found.append(Data(z=torch.tensor([atom.GetAtomicNum() for atom in mol.GetAtoms()]), pos=pos))
            if len(found) % 1000 == 0:
                print(f"{len(found)} molecules", flush=True)
    return found


def build(seed: int) -> FieldAutoEncoder:
    """A model whose decoder is to be trained; it does not read the summary."""
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
    assert isinstance(model.decoder, StructureFactorDecoder)
    for part in (model.encoder, model.pooling):
        part.requires_grad_(False)
    return model


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

    return fit(model, sampler, InitialGuessLoss(), max_steps=steps, lr=2e-3, seed=seed, progress=print_progress)


def trained(folder: Path, molecules: int, steps: int, seed: int, in_parallel: Future | None = None) -> FieldAutoEncoder:
    """A model with a trained decoder."""
    made = new_molecules(folder, molecules, seed + MOLECULE_SEED)
    made = [data for data in made if data.num_nodes <= MAX_ATOMS]
    known = [data for data in structures(folder, {2, 3, 4}) for _ in range(4)]
    model = build(seed)
    report = train(model, known + made, structures(folder, {1}), steps, seed, in_parallel)
    print(f"{len(made)} new molecules, {report.steps} steps in {report.seconds / 60:.1f} min", flush=True)
    return model


def main(
    path: Path,
    summary: Annotated[Path | None, typer.Option(help="a file of pretrain_summary.py; trained by default")] = None,
    molecules: Annotated[int, typer.Option(help="the number of new molecules for the decoder")] = 8000,
    steps: Annotated[int, typer.Option(help="training steps of the decoder")] = 18_000,
    seed: int = 0,
) -> None:
    RDLogger.DisableLog("rdApp.*")
    torch.set_num_threads(1)
    folder = data_folder()
    with (
        TemporaryDirectory() as temporary,
        ProcessPoolExecutor(
            1, mp_context=get_context("spawn"), initializer=torch.set_num_threads, initargs=(1,)
        ) as pool,
    ):
        made = Path(temporary) / "summary.safetensors"
        pending = None if summary else pool.submit(pretrain_summary.main, made, seed=seed)
        model = trained(folder, molecules, steps, seed, pending)
        if pending is not None:
            pending.result()
        take(model, MoleculeDescriptor.load(summary or made))
    model.save(path)
    print(f"wrote {path}")


if __name__ == "__main__":
    typer.run(main)
