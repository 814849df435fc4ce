"""Smoothness of the code space: straight paths between molecules, and between conformers of one molecule.

    python examples/benchmark_smoothness.py organic-small

Between molecules of fold 0 of FreeSolv, three quantities are measured: the deviation of each channel's integral from
the straight line between its ends, relative to the larger end; the distance of neighbouring fields, maximum over
mean; and the number of points at a quarter, half and three quarters of the path that `find_atoms` and `to_rdkit` turn
into a sanitised molecule. Averages of the two fields are shown for comparison.

Between conformers of the most flexible molecules of FreeSolv, the midpoint f of the path is compared with the field g
of the molecule with intermediate torsions by ‖f − g‖ / ‖g‖; the second conformer is the first with other torsions.
Atoms on straight lines between the superposed conformers are shown for comparison. Fields are compared in the pose of
the molecule with intermediate torsions. Data: the folder ``smallmol`` in TG_MOLFIELD_DATA.
"""

import csv
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from benchmark_data import data_folder, freesolv_folds
from rdkit import Chem, RDLogger
from rdkit.Chem import AllChem, rdMolDescriptors, rdMolTransforms
from scipy.spatial.transform import Rotation
from torch import Tensor
from torch_geometric.data import Batch, Data

from tg_molfield import Field, FieldAutoEncoder, Grid, MolField, find_atoms, from_rdkit, read, to_rdkit
from tg_molfield.nn import Latent

SPACING = 0.5
ROTOR = Chem.MolFromSmarts("*~[!$(*#*)&!D1]-&!@[!$(*#*)&!D1]~*")


@dataclass
class PathReport:
    """The measurements on one path between two molecules; see the module docstring."""

    drift: float
    unevenness: float
    molecules: list[bool]


def encoded(model: FieldAutoEncoder, mol_field: MolField, molecules: list[Data], refine: int) -> list[Latent]:
    found: list[Latent] = []
    for start in range(0, len(molecules), 64):
        batch = Batch.from_data_list(molecules[start : start + 64])
        target = mol_field(batch) if refine else None
        with torch.no_grad():
            latent = model.encode(batch, refine=refine, target=target)
        found += [latent[index] for index in range(len(latent))]
    return found


def in_own_frame(data: Data, latent: Latent) -> Data:
    local = latent.to_local(data.pos, torch.zeros(data.num_nodes, dtype=torch.int64))
    return Data(z=data.z, pos=local)


def is_molecule(field: Field, mol_field: MolField) -> bool:
    """Whether the atoms found in the field form one molecule."""
    try:
        mol = to_rdkit(find_atoms(field, mol_field=mol_field, errors="ignore"))
    except ValueError:
        return False
    return len(Chem.GetMolFrags(mol)) == 1


def report(fields: list[Field], grid: Grid, mol_field: MolField, search: bool) -> PathReport:
    volumes = [field.on(grid) for field in fields]
    integrals = torch.stack([volume.integral() for volume in volumes]).double()
    fraction = torch.linspace(0, 1, len(volumes), dtype=torch.float64).unsqueeze(1)
    straight = (1 - fraction) * integrals[0] + fraction * integrals[-1]
    size = torch.maximum(integrals[0], integrals[-1])
    occupied = size > 1e-3 * size.max()
    drift = ((integrals - straight).abs() / size)[:, occupied].max()
    steps = [(two.values - one.values).norm() for one, two in pairwise(volumes)]
    quarters = [fields[round(fraction * (len(fields) - 1))] for fraction in (0.25, 0.5, 0.75)] if search else []
    found = [is_molecule(field, mol_field) for field in quarters]
    return PathReport(float(drift), float(max(steps) / (sum(steps) / len(steps))), found)


@torch.no_grad()
def decoded_path(model: FieldAutoEncoder, one: Latent, two: Latent, points: int) -> list[Field]:
    fraction = torch.linspace(0, 1, points).unsqueeze(1)
    codes = (1 - fraction) * one.code + fraction * two.code
    return model.decoder.field(Latent.centered(codes)).unbatch()


def averaged_path(one: Field, two: Field, points: int) -> list[Field]:
    return [(1 - t) * one + t * two for t in torch.linspace(0, 1, points).tolist()]


def between_molecules(
    model: FieldAutoEncoder,
    mol_field: MolField,
    molecules: list[Data],
    pairs: int,
    searched: int,
    points: int,
    refine: int,
) -> None:
    plain, refined = encoded(model, mol_field, molecules, 0), encoded(model, mol_field, molecules, refine)
    changed = sum(not torch.equal(one.code, two.code) for one, two in zip(plain, refined, strict=True))
    print(f"refinement changes {changed} of {len(molecules)} codes")
    local = [in_own_frame(data, latent) for data, latent in zip(molecules, plain, strict=True)]
    draw = np.random.default_rng(0)
    rows: dict[str, list[PathReport]] = {"codes": [], f"codes refined by {refine} steps": []}
    rows["average of the fields"] = []
    codes, improved, averages = rows.values()
    for index in range(pairs):
        a, b = draw.choice(len(molecules), 2, replace=False)
        grid = Grid.around(torch.cat([local[a].pos, local[b].pos]), spacing=SPACING)
        search = index < searched
        codes.append(report(decoded_path(model, plain[a], plain[b], points), grid, mol_field, search))
        same = all(torch.equal(plain[c].code, refined[c].code) for c in (a, b))
        improved.append(
            codes[-1] if same else report(decoded_path(model, refined[a], refined[b], points), grid, mol_field, search)
        )
        averages.append(
            report(averaged_path(mol_field(local[a]), mol_field(local[b]), points), grid, mol_field, search)
        )
    print(f"| paths between {pairs} pairs | drift of integrals, median | 95 % | step, max/mean | molecules |")
    print("|---|---|---|---|---|")
    for label, reports in rows.items():
        drift = np.array([found.drift for found in reports])
        molecules_found = [one for found in reports for one in found.molecules]
        print(
            f"| {label} | {np.median(drift):.3f} | {np.quantile(drift, 0.95):.3f} | "
            f"{np.mean([found.unevenness for found in reports]):.2f} | "
            f"{sum(molecules_found)} of {len(molecules_found)} |",
            flush=True,
        )


def with_torsions(mol: Chem.Mol, torsions: list[tuple[int, ...]], angles: np.ndarray) -> np.ndarray:
    """The positions of the first conformer with its torsions at ``angles`` in degrees."""
    copy = Chem.Mol(mol)
    for torsion, angle in zip(torsions, angles, strict=True):
        rdMolTransforms.SetDihedralDeg(copy.GetConformer(), *torsion, float(angle))
    return copy.GetConformer().GetPositions()


def rotors(mol: Chem.Mol) -> list[tuple[int, ...]]:
    """One torsion of heavy atoms for each rotatable bond."""
    bonds: dict[tuple[int, ...], tuple[int, ...]] = {}
    for match in mol.GetSubstructMatches(ROTOR):
        if all(mol.GetAtomWithIdx(index).GetAtomicNum() > 1 for index in match):
            bonds.setdefault(tuple(sorted(match[1:3])), match)
    return list(bonds.values())


def conformer_paths(folder: Path, count: int) -> Iterator[tuple[Tensor, list[Tensor]]]:
    """Elements, and positions at the start, midpoint and end of the path, of FreeSolv's most flexible molecules."""
    with (folder / "freesolv.csv").open() as stream:
        mols = [Chem.MolFromSmiles(row["smiles"]) for row in csv.DictReader(stream)]
    mols.sort(key=rdMolDescriptors.CalcNumRotatableBonds, reverse=True)
    for mol in mols[:count]:
        full = Chem.AddHs(mol)
        AllChem.EmbedMultipleConfs(full, 2, randomSeed=1)
        AllChem.MMFFOptimizeMoleculeConfs(full)
        torsions = rotors(full)
        angles = [
            np.array([rdMolTransforms.GetDihedralDeg(conformer, *torsion) for torsion in torsions])
            for conformer in full.GetConformers()
        ]
        turn = (angles[1] - angles[0] + 180) % 360 - 180
        z = from_rdkit(full, properties=()).z
        yield (
            z,
            [
                torch.tensor(with_torsions(full, torsions, angles[0] + fraction * turn)).float()
                for fraction in (0, 0.5, 1)
            ],
        )


def superposed(pos: Tensor, onto: Tensor) -> Tensor:
    center, target = pos.mean(0), onto.mean(0)
    rotation, _ = Rotation.align_vectors((onto - target).numpy(), (pos - center).numpy())
    return torch.from_numpy(rotation.apply((pos - center).numpy())).to(pos) + target


@torch.no_grad()
def between_conformers(model: FieldAutoEncoder, mol_field: MolField, folder: Path, count: int, refine: int) -> None:
    errors: dict[str, list[float]] = {}
    for z, (start, middle, end) in conformer_paths(folder, count):
        molecules = [Data(z=z, pos=pos) for pos in (start, middle, end)]
        blend = 0.5 * (start + superposed(end, start))
        fields = {"atoms on straight lines": mol_field(Data(z=z, pos=superposed(blend, middle)))}
        for label, steps in (("codes", 0), (f"codes refined by {refine} steps", refine)):
            latents = encoded(model, mol_field, molecules, steps)
            half = latents[1].with_code(0.5 * (latents[0].code + latents[2].code))
            fields[label] = model.decoder.field(half)
            fields[f"{label}, of the molecule half way itself"] = model.decoder.field(latents[1])
        grid = Grid.around(torch.cat([molecules[1].pos, blend]), spacing=SPACING)
        true = mol_field(molecules[1]).on(grid).values
        for label, field in fields.items():
            error = (field.on(grid).values - true).norm() / true.norm()
            errors.setdefault(label, []).append(float(error))
    print(f"| half way between conformers of {count} molecules | relative error, median | mean |\n|---|---|---|")
    for label, values in errors.items():
        print(f"| {label} | {np.median(values):.2f} | {np.mean(values):.2f} |", flush=True)


def main(
    model: Annotated[str, typer.Argument(help="a pretrained FieldAutoEncoder: its name, or a file")] = "organic-small",
    pairs: int = 200,
    searched: Annotated[
        int, typer.Option(help="pairs for which atoms are searched at three points, seconds each")
    ] = 200,
    points: Annotated[int, typer.Option(help="points on a path, including its ends")] = 9,
    refine: Annotated[int, typer.Option(help="refinement steps")] = 50,
    conformers: Annotated[int, typer.Option(help="number of flexible molecules")] = 10,
) -> None:
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    RDLogger.DisableLog("rdApp.*")
    folder = data_folder()
    fold = freesolv_folds(folder)
    molecules = [data for data in read(folder / "freesolv.sdf.gz") if fold[data.name] == 0]
    loaded = FieldAutoEncoder.from_pretrained(model)
    mol_field = MolField.preset("mnf", channels=loaded.channels, normalize_grid_size=None)
    between_molecules(
        loaded, mol_field, [Data(z=data.z, pos=data.pos) for data in molecules], pairs, searched, points, refine
    )
    between_conformers(loaded, mol_field, folder, conformers, refine)


if __name__ == "__main__":
    typer.run(main)
