"""The lines of a PDB file sorted by record: its atom lines, and the models that they belong to."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tg_molfield.structures.formats.pdb.columns import WIDTH

_RECORD = re.compile(
    "ANISOU|AUTHOR|CAVEAT|CISPEP|COMPND|CONECT|CRYST1|DBREF[12]?|END|ENDMDL|EXPDTA|FORMUL|FTNOTE|HEADER|HELIX|HET|"
    "HETNAM|HETSYN|HYDBND|JRNL|KEYWDS|LINKR?|MASTER|MDLTYP|MODEL|MODRES|MTRIX[123]|NUMMDL|OBSLTE|ORIGX[123]|REMARK|"
    "REVDAT|SCALE[123]|SEQADV|SEQRES|SHEET|SIGATM|SIGUIJ|SITE|SLTBRG|SOURCE|SPLIT|SPRSDE|SSBOND|TER|TITLE|TURN|TVECT|"
    "USER"
)
_ATOM_LIKE = re.compile(r"\s*\S+(\s+[^\s.]+){3,5}\s+[A-Za-z]?-?\d+[A-Za-z]?\s+([-+]?\d+\.\d+ *){3}")


@dataclass
class ModelLines:
    """The atom lines of one model.

    Attributes:
        start: first atom line of the model, counted over the file from 0.
        stop: one after the last.
        declared: whether a MODEL record opens it.
        closed: whether ENDMDL or END ends it.
        fault: what is wrong with the model, or an empty string.
    """

    start: int
    stop: int
    declared: bool = False
    closed: bool = False
    fault: str = ""


@dataclass
class PdbLines:
    """A PDB file by records.

    Attributes:
        atoms: the atom lines.
        numbers: their numbers in the file, counted from 1.
        parts: for each atom line, the number of TER records before it.
        models: the models in order.
        atoms_stated: the number of atoms by the MASTER record, or ``None``.
        models_stated: the number of models by the NUMMDL record, or ``None``.
        open_end: whether the file ends inside the only model that a MODEL record opens.
    """

    atoms: list[str] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    parts: list[int] = field(default_factory=list)
    models: list[ModelLines] = field(default_factory=list)
    atoms_stated: int | None = None
    models_stated: int | None = None
    open_end: bool = False


def sort_lines(text: str) -> PdbLines:
    """The atom lines and the models of a PDB file.

    A model is opened by MODEL or by its first atom, and closed by ENDMDL, END or the next MODEL.
    """
    found = PdbLines()
    model: ModelLines | None = None
    part = 0
    for number, line in enumerate(text.split("\n"), start=1):
        record = line[:6]
        if record != "ATOM  " and record != "HETATM":
            record = _record(line)
        if record in ("ATOM  ", "HETATM", "MODEL", "BROKEN"):
            if model is None or record == "MODEL":
                model = ModelLines(len(found.atoms), len(found.atoms), declared=record == "MODEL")
                found.models.append(model)
            if record == "BROKEN":
                model.fault = model.fault or (
                    f"line {number}: expected the record ATOM or HETATM before coordinates, got {line[:6]!r}; "
                    "correct the name of the record"
                )
            elif record != "MODEL":
                found.atoms.append(_realigned(line) if line[11:12].isdigit() else line)
                found.numbers.append(number)
                found.parts.append(part)
                model.stop += 1
        elif record in ("ENDMDL", "END"):
            if model is not None:
                model.closed = True
            model = None
        elif record == "TER":
            part += 1
        elif record == "MASTER":
            found.atoms_stated = _count(line[50:55])
        elif record == "NUMMDL":
            found.models_stated = _count(line[10:14])
    _check_ends(found, text)
    return found


def _record(line: str) -> str:
    """The record of a line that is no ordinary atom line; ``"BROKEN"`` for an atom line with an unknown name."""
    name = line[:6].rstrip()
    if name.islower():
        name = name.upper()
    if _RECORD.fullmatch(name):
        return name
    if name[:3] == "TER" and not name[3:].strip("0123456789 "):
        return "TER"
    if name == "HETATM" or (name[:4] == "ATOM" and (not name[4:].strip() or name[4:].strip().isdigit())):
        return "ATOM  "
    return "BROKEN" if "." in line and _ATOM_LIKE.match(line[:WIDTH]) else ""


def _realigned(line: str) -> str:
    """The line without the digits of a serial number above 99,999 that shift all columns after them."""
    for extra in (1, 2):
        if line[34 + extra : 51 + extra : 8] == "...":
            return line[:6] + line[6 + extra :]
    return line


def _count(text: str) -> int | None:
    return int(text) if text.strip().isdecimal() else None


def _check_ends(found: PdbLines, text: str) -> None:
    """Note models without atoms, and a last model that is cut short."""
    for model in found.models:
        if model.start == model.stop and not model.fault:
            model.fault = "expected atoms in the model, got none; remove it"
    if not found.models:
        return
    last = found.models[-1]
    others = found.models[:-1]
    found.open_end = last.declared and not last.closed and not others
    tail = "" if text.endswith("\n") else text[text.rfind("\n") + 1 :]
    if not last.closed and others and all(model.closed for model in others):
        sizes = [model.stop - model.start for model in others]
        if last.declared or last.stop - last.start < min(sizes):
            last.fault = last.fault or (
                "expected ENDMDL or END after the last model as after the others, got the end of the file; it is cut "
                "short, download or write it again"
            )
    if tail and (fault := _cut(found, tail)):
        last.fault = last.fault or f"{fault}; the file is cut short, download or write it again"


def _cut(found: PdbLines, tail: str) -> str:
    """What is wrong with a last line that does not end, if it lacks columns."""
    if len(tail) < 6 and ("ATOM  ".startswith(tail) or "HETATM".startswith(tail)):
        return f"expected a whole last line, got {tail!r}"
    if len(found.atoms) > 1 and found.atoms[-1] == tail:
        wanted = min(len(found.atoms[-2].rstrip()), 78)
        if len(tail.rstrip()) < wanted:
            return (
                f"line {found.numbers[-1]}: expected {wanted} columns as in the lines before, got {len(tail.rstrip())}"
            )
    return ""
