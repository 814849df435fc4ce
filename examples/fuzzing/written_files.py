"""One small sound file of each format: written by this package, by RDKit and ASE, or by hand."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from tg_molfield import (
    Field,
    FieldAutoDecoder,
    FieldAutoEncoder,
    Grid,
    MolField,
    RBFField,
    Volume,
    from_smiles,
    superresolve,
)
from tg_molfield.inverse.superres import LatticeField, SuperresField
from tg_molfield.nn import MoleculeDescriptor
from tg_molfield.structures import to_ase, to_rdkit
from tg_molfield.volumes.registry import SUFFIXES

MOL2 = """@<TRIPOS>MOLECULE
methanol
6 5 1 0 0
SMALL
USER_CHARGES

@<TRIPOS>ATOM
      1 C1   -0.3642    0.0021    0.0087 C.3     1  MOL1   0.1166
      2 O1    0.8995   -0.5820   -0.1826 O.3     1  MOL1  -0.5986
      3 H1   -0.8600   -0.4102    0.9182 H       1  MOL1   0.0287
      4 H2   -0.9987   -0.1916   -0.8757 H       1  MOL1   0.0287
      5 H3   -0.2393    1.0950    0.1386 H       1  MOL1   0.0287
      6 H4    1.5627    0.0867    0.0128 H       1  MOL1   0.3960
@<TRIPOS>BOND
     1    1    2 1
     2    1    3 1
     3    1    4 1
     4    1    5 1
     5    2    6 1
"""
PDB = """HEADER    TEST                                    01-JAN-00   1ABC
CRYST1   20.000   20.000   20.000  90.00  90.00  90.00 P 1           1
MODEL        1
ATOM      1  N   SER A   1      11.104   6.134  -6.504  1.00  0.00           N
ATOM      2  CA  SER A   1      11.639   6.071  -5.147  1.00  0.00           C
ATOM      3  OG ASER A   1      12.204   7.285  -4.811  0.60  0.00           O
ATOM      4  OG BSER A   1      11.204   5.285  -3.811  0.40  0.00           O
HETATM    5 ZN    ZN A   2       4.000  -2.500   1.250  1.00  0.00          ZN
HETATM    6  O   HOH A   3       1.000  -9.500 -11.250  1.00  0.00           O
ENDMDL
MODEL        2
ATOM      1  N   SER A   1      11.204   6.234  -6.404  1.00  0.00           N
ATOM      2  CA  SER A   1      11.739   6.171  -5.047  1.00  0.00           C
ENDMDL
END
"""
MMCIF = """data_TEST
loop_
_atom_site.group_PDB
_atom_site.id
_atom_site.type_symbol
_atom_site.label_atom_id
_atom_site.label_alt_id
_atom_site.label_comp_id
_atom_site.label_asym_id
_atom_site.label_entity_id
_atom_site.label_seq_id
_atom_site.pdbx_PDB_ins_code
_atom_site.Cartn_x
_atom_site.Cartn_y
_atom_site.Cartn_z
_atom_site.occupancy
_atom_site.B_iso_or_equiv
_atom_site.auth_seq_id
_atom_site.auth_asym_id
_atom_site.pdbx_PDB_model_num
ATOM   1 N  N  . SER A 1 1 ? 11.104  6.134 -6.504 1.00 0.0 1 A 1
ATOM   2 C  CA . SER A 1 1 ? 11.639  6.071 -5.147 1.00 0.0 1 A 1
ATOM   3 O  OG A SER A 1 1 ? 12.204  7.285 -4.811 0.60 0.0 1 A 1
ATOM   4 O  OG B SER A 1 1 ? 11.204  5.285 -3.811 0.40 0.0 1 A 1
HETATM 5 ZN ZN . ZN  B 2 . ? 4.000  -2.500  1.250 1.00 0.0 2 A 1
HETATM 6 O  O  . HOH C 3 . ? 1.000  -9.500 -11.25 1.00 0.0 3 A 1
"""
CRYSTAL = """data_quartz
_cell_length_a 4.916
_cell_length_b 4.916
_cell_length_c 5.4054
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 120
_space_group_name_H-M_alt 'P 32 2 1'
_space_group_IT_number 154
loop_
_space_group_symop_operation_xyz
 x,y,z
 y,x,-z
 -y,x-y,z+2/3
 -x,-x+y,-z+2/3
 -x+y,-x,z+1/3
 x-y,-y,-z+1/3
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
 Si1 Si 0.4697(1) 0.0 0.0 1
 O1 O 0.4135(2) 0.2669(2) 0.1191(1) 1
"""


def written_files(models: bool) -> Iterator[tuple[str, str, bytes]]:
    """Name, suffix and content of each file; models only if asked for, because they take a few seconds."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for suffix, content in (*_texts(), *_volumes(), *(_models() if models else ())):
            yield f"written{suffix}", suffix, content


def _texts() -> Iterator[tuple[str, bytes]]:
    from ase.io import write
    from rdkit import Chem

    ethanol = from_smiles("CCO", dtype=torch.float64)
    atoms, mol = to_ase(ethanol), to_rdkit(ethanol)
    block = Chem.MolToMolBlock(mol)
    texts = {
        ".sdf": f"{block}> <energy>\n-1.5\n\n$$$$\n{block}$$$$\n",
        ".mol": Chem.MolToV3KMolBlock(mol),
        ".mol2": MOL2 + MOL2,
        ".pdb": PDB,
        ".ent": Chem.MolToPDBBlock(mol),
        ".mmcif": MMCIF,
        ".cif": CRYSTAL,
    }
    for suffix, frames in ((".xyz", [atoms, atoms]), (".extxyz", [_periodic(atoms)])):
        stream = io.StringIO()
        write(stream, frames, format="xyz" if suffix == ".xyz" else "extxyz")
        texts[suffix] = stream.getvalue()
    single = {".sdf": f"{block}$$$$\n", ".mol2": MOL2, ".pdb": PDB.partition("MODEL        2")[0] + "END\n"}
    for suffix, text in (*texts.items(), *single.items()):
        yield suffix, text.encode()


def _periodic(atoms):
    from ase.calculators.singlepoint import SinglePointCalculator

    atoms = atoms.copy()
    atoms.set_cell([[9.0, 0, 0], [1.0, 8.0, 0], [0, 0.5, 7.0]])
    atoms.set_pbc((True, True, False))
    atoms.calc = SinglePointCalculator(atoms, energy=-3.5, forces=0.01 * atoms.positions)
    return atoms


def _volumes() -> Iterator[tuple[str, bytes]]:
    molecule = from_smiles("O", dtype=torch.float64)
    field = MolField.preset("mnf", channels=["H", "O"])(molecule)
    axes, shape = ((0.5, 0, 0), (0.1, 0.6, 0), (0, 0.1, 0.7)), (4, 5, 3)
    part = field.on(Grid((-1.2, -1.3, -0.7), axes, shape))
    cell = field.on(Grid((0, 0, 0), axes, shape)).interpolated("linear", True)
    volumes = {suffix: part for suffix in SUFFIXES if suffix != ".vasp"}
    volumes |= {".CHGCAR.vasp": cell, ".LOCPOT.vasp": cell, ".xsf": cell}
    for suffix in (".ccp4", ".map", ".mrc"):
        yield suffix, _crystal_map()
    with TemporaryDirectory() as folder:
        for suffix, volume in volumes.items():
            for path in volume.save(Path(folder) / f"water{suffix}"):
                yield suffix, path.read_bytes()


def _crystal_map() -> bytes:
    """A map of the asymmetric unit of a crystal, as gemmi writes it."""
    import gemmi

    density = gemmi.FloatGrid(8, 10, 12)
    density.spacegroup = gemmi.SpaceGroup("P 21 21 21")
    density.set_unit_cell(gemmi.UnitCell(8, 9, 11, 90, 90, 90))
    density.array[:] = np.random.default_rng(0).normal(size=(8, 10, 12))
    density.symmetrize_sum()
    content = gemmi.Ccp4Map()
    content.grid = density
    content.update_ccp4_header()
    content.set_extent(gemmi.find_asu_brick(density.spacegroup).get_extent())
    with TemporaryDirectory() as folder:
        path = Path(folder) / "asu.ccp4"
        content.write_ccp4_map(str(path))
        return path.read_bytes()


def _models() -> Iterator[tuple[str, bytes]]:
    small = {
        "rbf": {"num_slots": 6, "width": 16, "num_tokens": 2},
        "siren": {"width": 16, "num_layers": 3},
        "structure_factors": {"elements": ("H", "C", "O"), "width": 8, "num_rounds": 2},
    }
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        for decoder, options in small.items():
            learned = decoder != "structure_factors"
            model = FieldAutoEncoder(
                decoder=decoder,
                latent_dim=32 if learned else 256,
                encoder_options={"out_channels": 8, "num_layers": 1} if learned else {},
                pooling_options={"width": 16, "num_tokens": 3, "num_blocks": 1} if learned else {},
                decoder_options=options,
            )
            model.save(path)
            yield f".{type(model).__name__}.safetensors", path.read_bytes()
        grid = Grid((0, 0, 0), ((1, 0, 0), (0, 1, 0), (0, 0, 1)), (3, 3, 2))
        place = torch.tensor([[1.0, 1.0, 0.5]])
        others = (
            FieldAutoDecoder(["a", "b"], 2, 8, decoder_options={"width": 16, "num_layers": 3}),
            MoleculeDescriptor(12, 5, hidden=8, num_layers=1, vector_channels=3),
            SuperresField(
                RBFField(place, torch.ones(1, 2), channels=("a", "b")),
                [LatticeField(torch.ones(2, *grid.shape), grid, (1.0, 0.7), ("a", "b"), (False,) * 3)],
            ),
        )
        for other in others:
            other.save(path)
            yield f".{type(other).__name__}.safetensors", path.read_bytes()
        others[0].save(path)
        yield ".pretrained.safetensors", path.read_bytes()
        for suffix, resume in ((".fit", resume_fit), (".search", resume_search)):
            path.unlink()
            resume(path)
            yield f"{suffix}.safetensors", path.read_bytes()


def resume_fit(path: Path) -> FieldAutoDecoder:
    """A short fit with ``path`` as its checkpoint; the same one in every process."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = FieldAutoDecoder("a", 1, 8, decoder_options={"width": 8, "num_layers": 2})
        model.fit([_samples()], max_steps=2, points=50, checkpoint=path)
    return model


def resume_search(path: Path) -> Field:
    """A search for Gaussians with ``path`` as its checkpoint; the same one in every process."""
    options = {"widths": [0.8], "num_restarts": 2, "max_iter": 3}
    return superresolve(_samples(), "gaussians", checkpoint=path, **options)[0]


def _samples() -> Volume:
    grid = Grid((0, 0, 0), ((1, 0, 0), (0, 1, 0), (0, 0, 1)), (5, 5, 4))
    places = torch.tensor([[2.0, 2.0, 1.5], [3.0, 3.0, 2.0]], dtype=torch.float64)
    return RBFField(places, torch.ones(2, 1, dtype=torch.float64), 0.8, channels=["a"]).on(grid)
