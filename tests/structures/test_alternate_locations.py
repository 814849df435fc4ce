import gemmi
import pytest
import torch

from tg_molfield.structures import read


def atom(name, altloc, x, occupancy, residue="SER", number=1, chain="A", record="ATOM"):
    element = name.strip()[0]
    return (
        f"{record:6}    1 {name:4}{altloc}{residue} {chain}{number:>4}    {x:8.3f}   0.000   0.000{occupancy:6.2f}"
        f"  0.00          {element:>2}"
    )


N = atom(" N  ", " ", 0.0, 1.0)
CASES = {
    "the best location of each residue": (
        [N, atom(" CA ", "A", 1, 0.3), atom(" CA ", "B", 2, 0.7), atom(" CB ", "A", 3, 0.3), atom(" CB ", "B", 4, 0.7)],
        [0, 2, 4],
    ),
    "the first of equal ones": ([N, atom(" CA ", "B", 1, 0.5), atom(" CA ", "A", 2, 0.5)], [0, 2]),
    "a location that lacks an atom": (
        [N, atom(" CB ", "A", 1, 0.6), atom(" CB ", "B", 2, 0.4), atom(" OG ", "B", 3, 0.4)],
        [0, 1, 3],
    ),
    "the best of those that have the atom": (
        [N, atom(" CB ", "A", 1, 0.5), atom(" OG ", "B", 2, 0.2), atom(" OG ", "C", 3, 0.3)],
        [0, 1, 3],
    ),
    "a blank location that wins": ([N, atom(" CB ", " ", 1, 0.6), atom(" CB ", "B", 2, 0.4)], [0, 1]),
    "a blank location that loses": ([N, atom(" CB ", " ", 1, 0.4), atom(" CB ", "B", 2, 0.6)], [0, 2]),
    "deuterium in place of hydrogen": ([N, atom(" H  ", "A", 1, 0.4), atom(" D  ", "B", 1.01, 0.6)], [0, 1.01]),
    "deuterium on hydrogen": ([N, atom(" H  ", "A", 1, 0.6), atom(" D  ", "B", 1.0, 0.4)], [0, 1]),
    "two residue names": (
        [
            *(atom(" CA ", "A", 1, 0.4), atom(" CB ", "A", 2, 0.4)),
            *(atom(" CA ", "B", 1.1, 0.6, "THR"), atom(" CG2", "B", 3, 0.6, "THR")),
        ],
        [1.1, 3],
    ),
    "two residue names atom by atom": (
        [
            *(atom(" CA ", "A", 1, 0.4), atom(" CA ", "B", 1.1, 0.6, "THR")),
            *(atom(" CB ", "A", 2, 0.4), atom(" CG2", "B", 3, 0.6, "THR")),
        ],
        [1.1, 3],
    ),
    "two residue names, one of them blank": ([atom(" CA ", " ", 1, 0.4), atom(" CA ", "B", 2, 0.6, "THR")], [2]),
    "a water with the number of a residue": (
        [atom(" O  ", "A", 1, 0.4), atom(" O  ", "B", 2, 0.6), atom(" O  ", " ", 9, 1.0, "HOH", record="HETATM")],
        [2, 9],
    ),
    "hydrogens at the end of the file": (
        [
            *(N, atom(" CA ", "A", 1, 0.4), atom(" CA ", "B", 2, 0.6), atom(" N  ", " ", 4, 1, number=2)),
            *(atom(" HA ", "A", 1.5, 0.4), atom(" HA ", "B", 2.5, 0.6)),
        ],
        [0, 2, 4, 2.5],
    ),
}


@pytest.mark.parametrize(("lines", "expected"), CASES.values(), ids=CASES.keys())
def test_one_location_of_each_atom(pdb_file, lines, expected):
    path = pdb_file(*lines)
    assert read(path, dtype=torch.float64)[0].pos[:, 0].tolist() == expected
    document = path.with_suffix(".cif")
    structure = gemmi.read_structure(str(path))
    structure.setup_entities()
    structure.make_mmcif_document().write_file(str(document))
    assert sorted(read(document, dtype=torch.float64)[0].pos[:, 0].tolist()) == sorted(expected)


@pytest.mark.parametrize("occupancy", ["   nan", " x.40 ", "******"])
def test_an_occupancy_matters_where_it_decides(pdb_file, occupancy):
    line = atom(" CA ", "A", 1, 0.4).replace("  0.40", occupancy)
    with pytest.raises(ValueError, match="line 1: expected an occupancy, got no number"):
        read(pdb_file(line, atom(" CA ", "B", 2, 0.6)))
    assert read(pdb_file(line.replace("CA A", "CA  ")))[0].num_nodes == 1


COPIES = {
    "waters that share a number": [atom(" O  ", " ", 3 * i, 1, "HOH", record="HETATM") for i in range(3)],
    "copies of a molecule": [
        atom(n, " ", 5 * i + j, 1, "LIG") for i in range(3) for j, n in enumerate((" C1 ", " O1 "))
    ],
    "chains without a letter": [
        atom(" CA ", " ", 6 * i + 3 * j, 1, number=j, chain=" ") for i in range(2) for j in range(2)
    ],
    "chains ended by TER": [atom(" CA ", " ", 0, 1), "TER", atom(" CA ", " ", 6, 1)],
    "segments": [atom(" CA ", " ", 6 * i, 1)[:72] + f"PRO{i}" for i in range(2)],
    "insertion codes": [atom(" CA ", " ", 0, 1), atom(" CA ", " ", 6, 1)[:26] + "A" + atom(" CA ", " ", 6, 1)[27:]],
}


@pytest.mark.parametrize("lines", COPIES.values(), ids=COPIES.keys())
def test_residues_may_share_a_number(pdb_file, lines):
    assert read(pdb_file(*lines))[0].num_nodes == sum(line != "TER" for line in lines)


def test_more_residues_than_numbers(pdb_file):
    lines = [
        f"ATOM  *****  O   SOL W{i % 10000:>4}    {3.0 * (i % 100):8.3f}{3.0 * (i // 100):8.3f}   0.000"
        for i in range(20_001)
    ]
    (data,) = read(pdb_file(*lines))
    assert data.num_nodes == 20_001
    assert bool(data.water.all())


CA = atom(" CA ", " ", 0, 1)
TWICE = {
    "on the next line": ([CA, atom(" CA ", " ", 5, 1)], "lines 1 and 2"),
    "later": ([CA, atom(" CA ", " ", 3, 1, number=2), atom(" CA ", " ", 5, 1)], "lines 1 and 3"),
    "in one location": ([atom(" CA ", "A", 0, 1), atom(" CA ", "A", 5, 1)], "lines 1 and 2"),
    "one atom of a ligand": (
        [atom(" C1 ", " ", 0, 1, "LIG"), atom(" C2 ", " ", 1.5, 1, "LIG"), atom(" C1 ", " ", 5, 1, "LIG")],
        "lines 1 and 3",
    ),
    "close waters": ([atom(" O  ", " ", 0.4 * i, 1, "HOH") for i in range(2)], "lines 1 and 2"),
    "models without MODEL": (
        [atom(" CA ", " ", 3 * j + 0.2 * i, 1, number=j, chain=" ") for i in range(2) for j in range(2)],
        "lines 1 and 3",
    ),
    "without a chain": (
        [atom(n, " ", x, 1, chain=" ") for n, x in ((" N  ", 0), (" CA ", 1.5), (" CA ", 5))],
        "lines 2 and 3",
    ),
}


@pytest.mark.parametrize(("lines", "where"), TWICE.values(), ids=TWICE.keys())
def test_the_same_atom_twice(pdb_file, lines, where):
    with pytest.raises(ValueError, match=rf"record 1: atom .*: expected one such atom, got it on {where}"):
        read(pdb_file(*lines))


def test_the_same_atom_twice_in_mmcif(pdb_file):
    path = pdb_file(CA, atom(" CA ", " ", 5, 1)).with_suffix(".cif")
    structure = gemmi.read_pdb_string(CA + "\n" + atom(" CB ", " ", 5, 1))
    structure[0][0][0][1].name = "CA"
    structure.make_mmcif_document().write_file(str(path))
    with pytest.raises(ValueError, match=r"record 1.*: atom 'CA' of SER/A/1: expected one such atom, got it twice"):
        read(path)
