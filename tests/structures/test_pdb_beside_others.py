"""The package beside gemmi, RDKit and ASE on the same files."""

import gzip
import io

import ase.io
import gemmi
import numpy as np
import pytest
import torch
from rdkit import Chem

from tg_molfield.structures import read


def sites(numbers, positions):
    """Elements and positions as a set, to 0.0001 Å."""
    return set(zip(map(int, numbers), map(tuple, np.round(positions, 4).tolist()), strict=True))


def by_gemmi(text):
    for model in gemmi.read_pdb_string(text):
        found = list(model.all())
        yield sites([c.atom.element.atomic_number for c in found], [c.atom.pos.tolist() for c in found])


def by_rdkit(text):
    mol = Chem.MolFromPDBBlock(text, removeHs=False, sanitize=False, proximityBonding=False)
    numbers = [atom.GetAtomicNum() for atom in mol.GetAtoms()]
    return [sites(numbers, conformer.GetPositions()) for conformer in mol.GetConformers()]


def by_ase(text):
    frames = ase.io.read(io.StringIO(text), format="proteindatabank", index=":")
    return [sites(frame.numbers, frame.positions) for frame in frames if len(frame)]


@pytest.mark.parametrize("reader", [by_gemmi, by_rdkit, by_ase])
@pytest.mark.parametrize(
    "name",
    [
        "affinity/thrombin/protein.pdb.gz",
        "complexes/184l_protein.pdb.gz",
        "complexes/1vsn_complex.pdb.gz",
        "ensembles/neopetrosiamide_nmr.pdb.gz",
        "screening/fabp4/receptor.pdb.gz",
        "reports/B17.pdb",
    ],
)
def test_elements_and_positions_agree(data_dir, name, reader):
    path = data_dir / name
    text = (gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()).decode()
    found = [sites(data.z, data.pos.numpy()) for data in read(path, dtype=torch.float64)]
    assert found == list(reader(text))


def test_only_alternate_locations_are_left_out(data_dir):
    path = data_dir / "volumes" / "3nzd.pdb.gz"
    text = gzip.decompress(path.read_bytes()).decode()
    (data,) = read(path, dtype=torch.float64)
    found = sites(data.z, data.pos.numpy())
    (everything,) = by_gemmi(text)
    lettered = sum(line.startswith(("ATOM", "HETATM")) and line[16] != " " for line in text.splitlines())
    assert found < everything
    assert 0 < len(everything - found) < lettered
