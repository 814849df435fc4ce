"""Fields of complexes sampled coarsely and compared on finer grids; measured maps compared at the nodes left out.

Complexes: the field of arXiv 2502.10848 (β = 0.25, each channel over its maximum on the coarse grid), in the paper's
six channels (ligand H, C, all; protein C, N, all), empty ones counted as there, and in the full set of elements,
without those that have no atoms. Structures without a ligand have the protein's channels alone. PSNR in dB with peak 1,
over all nodes / over those where the truth exceeds 1 % of its channel's peak. What each method saw:

    zero, trilinear, spline    the samples
    kriging                    the samples
    learned                    the samples, and what the channels are
    gaussians                  the samples, and σ of each channel of one element
    auto                       all that the three see
    known_atoms                the samples and the atoms

Eight structures, and the ten targets of the folder "affinity" with the first ligand of each. The constants of
"gaussians" were chosen on 184L and 1VSN (--scan), the network and its share in "auto" on none of these. Published:
38.5 dB at 32³ and 27.2 dB at 128³ over all nodes of six channels, on another complex. Data: the folder
TG_MOLFIELD_DATA.

    python benchmark_superres.py [NAME ...]     the table; all complexes under 10,000 atoms, and the maps
    python benchmark_superres.py --nodes 24     another coarse grid, six channels
    python benchmark_superres.py --quick        one complex, and no map
    python benchmark_superres.py --maps         the maps alone
    python benchmark_superres.py --large        4KYA and STMV: time and memory
    python benchmark_superres.py --scan         "gaussians" with other constants, on 184L and 1VSN
"""

import math
import os
import resource
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import mean

import torch
from torch_geometric.data import Data

from tg_molfield import Field, Grid, MolField, RBFField, Volume, read, read_complex, superresolve
from tg_molfield.inverse.superres import channel_regression, pursuit
from tg_molfield.metrics import psnr, psnr_of_values

SETS = {
    "six channels": ("H C N all", ("ligand.H", "ligand.C", "ligand.all", "protein.C", "protein.N", "protein.all")),
    "full set": ("H C N O F P S Cl other", None),
}
COMPLEXES = {
    "184L": ("complexes/184l_protein.pdb.gz", "complexes/184l_ligand.sdf"),
    "1VSN": ("complexes/1vsn_complex.pdb.gz", "NFT"),
    "6W70": ("complexes/6w70_protein.pdb.gz", "complexes/6w70_ligand.sdf"),
    "1IEP": ("complexes/1iep_protein.pdb.gz", "complexes/1iep_ligand.sdf"),
    "3NZD": ("volumes/3nzd.cif.gz", None),
    "1LCD": ("ensembles/1lcd_nmr.pdb.gz", None),
    "1L2Y": ("ensembles/1l2y_nmr.pdb.gz", None),
    "neopetrosiamide": ("ensembles/neopetrosiamide_nmr.pdb.gz", None),
}
TARGETS = ("cdk2", "cmet", "hif2a", "mcl1", "p38", "ptp1b", "syk", "thrombin", "tnks2", "tyk2")
TUNED = ("184L", "1VSN")
LARGE = {"4KYA": ("complexes/4kya_complex.pdb.gz", None), "STMV": ("complexes/stmv_rna.pdb.gz", None)}
MAPS = {
    "3NZD, 2Fo−Fc": "volumes/3nzd.ccp4.gz",
    "EMD-3001": "volumes/emd_3001.map.gz",
    "acrolein, density": "volumes/acrolein_density.cube.gz",
    "benzene, orbital": "volumes/benzene_mo21.cube.gz",
}
FINE = (64, 128)
Figures = dict[str, float]


def load(folder: Path, name: str) -> Data:
    """A complex, or the first model of a structure without a ligand, all of it taken as protein."""
    if name in TARGETS:
        target = folder / "affinity" / name
        return read_complex(target / "protein.pdb.gz", read(target / "ligands.sdf.gz")[0])
    protein, ligand = {**COMPLEXES, **LARGE}[name]
    if ligand is not None:
        return read_complex(folder / protein, folder / ligand if "." in ligand else ligand)
    data = read(folder / protein)[0]
    data.part = torch.ones_like(data.z)
    return data


def problem(data: Data, channels: str, nodes: int = 32) -> tuple[MolField, RBFField, dict[int, Grid]]:
    """The `MolField`, the field in the channels compared, and the grids by nodes along each axis, the coarse first."""
    kinds, names = SETS[channels]
    mol_field = MolField.preset("mnf", beta=0.25, channels=kinds, split_parts=True, normalize_grid_size=nodes)
    field = mol_field(data)
    if names is None:
        compared = tuple(name for name in field.channels if bool((field[name].weights != 0).any()))
    else:
        compared = tuple(name for name in names if name.startswith("protein.") or bool((data.part == 0).any()))
    return mol_field, field[compared], {n: mol_field.grid(data, n) for n in (nodes, *FINE) if n == nodes or n > nodes}


def measure(folder: Path, name: str, channels: str, nodes: int = 32) -> dict[str, Figures]:
    """The figures of every method on one structure, printed as they come."""
    data = load(folder, name)
    mol_field, exact, grids = problem(data, channels, nodes)
    truths = {n: exact.on(grid) for n, grid in grids.items()}
    samples = truths[nodes]
    found: dict[str, Figures] = {}

    def row(method: str, field: Field, note: str = "") -> None:
        figures: Figures = {}
        for n, truth in truths.items():
            start = time.perf_counter()
            values = field.on(truth.grid)
            seconds = time.perf_counter() - start
            ratio = psnr(values, truth, truth.grid, peak=1.0)
            figures[f"{n}³"], figures[f"{n}³ occupied"] = ratio.all_nodes, ratio.occupied
        for channel in samples.channels:
            figures[channel] = psnr(values[channel], truth[channel], truth.grid, peak=1.0).all_nodes
        found[method] = figures
        print(f"{name:15s} | {method:11s} | {cells(figures)} | {seconds:.1f} | {note}", flush=True)

    spacing = float(samples.grid.axes_tensor().norm(dim=1).max())
    print(f"{name}: {data.num_nodes} atoms, {spacing:.2f} Å a node, channels {' '.join(samples.channels)}")
    row("zero", samples * 0.0)
    row("trilinear", samples)
    row("spline", samples.interpolated("cubic"))
    six = channels == "six channels"
    blind = {"kriging": {}, **({"learned": {"widths": mol_field}} if six else {}), "gaussians": {"widths": mol_field}}
    blind |= {"auto": {"widths": mol_field}}
    for method, options in {**blind, "known_atoms": {"atoms": exact}}.items():
        try:
            field, report = superresolve(samples, method, **options)
        except ValueError as error:
            if method != "learned":
                raise
            print(f"{name:15s} | {method:11s} | {error}")
            continue
        row(method, field, f"{report.seconds:.0f} | {report.parameters} ({report.compression:.1f})")
        if method == "auto":
            print(f"{name:15s} | shares: {report.shares}")
    return found


def cells(figures: Figures) -> str:
    """The figures as cells."""
    sizes = [key for key in figures if key.endswith("³")]
    pairs = (f"{figures[key]:5.1f} / {figures[f'{key} occupied']:5.1f}" for key in sizes)
    channels = (f"{key} {value:.1f}" for key, value in figures.items() if "³" not in key)
    return " | ".join([*pairs, ", ".join(channels)])


def summary(found: Mapping[str, dict[str, Figures]]) -> None:
    """Mean, worst and best gain over the spline at 128³ by method, and the worst of any channel."""
    tests = {name: figures for name, figures in found.items() if name not in TUNED}
    for title, chosen in (("all", found), ("never tuned on", tests)):
        if len(chosen) < 2:
            continue
        for method in dict.fromkeys(method for figures in chosen.values() for method in figures):
            known = {name: figures for name, figures in chosen.items() if method in figures}
            gains = {name: figures[method]["128³"] - figures["spline"]["128³"] for name, figures in known.items()}
            channels = {
                (name, key): figures[method][key] - figures["spline"][key]
                for name, figures in known.items()
                for key in figures[method]
                if "³" not in key and math.isfinite(figures["spline"][key])
            }
            least, lowest = min(gains, key=gains.__getitem__), min(channels, key=channels.__getitem__)
            level = mean(figures[method]["128³"] for figures in known.values())
            print(
                f"{title} ({len(known)}) | {method:11s} | mean at 128³ {level:.2f} dB, over the spline "
                f"{mean(gains.values()):+.2f}, worst {gains[least]:+.2f} ({least}), worst channel "
                f"{channels[lowest]:+.2f} ({' '.join(lowest)})"
            )


def maps(folder: Path) -> None:
    """Each map sampled at every second node and compared at the others."""
    print("map | nodes seen | zero | trilinear | spline | kriging: PSNR in dB at the nodes left out | seconds")
    for name, path in MAPS.items():
        volume = Volume.read(folder / path)
        grid = volume.grid.coarsened(2)
        nx, ny, nz = (2 * n - 1 for n in grid.shape)
        inside = Grid(volume.grid.origin, volume.grid.axes, (nx, ny, nz))
        truth = volume.values[:, :nx, :ny, :nz]
        left_out = torch.ones(inside.shape, dtype=torch.bool)
        left_out[::2, ::2, ::2] = False
        samples = Volume(volume.values[:, ::2, ::2, ::2], grid, volume.channels)
        kriged, report = superresolve(samples, "kriging")
        fields = (samples * 0.0, samples, samples.interpolated("cubic"), kriged)
        ratios = [psnr_of_values(f.on(inside).values[:, left_out], truth[:, left_out]).all_nodes for f in fields]
        shape = "×".join(map(str, grid.shape))
        print(f"{name} | {shape} | {' | '.join(f'{r:.1f}' for r in ratios)} | {report.seconds:.0f}", flush=True)


def large(folder: Path) -> None:
    """Time and memory of "gaussians" for structures of 20,000 to 40,000 atoms, six channels."""
    print("structure | atoms | fit, s | 128³, s | parameters | spline, gaussians at 128³ | peak memory, GiB")
    for name in LARGE:
        data = load(folder, name)
        mol_field, exact, grids = problem(data, "six channels")
        samples, fine = exact.on(grids[32]), grids[128]
        field, report = superresolve(samples, "gaussians", widths=mol_field)
        start = time.perf_counter()
        values = field.on(fine)
        seconds = time.perf_counter() - start
        ratios = [psnr(f, exact, fine, peak=1.0).all_nodes for f in (samples.interpolated("cubic"), values)]
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(
            f"{name} | {data.num_nodes} | {report.seconds:.0f} | {seconds:.1f} | {report.parameters} | "
            f"{ratios[0]:.1f}, {ratios[1]:.1f} | {memory:.1f}",
            flush=True,
        )


@contextmanager
def constant(module: object, name: str, value: object) -> Iterator[None]:
    """A constant of the method temporarily set to another value."""
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)


def scan(folder: Path) -> None:
    """Constants of "gaussians" changed one at a time, on the structures that they were chosen on, at 128³."""
    cases = {}
    for name in TUNED:
        mol_field, exact, grids = problem(load(folder, name), "six channels")
        cases[name] = mol_field, exact.on(grids[32]), exact.on(grids[128])

    def row(label: str, **options: object) -> None:
        cells = []
        for name, (mol_field, samples, truth) in cases.items():
            field, report = superresolve(samples, "gaussians", widths=mol_field, **options)
            values = field.on(truth.grid)
            ratio = psnr(values, truth, truth.grid, peak=1.0).all_nodes
            nitrogen = psnr(values["protein.N"], truth["protein.N"], truth.grid, peak=1.0).all_nodes
            cells.append(f"{name} {ratio:.2f}, N {nitrogen:.1f}, {report.seconds:.0f} s, {report.parameters} numbers")
        print(f"{label} | {' | '.join(cells)}", flush=True)

    row("as it is")
    for name, values in {"num_restarts": (1, 4), "max_iter": (5, 12)}.items():
        for value in values:
            row(f"{name}={value}", **{name: value})
    for module, name, values in (
        (pursuit, "PREFERENCE", (2e-5, 1e-4, 2e-3, 8e-3)),
        (pursuit, "JITTER", (0.2, 0.4)),
        (pursuit, "START", (0.3, 0.5)),
        (pursuit, "ADDED", (0.2, 0.45)),
        (pursuit, "DROPPED", (0.2, 0.4)),
        (pursuit, "SPLIT", (1.4, 2.0)),
        (channel_regression, "SCALES", ((1.0, 0.7), (1.0, 0.75, 1.25), (1.0, 0.8, 0.6, 1.4))),
    ):
        for value in values:
            with constant(module, name, value):
                row(f"{name}={value}")


def main() -> None:
    folder = Path(os.environ.get("TG_MOLFIELD_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.exists():
        print(f"no data in {folder}; set TG_MOLFIELD_DATA")
        return
    print(f"{torch.get_num_threads()} threads")
    words = sys.argv[1:]
    for option, work in {"--maps": maps, "--large": large, "--scan": scan}.items():
        if option in words:
            return work(folder)
    quick, nodes = "--quick" in words, 32
    if "--nodes" in words:
        place = words.index("--nodes")
        nodes = int(words[place + 1])
        del words[place : place + 2]
    names = ["6W70"] if quick else words or [*COMPLEXES, *TARGETS]
    for channels in ("six channels",) if quick or nodes != 32 else SETS:
        print(
            f"\n{channels}: structure | method | {nodes}³ all / occupied, dB | 64³ | 128³ | channels at 128³ | seconds "
            "of 128³ | seconds of the fit | parameters (samples a parameter)"
        )
        summary({name: measure(folder, name, channels, nodes) for name in names})
    if not words and nodes == 32:
        print()
        maps(folder)


if __name__ == "__main__":
    main()
