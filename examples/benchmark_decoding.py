"""How many molecules the decoder of structure factors gives back, and how fast.

    python examples/benchmark_decoding.py
    python examples/benchmark_decoding.py --latent-dim 1024   # longer codes of the same model
    python examples/benchmark_decoding.py --every 4           # a quarter of each set

Molecules are in random orientations, batches of 64, one thread. Rates are by processor time and concern decoding alone.
A molecule is found if each of its atoms, and nothing else, is within 0.01 Å of an atom decoded with its element. Data:
the folder ``smallmol`` in TG_MOLFIELD_DATA.
"""

import time
import warnings
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated

import torch
import typer
from benchmark_autoencoder import rotated
from benchmark_data import data_folder
from torch import Tensor
from torch_geometric.data import Batch, Data

from tg_molfield import FieldAutoEncoder, read
from tg_molfield.nn import Latent, StructureFactorDecoder

BATCH = 64
NEAR = 0.01
SIZES = (14, 35, 56, 60, 80, 118)


def is_found(z: Tensor, pos: Tensor, true_z: Tensor, true_pos: Tensor) -> bool:
    """Whether atoms ``[n]`` at ``[n, 3]`` Å are the true ones, in any order."""
    if len(z) != len(true_z):
        return False
    distance = torch.cdist(pos, true_pos).masked_fill(z.unsqueeze(1) != true_z, torch.inf)
    nearest, index = distance.min(1)
    return bool((nearest < NEAR).all()) and len(index.unique()) == len(z)


def decoded(decoder: StructureFactorDecoder, latent: Latent, batch: Batch) -> list[bool]:
    """Which molecules come back."""
    atoms = decoder.atoms(latent)
    numbers = torch.tensor(decoder.transform.numbers)[atoms.kinds]
    local = latent.to_local(batch.pos, batch.batch)
    return [
        is_found(numbers[row][mask], atoms.pos[row][mask], batch.z[batch.batch == row], local[batch.batch == row])
        for row, mask in enumerate(atoms.mask)
    ]


@torch.no_grad()
def report(label: str, model: FieldAutoEncoder, molecules: Sequence[Data]) -> str:
    decoder = model.decoder
    assert isinstance(decoder, StructureFactorDecoder)
    found: list[bool] = []
    spent = 0.0
    for begin in range(0, len(molecules), BATCH):
        batch = Batch.from_data_list(rotated(molecules[begin : begin + BATCH], begin))
        latent = model.encode(batch)
        start = time.process_time()
        decoder.field(latent)
        spent += time.process_time() - start
        found += decoded(decoder, latent, batch)
    share = f"{100 * sum(found) / len(found):.1f} % ({sum(found)} of {len(found)})"
    return f"{label:24s} | {len(found) / spent:8.1f} | {share}"


def main(
    weights: Annotated[str, typer.Option(help="a name or a file for from_pretrained")] = "organic-small",
    latent_dim: Annotated[int, typer.Option(help="the length of the codes")] = 512,
    every: Annotated[int, typer.Option(help="use every n-th molecule of a set")] = 1,
) -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    folder = data_folder()
    model = FieldAutoEncoder.from_pretrained(weights, latent_dim=latent_dim)
    print(f"{f'code of {latent_dim}':24s} | decoded a second of processor time | found")
    for label, name in (("FreeSolv", "freesolv.sdf.gz"), ("gdb1k", "gdb1k_300.sdf.gz")):
        print(report(label, model, read(folder / name)[::every]), flush=True)
    ligands = read(folder / "pdb_ligands_300.sdf.gz")
    for least, most in pairwise(SIZES):
        some = [data for data in ligands if least <= data.num_nodes < most][::every]
        print(report(f"ligands, {least} to {most - 1} atoms", model, some), flush=True)


if __name__ == "__main__":
    typer.run(main)
