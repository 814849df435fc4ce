"""A code that is a space, measured on molecules of QM9 that were not trained on.

    python examples/benchmark_latent.py qm9-latent
    python examples/benchmark_latent.py qm9-latent --only samples

*Reconstruction*: the share of molecules with every element right, the RMSD of the atoms of these, and the PSNR of the
field over all nodes of a grid; from the learned code alone, and from the code with its structure factors. *Paths*:
between random pairs, at nine points, of which the ends count as truth; stability by the bond lengths of EDM, validity
by RDKit, the share that passes PoseBusters, if it is installed, how even the steps of the fields are, and how far the
counts of elements are from the straight line between the ends. *Torsions*: the middle of paths between
conformers 60° of one torsion apart, beside the relaxed conformer half way; atoms on straight lines between the
superposed conformers for comparison. *Samples*: the same as for paths, unique and novel, and the distances
(Wasserstein) of their bond lengths and angles from those of the molecules trained on. *Similarity*: rank correlations
of the likeness of codes with that of fingerprints and of aligned shapes. *Others*: molecules of other sources that the
model has room for, with geometries of other methods, given back, and the middles of paths between them.
``organic-small``, whose code is structure factors alone, is measured beside. Data: the folders ``qm9`` and ``smallmol``
in TG_MOLFIELD_DATA.
"""

import copy
import time
import warnings
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from benchmark_data import data_folder
from latent_data import Molecules, connectivity, qm9, split
from latent_metrics import Chemistry, bond_angles, bond_lengths, chemistry, posebusters, reconstruction, smiles_of
from latent_torsions import rotations
from scipy.stats import spearmanr, wasserstein_distance
from torch_geometric.data import Batch, Data

from tg_molfield import FieldAutoEncoder, psnr, read
from tg_molfield.compare import align_many
from tg_molfield.nn import DecodedMolecules, FlowDecoder, Latent, UnsolvedCodeWarning
from tg_molfield.nn.generation.between import angle_between, great_circle, noise_between
from tg_molfield.nn.generation.decoding import decoded_molecules
from tg_molfield.nn.generation.drawing import drawn_atoms
from tg_molfield.nn.ops.gaussian_overlap import squared_distance

PARTS = ("reconstruction", "paths", "torsions", "samples", "similarity", "others")
SOURCES = {"FreeSolv": "freesolv.sdf.gz", "GDB": "gdb1k_300.sdf.gz"}
POINTS, GRID, AT_ONCE = 9, 24, 256
NOVEL, BUSTED, TRIES = 20_000, 100, 8


def header(*names: str) -> None:
    print("\n| " + " | ".join(names) + " |\n|" + "---|" * len(names), flush=True)


def row(*cells: object) -> None:
    print(
        "| " + " | ".join(f"{cell:.3g}" if isinstance(cell, float) else str(cell) for cell in cells) + " |", flush=True
    )


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def encoded(model: FieldAutoEncoder, molecules: Sequence[Data]) -> Latent:
    with torch.no_grad():
        return model.encode(Batch.from_data_list(list(molecules)))


def told(made: Chemistry) -> list[str]:
    return [percent(made.atom_stable), percent(made.molecule_stable), percent(made.valid), percent(made.uncharged)]


def reconstructions(model: FieldAutoEncoder, other: FieldAutoEncoder, truth: list[Data]) -> None:
    """The table of reconstructions."""
    assert isinstance(model.decoder, FlowDecoder)
    withheld = model.decoder.without_exact
    ways: dict[str, tuple[FieldAutoEncoder, Callable[[Latent], Latent], int]] = {
        "learned code alone, not corrected": (model, withheld, 0),
        "learned code alone": (model, withheld, 1),
        "learned code alone, corrected 3 times": (model, withheld, 3),
        "with structure factors": (model, lambda latent: latent, 0),
        "organic-small": (other, lambda latent: latent, 0),
    }
    header("code", "elements right", "RMSD median, Å", "RMSD 90 %, Å", "PSNR, dB", "molecules a second")
    for name, (used, change, corrections) in ways.items():
        found: list[Data] = []
        ratios: list[float] = []
        spent = 0.0
        for start in range(0, len(truth), AT_ONCE):
            some = truth[start : start + AT_ONCE]
            latent = change(encoded(used, some))
            begin = time.perf_counter()
            decoded = used.decoded(latent, corrections=corrections)
            spent += time.perf_counter() - begin
            found += decoded.molecules
            ratios += field_ratios(used, some, decoded)
        right, rmsd = reconstruction(truth, found)
        middle, most = np.nanquantile(rmsd, [0.5, 0.9])
        row(
            name,
            percent(right.mean()),
            float(middle),
            float(most),
            f"{np.median(ratios):.1f}",
            f"{len(truth) / spent:.0f}",
        )


def field_ratios(model: FieldAutoEncoder, truth: Sequence[Data], found: DecodedMolecules) -> list[float]:
    """PSNR of the first fields, on a grid."""
    assert model.mol_field is not None
    fields = found.field.unbatch()
    return [
        float(psnr(fields[index], model.mol_field(data), model.mol_field.grid(data, GRID)).all_nodes)
        for index, data in enumerate(truth[:32])
    ]


class Pairs:
    """Pairs of molecules, the second of each laid on the first, and what lies between: the points of ``model.path``.

    All pairs are decoded together, which is quicker than path by path.
    """

    def __init__(self, model: FieldAutoEncoder, starts: list[Data], ends: list[Data]) -> None:
        assert isinstance(model.decoder, FlowDecoder)
        self.model, self.decoder, self.starts = model, model.decoder, starts
        aligned = align_many(ends, starts, paired=True)
        self.ends = [Data(z=end.z, pos=aligned[index].apply(end.pos)) for index, end in enumerate(ends)]
        first = encoded(model, starts)
        self.first = model.encode(Batch.from_data_list(starts), frames=first.frame)
        self.last = model.encode(Batch.from_data_list(self.ends), frames=first.frame)

    def at(self, share: float, noise: float | None = None, settle: int = 2, tries: int = 1) -> DecodedMolecules:
        """The molecules at a share of the way."""
        codes = [self.decoder.learned(latent) for latent in (self.first, self.last)]
        where = torch.tensor([share])
        code = torch.cat([great_circle(one, two, where) for one, two in zip(*codes, strict=True)])
        level = noise_between(angle_between(*codes), where.expand(len(code)), noise)
        seed = torch.zeros(len(code), dtype=torch.int64)
        atoms = drawn_atoms(self.decoder, self.model.encode, code, level, seed, settle, tries, draw_number=False)
        origin = torch.lerp(self.first.origin, self.last.origin, share)
        return decoded_molecules(self.decoder, atoms, self.first.pose.at(origin))


def paths(model: FieldAutoEncoder, other: FieldAutoEncoder, truth: list[Data], pairs: int, noise: float | None) -> None:
    """The tables of paths."""
    between = Pairs(model, truth[:pairs], truth[pairs : 2 * pairs])
    points = [between.at(point / (POINTS - 1), noise) for point in range(1, POINTS - 1)]
    header(
        "share of the way",
        "atoms stable",
        "molecules stable",
        "valid",
        "without charges",
        f"PoseBusters, first {BUSTED}",
    )
    row("truth", *told(chemistry(truth[: 2 * pairs])), posebusters(truth[:BUSTED]))
    for point, found in enumerate(points, 1):
        busted = posebusters(found.molecules[:BUSTED]) if 2 * point == POINTS - 1 else ""
        row(f"{point}/{POINTS - 1}", *told(chemistry(found.molecules)), busted)
    row("1/2, not settled", *told(chemistry(between.at(0.5, noise, settle=0).molecules)), "")
    first = encoded(other, between.starts)
    second = other.encode(Batch.from_data_list(between.ends), frames=first.frame)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnsolvedCodeWarning)
        middle = other.decoded(first.with_code(0.5 * (first.code + second.code)))
    several = between.at(0.5, noise, tries=TRIES).molecules
    row(f"1/2, drawn up to {TRIES} times", *told(chemistry(several)), posebusters(several[:BUSTED]))
    row("1/2, organic-small", *told(chemistry(middle.molecules)), "")
    ends = [model.decoded(latent) for latent in (between.first, between.last)]
    print("\n" + evenness([ends[0], *points, ends[1]]))


def torsions(model: FieldAutoEncoder, truth: list[Data], count: int) -> None:
    """The table of paths along torsions."""
    found = list(rotations(truth, count))
    between = Pairs(model, [one.start for one in found], [one.end for one in found])
    lines = [Data(z=one.z, pos=(one.pos + two.pos) / 2) for one, two in zip(between.starts, between.ends, strict=True)]
    ways = {
        "path": between.at(0.5).molecules,
        "path without noise, not settled": between.at(0.5, 0.0, 0).molecules,
        "straight lines": lines,
    }
    header(f"middle of {len(found)} rotations by 60°", "the same molecule", "elements right", "RMSD median, Å")
    for name, molecules in ways.items():
        same = np.mean([smiles_of(data) == one.smiles for data, one in zip(molecules, found, strict=True)])
        aligned = align_many(molecules, [one.middle for one in found], paired=True)
        placed = [Data(z=data.z, pos=aligned[index].apply(data.pos)) for index, data in enumerate(molecules)]
        right, rmsd = reconstruction([one.middle for one in found], placed)
        row(name, percent(float(same)), percent(right.mean()), float(np.nanmedian(rmsd)))


def evenness(points: list[DecodedMolecules]) -> str:
    """How even paths are, and how their integrals drift, in words; the points are those of all paths at one share."""
    steps = torch.stack([squared_distance(one.field, two.field).clamp(min=0).sqrt() for one, two in pairwise(points)])
    ratio = float((steps.amax(0) / steps.mean(0)).median())
    counts = torch.stack([element_counts(point.molecules) for point in points])
    share = torch.linspace(0, 1, len(points))[:, None, None]
    away = (counts - torch.lerp(counts[:1], counts[-1:], share)).abs().sum(2).amax(0)
    return (
        f"Largest step of the field over the mean step, median of {steps.size(1)} paths: {ratio:.2f}. Most atoms by "
        f"which the counts of elements are off the straight line between the ends, median: {float(away.median()):.1f}."
    )


def element_counts(molecules: Sequence[Data]) -> torch.Tensor:
    """``[K, 10]``: how many atoms of each atomic number up to 9."""
    return torch.stack([torch.bincount(data.z, minlength=10).float() for data in molecules])


def samples(model: FieldAutoEncoder, molecules: Molecules, training: torch.Tensor, count: int, seed: int) -> None:
    """The table of samples."""
    order = torch.randperm(len(training), generator=torch.Generator().manual_seed(seed))[:NOVEL]
    known = [molecules.data(int(one)) for one in training[order]]
    seen = {smiles for data in known if (smiles := smiles_of(data)) is not None}
    lengths, angles = (kind(known[: 5 * count]) for kind in (bond_lengths, bond_angles))
    header(
        "samples", "atoms stable", "molecules stable", "valid", "without charges", "unique of valid",
        f"new of unique, among {NOVEL:,}", "bond lengths, Å", "angles, °", f"PoseBusters, first {BUSTED}",
        "molecules a second",
    )  # fmt: skip
    ways = [(model, settle, tries, "") for tries in (1, TRIES) for settle in (0, 2)]
    for used, settle, tries, note in [*ways, (knowing_nothing(model), 2, 1, ", closed shells not used")]:
        begin = time.perf_counter()
        generator = torch.Generator().manual_seed(seed)
        made = used.sample(count, settle=settle, tries=tries, generator=generator).molecules
        spent = time.perf_counter() - begin
        judged = chemistry(made)
        unique = set(judged.smiles)
        row(
            f"{count}, settled {settle} times, drawn up to {tries} times{note}", *told(judged),
            percent(len(unique) / max(len(judged.smiles), 1)),
            percent(len(unique - seen) / max(len(unique), 1)), wasserstein_distance(bond_lengths(made), lengths),
            wasserstein_distance(bond_angles(made), angles), posebusters(made[:BUSTED]), f"{count / spent:.0f}",
        )  # fmt: skip
    row("truth", *told(chemistry(known[:count])), "", "", "", "", posebusters(known[:BUSTED]), "")


def knowing_nothing(model: FieldAutoEncoder) -> FieldAutoEncoder:
    """The model without what its decoder knows of closed shells."""
    changed = copy.deepcopy(model)
    assert isinstance(changed.decoder, FlowDecoder)
    changed.decoder.closed_shell = None
    return changed


def similarities(model: FieldAutoEncoder, other: FieldAutoEncoder, truth: list[Data], pairs: int) -> None:
    """The table of rank correlations."""
    from rdkit import DataStructs
    from rdkit.Chem import MolFromSmiles, rdFingerprintGenerator

    known = [(data, smiles) for data in truth if (smiles := smiles_of(data)) is not None][: 2 * pairs]
    starts, ends = [one for one, _ in known[0::2]], [one for one, _ in known[1::2]]
    generator = rdFingerprintGenerator.GetMorganGenerator(2)
    prints = [generator.GetFingerprint(MolFromSmiles(smiles)) for _, smiles in known]
    tanimoto = [DataStructs.TanimotoSimilarity(one, two) for one, two in zip(prints[0::2], prints[1::2], strict=False)]
    starts = starts[: len(ends)]
    aligned = align_many(ends, starts, paired=True, search="fast")
    laid = [Data(z=end.z, pos=aligned[index].apply(end.pos)) for index, end in enumerate(ends)]
    header("cosine of codes", "fingerprints", "shape, aligned")
    for name, used in (("learned", model), ("organic-small", other)):
        first = encoded(used, starts)
        second = used.encode(Batch.from_data_list(laid), frames=first.frame)
        one, two = (used.decoder.learned(x) if used is model else x.code for x in (first, second))
        alike = torch.nn.functional.cosine_similarity(one, two).detach()
        row(name, spearmanr(alike, tanimoto[: len(alike)])[0], spearmanr(alike, aligned.score)[0])


def others(model: FieldAutoEncoder, every: Molecules, training: torch.Tensor, pairs: int) -> None:
    """The table of molecules of other sources."""
    header(
        "source", "molecules", "elements right", "RMSD median, Å", "RMSD 90 %, Å", "with structure factors", "paths",
        "middle: atoms stable", "molecules stable", "valid", "without charges",
    )  # fmt: skip
    trained = connectivity(every)[training]
    for source, file in SOURCES.items():
        found = [Data(z=data.z, pos=data.pos.float()) for data in read(data_folder() / file) if has_room(model, data)]
        new = ~torch.isin(connectivity(Molecules.of(found)), trained)
        elsewhere(source, model, found, pairs)
        elsewhere(f"{source}, not trained on", model, [found[int(row)] for row in new.nonzero()[:, 0]], pairs)


def has_room(model: FieldAutoEncoder, data: Data) -> bool:
    decoder = model.decoder
    assert isinstance(decoder, FlowDecoder)
    known = torch.isin(data.z, decoder.element_kinds.numbers)
    return bool(known.all()) and int((data.z > 1).sum()) <= decoder.max_heavy_atoms


def elsewhere(name: str, model: FieldAutoEncoder, truth: list[Data], pairs: int) -> None:
    """The row of some molecules; of paths between random pairs the middle, of one draw and of several."""
    assert isinstance(model.decoder, FlowDecoder)
    latent = encoded(model, truth)
    right, rmsd = reconstruction(truth, model.decoded(model.decoder.without_exact(latent)).molecules)
    exact, exact_rmsd = reconstruction(truth, model.decoded(latent).molecules)
    generator = torch.Generator().manual_seed(0)
    ends = torch.stack([torch.randperm(len(truth), generator=generator)[:2] for _ in range(pairs)]).tolist()
    between = Pairs(model, [truth[one] for one, _ in ends], [truth[two] for _, two in ends])
    middles = [told(chemistry(between.at(0.5, tries=tries).molecules)) for tries in (1, TRIES)]
    row(
        name, len(truth), percent(right.mean()), *(float(x) for x in np.nanquantile(rmsd, [0.5, 0.9])),
        f"{percent(exact.mean())}, {np.nanmedian(exact_rmsd):.2g} Å", pairs,
        *(f"{one}; {several}" for one, several in zip(*middles, strict=True)),
    )  # fmt: skip


def main(
    name: Annotated[str, typer.Argument(help="a model with the decoder 'flow': its name, or a file")] = "qm9-latent",
    only: Annotated[list[str] | None, typer.Option(help=f"some of {', '.join(PARTS)}")] = None,
    molecules: Annotated[int, typer.Option(help="how many to reconstruct")] = 2048,
    pairs: Annotated[int, typer.Option(help="how many paths")] = 500,
    number: Annotated[int, typer.Option(help="how many samples")] = 1000,
    noise: Annotated[float | None, typer.Option(help="half way on paths; the model's choice if not given")] = None,
    data: Annotated[Path | None, typer.Option(help="the folder of QM9")] = None,
    seed: int = 0,
) -> None:
    torch.set_num_threads(1)
    model, other = (FieldAutoEncoder.from_pretrained(one) for one in (name, "organic-small"))
    every = qm9(data or data_folder("qm9"))
    training, held_out = split(every)
    truth = [every.data(int(one)) for one in held_out]
    chosen = only or PARTS
    if unknown := set(chosen) - set(PARTS):
        raise typer.BadParameter(f"expected some of {', '.join(PARTS)}, got {', '.join(sorted(unknown))}")
    with torch.no_grad():
        if "reconstruction" in chosen:
            reconstructions(model, other, truth[:molecules])
        if "paths" in chosen:
            paths(model, other, truth, pairs, noise)
        if "torsions" in chosen:
            torsions(model, truth, pairs)
        if "samples" in chosen:
            samples(model, every, training, number, seed)
        if "similarity" in chosen:
            similarities(model, other, truth, pairs)
        if "others" in chosen:
            others(model, every, training, pairs)


if __name__ == "__main__":
    typer.run(main)
