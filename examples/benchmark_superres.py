"""Superresolution of complexes sampled at 32³ and evaluated at 64³ and 128³, beside interpolation and the zero field.

Six channels as in arXiv 2502.10848 (ligand H, C, all; protein C, N, all; β = 0.25), each over its maximum on the
32³ grid; PSNR with peak 1, over all nodes and over the occupied ones. Every method but the last sees the samples and
the width that each element has; the last knows the atoms. The constants of the search were chosen on 184L, 1VSN
and 1IEP, and where functions count as crowded on 6W70 too; none on the proteins of the ensembles (without a ligand).
Data: the folder TG_MOLFIELD_DATA.

    python benchmark_superres.py [--quick | NAME ...]
"""

import os
import sys
import time
from pathlib import Path

import torch
from torch_geometric.data import Data

from tg_molfield import Field, Grid, MolField, psnr, read, read_complex
from tg_molfield.superres import anchored, channel_widths, superresolve

DEFINITION = MolField.preset("mnf", beta=0.25, channels="H C N all", parts=True, nodes=32)
CHANNELS = ("ligand.H", "ligand.C", "ligand.all", "protein.C", "protein.N", "protein.all")
COMPLEXES = {
    "184L": ("184l_protein.pdb.gz", "184l_ligand.sdf"),
    "1VSN": ("1vsn_complex.pdb.gz", "NFT"),
    "1IEP": ("1iep_protein.pdb.gz", "1iep_ligand.sdf"),
    "6W70": ("6w70_protein.pdb.gz", "6w70_ligand.sdf"),
}
PROTEINS = {"1L2Y": "1l2y_nmr.pdb.gz", "neopetrosiamide": "neopetrosiamide_nmr.pdb.gz"}
QUICK = ["6W70"]


def load(folder: Path, name: str) -> Data:
    if name in COMPLEXES:
        protein, ligand = COMPLEXES[name]
        bound = folder / "complexes" / ligand if "." in ligand else ligand
        return read_complex(folder / "complexes" / protein, bound)
    molecule = read(folder / "ensembles" / PROTEINS[name])
    molecule = molecule if isinstance(molecule, Data) else molecule[0]
    molecule.part = torch.ones_like(molecule.z)
    return molecule


def row(name: str, method: str, field: Field, exact: Field, grids: dict[int, Grid], note: str = "") -> None:
    cells = [psnr(field, exact, grid, peak=1.0) for grid in grids.values()]
    finest = grids[max(grids)]
    nitrogen = psnr(field["protein.N"], exact["protein.N"], finest, peak=1.0).all_nodes
    start = time.perf_counter()
    field.on(finest)
    note = f"{time.perf_counter() - start:.1f} | {note}"
    numbers = " | ".join(f"{cell.all_nodes:5.1f} / {cell.occupied:5.1f}" for cell in cells)
    print(f"{name:15s} | {method:9s} | {numbers} | {nitrogen:5.1f} | {note}", flush=True)


def measure(folder: Path, name: str) -> None:
    data = load(folder, name)
    exact = DEFINITION(data)[CHANNELS]
    grids = {n: DEFINITION.grid(data, n) for n in (32, 64, 128)}
    samples = exact.on(grids[32])
    widths = dict(zip(DEFINITION.channels, channel_widths(DEFINITION), strict=True))
    row(name, "zero", samples * 0.0, exact, grids)
    row(name, "trilinear", samples, exact, grids)
    row(name, "spline", samples.interpolated("cubic"), exact, grids)
    for method in ("kriging", "mixture"):
        field, report = superresolve(samples, [widths[channel] for channel in CHANNELS], method)
        note = f"{report.seconds:.0f} | {report.parameters} ({report.compression:.1f})"
        row(name, method, field, exact, grids, note)
    row(name, "informed", anchored(samples, exact), exact, grids)


def main() -> None:
    folder = Path(os.environ.get("TG_MOLFIELD_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.exists():
        print(f"no data in {folder}; set TG_MOLFIELD_DATA")
        return
    names = QUICK if "--quick" in sys.argv else sys.argv[1:] or [*COMPLEXES, *PROTEINS]
    print(f"{torch.get_num_threads()} threads")
    print(
        "structure | method | 32³ all / occupied, dB | 64³ | 128³ | N at 128³ | seconds of 128³ | seconds of the fit | "
        "parameters (samples a parameter)"
    )
    for name in names:
        measure(folder, name)


if __name__ == "__main__":
    main()
