"""The symmetry operators of a crystal block: those it lists, else those of gemmi's table for the group it names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from tg_molfield.structures.formats.cif.crystal.magnetic import magnetic_operators
from tg_molfield.structures.formats.cif.crystal.operators import (
    SymmetryOperators,
    check_group,
    check_metric,
    operator_types,
    parse_operators,
    same_operators,
)
from tg_molfield.structures.formats.cif.items import column, item

if TYPE_CHECKING:
    import gemmi

_LISTS = (("_space_group_symop", "operation_xyz"), ("_symmetry_equiv", "pos_as_xyz"))
_HM = ("name_H-M_alt", "name_H-M_ref", "name_H-M_full", "name_H-M")


def symmetry_choices(block: gemmi.cif.Block, cell: np.ndarray, notes: list[str]) -> list[SymmetryOperators]:
    """The operators of a crystal block; those of origin 2 and origin 1 if it does not tell which one it has.

    The operators that the block lists, without time reversal where they are those of a magnetic group, count before the
    group that it names: by Hall symbol, Hermann-Mauguin symbol or number, in this order. Of a number the reference
    setting is taken; a rhombohedral group without setting has hexagonal or rhombohedral axes by the angles of the cell.

    Args:
        block: the block.
        cell: [3, 3] cell vectors in rows, in Å.
        notes: gets what may not be as the file means it.

    Raises:
        ValueError: there is no symmetry, the operators are no group or do not keep the metric of the cell, or what is
            given disagrees.
    """
    listed = _listed(block)
    if listed is None:
        listed = magnetic_operators(block, notes)
    named, name, has_centring = _named(block, cell, notes if listed is None else [])
    if listed is None and not named:
        raise ValueError(
            "_space_group_name_H-M_alt: expected a space group or symmetry operations, got "
            f"{'none' if not name else f'{name[:40]!r}, which is none'}; add them ('P 1' if all atoms of the cell are "
            "listed)"
        )
    choices = named if listed is None else [listed]
    for operators in choices:
        check_group(operators)
        check_metric(operators, cell)
    if listed is not None and named:
        known = named[0]
        centred = has_centring and len(listed) != len(known)
        if centred or operator_types(listed) != operator_types(known):
            notes.append(
                f"symmetry operators: expected {len(known)} of {name[:40]}, got {len(listed)} that are not those of "
                "another setting; the listed ones were used, check them"
            )
    return choices


def has_symmetry(block: gemmi.cif.Block) -> bool:
    """Whether a block lists operators or names a space group."""
    lists = any(any(column(block, category, name)) for category, name in _LISTS)
    return lists or any(_names(block))


def _listed(block: gemmi.cif.Block) -> SymmetryOperators | None:
    found = []
    for category, name in _LISTS:
        texts = column(block, category, name)
        if any(texts):
            found.append(parse_operators(texts))
    if len(found) == 2 and not same_operators(*found):
        raise ValueError(
            "symmetry operators: expected one list, got two that differ (_space_group_symop_operation_xyz and "
            "_symmetry_equiv_pos_as_xyz); remove the wrong one"
        )
    return found[0] if found else None


def _named(block: gemmi.cif.Block, cell: np.ndarray, notes: list[str]) -> tuple[list[SymmetryOperators], str, bool]:
    """The operators of the named group (two sets if its origin is open), its name, and whether it has a centring."""
    hall, symbol, number = _names(block)
    by_hall, by_symbol, by_number = _by_hall(hall), _by_symbol(symbol, cell), _by_number(number, cell)
    found = [(by_hall, hall), (by_symbol, symbol), (by_number, f"space group number {number}")]
    known = [(choices, name) for choices, name in found if choices]
    if not known:
        return [], symbol or hall or number, False
    choices, name = known[0]
    for others, other in known[1:]:
        if operator_types(others[0]) != operator_types(choices[0]):
            raise ValueError(
                f"space group: expected one, got {name[:40]} and {other[:40]}; correct the file, or list the operators"
            )
    if not by_hall and not by_symbol and symbol:
        notes.append(
            f"_space_group_name_H-M_alt: expected a Hermann-Mauguin symbol, got {symbol[:40]!r}; the reference setting "
            f"of number {number} was used, list the operators if that is not it"
        )
    return choices, name, bool(by_hall or by_symbol)


def _names(block: gemmi.cif.Block) -> tuple[str, str, str]:
    """The Hall symbol, Hermann-Mauguin symbol and number of the space group, empty where they are not given."""
    return (
        item(block, "_space_group", "name_Hall") or item(block, "_symmetry", "space_group_name_Hall"),
        item(block, "_space_group", *_HM) or item(block, "_symmetry", "space_group_name_H-M"),
        item(block, "_space_group", "IT_number") or item(block, "_symmetry", "Int_Tables_number"),
    )


def _by_hall(hall: str) -> list[SymmetryOperators]:
    import gemmi

    try:
        return [_from_gemmi(gemmi.symops_from_hall(hall.replace("_", " ")))] if hall else []
    except (RuntimeError, ValueError):
        return []


def _by_symbol(symbol: str, cell: np.ndarray) -> list[SymmetryOperators]:
    """By Hermann-Mauguin symbol, also as SHELX (``P2(1)/c``) and ICSD (``F d -3 m Z``) write it."""
    import gemmi

    plain = re.sub(r"</?\w+>|[()_~]", "", symbol).strip()
    plain = re.sub(r"\s*:?\s*origin\s*(?:choice)?\s*([12])$", r":\1", plain, flags=re.IGNORECASE)
    plain = re.sub(r"\s*:?[SZ]$", lambda match: ":1" if match[0][-1] == "S" else ":2", plain)
    found = [gemmi.find_spacegroup_by_name(name, *_angles(cell)) for name in (symbol, plain) if name]
    group = next((group for group in found if group is not None), None)
    if group is None:
        return []
    return _origins(group) if group.ext == "1" and not plain.endswith("1") else [_from_gemmi(group.operations())]


def _by_number(text: str, cell: np.ndarray) -> list[SymmetryOperators]:
    import gemmi

    if not re.fullmatch("[0-9]{1,3}", text) or not 1 <= int(text) <= 230:
        return []
    group = gemmi.get_spacegroup_reference_setting(int(text))
    if group.ext == "H":
        return [_from_gemmi(gemmi.find_spacegroup_by_name(group.hm, *_angles(cell)).operations())]
    return _origins(group) if group.ext == "2" else [_from_gemmi(group.operations())]


def _origins(group: gemmi.SpaceGroup) -> list[SymmetryOperators]:
    """The operators of both origins, that of the reference setting (at a centre of inversion) first."""
    import gemmi

    return [_from_gemmi(gemmi.find_spacegroup_by_name(f"{group.hm}:{origin}").operations()) for origin in "21"]


def _angles(cell: np.ndarray) -> tuple[float, float]:
    """α and γ of the cell in degrees."""
    first, second, third = cell / np.linalg.norm(cell, axis=1, keepdims=True)
    return float(np.degrees(np.arccos(second @ third))), float(np.degrees(np.arccos(first @ second)))


def _from_gemmi(group: gemmi.GroupOps) -> SymmetryOperators:
    operators = list(group)
    rotations = np.array([operator.rot for operator in operators]) / operators[0].DEN
    translations = np.array([operator.tran for operator in operators]) / operators[0].DEN
    return SymmetryOperators(rotations, translations)
