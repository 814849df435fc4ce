"""Small MOL2 records, written and read."""

import re

import torch

from tg_molfield.structures import read


def read_made(tmp_path, kinds, bonds="", charges=None, extra="", **options):
    """The molecule of a record made of types and of bonds such as ``1-2:ar``."""
    kinds, ends = kinds.split(), [re.split("[-:]", bond) for bond in bonds.split()]
    column = charges or [0.0] * len(kinds)
    rows = "".join(
        f"{i} {re.match('[A-Za-z]+', kind)[0]} {1.3 * i} {i % 2} {i * i % 5} {kind} 1 LIG {charge}\n"
        for i, (kind, charge) in enumerate(zip(kinds, column, strict=True), start=1)
    )
    path = tmp_path / "made.mol2"
    path.write_text(
        f"@<TRIPOS>MOLECULE\nm\n{len(kinds)} {len(ends)}\nSMALL\n{'USER_CHARGES' if charges else 'NO_CHARGES'}\n\n"
        f"@<TRIPOS>ATOM\n{rows}{extra}@<TRIPOS>BOND\n"
        + "".join(f"{i} {' '.join(bond)}\n" for i, bond in enumerate(ends, start=1))
    )
    return read(path, dtype=torch.float64, **options)[0]
