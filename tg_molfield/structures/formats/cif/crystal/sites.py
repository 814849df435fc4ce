"""The atom sites of a crystal block as its CIF lists them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tg_molfield.chem.elements import symbols
from tg_molfield.structures.formats.cif.crystal.elements import formula_elements, site_element
from tg_molfield.structures.formats.cif.items import columns, item, number

if TYPE_CHECKING:
    import gemmi

_COLUMNS = (
    "label",
    "type_symbol",
    "fract_x",
    "fract_y",
    "fract_z",
    "Cartn_x",
    "Cartn_y",
    "Cartn_z",
    "occupancy",
    "disorder_assembly",
    "disorder_group",
    "calc_flag",
    "attached_hydrogens",
    "site_symmetry_multiplicity",
    "symmetry_multiplicity",
)


class Sites(NamedTuple):
    """Sites, N of them.

    Attributes:
        labels: labels.
        z: [N] atomic numbers.
        fract: [N, 3] fractional coordinates; positions in Å if the block has no cell.
        occupancy: [N] occupancies, 1 where none is given.
        assembly: disorder assemblies, empty where none is given.
        group: [N] disorder groups, 0 for ordered sites.
        multiplicity: [N] numbers of images in the cell as the file gives them, NaN where it does not.
    """

    labels: list[str]
    z: np.ndarray
    fract: np.ndarray
    occupancy: np.ndarray
    assembly: list[str]
    group: np.ndarray
    multiplicity: np.ndarray

    def subset(self, rows: np.ndarray) -> Sites:
        """The sites ``rows``."""
        return Sites(
            [self.labels[row] for row in rows],
            self.z[rows],
            self.fract[rows],
            self.occupancy[rows],
            [self.assembly[row] for row in rows],
            self.group[rows],
            self.multiplicity[rows],
        )


def crystal_sites(block: gemmi.cif.Block, cell: np.ndarray | None, notes: list[str]) -> Sites:
    """The sites of a block.

    Dummy sites (``_atom_site_calc_flag dum``) and sites of occupancy 0 are no atoms; hydrogens without coordinates
    are left out with a note.

    Args:
        block: the block.
        cell: [3, 3] cell vectors in rows, in Å, or ``None`` if the block has no cell.
        notes: gets what may not be as the file means it.

    Raises:
        ValueError: a column is missing, or a value is not what its column holds.
    """
    given = columns(block, "_atom_site", _COLUMNS)
    if "label" not in given and "type_symbol" not in given:
        raise ValueError(
            "_atom_site_type_symbol: expected the elements of the sites, got neither this column nor _atom_site_label; "
            "add it"
        )
    count = len(next(iter(given.values())))
    table = {name: given.get(name, [""] * count) for name in _COLUMNS}
    labels = [label or f"number {row}" for row, label in enumerate(table["label"], start=1)]
    occupancy = np.array([number(text or "1", "_atom_site_occupancy") for text in table["occupancy"]])
    real = (occupancy != 0) & np.array([flag.lower() != "dum" for flag in table["calc_flag"]])
    z = _elements(block, table["type_symbol"], labels, real, notes)
    fract = _fractional(block, given, cell, notes)
    located = np.isfinite(fract).all(axis=1)
    _check_located(labels, real & ~located, z == 1, notes)
    hidden = [text for text in table["attached_hydrogens"] if text and number(text, "_atom_site_attached_hydrogens")]
    if hidden:
        notes.append(
            f"_atom_site_attached_hydrogens: expected every hydrogen as a site, got {len(hidden)} sites with hydrogens "
            "that are none; the result lacks them, add them if they matter"
        )
    images = table[
        "site_symmetry_multiplicity" if any(table["site_symmetry_multiplicity"]) else "symmetry_multiplicity"
    ]
    multiplicity = np.array([number(text, "_atom_site_symmetry_multiplicity") for text in images])
    groups = _groups(table["disorder_group"])
    sites = Sites(labels, z, fract, occupancy, table["disorder_assembly"], groups, multiplicity)
    return sites.subset(np.flatnonzero(real & located))


def _elements(
    block: gemmi.cif.Block, types: list[str], labels: list[str], real: np.ndarray, notes: list[str]
) -> np.ndarray:
    """[N] atomic numbers, 0 for sites that are no atoms."""
    formula = formula_elements(item(block, "_chemical_formula", "sum"))
    z = np.zeros(len(labels), dtype=np.int64)
    guessed = []
    for row in np.flatnonzero(real):
        z[row], guess = site_element(types[row], labels[row], formula)
        guessed += [row] if guess else []
    if guessed:
        notes.append(
            f"_atom_site_type_symbol: expected the element of every site, got none for {len(guessed)}; they were "
            f"guessed, {symbols()[z[guessed[0]]]} for {labels[guessed[0]][:40]!r}, add the elements if that is wrong"
        )
    return z


def _fractional(
    block: gemmi.cif.Block, given: dict[str, list[str]], cell: np.ndarray | None, notes: list[str]
) -> np.ndarray:
    """[N, 3] fractional coordinates, or positions in Å if there is no cell."""
    kind = "fract" if any(any(given.get(f"fract_{axis}", ())) for axis in "xyz") or "Cartn_x" not in given else "Cartn"
    names = [f"{kind}_{axis}" for axis in "xyz"]
    missing = [f"_atom_site_{name}" for name in names if name not in given]
    if missing:
        raise ValueError(f"{missing[0]}: expected this column, got none; add {', '.join(missing)}")
    values = np.array([[number(text, f"_atom_site_{name}") for text in given[name]] for name in names]).T
    if kind == "fract" and cell is None:
        raise ValueError("_cell_length_a: expected the cell of the crystal, got none; add the cell parameters")
    if kind == "fract" or cell is None:
        return values
    for direction in ("Cartn", "fract"):
        name = f"_atom_sites_{direction}_tran"
        if item(block, name, "matrix_11"):
            matrix = _numbers(block, name, [f"matrix_{row}{col}" for row in "123" for col in "123"]).reshape(3, 3)
            vector = _numbers(block, name, [f"vector_{row}" for row in "123"], missing=0.0)
            if direction == "fract":
                return values @ matrix.T + vector
            return np.linalg.solve(matrix, (values - vector).T).T
    if np.abs(cell - np.diag(np.diag(cell))).max() > 1e-6:
        notes.append(
            "_atom_sites_Cartn_tran_matrix_11: expected the matrix that turns fractional into Cartesian coordinates, "
            "got none; a was taken along x and b in the xy plane, add the matrix if that is wrong"
        )
    return values @ np.linalg.inv(cell)


def _numbers(block: gemmi.cif.Block, category: str, names: list[str], missing: float = float("nan")) -> np.ndarray:
    texts = [item(block, category, name) for name in names]
    values = [number(text, f"{category}_{name}") if text else missing for name, text in zip(names, texts, strict=True)]
    if not np.isfinite(values).all():
        raise ValueError(f"{category}_{names[0]}: expected a complete matrix, got gaps; add all of its elements")
    return np.array(values)


def _check_located(labels: list[str], lost: np.ndarray, hydrogen: np.ndarray, notes: list[str]) -> None:
    """Refuse atoms without coordinates; of hydrogens only note it."""
    heavy = np.flatnonzero(lost & ~hydrogen)
    if len(heavy):
        raise ValueError(
            f"site {labels[heavy[0]][:40]!r}: expected finite coordinates, got none; add them or remove the site"
        )
    if lost.any():
        notes.append(
            f"site {labels[lost.argmax()][:40]!r}: expected coordinates, got none for {lost.sum()} hydrogens; they "
            "were left out, add them if they matter"
        )


def _groups(texts: list[str]) -> np.ndarray:
    """[N] disorder groups as numbers; letters, which old files have, are numbered after all numbers."""
    numbers = [int(text) if re.fullmatch(r"[+-]?[0-9]{1,6}", text) else 0 for text in texts]
    letters = {text: row for row, text in enumerate(sorted(set(texts)), start=1 + max(numbers, default=0))}
    return np.array(
        [
            letters[text] if text and not value and text.strip("+-0") else value
            for text, value in zip(texts, numbers, strict=True)
        ],
        dtype=np.int64,
    )
