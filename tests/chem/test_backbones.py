"""Backbones found from elements and bonds, beside what the files say."""

import pytest
import torch

from tg_molfield.chem.backbones import backbones, molecules_of
from tg_molfield.fields import AtomList
from tg_molfield.structures import from_smiles, read


def atoms_of(data):
    return AtomList(data.z, data.pos)


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("complexes/1iep_protein.pdb.gz", [("protein", 274)]),
        ("complexes/1vsn_complex.pdb.gz", [("protein", 215)]),
        ("ensembles/1l2y_nmr.pdb.gz", [("protein", 20)]),
        ("ensembles/1lcd_nmr.pdb.gz", [("protein", 51), ("nucleic acid", 10), ("nucleic acid", 10)]),
    ],
)
def test_every_residue_of_a_file_is_found_in_order(data_dir, file, expected):
    data = read(data_dir / file)[0]
    found = backbones(atoms_of(data))
    assert [(chain.kind, len(chain.trace)) for chain in found] == expected
    for chain in found:
        apart = (data.pos[chain.trace[1:]] - data.pos[chain.trace[:-1]]).norm(dim=1)
        assert apart.min() > 2.7
        assert apart.max() < (4.2 if chain.kind == "protein" else 7.6)
        numbers = data.residue_number[chain.trace] % 1000  # with insertion codes in the thousands
        assert (numbers.diff() >= 0).all() or (numbers.diff() <= 0).all()


def test_peptides_without_names_and_with_side_chains_like_backbones():
    peptide = "N[C@@H](CO)C(=O)N[C@@H](CC(N)=O)C(=O)N1CCC[C@H]1C(=O)NCC(=O)O"  # Ser-Asn-Pro-Gly
    (chain,) = backbones(atoms_of(from_smiles(peptide, properties=())))
    assert (chain.kind, len(chain.trace), len(chain.side)) == ("protein", 4, 4)


@pytest.mark.parametrize("smiles", ["CC(=O)Oc1ccccc1C(=O)O", "CC(=O)NC", "O", "NCC(=O)O"])
def test_molecules_without_two_residues_have_no_backbone(smiles):
    assert backbones(atoms_of(from_smiles(smiles, properties=()))) == []


def test_a_ring_of_residues_is_opened_somewhere():
    (chain,) = backbones(atoms_of(from_smiles("O=C1CNC(=O)CNC(=O)CNC(=O)CN1", properties=())))
    assert len(chain.trace) == 4


def test_metals_do_not_join_molecules():
    atoms = AtomList(torch.tensor([8, 30, 8]), torch.tensor([[0.0, 0, 0], [2.0, 0, 0], [4.0, 0, 0]]))
    assert len(set(molecules_of(atoms).tolist())) == 3
    assert backbones(AtomList(torch.tensor([6]), torch.zeros(1, 3))) == []
